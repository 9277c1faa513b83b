"""What is read without dnspython, compared with what dnspython reads."""

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import codes
from couchpages.dns.plain import plain_content, plain_name

LABELS = st.text("aZ09-_*", min_size=1, max_size=64) | st.text(max_size=3)
NAMES = st.lists(LABELS, min_size=1, max_size=6).map(".".join) | st.text("a.@\\* \t\"';0(", max_size=12)
TYPES = st.sampled_from([codes.A, codes.AAAA, codes.MX, codes.TXT, codes.CNAME, codes.NS, codes.PTR])
CONTENTS = (
    NAMES
    | st.ip_addresses().map(str)
    | st.text("0123456789abcf:.%", max_size=20)
    | st.builds("{} {}".format, st.integers(-1, 70000), NAMES)
    | st.builds('"{}"'.format, st.text(max_size=20) | st.text("ab\\; \"'~", max_size=256))
)


class Plain(SynchronousTestCase):
    """``couchpages.dns.plain``."""

    @given(NAMES)
    @example(".".join(["a" * 63] * 3 + ["a" * 61]))
    @example(".".join(["a" * 63] * 3 + ["a" * 62]))
    @settings(deadline=None, max_examples=500)
    def test_names(self, text: str) -> None:
        """A name that is read here is read the same by dnspython."""
        found = plain_name(text)
        if found is not None:
            self.assertEqual(found, dns.name.from_text(text, dns.name.root, dns.name.IDNA_2008_Practical).to_wire())

    @given(TYPES, CONTENTS)
    @settings(deadline=None, max_examples=1000)
    def test_contents(self, type_: int, content: str) -> None:
        """Content that is read here is read the same by dnspython."""
        found = plain_content(type_, content)
        if found is not None:
            rdata = dns.rdata.from_text(
                dns.rdataclass.IN, dns.rdatatype.RdataType(type_), content, dns.name.root, relativize=False
            )
            self.assertEqual(found, rdata.to_wire())

    def test_plain(self) -> None:
        """The plainest are read here, also where they are as long as they may be."""
        for type_, content in (
            (codes.A, "192.0.2.1"),
            (codes.AAAA, "2001:db8::1"),
            (codes.MX, "10 mail.example.org"),
            (codes.TXT, '"v=spf1 -all"'),
            (codes.CNAME, "_x.example.org."),
            (codes.NS, ".".join(["a" * 63] * 3 + ["a" * 61])),
        ):
            self.assertIsNotNone(plain_content(type_, content), content)
