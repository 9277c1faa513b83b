"""A TCP connection on which questions come: pipelining, pieces, ends, slow readers, limits."""

from collections.abc import Iterable
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.responder import Responder
from couchpages.dns.stream import AT_ONCE, ENOUGH, QUESTION, Listening, Stream
from couchpages.web.census import Census
from couchpages.web.connections import Connections
from couchpages.web.second import Second
from tests.dns.messages import COOKIE, TXT, A, asking, message, opt, option
from tests.dns.reading import Answer, name, over_tcp
from tests.web.native import HIGH_WATER, NativeWire, connected

IDLE = 10.0
#: Whole answers to it have 1,600 octets.
LARGE = asking(name("longer"), TXT)
SMALL = asking(name("www"))


def framed(*questions: bytes) -> bytes:
    """Put each one's length before it."""
    return b"".join(len(each).to_bytes(2, "big") + each for each in questions)


def numbered(data: bytes, count: int) -> list[bytes]:
    """Give a question as often, with ids from 0 on."""
    return [number.to_bytes(2, "big") + data[2:] for number in range(count)]


def answers(sent: bytes) -> list[bytes]:
    """Read what was sent, which must be whole."""
    found, at = [], 0
    while at < len(sent):
        end = at + 2 + int.from_bytes(sent[at : at + 2], "big")
        assert end <= len(sent), "not whole"
        found.append(sent[at + 2 : end])
        at = end
    return found


def ids(sent: bytes) -> list[int]:
    """Read the ids of what was sent."""
    return [int.from_bytes(each[:2], "big") for each in answers(sent)]


