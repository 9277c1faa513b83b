"""Messages as they are written, read again by dnspython."""

from functools import partial
from itertools import pairwise
from struct import pack, unpack_from

import dns.message
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import codes
from couchpages.dns.names import Name, from_text
from couchpages.dns.rrsets import RRset
from couchpages.dns.writer import MOST_POINTERS, REACH, Writer
from tests.dns.drawn import name_of, near
from tests.dns.drawn import names as drawn

WWW = from_text("www.example")
#: With data that are one name, or end with two, and whether the RFCs let those be compressed (RFC 3597 section 4).
ONE_NAME = {codes.NS: True, codes.CNAME: True, codes.PTR: True, codes.DNAME: False}
PREFIXED = {codes.MX: (2, True), codes.SRV: (6, False), codes.SVCB: (2, False), codes.HTTPS: (2, False), 18: (2, False)}
RP = 17

RR = tuple[Name, int, int, bytes]
"""Owner, type, TTL, data; canonical."""

owners = st.one_of(near, near, drawn)


@st.composite
def rrsets(draw: st.DrawFn) -> RRset:
    """Give a set of a type with names in its data, or without."""
    owner, ttl = draw(owners), draw(st.integers(0, 2**31 - 1))
    type_ = draw(st.sampled_from([*ONE_NAME, *PREFIXED, RP, codes.SOA, codes.TXT, codes.A, 65280]))
    count = draw(st.integers(1, 4))
    return RRset.of(owner, type_, ttl, [draw(datas(type_)) for _ in range(count)])


@st.composite
def datas(draw: st.DrawFn, type_: int) -> bytes:
    """Give data of a type."""
    if type_ in ONE_NAME:
        return draw(owners)
    if type_ in PREFIXED:
        return draw(st.binary(min_size=6, max_size=6))[: PREFIXED[type_][0]] + draw(owners)
    if type_ == RP:
        return draw(owners) + draw(owners)
    if type_ == codes.SOA:
        return draw(owners) + draw(owners) + draw(st.binary(min_size=20, max_size=20))
    if type_ == codes.A:
        return draw(st.binary(min_size=4, max_size=4))
    size = draw(st.integers(0, 255))
    return bytes([size]) + bytes(size) if type_ == codes.TXT else bytes(size)


def end_of_name(data: bytes, at: int) -> int:
    """Give where a name ends, which may be compressed."""
    while data[at]:
        if data[at] >= 0xC0:
            return at + 2
        at += 1 + data[at]
    return at + 1


def compared(type_: int, data: bytes) -> bytes:
    """Give the form of data by which they are compared, as dnspython makes it."""
    rdata = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType(type_), data, 0, len(data), None)
    return rdata.to_digestable() or b""


def records(data: bytes) -> list[RR]:
    """Read all records of a message, each one's data being what they are uncompressed."""
    at, found = end_of_name(data, 12) + 4, []
    total = sum(unpack_from("!3H", data, 6))
    for _ in range(total):
        owner, _ = dns.name.from_wire(data, at)
        at = end_of_name(data, at)
        type_, _, ttl, length = unpack_from("!2HIH", data, at)
        at += 10
        rdata = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType(type_), data, at, length, None)
        found.append(((owner.to_wire() or b"").lower(), type_, ttl, rdata.to_digestable() or b""))
        at += length
    assert at == len(data)
    return found


def raw(data: bytes) -> list[tuple[int, bytes]]:
    """Give each record's type and data as they stand in a message."""
    at, found = end_of_name(data, 12) + 4, []
    for _ in range(sum(unpack_from("!3H", data, 6))):
        at = end_of_name(data, at)
        type_, _, _, length = unpack_from("!2HIH", data, at)
        found.append((type_, data[at + 10 : at + 10 + length]))
        at += 10 + length
    return found


def pointers(data: bytes, at: int) -> int:
    """Count the pointers that follow each other from a place; 0 where there is none."""
    found = 0
    while data[at]:
        if data[at] < 0xC0:
            at += 1 + data[at]
            if at >= len(data) or not found:
                return found
        else:
            found, at = found + 1, unpack_from("!H", data, at)[0] % REACH
    return found


def whole(writer: Writer) -> bytes:
    """Put a header before what was written."""
    return pack("!6H", 1, 0x8000, 1, *writer.counts) + bytes(writer.body)


def expected(rrset: RRset) -> list[RR]:
    """Give what a set is, read."""
    return [(rrset.owner.lower(), rrset.type, rrset.ttl, compared(rrset.type, each)) for each in rrset.rdatas]


