"""From a message to its answer."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.chaos import Identity
from couchpages.dns.names import ROOT, from_text
from couchpages.dns.query import Query, read
from couchpages.dns.responder import LARGEST_UDP, MOST_TAILS, OVER_TCP, over_udp
from couchpages.dns.served_zones import ServedZones
from tests.dns.drawn import name_of
from tests.dns.drawn import names as drawn
from tests.dns.messages import (
    ANY,
    AXFR,
    COOKIE,
    IXFR,
    NSID,
    SOA,
    TXT,
    A,
    asking,
    message,
    opt,
    option,
    question,
    record,
)
from tests.dns.own import served, zone_of
from tests.dns.reading import Answer, name, over_tcp, responder

COOKIE_ONLY = message(opt(1232, option(COOKIE, bytes(8))), counts=(0, 0, 0, 1))


class Case(SynchronousTestCase):
    """A responder over UDP for one zone."""

    def setUp(self) -> None:
        """Make it."""
        self.udp = responder()

    def ask(self, data: bytes) -> Answer:
        """Ask, and read the answer; ask once more, which must give the same, ready or not."""
        found = self.udp.answer(data)
        other = (data[0] ^ 0xFF).to_bytes(1, "big") + data[1:]
        again = self.udp.answer(other)
        assert found is not None
        assert again is not None
        self.assertEqual((found[:2], again[:2], found[2:]), (data[:2], other[:2], again[2:]))
        return Answer.of(found)

    def refused(self, data: bytes) -> tuple[str, tuple[int, int, int], list[int]]:
        """Give the code, counts and extended errors of an answer without records."""
        found = self.ask(data)
        return found.rcode, found.counts, found.errors


class Headers(Case):
    """What is copied and what is not."""

    def test_bits(self) -> None:
        """Of a question's header only id, opcode and RD come back; RA, AD, CD, Z and its code never do (RFC 6895 section 2)."""
        for bits in (0, 0x0100, 0x07FF, 0x00FF, 0x0080, 0x0200, 0x0400):
            for data in (
                asking(name("www"), bits=bits),
                asking(name("none"), bits=bits),
                asking(name("cut"), bits=bits),
            ):
                found = self.udp.answer(data)
                assert found is not None
                self.assertEqual(found[:2], data[:2])
                aa = 0 if data[12:16] == b"\3cut" else 0x0400
                code = 3 if b"none" in data else 0
                self.assertEqual(int.from_bytes(found[2:4], "big"), 0x8000 | aa | code | bits & 0x0100)

    def test_not_implemented(self) -> None:
        """Another opcode gets a header with opcode and RD, whatever came with it (RFC 8906 section 3.1.4), and an OPT to one."""
        for opcode in range(1, 16):
            for rd in (0, 0x100):
                bits = (0x8000 | opcode << 11 | rd | 4).to_bytes(2, "big")
                data = message(question(), bits=opcode << 11 | rd | 0x02FF, counts=(1, 0, 0, 0))
                self.assertEqual(self.udp.answer(data), data[:2] + bits + bytes(8))
                data = message(question(), opt(), bits=opcode << 11 | rd | 0x02FF, counts=(1, 0, 0, 1))
                self.assertEqual(self.udp.answer(data), data[:2] + bits + bytes(7) + b"\1" + opt(1232))

    def test_faults(self) -> None:
        """A fault gets a header of twelve octets with FORMERR."""
        for data in (asking(name("www")) + b"\0", message(question(), counts=(2, 0, 0, 0)), asking(b"\xc0\x0c")):
            self.assertEqual(self.udp.answer(data), data[:2] + b"\x80\1" + bytes(8))

    def test_case(self) -> None:
        """The question comes back as it was sent, also its case, worked out or ready, and with "no" (RFC 4343 section 4.1)."""
        for text in ("wWw.eXAmple", "WWW.EXAMPLE", "nO.ExAmple", "x.WiLd.example", "AliaS.example", "x.oLd.example"):
            data = asking(from_text(text))
            found = self.ask(data)
            self.assertEqual(found.wire[12 : len(data)], data[12:])