class Case(SynchronousTestCase):
    """A port on which connections come."""

    def setUp(self) -> None:
        """Listen."""
        self.clock = Clock()
        self.listen()

    def listen(self, most: int = 100, each: int = 50) -> None:
        """Listen with limits."""
        self.second = Second(self.clock, self.clock.seconds)
        self.responder: Responder = over_tcp()
        self.connections = Connections(self.clock, self.second, Census(most, each))
        self.listening = Listening(self.clock, self.responder, self.connections, self.second, IDLE)

    def connect(self, address: str = "192.0.2.1", *, slow: bool = False) -> NativeWire:
        """Connect."""
        return connected(lambda: Stream(self.listening), self.clock, address=address, slow=slow)

    def send(self, wire: NativeWire, *pieces: bytes) -> NativeWire:
        """Send pieces, and let the reactor turn until it has nothing to do."""
        for piece in pieces:
            wire.receive(piece)
        return self.turn(wire)

    def turn(self, wire: NativeWire, most: int = 1000) -> NativeWire:
        """Let the reactor turn until it has nothing to do."""
        for _ in range(most):
            if not any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
                return wire
            self.clock.advance(0)
        raise AssertionError("it never rests")

    def pass_time(self, seconds: int) -> None:
        """Let time pass, with its ticks."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.second.tick()
            self.second.stop()
        self.clock.pump([0, 0, 0])


class Answering(Case):
    """Questions and their answers."""

    def test_one(self) -> None:
        """A question is answered with the length before the answer, and the connection stays (RFC 7766 section 6.2.1)."""
        wire = self.connect()
        for _ in range(3):
            before = len(wire.sent)
            self.send(wire, framed(SMALL))
            (data,) = answers(wire.sent[before:])
            self.assertEqual(Answer.of(data).lines(), ["www.example. 60 A 192.0.2.1"])
        self.assertFalse(wire.is_closing())
        self.assertEqual(self.responder.tally.ready, 2)

    def test_pipelined(self) -> None:
        """1,000 questions at once are answered in their order, with a turn for others after each lot."""
        asked: list[bytes] = []
        answer = self.responder.answer

        def noted(data: bytes) -> bytes | None:
            asked.append(data)
            return answer(data)

        self.patch(self.responder, "answer", noted)
        wire, other = self.connect(), self.connect()
        wire.receive(framed(*numbered(SMALL, 1000)))
        other.receive(framed(b"\xff\xff" + SMALL[2:]))
        self.turn(wire)
        self.assertEqual(asked.index(b"\xff\xff" + SMALL[2:]), AT_ONCE)
        self.assertEqual(len(answers(other.sent)), 1)
        self.turn(wire)
        self.assertEqual(ids(wire.sent), list(range(1000)))
        self.assertTrue(wire.reading)

    def test_large_ones_pipelined(self) -> None:
        """While many questions wait for their turn nothing more is read."""
        wire = self.connect()
        wire.receive(framed(*numbered(LARGE, 1000)))
        self.assertTrue(wire.reading)
        wire.receive(framed(*numbered(LARGE, 3000)[1000:]))
        self.assertFalse(wire.reading)
        self.turn(wire)
        self.assertEqual((ids(wire.sent), wire.reading), (list(range(3000)), True))

    @settings(deadline=None, max_examples=50)
    @given(st.lists(st.integers(1, 40), min_size=1, max_size=40), st.integers(1, 80))
    def test_any_pieces(self, sizes: list[int], count: int) -> None:
        """However the octets are cut, byte by byte too, the answers are the same."""
        self.setUp()
        data = framed(*numbered(SMALL, count))
        wire = self.connect()
        at = turn = 0
        while at < len(data):
            size = sizes[turn % len(sizes)]
            self.send(wire, data[at : at + size])
            at, turn = at + size, turn + 1
        self.assertEqual(ids(wire.sent), list(range(count)))

    def test_byte_by_byte(self) -> None:
        """A question that comes octet by octet is answered with its last one and not before."""
        wire = self.connect()
        data = framed(SMALL)
        for byte in data[:-1]:
            self.send(wire, bytes([byte]))
        self.assertEqual(wire.sent, b"")
        self.send(wire, data[-1:])
        self.assertEqual(len(answers(wire.sent)), 1)

    def test_faults_are_answered(self) -> None:
        """Questions with faults get their codes, and the connection stays for the next ones."""
        wire = self.connect()
        cookie_only = message(opt(1232, option(COOKIE, bytes(8))), counts=(0, 0, 0, 1))
        self.send(wire, framed(SMALL + b"x", message(bits=0x2800), cookie_only, SMALL))
        self.assertEqual([data[3] & 0xF for data in answers(wire.sent)], [1, 4, 0, 0])
        self.assertFalse(wire.is_closing())

    def test_largest(self) -> None:
        """A question of as many octets as are read is answered."""
        room = QUESTION - len(asking(name("www"), A, opt(1232, option(65001))))
        wire = self.send(self.connect(), framed(asking(name("www"), A, opt(1232, option(65001, bytes(room))))))
        self.assertEqual(Answer.of(answers(wire.sent)[0]).rcode, "NOERROR")


class Ending(Case):
    """How connections end."""

    def assert_closed_after(self, count: int, *pieces: bytes) -> None:
        """Assert that a connection is closed when *count* questions are answered."""
        wire = self.send(self.connect(), *pieces)
        self.assertEqual((len(answers(wire.sent)), wire.gone, wire.aborted, wire.late), (count, True, False, 0))
        self.assertEqual(len(self.connections), 0)

    def test_garbage(self) -> None:
        """What is too short, or an answer, ends the connection, behind the answers to what came before; what is too long, with its code."""
        for garbage, count_ in (
            ((QUESTION + 1).to_bytes(2, "big") + asking(bits=0x2800), 1),
            (b"\xff\xff" + bytes(12), 1),
            (b"GET / HTTP/1.1\r\n\r\n", 1),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(20), 1),
            (b"\xff\xff" + asking(bits=0x8000), 0),
            (framed(b""), 0),
            (framed(b"x" * 11), 0),
            (framed(asking(bits=0x8000)), 0),
        ):
            self.assert_closed_after(count_, garbage)
            self.assert_closed_after(2 + count_, framed(SMALL, SMALL) + garbage + framed(SMALL))
            self.assert_closed_after(1 + count_, framed(SMALL), garbage, framed(SMALL))

    def test_garbage_behind_a_lot(self) -> None:
        """The same where it comes behind what is answered in one go."""
        self.assert_closed_after(3 * AT_ONCE, framed(*[SMALL] * 3 * AT_ONCE) + framed(b""))

    def test_half_closed(self) -> None:
        """Who closes his half gets the answers to all that he asked, then the connection is closed (RFC 7766 section 6.2.4)."""
        for count in (0, 1, AT_ONCE, 500):
            for rest in (b"", b"\0", framed(SMALL)[:-1]):
                wire = self.connect()
                wire.receive(framed(*numbered(SMALL, count)) + rest)
                wire.end()
                self.turn(wire)
                self.assertEqual((ids(wire.sent), wire.gone, wire.aborted), (list(range(count)), True, False))
        self.assertEqual(len(self.connections), 0)

    def test_half_closed_and_slow(self) -> None:
        """Also who reads slowly, and closed his half long before."""
        wire = self.connect(slow=True)
        wire.receive(framed(*numbered(LARGE, 300)))
        wire.end()
        for _ in range(100):
            self.turn(wire)
            wire.drain()
        self.turn(wire)
        self.assertEqual((ids(wire.sent), wire.gone), (list(range(300)), True))

    def test_lost(self) -> None:
        """A connection that is lost in the middle is let go, and nothing is written to it afterwards."""
        wire = self.connect()
        wire.receive(framed(*numbered(SMALL, 500)))
        wire.lose(ConnectionResetError())
        self.turn(wire)
        self.assertEqual((wire.sent, wire.late, len(self.connections)), (b"", 0, 0))

    def test_idle(self) -> None:
        """Who asks nothing for the time of idling is cut; a question that begins and does not end makes no difference."""
        silent, dripping, asking_ = (self.connect() for _ in range(3))
        for second in range(int(IDLE) + 3):
            self.send(dripping, framed(SMALL)[second : second + 1])
            self.send(asking_, framed(SMALL))
            self.pass_time(1)
        self.pass_time(4)
        self.assertEqual((silent.gone, dripping.gone, asking_.gone), (True, True, False))
        self.pass_time(int(IDLE) + 4)
        self.assertEqual((asking_.gone, len(self.connections)), (True, 0))

    def test_nothing_is_left(self) -> None:
        """When all are gone, no call is left for later."""
        for _ in range(5):
            self.send(self.connect(), framed(*[SMALL] * 100)).lose()
        self.turn(self.connect()).lose()
        self.assertEqual((self.clock.getDelayedCalls(), len(self.connections)), ([], 0))


class Slow(Case):
    """Who does not take the answers."""

    def test_no_more_than_the_buffer(self) -> None:
        """Of 2,000 large answers that nobody reads, hardly more than the transport's buffer is made; when it drains, all come in order."""
        wire = self.connect(slow=True)
        many = 2_000
        questions = numbered(LARGE, many)
        for begin in range(0, many, 100):
            wire.receive(framed(*questions[begin : begin + 100]))
        self.turn(wire)
        self.assertLess(wire.most_queued, HIGH_WATER + ENOUGH + 4000)
        self.assertFalse(wire.reading)
        while wire.queued:
            wire.drain()
            self.turn(wire)
        self.assertLess(wire.most_queued, HIGH_WATER + ENOUGH + 4000)
        self.assertEqual(ids(wire.sent), list(range(many)))

    def test_who_takes_nothing(self) -> None:
        """Who takes nothing for the time of idling is cut."""
        wire = self.connect(slow=True)
        self.send(wire, framed(*numbered(LARGE, 1000)))
        self.pass_time(int(IDLE) + 4)
        self.assertEqual((wire.aborted, wire.gone, len(self.connections)), (True, True, 0))

    def test_who_takes_nothing_at_the_end(self) -> None:
        """Also where the connection is to be closed as soon as that is taken."""
        wire = self.connect(slow=True)
        self.send(wire, framed(SMALL), framed(b""))
        self.assertEqual((wire.closing, wire.gone), (True, False))
        self.pass_time(int(IDLE) + 4)
        self.assertEqual((wire.gone, len(self.connections)), (True, 0))

    def test_told_to_pause_while_it_is_cut(self) -> None:
        """A transport that pauses, goes on, and is lost in one turn is not written to."""
        wire = self.connect(slow=True)
        self.send(wire, framed(*numbered(LARGE, 200)))
        wire.drain()
        wire.lose()
        self.turn(wire)
        self.assertEqual(wire.late, 0)


