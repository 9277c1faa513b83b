"""What a message asks."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import codes
from couchpages.dns.names import ROOT, from_text
from couchpages.dns.query import Edns, Malformed, Nothing, Query, read
from tests.dns.drawn import name_of
from tests.dns.drawn import names as drawn
from tests.dns.messages import (
    COOKIE,
    IXFR,
    NSID,
    SOA,
    TSIG,
    TXT,
    WWW,
    A,
    asking,
    message,
    opt,
    option,
    question,
    record,
)

BITS = st.integers(0, 0xFFFF)


class Case(SynchronousTestCase):
    """What is said of a message."""

    def asked(self, data: bytes) -> Query:
        """Read a question."""
        found = read(data)
        assert isinstance(found, Query), (found, data)
        return found

    def edns(self, data: bytes) -> Edns:
        """Read what EDNS says."""
        found = self.asked(data).edns
        assert found is not None
        return found

    def refused(self, *broken: bytes) -> None:
        """Assert that messages are FORMERR."""
        for data in broken:
            found = read(data)
            assert isinstance(found, Malformed), data
            self.assertEqual((found.bits, found.rcode), (int.from_bytes(data[2:4], "big"), codes.FORMERR), data)


class Silence(Case):
    """What is not answered (RFC 8906 section 3 has no case of it; RFC 1035 section 4.1.1 has the QR bit)."""

    def test_answers(self) -> None:
        """An answer is never answered, whatever else it is: two servers would go on for ever."""
        for bits in (0x8000, 0xFFFF, 0x8180, 0xA800):
            for data in (message(question(), bits=bits), message(bits=bits, counts=(9, 9, 9, 9)), message(bits=bits)):
                self.assertIsInstance(read(data), Nothing)

    def test_short(self) -> None:
        """What has no whole header has no id to answer with."""
        whole = asking()
        for size in range(12):
            self.assertIsInstance(read(whole[:size]), Nothing)

    @settings(deadline=None)
    @given(st.binary(max_size=80))
    def test_anything(self, data: bytes) -> None:
        """Any octets are a question, a fault, or nothing; what has the QR bit is nothing."""
        found = read(data)
        self.assertEqual(isinstance(found, Nothing), len(data) < 12 or data[2] & 0x80 != 0)


class Opcodes(Case):
    """Other opcodes than QUERY (RFC 8906 section 3.1.4)."""

    def test_not_implemented(self) -> None:
        """Each gets NOTIMP, before anything behind the header is looked at."""
        for opcode in range(1, 16):
            for data in (
                asking(bits=opcode << 11),
                message(bits=opcode << 11 | 0x100, counts=(7, 7, 7, 7), tail=b"\xc0"),
            ):
                found = read(data)
                assert isinstance(found, Malformed)
                self.assertEqual((found.bits, found.rcode), (int.from_bytes(data[2:4], "big"), codes.NOTIMP))


class Questions(Case):
    """Their number (RFC 9619), names, types and classes."""

    def test_one(self) -> None:
        """A question is its name as it was sent, type, class, and where it ends."""
        name = from_text("wWw.eXample")
        self.assertEqual(
            self.asked(asking(name, 65535, class_=254, bits=0x7F)), Query(0x7F, name, 65535, 254, 29, None)
        )
        self.assertEqual(self.asked(asking(ROOT)).name, ROOT)

    @settings(deadline=None)
    @given(drawn, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.booleans())
    def test_any(self, name: bytes, type_: int, class_: int, with_opt: bool) -> None:
        """Any name, type and class can be asked for, with and without EDNS."""
        found = self.asked(asking(name, type_, *([opt()] if with_opt else []), class_=class_))
        self.assertEqual((found.name, found.type, found.class_, found.end), (name, type_, class_, 16 + len(name)))
        self.assertEqual(found.edns is not None, with_opt)

    def test_several(self) -> None:
        """Two questions, or a count of more, are a fault (RFC 9619 section 4)."""
        self.refused(
            message(question(), question(), counts=(2, 0, 0, 0)),
            message(question(), question(b"\xc0\x0c"), counts=(2, 0, 0, 0)),
            message(question(), counts=(65535, 0, 0, 0)),
            message(question(), opt(), counts=(2, 0, 0, 1)),
        )

    def test_none(self) -> None:
        """No question is one with a COOKIE option only (RFC 7873 section 5.4)."""
        cookie = option(COOKIE, b"12345678")
        found = self.asked(message(opt(1232, cookie), counts=(0, 0, 0, 1)))
        self.assertEqual((found.name, found.end), (None, 12))
        self.refused(
            message(counts=(0, 0, 0, 0)),
            message(opt(), counts=(0, 0, 0, 1)),
            message(opt(1232, option(NSID)), counts=(0, 0, 0, 1)),
            message(question(), counts=(0, 0, 0, 0)),
            message(question(), opt(1232, cookie), counts=(0, 0, 0, 1)),
        )

    def test_other_sections(self) -> None:
        """A question brings no answers, and no authorities but the SOA with which a transfer begins (RFC 1995 section 3)."""
        soa = record(b"\xc0\x0c", SOA, 1, 0, bytes(22))
        self.refused(
            message(question(), record(b"\xc0\x0c", A, 1, 0, bytes(4)), counts=(1, 1, 0, 0)),
            message(question(), soa, counts=(1, 0, 1, 0)),
            message(question(WWW, IXFR), soa, soa, counts=(1, 0, 2, 0)),
            message(question(WWW, IXFR), soa, counts=(1, 1, 0, 0)),
            message(question(WWW, IXFR), soa[:-1], counts=(1, 0, 1, 0)),
        )
        self.assertEqual(self.asked(message(question(WWW, IXFR), soa, counts=(1, 0, 1, 0))).type, IXFR)

    def test_pointers_in_the_name(self) -> None:
        """Before a question there is nothing that its name could point to: pointers are faults, wherever they point."""
        for pointer in (b"\xc0\x0c", b"\xc0\x00", b"\xc0\x10", b"\xff\xff", b"\xc0\x0e", b"\xc0"):
            self.refused(message(question(pointer)), message(question(b"\x03www" + pointer)), message(pointer))

    def test_label_types(self) -> None:
        """Labels of the two types that nobody uses are faults (RFC 6891 section 5)."""
        for first in (0x40, 0x41, 0x7F, 0x80, 0xBF):
            self.refused(message(question(bytes([first]) + bytes(first & 0x3F) + b"\0")))

    def test_lengths(self) -> None:
        """63 octets are a label, and 255 a name; one more is a fault, also of a name that goes on for thousands."""
        longest = name_of(b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 61)
        self.assertEqual(self.asked(asking(longest)).name, longest)
        self.assertEqual(self.asked(asking(longest, A, opt())).name, longest)
        for name in (
            name_of(b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 62),
            b"\x01a" * 127 + b"\x01b\0",
            b"\x01a" * 2000 + b"\0",
            b"\x3fa" * 100,
        ):
            self.refused(asking(name), asking(name, A, opt()))

    def test_breaking_off(self) -> None:
        """A message that ends too early is a fault, wherever that is; so is one octet too many."""
        for whole in (
            asking(),
            asking(WWW, A, opt(1232, option(NSID, b"xyz"))),
            message(question(WWW, IXFR), record(b"\xc0\x0c", SOA, 1, 0, bytes(22)), counts=(1, 0, 1, 0)),
        ):
            self.asked(whole)
            self.refused(*(whole[:size] for size in range(12, len(whole))), whole + b"\0", whole + whole)

    def test_counts_that_promise_more(self) -> None:
        """Records that do not come are faults, however many are promised."""
        for count in (2, 3, 65535):
            self.refused(
                message(question(), opt(), counts=(1, 0, 0, count)), message(question(), counts=(1, 0, 0, count))
            )
        self.refused(message(question(), opt(), counts=(1, 0, 0, 0)))


class Additionals(Case):
    """EDNS (RFC 6891), and what else may come along."""

    def test_edns(self) -> None:
        """Size, version, DO and the options' codes are read; a size below 512 means 512 (section 6.2.3)."""
        found = self.edns(
            asking(WWW, A, opt(4096, option(NSID), option(65001, b"xx"), option(COOKIE, bytes(8)), do=True))
        )
        self.assertEqual(found, Edns(4096, 0, True, (NSID, 65001, COOKIE)))
        for size, meant in ((0, 512), (511, 512), (512, 512), (65535, 65535)):
            self.assertEqual(self.edns(asking(WWW, A, opt(size))), Edns(meant, 0, False, ()))
        self.assertEqual(self.edns(asking(WWW, A, opt(version=255))).version, 255)

    def test_two(self) -> None:
        """Two OPT records are a fault (section 6.1.1), also with something between them."""
        other = record(ROOT, TXT, 1, 0, b"\1a")
        self.refused(asking(WWW, A, opt(), opt()), asking(WWW, A, opt(), other, opt(), other))

    def test_owner(self) -> None:
        """The owner of OPT is the root and nothing else, a pointer to one included (section 6.1.2)."""
        for owner in (WWW, b"\xc0\x0c", b"\xc0\x18", b"\1a\0"):
            self.refused(asking(WWW, A, opt(owner=owner)))

    def test_broken_options(self) -> None:
        """Options that are longer than their record, or cut off, are faults."""
        for options in (
            [option(NSID, b"ab", length=3)],
            [option(NSID, b"", length=65535)],
            [option(NSID), b"\0\3\0"],
            [b"\0"],
            [option(NSID, b"abc", length=1)],
        ):
            self.refused(asking(WWW, A, opt(1232, *options)))

    def test_options_do_not_reach_into_what_follows(self) -> None:
        """An option that is as long as its record and the next one together is a fault."""
        other = record(ROOT, TXT, 1, 0, b"\1a")
        self.refused(asking(WWW, A, opt(1232, option(NSID, length=len(other))), other))

    def test_lying_lengths(self) -> None:
        """A record that is longer than the message, or shorter than it goes on, is a fault."""
        self.refused(
            asking(WWW, A, opt(1232, length=1)),
            asking(WWW, A, opt(1232, length=65535)),
            asking(WWW, A, opt(1232, option(NSID), length=0)),
            asking(WWW, A, record(ROOT, TXT, 1, 0, b"\1a", length=1)),
        )

    def test_others(self) -> None:
        """Other records are passed over, before and after OPT, with owners whole, compressed, and both."""
        for owner in (ROOT, WWW, b"\xc0\x0c", b"\1x\xc0\x10", name_of(b"\0", b"\xff" * 63)):
            other = record(owner, TSIG, 255, 0, bytes(60))
            for records in ([other], [other, opt()], [opt(), other], [other, other, opt(), other]):
                self.assertEqual(self.asked(asking(WWW, A, *records)).edns is not None, opt() in records)

    def test_pointers_of_others(self) -> None:
        """Pointers to themselves, forwards, into the header, and beyond the end are faults: backwards only (RFC 1035 section 4.1.4)."""
        at = 12 + len(question())
        for target in (0, 11, at, at + 1, at + 12, 0x3FFF):
            pointer = (0xC000 | target).to_bytes(2, "big")
            self.refused(asking(WWW, A, record(pointer, TXT, 1, 0, b"\1a")))
            self.refused(asking(WWW, A, record(b"\1a" + pointer, TXT, 1, 0, b"\1a")))
        self.refused(asking(WWW, A, b"\xc0"))
        # Into the labels before it: the name would never end.
        self.refused(asking(WWW, A, record(b"\1a" + (0xC000 | at).to_bytes(2, "big"), TXT, 1, 0, b"\1a")))

    def test_names_of_others(self) -> None:
        """Defect: an additional record's owner of 256 octets was taken for a name."""
        longest = name_of(b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 61)
        self.asked(asking(WWW, A, record(longest, TXT, 1, 0, b"\1a")))
        for name in (b"\1x" + longest, b"\1x" * 127 + b"\1x\0", name_of(b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 62)):
            self.refused(asking(WWW, A, record(name, TXT, 1, 0, b"\1a")))
        for first in (0x40, 0x80, 0xBF):
            self.refused(asking(WWW, A, record(bytes([first]) + bytes(64), TXT, 1, 0, b"\1a")))

    @settings(deadline=None)
    @given(BITS, st.integers(0, 3), st.integers(0, 2), st.integers(0, 2), st.integers(0, 3), st.binary(max_size=60))
    def test_behind_a_header(
        self, bits: int, questions: int, answers: int, authorities: int, more: int, rest: bytes
    ) -> None:
        """Whatever stands behind a header of whatever counts, the outcome has the header's bits, or is nothing."""
        found = read(message(rest, bits=bits, counts=(questions, answers, authorities, more)))
        if not isinstance(found, Nothing):
            self.assertEqual(found.bits, bits)