class Refusals(Case):
    """What is not looked up."""

    def test_silence(self) -> None:
        """Answers and what is too short get nothing, and are counted as dropped."""
        for data in (b"", b"\0", bytes(11), asking(bits=0x8000), message(bits=0xFFFF, counts=(1, 1, 1, 1))):
            self.assertIsNone(self.udp.answer(data))
        self.assertEqual(self.udp.tally.dropped, 5)

    def test_versions(self) -> None:
        """An unknown EDNS version gets BADVERS with our version 0 (RFC 6891 section 6.1.3), also with no question or another class."""
        for data in (
            asking(name("www"), A, opt(version=1)),
            asking(name("www"), A, opt(version=255, do=True)),
            asking(name("www"), A, opt(version=1), class_=3),
            message(opt(1232, option(COOKIE, bytes(8)), version=1), counts=(0, 0, 0, 1)),
        ):
            found = self.ask(data)
            self.assertEqual((found.rcode, found.counts, found.message.edns), ("BADVERS", (0, 0, 0), 0))
            self.assertNotIn("AA", found.flags)

    def test_no_question(self) -> None:
        """A message with a cookie and no question is answered without one (RFC 7873 section 5.4)."""
        found = self.ask(COOKIE_ONLY)
        self.assertEqual(
            (found.rcode, found.counts, found.message.edns, found.wire[4:6]), ("NOERROR", (0, 0, 0), 0, b"\0\0")
        )

    def test_classes_and_types(self) -> None:
        """Other classes and transfers are refused; questions that are none of data have the codes that BIND gives them."""
        for data, rcode, error in (
            (asking(name("www"), A, opt(), class_=4), "REFUSED", [20]),
            (asking(name("www"), A, opt(), class_=255), "REFUSED", [20]),
            (asking(name(""), AXFR, opt()), "REFUSED", [18]),
            (asking(name("www"), AXFR, opt()), "NOTAUTH", [20]),
            (asking(name(""), 253, opt()), "NOTIMP", [21]),
            (asking(name(""), 254, opt()), "NOTIMP", [21]),
            (asking(name("www"), 41, opt()), "FORMERR", []),
            (asking(name("www"), 250, opt()), "FORMERR", []),
            (asking(name("www"), 128, opt()), "FORMERR", []),
            (asking(from_text("away.invalid"), A, opt()), "REFUSED", [20]),
        ):
            self.assertEqual(self.refused(data), (rcode, (0, 0, 0), error), data)
        soa = record(b"\xc0\x0c", SOA, 1, 0, bytes(22))
        self.assertEqual(self.refused(message(question(name(""), IXFR), soa, counts=(1, 0, 1, 0)))[0], "REFUSED")
        for type_ in (0, 99, 127, 256, 32768, 65280, 65535):
            self.assertEqual(self.refused(asking(name("www"), type_)), ("NOERROR", (0, 1, 0), []))

    def test_not_read_yet(self) -> None:
        """Before all zones are known, what may be in one of them gets SERVFAIL, "not ready"; afterwards REFUSED (law 3)."""
        served = ServedZones()
        self.udp = responder(of=served)
        for data in (asking(name("www"), A, opt()), asking(ROOT, ANY, opt())):
            self.assertEqual(self.refused(data), ("SERVFAIL", (0, 0, 0), [14]))
        served.complete()
        self.assertEqual(self.refused(asking(name("www"), A, opt())), ("REFUSED", (0, 0, 0), [20]))
        served.withhold(name(""))
        for type_ in (A, ANY, SOA, AXFR):
            self.assertEqual(self.refused(asking(name(""), type_, opt())), ("SERVFAIL", (0, 0, 0), [14]))
        served.withdraw(name(""))
        self.assertEqual(self.refused(asking(name("www"), A, opt())), ("REFUSED", (0, 0, 0), [20]))


class Edns(Case):
    """OPT in answers."""

    def test_only_when_asked(self) -> None:
        """Every answer to a question with OPT has one, with DO as it came, and no answer to one without (RFC 6891 section 7)."""
        for text in ("www", "none", "cut", "alias", "longer", "x.old", "x.wild", "mail", "round"):
            for do in (False, True):
                found = self.ask(asking(name(text), A, opt(do=do))).message
                self.assertEqual((found.edns, found.payload, bool(found.ednsflags)), (0, 1232, do))
            self.assertEqual(self.ask(asking(name(text))).message.edns, -1)

    def test_name_server(self) -> None:
        """NSID is told to who asks for it, and only then; unknown options are not (RFC 5001 section 2.1)."""
        for text in ("www", "none", "cut"):
            self.assertEqual(self.ask(asking(name(text), A, opt(1232, option(NSID), option(65001)))).nsid, [b"web1"])
            self.assertEqual(self.ask(asking(name(text), A, opt(1232, option(65001, b"x")))).message.options, ())

    def test_long_identity(self) -> None:
        """Defect: beside the longest question a long identity made an answer of more than 512 octets, and one of 64 KB broke each."""
        longest = name_of(b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 53, b"example")
        for size in (255, 70_000):
            self.udp = responder(identity=Identity(b"", b"n" * size))
            for asked in (longest, longest[:1] + b"A" + longest[2:], from_text("a." * 127)):
                for class_ in (1, 3, 4):
                    found = self.ask(asking(asked, A, opt(512, option(NSID)), class_=class_))
                    self.assertLessEqual(len(found.wire), 512)