class Many(Case):
    """More than there may be."""

    def test_from_one_address(self) -> None:
        """Beyond the limit of an address its next are cut at once, and nothing of them is read; others come in."""
        self.listen(each=2)
        wires = [self.connect() for _ in range(3)]
        self.send(wires[2], framed(SMALL))
        self.assertEqual([wire.aborted for wire in wires], [False, False, True])
        self.assertEqual((wires[2].sent, len(self.connections)), (b"", 2))
        self.assertFalse(self.connect("192.0.2.2").aborted)
        wires[0].lose()
        self.assertFalse(self.connect().aborted)

    def test_one_network(self) -> None:
        """IPv6 addresses of one network of 64 bits are one subscriber's."""
        self.listen(each=1)
        self.assertEqual(
            [self.connect(f"2001:db8:0:{network}::{host}").aborted for network, host in ((1, 1), (1, 2), (2, 1))],
            [False, True, False],
        )

    def test_room_is_made(self) -> None:
        """Beyond the limit in all, who has idled longest goes for the newcomer, who is answered."""
        self.listen(most=3)
        wires = []
        for number in range(3):
            wires.append(self.connect(f"192.0.2.{number}"))
            self.pass_time(1)
        self.send(wires[0], framed(SMALL))
        newcomer = self.connect("192.0.2.99")
        self.send(newcomer, framed(SMALL))
        self.assertEqual([wire.aborted for wire in wires], [False, True, False])
        self.assertEqual((len(answers(newcomer.sent)), len(self.connections)), (1, 3))

    def test_nobody_goes_where_all_are_busy(self) -> None:
        """Where all have answers under way, the newcomer is cut."""
        self.listen(most=2)
        wires = [self.connect(slow=True) for _ in range(2)]
        for wire in wires:
            self.send(wire, framed(*numbered(LARGE, 200)))
        newcomer = self.connect("192.0.2.99")
        self.turn(newcomer)
        self.assertEqual([wire.aborted for wire in (*wires, newcomer)], [False, False, True])
        self.assertEqual(len(self.connections), 2)


