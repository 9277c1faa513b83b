"""Profiles, renewal information, replacing and revoking, against an authority in memory."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from couchpages.certs.acme.ari import certificate_id
from couchpages.certs.acme.errors import Cause
from couchpages.testing.acme.rules import DAY, Profile
from tests.certs.acme.made import AcmeCase, leaf_key
from tests.certs.made import NOW


def leaf_of(chain: bytes) -> x509.Certificate:
    """Give the first certificate."""
    return x509.load_pem_x509_certificates(chain)[0]


class Renewing(AcmeCase):
    """Profiles, ARI and revocation."""

    def test_profiles(self) -> None:
        """One that is offered is used; another is refused without asking, in words that name those there are."""
        self.rules.profiles = {"classic": Profile("as ever", 90 * DAY), "shortlived": Profile("six days", 6 * DAY)}
        client = self.client()
        self.assertEqual(client.directory.profiles, {"classic": "as ever", "shortlived": "six days"})
        leaf = leaf_of(self.run_(self.issued(client, ["example.org"], profile="shortlived")))
        self.assertEqual(leaf.not_valid_after_utc.timestamp() // DAY, (NOW + 6 * DAY) // DAY)
        asked = self.authority.asked["new-order"]
        self.refused(client.order(["example.org"], profile="long"), Cause.UNSUPPORTED, "classic, shortlived")
        self.assertEqual(self.authority.asked["new-order"], asked)

    def test_renewal_info(self) -> None:
        """The window is the authority's, and when to ask again is bounded."""
        client = self.client()
        chain = self.run_(self.issued(client, ["example.org"]))
        self.rules.windows[certificate_id(leaf_of(chain))] = (NOW + DAY, NOW + 2 * DAY)
        for given, bounded in ((None, 21600.0), (1, 60.0), (7200, 7200.0), (10**6, 86400.0)):
            self.rules.renewal_retry_after = given
            info = self.run_(client.renewal_info(chain))
            assert info is not None
            self.assertEqual((info.start // 1, info.end // 1, info.retry_after), (NOW + DAY, NOW + 2 * DAY, bounded))

    def test_no_renewal_info(self) -> None:
        """An authority without has none, and is not told what is replaced; of a certificate that is not its own it says so."""
        client = self.client()
        other = self.authority.press.authority.issue("example.org")[0]
        self.refused(client.renewal_info(other), Cause.BAD_REQUEST, "no such certificate")
        chain = self.run_(self.issued(client, ["example.org"]))
        self.rules.renewal_info = False
        without = self.client()
        self.assertIsNone(self.run_(without.renewal_info(chain)))
        self.run_(without.order(["example.org"], replaces="AAAA.BBBB"))
        self.assertIsNone(self.run_(client.renewal_info(self.authority.press.authority.self_signed("example.org")[0])))

    def test_replaces(self) -> None:
        """It is recorded once; who comes second learns that."""
        client = self.client()
        old = certificate_id(leaf_of(self.run_(self.issued(client, ["example.org"]))))
        self.run_(self.issued(client, ["example.org"], replaces=old))
        self.assertEqual(self.authority.issued[-1].replaces, old)
        error = self.refused(client.order(["example.org"], replaces=old), Cause.ALREADY_REPLACED)
        self.assertEqual((error.type, error.status), ("alreadyReplaced", 409))

    def test_revoke(self) -> None:
        """By the account and by the certificate's key; twice is fine; nobody else's key does it."""
        client = self.client()
        stranger = self.client(1)
        for key in (None, leaf_key()):
            der = leaf_of(self.run_(self.issued(client, ["example.org"]))).public_bytes(Encoding.DER)
            self.refused(stranger.revoke(der), Cause.UNAUTHORIZED)
            self.run_((client if key is None else self.client(2, register=False)).revoke(der, 4, key))
            self.assertEqual(self.authority.issued[-1].revoked, 4)
            self.run_(client.revoke(der))
        self.failureResultOf(self.started(client.revoke(der, 7)), ValueError)

    def test_a_year(self) -> None:
        """Renewals for a year need no network and little time, and each certificate is valid when it comes."""
        client = self.client()
        for _ in range(12):
            chain = self.run_(self.issued(client, ["example.org", "*.example.org"]))
            info = self.run_(client.renewal_info(chain))
            assert info is not None
            self.clock.advance(info.start - self.clock.seconds())
        self.assertEqual(len(self.authority.issued), 12)