class Sized(Case):
    """How large answers are."""

    def test_limits(self) -> None:
        """Over UDP 512 octets, or what EDNS says up to ours; over TCP all that a length can say."""
        sizes = over_udp(1232)
        for records, limit in (((), 512), ((opt(0),), 512), ((opt(600),), 600), ((opt(4096),), 1232)):
            query = read(asking(name("www"), A, *records))
            assert isinstance(query, Query)
            self.assertEqual((sizes.limit(query), OVER_TCP.limit(query)), (limit, 65535))
        self.assertEqual((over_udp(100).most, over_udp(10**9).most), (512, LARGEST_UDP))

    def test_cut(self) -> None:
        """What does not fit is cut with TC, whole over TCP, and counted each time."""
        for data, tc in (
            (asking(name("longer"), TXT), True),
            (asking(name("longer"), TXT, opt(1232)), True),
            (asking(name("long"), TXT), False),
        ):
            found = self.ask(data)
            self.assertEqual((bool("TC" in found.flags), found.counts[0]), (tc, 0 if tc else 1))
            whole = Answer.of(over_tcp().answer(data))
            self.assertEqual((whole.flags, whole.counts[0]), ("QR AA", 1))
        # Each question is asked twice here.
        self.assertEqual(self.udp.tally.truncated, 4)

    @settings(deadline=None)
    @given(drawn, st.sampled_from((1, 2, 5, 6, 15, 16, 28, 43, 255, 65280)), st.integers(0, 2000), st.booleans())
    def test_any_question(self, asked: bytes, type_: int, size: int, within: bool) -> None:
        """Any name, also one within the zone, is answered with its question, within the limits, and as over TCP but for what is cut."""
        if within:
            asked = asked[:-1] + name("wild")
            if len(asked) > 255:
                return
        data = asking(asked, type_, opt(size, option(NSID)))
        found = Answer.of(self.udp.answer(data))
        self.assertLessEqual(len(found.wire), min(max(size, 512), 1232))
        self.assertEqual(found.wire[12 : 16 + len(asked)], data[12 : 16 + len(asked)])
        whole = over_tcp().answer(data)
        if "TC" not in found.flags:
            self.assertEqual(found.wire, whole)


class Counted(Case):
    """What is told afterwards."""

    def test_tally(self) -> None:
        """Answers are counted by type and code, ready ones too; faults by their code."""
        for _ in range(3):
            self.udp.answer(asking(name("www")))
        self.udp.answer(asking(name("none"), TXT))
        self.udp.answer(asking(name("www")) + b"x")
        self.udp.answer(asking(bits=0x2800))
        tally = self.udp.tally
        self.assertEqual(tally.cells, {(A, 0): [3], (TXT, 3): [1]})
        self.assertEqual((tally.ready, tally.malformed, tally.truncated), (2, {1: 1, 4: 1}, 0))

    def test_names_that_do_not_exist(self) -> None:
        """Random names, also those that a wildcard or a DNAME makes, push nothing out of what is ready."""
        for number in range(100):
            for parent in ("", "wild", "old"):
                self.udp.answer(asking(name(f"x{number}.{parent}".strip("."))))
        self.assertEqual(self.udp.ready.answers, {})

    def test_ends_of_answers(self) -> None:
        """The ends of answers that are held do not grow in number without end, and are right when they were dropped."""
        count = 50
        self.udp = responder(
            of=served(zone_of("@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\n", f"z{number}.") for number in range(count))
        )
        for length in range(1, 200):
            for number in range(count):
                parts = [b"a" * min(63, length - at) for at in range(0, length, 63)]
                found = self.ask(asking(name_of(*parts, b"z%d" % number)))
                self.assertLessEqual(len(self.udp._tails), MOST_TAILS)
                if length % 50 == 0:
                    self.assertEqual((found.rcode, found.counts), ("NXDOMAIN", (0, 1, 0)))
