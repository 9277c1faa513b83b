"""CAA, by the examples of RFC 8659 and RFC 8657, and what they leave open."""

from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.issuing.lookups.caa import CRITICAL, CaaRecord, climbed, permitted

LETSENCRYPT = ("letsencrypt.org",)
ACCOUNT = "https://acme.example/acct/1"


def caa(*properties: str, flags: int = 0) -> list[CaaRecord]:
    """Read properties as ``TAG VALUE``."""
    parts = [each.partition(" ") for each in properties]
    return [CaaRecord(flags, tag, value.encode("latin-1")) for tag, _, value in parts]


def judged(
    records: Sequence[CaaRecord] | Mapping[str, Sequence[CaaRecord]],
    name: str = "example.com",
    wildcard: bool = False,
    identities: Sequence[str] = LETSENCRYPT,
    account: str | None = ACCOUNT,
    method: str | None = "http-01",
) -> str | None:
    """Judge records, of example.com where nothing else is said."""
    by_name = records if isinstance(records, Mapping) else {"example.com": records}
    return permitted(by_name, name, wildcard, identities, account, method)


class ClimbingTests(SynchronousTestCase):
    """Whose records count (RFC 8659 section 3)."""

    def test_order(self) -> None:
        """The name's own come first, then its parents', but not the root's; a wildcard's begin below the star."""
        self.assertEqual(list(climbed("a.B.example.com.")), ["a.b.example.com", "b.example.com", "example.com", "com"])
        self.assertEqual(list(climbed("*.example.com")), ["example.com", "com"])

    def test_closest(self) -> None:
        """The first name that has any decides alone, even if what it has says nothing of issuing."""
        tree = {
            "com": caa("issue ;"),
            "example.com": caa("issue letsencrypt.org"),
            "x.example.com": caa("iodef mailto:x@x"),
        }
        self.assertIsNone(judged(tree, "www.example.com"))
        self.assertIsNone(judged(tree, "www.x.example.com", identities=("pebble.invalid",)))
        self.assertIn("CAA of com allows nobody", judged(tree, "example2.com") or "")

    def test_none(self) -> None:
        """Where there are none at all, everybody may."""
        self.assertIsNone(judged({}))
        self.assertIsNone(judged({"example.com": []}))


