"""Questions and answers of DNS, whoever answered."""

import contextlib
from itertools import pairwise

import dns.flags
import dns.message
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.issuing.lookups.messages import PAYLOAD, Answer, Question, normal_name, question_wire, read_answer
from tests.certs.issuing.answers import answer_to

ID = 0x1234
QUESTION = Question("www.example.org", "A")


class QuestionTests(SynchronousTestCase):
    """``question_wire`` and ``normal_name``."""

    def test_wire(self) -> None:
        """It says what it shall: id, name, type, whether it wants recursion, and what fits."""
        message = dns.message.from_wire(question_wire(QUESTION, ID))
        self.assertEqual((message.id, message.flags, message.edns, message.payload), (ID, dns.flags.RD, 0, PAYLOAD))
        self.assertEqual(message.question[0].to_text(), "www.example.org. IN A")
        plain = dns.message.from_wire(
            question_wire(Question("www.example.org", "TXT", recurse=False).without_edns(), 0)
        )
        self.assertEqual((plain.id, plain.flags, plain.edns), (0, 0, -1))

    def test_names(self) -> None:
        """Names have one form; what is none is refused."""
        self.assertEqual(normal_name("WWW.Example.ORG."), "www.example.org")
        self.assertEqual(normal_name("bücher.example"), "xn--bcher-kva.example")
        for text in ("a..b", "x" * 64 + ".org", "x." * 130 + "org", "\\300.org", "\ud800.org"):
            self.assertRaises(ValueError, normal_name, text)


class AnswerTests(SynchronousTestCase):
    """``read_answer``."""

    def setUp(self) -> None:
        """Ask."""
        self.asked = question_wire(QUESTION, ID)

    def read(self, wire: bytes) -> Answer:
        """Read an answer to the question."""
        return read_answer(wire, QUESTION, ID)

    def test_records(self) -> None:
        """What answers it is read, names in lower case, with what the flags say."""
        wire = answer_to(
            self.asked, "WWW.example.org.|CNAME|Host.Example.net.", "host.example.net.|A|192.0.2.1|192.0.2.2"
        )
        answer = self.read(wire)
        self.assertEqual(
            (answer.rcode, answer.authoritative, answer.recursive, answer.truncated), ("NOERROR", True, False, False)
        )
        self.assertEqual(answer.chain("www.example.org"), ["www.example.org", "host.example.net"])
        self.assertEqual(sorted(str(each) for each in answer.of("host.example.net", "A")), ["192.0.2.1", "192.0.2.2"])
        self.assertEqual(answer.of("www.example.org", "A"), ())

    def test_others(self) -> None:
        """Another id, another question, a question, no question, or too little, is no answer."""
        good = answer_to(self.asked)
        self.read(good)
        for other in (Question("www.example.net", "A"), Question("www.example.org", "AAAA")):
            self.assertRaises(ValueError, self.read, answer_to(question_wire(other, ID)))
        for wire in (b"", good[:11], b"\0\0" + good[2:], self.asked, good[:4] + bytes(8), good[:-3]):
            self.assertRaises(ValueError, self.read, wire)
        update = bytes((good[2] | 0x28, good[3]))
        self.assertRaises(ValueError, self.read, good[:2] + update + good[4:])

    def test_truncated(self) -> None:
        """Of one that is cut, nothing is believed but that it is."""
        wire = answer_to(self.asked, "www.example.org.|A|192.0.2.1", flags=dns.flags.TC)
        for cut in (wire, wire[:-20]):
            answer = self.read(cut)
            self.assertEqual((answer.truncated, answer.records), (True, ()))

    def test_no_edns(self) -> None:
        """Those who know no EDNS may say so with a header alone (RFC 6891 section 7), and nothing else may."""
        self.assertEqual(self.read(bytes((0x12, 0x34, 0x80, 0x01)) + bytes(8)).rcode, "FORMERR")
        self.assertRaises(ValueError, self.read, bytes((0x12, 0x34, 0x80, 0x02)) + bytes(8))

    def test_circles(self) -> None:
        """Aliases that lead in a circle are an error, not an endless loop."""
        circle = ("www.example.org.|CNAME|a.example.org.", "a.example.org.|CNAME|www.example.org.")
        self.assertRaises(ValueError, self.read(answer_to(self.asked, *circle)).chain, "www.example.org")
        names = ["www.example.org.", *(f"a{number}.example.org." for number in range(30))]
        endless = [f"{one}|CNAME|{two}" for one, two in pairwise(names)]
        self.assertRaises(ValueError, self.read(answer_to(self.asked, *endless)).chain, "www.example.org")

    @given(st.binary(max_size=300))
    @settings(deadline=None)
    def test_noise(self, noise: bytes) -> None:
        """Whatever comes behind a header and the question, it is an answer or a ValueError."""
        for wire in (noise, self.asked[:2] + noise, self.asked[:2] + b"\x84\x00" + noise):
            self.tried(wire)
        for count in range(4):
            self.tried(
                self.asked[:2] + b"\x84\x00" + bytes((0, 1, 0, count, 0, count, 0, count)) + self.asked[12:33] + noise
            )

    @given(st.data())
    @settings(deadline=None)
    def test_mutations(self, data: st.DataObject) -> None:
        """Whatever is altered in a good answer, it is an answer or a ValueError."""
        records = (
            "CNAME|x.org.",
            'TXT|"a" "b"',
            'CAA|0 issue "x"',
            "NS|y.org.",
            "AAAA|2001:db8::1",
            "SOA|a. b. 1 2 3 4 5",
        )
        wire = bytearray(answer_to(self.asked, *(f"www.example.org.|{each}" for each in records)))
        for _ in range(data.draw(st.integers(1, 8))):
            wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
        self.tried(bytes(wire[: data.draw(st.integers(0, len(wire)))]))
        self.tried(bytes(wire))

    def tried(self, wire: bytes) -> None:
        """Read it."""
        with contextlib.suppress(ValueError):
            self.read(wire).chain("www.example.org")