class Draining(Case):
    """When the node stops."""

    def drain(self, patience: float) -> "Deferred[None]":
        """Stop."""
        return Deferred.fromCoroutine(cast("Any", self.listening.drain(patience)))

    def closed(self, wires: Iterable[NativeWire]) -> list[bool]:
        """Tell which are gone."""
        return [wire.gone for wire in wires]

    def test_idle_ones(self) -> None:
        """Idle connections are closed at once."""
        wires = [self.connect() for _ in range(3)]
        self.send(wires[0], framed(SMALL))
        done = self.drain(5)
        self.clock.pump([0, 0.05, 0.05])
        self.successResultOf(done)
        self.assertEqual(self.closed(wires), [True] * 3)

    def test_answers_under_way(self) -> None:
        """Answers that are written are sent whole; who does not take them is cut after a while."""
        reader, idler = (self.connect(slow=True) for _ in range(2))
        for wire in (reader, idler):
            self.send(wire, framed(*numbered(LARGE, 20)))
        done = self.drain(1)
        self.clock.pump([0.05] * 3)
        self.assertNoResult(done)
        reader.drain()
        self.clock.pump([0.05] * 30)
        self.successResultOf(done)
        self.assertEqual((ids(reader.sent), reader.aborted, idler.aborted), (list(range(20)), False, True))