class IssuingTests(SynchronousTestCase):
    """The properties issue and issuewild (RFC 8659 sections 4.2 and 4.3)."""

    def test_issuer(self) -> None:
        """The issuer named there may, whatever the case and the spaces; words name who may instead."""
        for value in (
            "letsencrypt.org",
            " \tLetsEncrypt.ORG ",
            "letsencrypt.org;",
            "letsencrypt.org ; policy=ev; x = y ;",
        ):
            self.assertIsNone(judged(caa(f"issue {value}")), value)
        self.assertEqual(
            judged(caa("issue letsencrypt.org"), identities=("pebble.invalid",)),
            "CAA of example.com allows letsencrypt.org alone, not pebble.invalid",
        )
        several = caa("issue ca1.example.net", "issue ca2.example.org", "issue ca1.example.net")
        self.assertEqual(
            judged(several), "CAA of example.com allows ca1.example.net and ca2.example.org alone, not letsencrypt.org"
        )
        self.assertIsNone(judged(several, identities=("x.example", "ca2.example.org")))

    def test_nobody(self) -> None:
        """An empty issuer forbids everybody, whether or not we know what the authority is called, unless another one is named."""
        for value in ("", ";", " ; ", ";policy=ev"):
            for identities in (LETSENCRYPT, ()):
                self.assertEqual(
                    judged(caa(f"issue {value}"), identities=identities), "CAA of example.com allows nobody to issue"
                )
            self.assertIsNone(judged(caa(f"issue {value}", "issue letsencrypt.org")))

    def test_malformed(self) -> None:
        """A malformed value is as one with an empty issuer: RFC 8659 section 4.2."""
        malformed = ("%%%%%", "-x.org", "letsencrypt..org", "letsencrypt.org policy=ev", "letsencrypt.org; x y=z", "letsencrypt.org;;",
                     "letsencrypt.org; x=a;;", "letsencrypt.org; =x", "l\u00e9tsencrypt.org", "letsencrypt.org\n")  # fmt: skip
        for value in malformed:
            self.assertEqual(judged(caa(f"issue {value}")), "CAA of example.com allows nobody to issue", value)

    def test_wildcards(self) -> None:
        """Of wildcards, issuewild decides alone, and where there is none, issue does: the examples of section 4.3."""
        both = caa("issue ca1.example.net", "issuewild letsencrypt.org")
        self.assertIsNone(judged(both, wildcard=True))
        self.assertIn("allows ca1.example.net alone, not", judged(both) or "")
        self.assertIsNone(judged(caa("issuewild ca1.example.net"), name="www.example.com"))
        self.assertIn("alone for wildcards", judged(caa("issuewild ca1.example.net"), wildcard=True) or "")
        self.assertIsNone(judged(caa("issue letsencrypt.org"), wildcard=True))
        none = caa("issue letsencrypt.org", "issuewild ;")
        self.assertEqual(judged(none, wildcard=True), "CAA of example.com allows nobody to issue for wildcards")
        self.assertIsNone(judged(none))

    def test_critical(self) -> None:
        """A critical property that nobody knows forbids, and others that nobody knows do not (section 4.5)."""
        self.assertIsNone(judged(caa("tbs Unknown")))
        unknown = [*caa("tbs Unknown", flags=CRITICAL), *caa("issue letsencrypt.org")]
        self.assertIn('the critical property "tbs"', judged(unknown) or "")
        self.assertIn('the critical property "tbs"', judged(unknown, identities=()) or "")
        self.assertIsNone(judged(caa("issue letsencrypt.org", "iodef mailto:x@example.com", flags=CRITICAL)))
        # Other bits are reserved, and mean nothing yet.
        self.assertIsNone(judged(caa("tbs Unknown", flags=0x7F)))

    def test_unknown_identities(self) -> None:
        """Who does not say what it is called may be anyone who is named."""
        self.assertIsNone(judged(caa("issue ca1.example.net"), identities=()))

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 255), st.sampled_from(["issue", "issuewild", "iodef", "x"]), st.binary(max_size=60)
            )
        )
    )
    @settings(deadline=None)
    def test_anything(self, properties: list[tuple[int, str, bytes]]) -> None:
        """Whatever stands there gives a verdict in one line, and none that is malformed lets anybody issue."""
        records = [CaaRecord(*each) for each in properties]
        for wildcard in (False, True):
            words = judged(records, wildcard=wildcard)
            self.assertEqual(len((words or "-").splitlines()), 1)
            if words is None and any(record.tag == "issue" for record in records) and not wildcard:
                self.assertTrue(any(b"letsencrypt.org" in record.value.lower() for record in records))


class BoundTests(SynchronousTestCase):
    """RFC 8657: grants for one account, or for some methods."""

    def test_account(self) -> None:
        """Only the account named may; one that is not known yet is not judged."""
        ours, other = (
            f"issue letsencrypt.org; accounturi={ACCOUNT}",
            "issue letsencrypt.org; accounturi=https://acme.example/acct/2",
        )
        self.assertIsNone(judged(caa(ours)))
        self.assertIsNone(judged(caa(other), account=None))
        self.assertIsNone(judged(caa(other, ours)))
        self.assertEqual(
            judged(caa(other)),
            "CAA of example.com allows letsencrypt.org with https://acme.example/acct/2 alone, "
            "not with our account https://acme.example/acct/1",
        )

    def test_methods(self) -> None:
        """Only the methods named count."""
        by_dns = "issue letsencrypt.org; validationmethods=dns-01,ca-x"
        self.assertIsNone(judged(caa(by_dns), method="dns-01"))
        self.assertIsNone(judged(caa(by_dns), method=None))
        self.assertEqual(
            judged(caa(by_dns)), "CAA of example.com allows letsencrypt.org by dns-01 and ca-x alone, not by http-01"
        )

    def test_both(self) -> None:
        """Account and method must fit in the same grant."""
        one = f"issue letsencrypt.org; accounturi={ACCOUNT}; validationmethods=dns-01"
        two = "issue letsencrypt.org; accounturi=https://acme.example/acct/2; validationmethods=http-01"
        self.assertIn("by dns-01 alone, not by http-01", judged(caa(one, two)) or "")
        self.assertIsNone(judged(caa(one, two), method="dns-01"))

    def test_malformed(self) -> None:
        """What is no address, no list, or stands there twice, is met by nobody (RFC 8657 sections 3 and 4)."""
        for parameters in (
            "accounturi=", "accounturi=nothing", f"accounturi={ACCOUNT};accounturi={ACCOUNT}",
            "validationmethods=", "validationmethods=http-01,,x", "validationmethods=http-01;validationmethods=http-01",
        ):  # fmt: skip
            self.assertIsNotNone(judged(caa(f"issue letsencrypt.org; {parameters}")), parameters)
