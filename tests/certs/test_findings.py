"""What people are told of a certificate before it is served."""

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.findings import findings
from couchpages.certs.pem import read_certificate
from couchpages.certs.pem_blocks import blocks_in
from tests.certs.made import DAY, NOW, authority, certificate, pems


class FindingsTests(SynchronousTestCase):
    """``findings``."""

    def test_good(self) -> None:
        """A good one has none."""
        self.assertEqual(findings(certificate(), NOW), findings(certificate(), NOW + 60 * DAY))
        self.assertEqual((findings(certificate(), NOW).errors, findings(certificate(), NOW).warnings), ((), ()))

    def test_dates(self) -> None:
        """Expired and not yet valid are errors, ending soon is a warning; each names the day."""
        self.assertIn("has expired, on 2027-02-20", findings(certificate(), NOW + 89 * DAY).errors[0])
        self.assertIn("not valid before 2026-11-22", findings(certificate(), NOW - 2 * DAY).errors[0])
        self.assertIn("expires in 9 days", findings(certificate(), NOW + 80 * DAY - 1).warnings[0])

    def test_chain(self) -> None:
        """A chain without intermediate certificates, and one that signed itself."""
        chain, key = pems("example.org")
        leaf = blocks_in(chain)[0].pem
        self.assertIn("no intermediate", findings(read_certificate(leaf, key), NOW).warnings[0])
        self.assertIn(
            "signed itself", findings(read_certificate(*authority().self_signed("localhost")), NOW).warnings[0]
        )
