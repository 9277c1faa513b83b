"""Record sets, compiled: what is in them, and what cannot stand where it was written."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import codes, rdata
from couchpages.dns.names import from_text
from couchpages.dns.records import Record
from couchpages.dns.rrsets import RRset, compile_name, misplaced
from couchpages.dns.writer import Writer
from tests.dns.changes import Line, nodes

APEX, WWW = from_text("example"), from_text("www.example")


def record(kind: str, content: str, owner: bytes = WWW, ttl: int = 60, *, disabled: bool = False) -> Record:
    """Make a record."""
    type_ = rdata.type_from_text(kind)
    return Record(1, owner, type_, ttl, rdata.parse(type_, content), disabled)


def texts(rrset: RRset) -> list[str]:
    """Give a set's data as text."""
    return [rdata.to_text(rrset.type, each) for each in rrset.rdatas]


class Sets(SynchronousTestCase):
    """``RRset.of``."""

    def test_order(self) -> None:
        """Data are in one order, whatever the one in which they came, so that all nodes answer alike."""
        datas = [bytes((192, 0, 2, number)) for number in (3, 1, 2, 1)]
        self.assertEqual(RRset.of(WWW, 1, 60, datas), RRset.of(WWW, 1, 60, reversed(datas)))
        self.assertEqual(len(RRset.of(WWW, 1, 60, datas).rdatas), 3)

    def test_twice_in_other_case(self) -> None:
        """Defect: a host that was written twice, in other letters, came twice (RFC 4034 section 6.2)."""
        for kind, contents, kept in (
            ("NS", ("ns.Example", "NS.example", "ns2.example"), 2),
            ("MX", ("1 a.example", "1 A.example", "2 a.example"), 2),
            ("PTR", ("a.", "A.", "b."), 2),
            ("MX", ("65 a.", "97 a."), 2),
            ("TXT", ("a", "A"), 2),
            ("A", ("192.65.0.1", "192.97.0.1"), 2),
        ):
            type_ = rdata.type_from_text(kind)
            datas = [rdata.parse(type_, each) for each in contents]
            rrset = RRset.of(WWW, type_, 60, datas)
            self.assertEqual(len(rrset.rdatas), kept, kind)
            self.assertEqual(len(rrset.names), kept)
            self.assertEqual(rrset, RRset.of(WWW, type_, 60, reversed(datas)))
            self.assertTrue(Writer(WWW + b"\0\1\0\1", 512).add(0, WWW, rrset))

    def test_targets(self) -> None:
        """A host whose addresses go along is there once."""
        datas = [rdata.parse(codes.MX, each) for each in ("1 a.example", "2 A.example", "3 b.example")]
        self.assertEqual(RRset.of(WWW, codes.MX, 60, datas).targets, (from_text("a.example"), from_text("b.example")))


class Names(SynchronousTestCase):
    """``compile_name``."""

    def test_ttl(self) -> None:
        """A set has the least TTL of its records (RFC 2181 section 5.2), those that are disabled apart."""
        found = compile_name(
            APEX,
            [
                record("A", "192.0.2.1", ttl=300),
                record("A", "192.0.2.2", ttl=60),
                record("A", "192.0.2.3", ttl=1, disabled=True),
            ],
        )
        self.assertEqual((found[1].ttl, texts(found[1])), (60, ["192.0.2.1", "192.0.2.2"]))
        self.assertEqual(compile_name(APEX, [record("A", "192.0.2.3", disabled=True)]), {})

    def test_one_of_several(self) -> None:
        """Of several CNAMEs, DNAMEs or SOAs one is taken, the same on every node; of SOAs that with the highest serial."""
        for kind, contents, taken in (
            ("CNAME", ("a.", "b."), "b."),
            ("DNAME", ("a.", "b."), "b."),
            ("SOA", ("a. b. 7 1 1 1 1", "z. b. 3 1 1 1 1"), "a. b. 7 1 1 1 1"),
        ):
            owner = APEX if kind == "SOA" else WWW
            for order in (1, -1):
                (found,) = compile_name(APEX, [record(kind, each, owner) for each in contents[::order]]).values()
                self.assertEqual(texts(found), [taken])

    def test_misplaced(self) -> None:
        """What cannot stand at a name is left out, the rest stays (law 4)."""
        ns, cname, dname, a = ("NS", "ns."), ("CNAME", "c."), ("DNAME", "d."), ("A", "192.0.2.1")
        soa = ("SOA", "a. b. 1 1 1 1 1")
        for owner, written, left in (
            (WWW, (cname, a), {1}),
            (WWW, (cname,), {5}),
            (WWW, (soa, a), {1}),
            (WWW, (soa,), set()),
            (WWW, (dname, ns), {2}),
            (WWW, (soa, cname), {5}),
            (APEX, (dname, ns, soa), {2, 6, 39}),
            (APEX, (cname, soa), {6}),
            (from_text("*.example"), (ns, a), {1}),
            (from_text("*.example"), (dname, ns), set()),
            (from_text("*.example"), (ns, cname), {5}),
        ):
            records = [record(*each, owner) for each in written]
            self.assertEqual(compile_name(APEX, records).keys(), left, (owner, written))

    @settings(deadline=None)
    @given(st.sampled_from((APEX, WWW, from_text("*.example"))), nodes)
    def test_any(self, owner: bytes, node: tuple[Line, ...]) -> None:
        """Whatever is written at a name, what is compiled can stand there, and every reason for leaving out names a type."""
        records = [record(kind, content, owner, ttl) for kind, ttl, content in node]
        found = compile_name(APEX, records)
        if codes.CNAME in found:
            self.assertEqual(set(found), {codes.CNAME})
        self.assertFalse(owner != APEX and {codes.NS, codes.DNAME} <= found.keys())
        by_type: dict[int, list[Record]] = {}
        for each in records:
            by_type.setdefault(each.type, []).append(each)
        if by_type:
            self.assertEqual(set(misplaced(APEX, by_type)), by_type.keys() - found.keys())