class Writing(SynchronousTestCase):
    """``Writer``."""

    def write(self, name: Name, sets: list[RRset], limit: int) -> tuple[bytes, list[RRset]]:
        """Write sets behind a question, and give the message, and those sets that had room."""
        writer = Writer(name + b"\0\1\0\1", limit)
        written = []
        for number, rrset in enumerate(sets):
            size = len(writer.body)
            if writer.add(min(number // 2, 2), rrset.owner, rrset):
                written.append(rrset)
            else:
                self.assertEqual(len(writer.body), size)
        return whole(writer), written

    def assert_right(self, data: bytes, written: list[RRset]) -> None:
        """Assert that a message has exactly these sets, and is compressed only where that is allowed."""
        self.assertEqual(records(data), [each for rrset in written for each in expected(rrset)])
        dns.message.from_wire(data, one_rr_per_rrset=True)
        plain = [(rrset.type, each) for rrset in written for each in rrset.rdatas]
        for (type_, found), (_, wanted) in zip(raw(data), plain, strict=True):
            if type_ not in (codes.NS, codes.CNAME, codes.PTR, codes.MX, codes.SOA):
                self.assertEqual(found, wanted)
            self.assertLessEqual(len(found), len(wanted))

    @settings(deadline=None, max_examples=60)
    @given(owners, st.lists(rrsets(), max_size=8))
    def test_whole(self, name: Name, sets: list[RRset]) -> None:
        """What is written is read as what it was, of every type, whatever is in its names."""
        data, written = self.write(name, sets, 65535)
        self.assertEqual(written, sets)
        self.assert_right(data, written)

    @settings(deadline=None, max_examples=60)
    @given(owners, st.lists(rrsets(), min_size=3, max_size=12), st.integers(300, 900))
    def test_what_has_no_room(self, name: Name, sets: list[RRset], limit: int) -> None:
        """A set is in the message whole or not at all, and no later name points to where it was to stand."""
        data, written = self.write(name, sets, limit)
        self.assertLessEqual(len(data), limit)
        self.assert_right(data, written)

    @settings(deadline=None, max_examples=60)
    @given(owners, st.lists(rrsets(), max_size=4), st.integers(16_000, 16_500), st.lists(rrsets(), max_size=6))
    def test_beyond_what_pointers_reach(self, name: Name, first: list[RRset], gap: int, then: list[RRset]) -> None:
        """Around 16 KB and behind, names point to what stands before it, and never to where no pointer reaches."""
        filling = RRset.of(b"\0", 65280, 0, [bytes(max(gap - 271, 0))])
        sets = [*first, filling, *then, *then]
        data, written = self.write(name, sets, 65535)
        self.assertEqual(written, sets)
        self.assert_right(data, written)

    def test_a_name_across_the_border(self) -> None:
        """Of a name that begins before the 16,384th octet and ends behind it, no label behind is pointed to."""
        for before in range(16):
            writer = Writer(WWW + b"\0\1\0\1", 65535)
            size = REACH - before - len(writer.body) - 12 - 11
            filling = RRset.of(b"\0", 65280, 0, [bytes(size)])
            again = RRset.of(name_of(b"a", b"b", b"c", b"d"), codes.NS, 0, [name_of(b"x", b"c", b"d"), name_of(b"d")])
            for number, rrset in enumerate((filling, again, again)):
                self.assertTrue(writer.add(number, rrset.owner, rrset))
            self.assertLess(len(writer.body), REACH + 150)
            self.assert_right(whole(writer), [filling, again, again])

    def test_compressed(self) -> None:
        """Owners, and data of the first types, point to the question and to each other, without regard to case."""
        writer = Writer(from_text("WWW.example") + b"\0\1\0\1", 512)
        for rrset in (
            RRset.of(WWW, codes.CNAME, 1, [from_text("mail.EXAMPLE")]),
            RRset.of(from_text("mail.example"), codes.MX, 1, [b"\0\1" + from_text("mx.mail.example")]),
        ):
            writer.add(0, rrset.owner, rrset)
        self.assertEqual(
            bytes(writer.body)[17:],
            b"\xc0\x0c\0\5\0\1\0\0\0\1\0\7\4mail\xc0\x10" + b"\xc0\x29\0\x0f\0\1\0\0\0\1\0\7\0\1\2mx\xc0\x29",
        )

    def test_many_pointers(self) -> None:
        """However long a row of names each of which is a label before the last one, no name is more pointers than readers follow."""
        names = [WWW]
        while len(names) < 30:
            names.append(b"\1x" + names[-1])
        sets = [RRset.of(one, codes.CNAME, 1, [other]) for one, other in pairwise(names)]
        data, written = self.write(WWW, sets, 65535)
        self.assertEqual(written, sets)
        self.assert_right(data, written)
        self.assertEqual(max(map(partial(pointers, data), range(29, len(data) - 2))), MOST_POINTERS)

    def test_not_compressed(self) -> None:
        """The data of SRV, DNAME and whatever came later are written whole (RFC 3597 section 4, RFC 2782, RFC 6672 section 2.5)."""
        for type_, data in (
            (codes.SRV, bytes(6) + WWW),
            (codes.DNAME, WWW),
            (RP, WWW + WWW),
            (codes.SVCB, bytes(2) + WWW),
            (18, bytes(2) + WWW),
            (65280, WWW),
        ):
            writer = Writer(WWW + b"\0\1\0\1", 512)
            writer.add(0, WWW, RRset.of(WWW, type_, 0, [data]))
            self.assertTrue(writer.body.endswith(data), type_)

    def test_limits(self) -> None:
        """A set that fits to the octet is written; with one octet less of room nothing of it is."""
        rrset = RRset.of(WWW, codes.A, 0, [bytes(4), bytes([1] * 4)])
        question = WWW + b"\0\1\0\1"
        size = 12 + len(question) + 32
        for limit, fits in ((size, True), (size - 1, False)):
            for way in (
                lambda writer: writer.add(0, WWW, rrset),
                lambda writer: writer.add_to_question(rrset, rrset.to_question),
            ):
                writer = Writer(question, limit)
                self.assertEqual(way(writer), fits)
                self.assertEqual((len(writer.body) + 12 == size, writer.counts[0]), (fits, 2 if fits else 0))
        self.assertEqual(len(question) + 12, 33 - 4)

    def test_behind_the_question(self) -> None:
        """What is made beforehand to follow its question is what would be written there."""
        rrset = RRset.of(from_text("wWw.example"), codes.TXT, 77, [b"\1a", b"\1b"])
        ways = [Writer(WWW + b"\0\1\0\1", 512), Writer(WWW + b"\0\1\0\1", 512)]
        ways[0].add(0, rrset.owner, rrset)
        assert rrset.to_question is not None
        ways[1].add_to_question(rrset, rrset.to_question)
        self.assertEqual(*(whole(each) for each in ways))
