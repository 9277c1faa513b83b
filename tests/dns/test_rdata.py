"""The data of records, as far as answering needs to know them."""

from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import rdata
from couchpages.dns.names import from_text
from couchpages.dns.records import from_document
from couchpages.dns.rrsets import RRset
from couchpages.dns.writer import Writer

OLD = ("MB", "MD", "MF", "MG", "MINFO", "MR")


class Names(SynchronousTestCase):
    """Where names stand in data."""

    def test_compressible(self) -> None:
        """Names of RFC 1035's types may be compressed, those of later ones not (RFC 3597 section 4)."""
        for kind, content, where in (
            ("NS", "a.b", ((0, 5),)),
            ("CNAME", ".", ((0, 1),)),
            ("PTR", "a.b", ((0, 5),)),
            ("MX", "1 a.b", ((2, 7),)),
            ("SOA", "a.b c 1 2 3 4 5", ((0, 5), (5, 8))),
            ("SRV", "1 2 3 a.b", ()),
            ("DNAME", "a.b", ()),
            ("RP", "a.b c", ()),
            ("HTTPS", "1 a.b", ()),
            ("NAPTR", '1 2 "s" "" "" a.b', ()),
            ("TXT", '"a"', ()),
        ):
            type_ = rdata.type_from_text(kind)
            self.assertEqual(rdata.compressible(type_, rdata.parse(type_, content)), where, kind)

    def test_old_types(self) -> None:
        """Defect: data of a type of 1983 may be any octets, and those that are no name broke the zone, or each answer."""
        owner = from_text("a.example")
        for kind in OLD:
            type_ = rdata.type_from_text(kind)
            for content in (r"\# 1 ff", r"\# 0", r"\# 3 3f6161", r"\# 3 016100", r"\# 2 c00c"):
                rrset = RRset.of(owner, type_, 0, [rdata.parse(type_, content)])
                writer = Writer(owner + b"\0\1\0\1", 512)
                self.assertTrue(writer.add(0, owner, rrset))
                self.assertTrue(writer.body.endswith(rrset.rdatas[0]))

    def test_targets(self) -> None:
        """The hosts whose addresses come along are those of NS, MX, SRV, SVCB and HTTPS, in lower case."""
        for kind, content in (
            ("NS", "A.b"),
            ("MX", "1 a.B"),
            ("SRV", "1 2 3 A.B"),
            ("SVCB", "1 A.b alpn=h2"),
            ("HTTPS", "0 A.b"),
        ):
            type_ = rdata.type_from_text(kind)
            self.assertEqual(rdata.additional_name(type_, rdata.parse(type_, content)), from_text("a.b"), kind)
        for kind, content in (("CNAME", "a.b"), ("TXT", "a"), ("DNAME", "a.b")):
            type_ = rdata.type_from_text(kind)
            self.assertIsNone(rdata.additional_name(type_, rdata.parse(type_, content)), kind)


class LengthTests(SynchronousTestCase):
    """Content that would hold the event loop while it is read."""

    def test_too_much(self) -> None:
        """A content of too many characters, words, list entries or set bits is refused with the bound, before dnspython sees it."""
        bitmap = "\\# 8705 00" + "".join(f"{window:02x}20{'ff' * 32}" for window in range(256))
        for kind, content, told in (
            ("TXT", "a" * 32_769, "32,769 characters; at most 32,768 are read"),
            ("TXT", "a " * 513, "513 words; at most 512 are read"),
            ("TXT", '""' * 513, "513 words"),
            ("TXT", "(" * 513, "513 words"),
            ("APL", "1:1.2.3.4/32 " * 513, "513 words"),
            ("SVCB", "1 a. alpn=" + "a," * 511, "at most 512"),
            ("HIP", "ü." * 1025, "2,050 characters, some of which are not ASCII"),
            ("NSEC", bitmap, "more than 512 types"),
        ):
            error = self.assertRaises(ValueError, rdata.parse, rdata.type_from_text(kind), content)
            self.assertIn(told, str(error), kind)

    def test_as_much_as_there_may_be(self) -> None:
        """Up to the bounds, content is read; blanks within quotes make no words."""
        for content in ("a " * 512, f'"{"a " * 127}"' * 100, "\\200" * 200):
            self.assertGreaterEqual(len(rdata.parse(rdata.type_from_text("TXT"), content)), 200)

    def test_documents(self) -> None:
        """A record's document with such content is malformed."""
        doc = {"type": "TXT", "name": "example.org", "content": "a " * 513, "ttl": 1, "zone_id": 1}
        self.assertRaises(ValueError, from_document, doc)
        self.assertEqual(from_document({**doc, "content": "a " * 512}).rdata, b"\1a" * 512)
