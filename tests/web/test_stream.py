"""A native connection that answers requests itself: what it holds, when it waits, how it ends."""

import io
import os
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.testing.asking import head_of, with_head
from couchpages.web.edge import Edge
from couchpages.web.limits import LINGER, ConnectionLimits
from couchpages.web.message import FilePart, Response
from couchpages.web.sending import CHUNK, WAITING
from couchpages.web.stream import Stream
from tests.web.native import HIGH_WATER, NativeWire, connected, send
from tests.web.test_ledger import FakeLog
from tests.web.wire import Scripted, edge_of, read_answer

LIMITS = ConnectionLimits()
LARGE = os.urandom(10**6)
#: A tick of the sweep, in each of whose four turns a quarter of the connections is looked at.
TURN = 4

#: Seconds that a reader of chunks has.
STALL_SECONDS = WAITING / 500


class Words(Stream):
    """Answers words: ``small``, ``middle``, ``large``, ``file`` and ``later``, each with an empty line behind it; ``bye`` ends."""

    waiting: "list[Deferred[Response]]"
    files: list[io.BytesIO]

    def __init__(self, edge: Edge) -> None:
        super().__init__(edge)
        self.waiting, self.files = [], []

    def serve(self, data: bytes, start: int = 0) -> None:
        """See :class:`Stream`."""
        while data:
            end = data.find(b"\r\n\r\n", start)
            start = 0
            if end < 0:
                self.hold_head(data)
                return
            self.inside = True
            self.answer(data[:end])
            self.inside = False
            data = data[end + 4 :]
            if self.busy or self.paused or self.over:
                self.hold(data)
                return

    def answer(self, word: bytes) -> None:
        """Answer one word."""
        if word == b"later":
            self.busy, self.deadline = True, float("inf")
            self.waiting.append(Deferred())
            self.waiting[-1].addCallback(self.made)
            return
        body: Any = {b"large": LARGE, b"middle": LARGE[:30_000]}.get(word, word)
        if word == b"file":
            self.files.append(io.BytesIO(LARGE))
            body = (b"<", FilePart(self.files[-1], 0, len(LARGE)), b">")
        self.give(Response(200, (), body), last=word == b"bye")

    def made(self, response: Response) -> None:
        """Send what was made later, unless nobody is there any more."""
        if self.over:
            return
        self.busy = False
        self.give(response)

    def give(self, response: Response, *, last: bool = False) -> None:
        """Send."""
        length = (b"content-length", b"%d" % response.length)
        self.respond(response.with_headers([length]), head_of("GET", "/"), 0.0, last=last)


def words(*names: str) -> bytes:
    """Write requests."""
    return b"".join(name.encode() + b"\r\n\r\n" for name in names)


class Case(SynchronousTestCase):
    """A port whose connections answer words."""

    def setUp(self) -> None:
        """Make it."""
        self.clock = Clock()
        self.metrics = Metrics()
        self.log = FakeLog()
        self.edge = self.make()

    def make(self, **limits: Any) -> Edge:
        """Make a port with other limits."""
        self.edge = edge_of(Scripted(), self.clock, self.metrics, limits=ConnectionLimits(**limits))
        self.edge.ledger._log = self.log
        return self.edge

    def connect(self, *, slow: bool = False) -> NativeWire:
        """Give a connection."""
        return connected(lambda: Words(self.edge), self.clock, slow=slow)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with its ticks."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.edge.second.tick()
            self.edge.second.stop()
        self.clock.pump([0, 0, 0])

    def bodies(self, wire: NativeWire) -> list[bytes]:
        """Read the bodies of the responses, which must be whole."""
        found, left = [], wire.sent
        while left:
            answer, left = read_answer(left, b"GET")
            found.append(answer.body)
        return found

    def drain(self, wire: NativeWire, until: Callable[[], bool]) -> None:
        """Have the reader take what is queued, until something is so."""
        for _ in range(200):
            if until():
                return
            wire.drain()
            self.clock.pump([0, 0, 0])
        self.fail("it never came to that")

    def assert_gone(self, wire: NativeWire, *, logged: int) -> None:
        """Check that nothing is left of a connection, and that every response was noted once."""
        self.assertTrue(wire.gone)
        self.assertEqual((self.edge.connections, self.clock.getDelayedCalls()), (0, []))
        self.assertTrue(all(file.closed for file in getattr(wire.protocol, "files", [])))
        self.assertEqual(len(self.log.records), logged)
        self.assertEqual(wire.late, 0)
        self.assertEqual(self.flushLoggedErrors(), [])


class SlowReaders(Case):
    """Back-pressure."""

    def test_large_content(self) -> None:
        """However large the content, from memory or from a file, and whatever is queued before it, few chunks wait for a slow reader."""
        for before in ([], ["small"], ["middle", "middle"], ["middle", "middle", "small"], ["large"]):
            for name, size in (("large", 10**6), ("file", 10**6 + 2)):
                wire = send(self.connect(slow=True), words(*before, name, "small"))
                self.drain(wire, lambda wire=wire: wire.sent.endswith(b"\r\n\r\nsmall"))  # type: ignore[misc]
                self.assertEqual([len(body) for body in self.bodies(wire)][-2:], [size, 5])
                self.assertLessEqual(wire.most_queued, 3 * CHUNK)
                wire.lose()

    def test_head_that_fills_the_transport(self) -> None:
        """Defect: where the head of a large response filled the transport, all of its body was written at once behind it."""
        for name in ("large", "file"):
            wire = self.connect(slow=True)
            send(wire, words("small", "small"))
            wire.queued = HIGH_WATER
            send(wire, words(name))
            self.assertLessEqual(wire.most_queued, 3 * CHUNK)
            self.pass_time(STALL_SECONDS - 10)
            self.assertFalse(wire.closing)
            self.drain(wire, lambda wire=wire: not wire.protocol.busy)  # type: ignore[misc]
            self.assertEqual(len(self.bodies(wire)), 3)
            wire.lose()

    def test_nothing_more_is_answered(self) -> None:
        """While its reader is slow, a connection answers no further request, holds what comes, and reads no more of it than a head's."""
        wire = send(self.connect(slow=True), words(*["middle"] * 10))
        self.assertEqual(len(self.bodies(wire)), 3)
        for _ in range(40):
            send(wire, words("small", *["x" * 1000]))
        self.assertEqual(len(self.bodies(wire)), 3)
        self.assertFalse(wire.reading)
        self.assertLess(len(wire.protocol.held), LIMITS.head.size + 300_000)
        self.drain(wire, lambda: len(self.bodies(wire)) == 90)
        self.assertTrue(wire.reading)
        self.assertEqual(self.bodies(wire)[:12], [LARGE[:30_000]] * 10 + [b"small", b"x" * 1000])
        wire.drain()
        wire.lose()
        self.assert_gone(wire, logged=90)

    def test_much_at_once(self) -> None:
        """What came in one piece and is more than a head's pauses reading too."""
        wire = send(self.connect(slow=True), words(*["middle"] * 4, *["small"] * 10_000))
        self.assertFalse(wire.reading)

    def test_slow_but_reading(self) -> None:
        """Defect: who read ready answers slowly, but as fast as readers must, was cut off after the idle time or the linger."""
        for requests in (3, 1000):
            self.make(requests_per_connection=requests)
            wire = send(self.connect(slow=True), words("middle", "middle", "middle"))
            self.assertTrue(wire.pausing)
            self.pass_time(90_000 / LIMITS.write_rate)
            self.assertFalse(wire.closing)
            wire.drain()
            self.assertEqual(len(self.bodies(wire)), 3)
            wire.lose()

    def test_stopped(self) -> None:
        """Who reads nothing is given up, whatever it was that was not read, with files and timers let go of."""
        for names, asked in (
            (["middle"] * 5, False),
            (["large"], False),
            (["file"], False),
            (["middle", "middle", "bye"], True),
        ):
            self.log.records.clear()
            wire = send(self.connect(slow=True), words(*names))
            self.pass_time(STALL_SECONDS + LINGER + TURN + 1)
            self.assertTrue(wire.aborted, names)
            self.assert_gone(wire, logged=3 if names[0] == "middle" else 1)
            self.assertEqual(wire.protocol.over, True)
            del asked

    def test_stopped_below_the_mark(self) -> None:
        """Defect: a connection that was closed, idle or by the other end, with a little unsent, and not read from, stayed for ever."""
        for end in (False, True):
            self.log.records.clear()
            wire = send(self.connect(slow=True), words("middle"))
            self.assertFalse(wire.pausing)
            if end:
                wire.end()
            self.pass_time(LIMITS.idle + TURN)
            self.assertTrue(wire.closing)
            self.pass_time(LINGER + 30_200 / LIMITS.write_rate + TURN)
            self.assertTrue(wire.aborted)
            self.assert_gone(wire, logged=1)

    def test_last_answer_to_a_slow_reader(self) -> None:
        """Defect: after the last answer of a connection the reader had the linger's five seconds for all of it."""
        self.make(requests_per_connection=2)
        for read in (True, False):
            wire = send(self.connect(slow=True), words("middle", "middle", "small"))
            self.assertTrue(wire.half_closed)
            self.pass_time(LINGER + TURN + 10)
            self.assertFalse(wire.closing)
            if read:
                wire.drain()
                wire.end()
                self.clock.pump([0, 0])
                self.assertEqual((wire.gone, wire.aborted), (True, False))
            else:
                self.pass_time(130)
                self.assertTrue(wire.aborted)
            self.assertEqual(len(self.bodies(wire)), 2)

    def test_end_of_input_while_paused(self) -> None:
        """Who closes the sending half and reads slowly gets everything, and then the end, also where we are lingering."""
        for requests, whole in ((1000, 6), (4, 4), (3, 3)):
            self.make(requests_per_connection=requests)
            wire = send(self.connect(slow=True), words(*["middle"] * 6))
            wire.end()
            self.drain(wire, lambda wire=wire: wire.gone)  # type: ignore[misc]
            self.assertEqual((len(self.bodies(wire)), wire.aborted), (whole, False))


class Timeouts(Case):
    """Time-outs, which the sweep notices within a few ticks."""

    def test_idle(self) -> None:
        """An idle connection is closed without a word, and not before its time."""
        wire = send(self.connect(), words("small"))
        self.pass_time(LIMITS.idle - 1)
        self.assertFalse(wire.closing)
        self.pass_time(1 + TURN)
        self.assertEqual((self.bodies(wire), wire.aborted), ([b"small"], False))
        self.assert_gone(wire, logged=1)

    def test_never_a_byte(self) -> None:
        """Who connects and sends nothing is let go of in the time for a head, without a word."""
        wire = self.connect()
        self.pass_time(LIMITS.head_time + TURN)
        self.assertEqual(wire.sent, b"")
        self.assert_gone(wire, logged=0)

    def test_head_that_does_not_end(self) -> None:
        """A head that was begun gets 408, and a moment to read it: we half-close, linger, and go."""
        wire = send(self.connect(), words("small"))
        self.pass_time(60)
        send(wire, b"beg")
        self.pass_time(LIMITS.head_time - 1)
        self.assertEqual(len(self.bodies(wire)), 1)
        self.pass_time(1 + TURN)
        answer, _ = read_answer(wire.sent[wire.sent.index(b"HTTP/1.1 408") :], b"GET")
        self.assertEqual((answer.status, answer.fields[b"connection"]), (408, b"close"))
        self.assertEqual((wire.half_closed, wire.closing), (True, False))
        send(wire, b"more\r\n\r\n")
        self.pass_time(LINGER + TURN)
        self.assert_gone(wire, logged=2)
        self.assertEqual(self.metrics.responses.labels("test").counts[408], 1)

    def test_head_a_byte_at_a_time(self) -> None:
        """Defect: a head that came a byte now and then held its connection for days. Later heads have time of their own."""
        wire = self.connect()
        for _ in range(3):
            send(wire, b"sma")
            self.pass_time(LIMITS.head_time - TURN - 1)
            send(wire, b"ll\r\n", b"\r\n")
        self.assertEqual(self.bodies(wire), [b"small"] * 3)
        for _ in range(10):
            send(wire, b"x")
            self.pass_time(LIMITS.head_time / 4)
        self.assertIn(b"HTTP/1.1 408", wire.sent)

    def test_head_behind_an_answer(self) -> None:
        """A head that begins in the piece that ends another has its own time."""
        wire = send(self.connect(), b"sma")
        self.pass_time(LIMITS.head_time - TURN)
        send(wire, b"ll\r\n\r\nsma")
        self.pass_time(LIMITS.head_time - TURN)
        send(wire, b"ll\r\n\r\n")
        self.assertEqual(self.bodies(wire), [b"small"] * 2)

    def test_busy(self) -> None:
        """While an answer is being made, no time runs; a head that waits behind it gets its time when it is its turn."""
        wire = send(self.connect(), words("later") + b"sma")
        self.pass_time(1000)
        wire.protocol.waiting[0].callback(Response(200, (), b"made"))
        self.pass_time(LIMITS.head_time - TURN)
        send(wire, b"ll\r\n\r\n")
        self.assertEqual(self.bodies(wire), [b"made", b"small"])

    def test_long_download(self) -> None:
        """A download takes as long as it takes, and then the connection is idle."""
        wire = send(self.connect(slow=True), words("file"))
        for _ in range(20):
            self.pass_time(100)
            wire.drain()
        self.assertEqual(len(self.bodies(wire)), 1)
        self.pass_time(LIMITS.idle + TURN)
        self.drain(wire, lambda: wire.gone)
        self.assert_gone(wire, logged=1)


class Losses(Case):
    """Connections that are lost."""

    def test_in_the_middle_of_everything(self) -> None:
        """Whatever was under way: it is let go of, noted once, and no failure is logged, also when the answer comes later."""
        for names, logged in (
            ([], 0), (["small"], 1), (["large"], 1), (["file"], 1), (["small", "file", "small"], 2), (["later"], 0), (["bye"], 1),
            (["middle"] * 5, 3), (["small", "later", "small"], 1),
        ):  # fmt: skip
            for error in (None, ConnectionResetError("reset")):
                self.log.records.clear()
                wire = send(self.connect(slow=True), words(*names), b"beg")
                wire.lose(error)
                self.assert_gone(wire, logged=logged)
                self.pass_time(1)
                self.assert_gone(wire, logged=logged)

    def test_bytes_of_a_download(self) -> None:
        """What is noted of a download that was cut short is what was handed to the transport."""
        wire = send(self.connect(slow=True), words("file"))
        wire.drain()
        wire.lose()
        head, _, body = wire.sent.partition(b"\r\n\r\n")
        self.assertIn(b"content-length: 1000002", head)
        self.assertEqual(self.log.records[0][4], len(body))

    def test_shortened_file(self) -> None:
        """A file that becomes shorter breaks the connection, so that nobody takes a part for the whole."""
        wire = send(self.connect(slow=True), words("file", "small"))
        wire.protocol.files[0].truncate(CHUNK)
        self.drain(wire, lambda: wire.aborted)
        self.clock.pump([0])
        self.assert_gone(wire, logged=1)

    def test_cut(self) -> None:
        """It can be cut at any moment."""
        for names in ([], ["small"], ["file"], ["later"], ["bye"]):
            wire = send(self.connect(slow=True), words(*names))
            wire.protocol.abort()
            self.clock.pump([0])
            self.assertTrue(wire.gone)
        self.assertEqual((self.edge.connections, self.clock.getDelayedCalls()), (0, []))


class Finishing(Case):
    """Closing a connection when it is no longer needed."""

    def test_idle(self) -> None:
        """One that waits is closed at once, also one in the middle of a head."""
        for data in (b"", words("small"), b"beg"):
            wire = send(self.connect(), data)
            wire.protocol.finish()
            self.clock.pump([0])
            self.assertTrue(wire.gone)

    def test_before_the_answer(self) -> None:
        """The answer under way says that it is the last; what waits behind it is not answered."""
        wire = send(self.connect(), words("later", "small"))
        wire.protocol.finish()
        self.assertFalse(wire.closing)
        wire.protocol.waiting[0].callback(Response(200, (), b"made"))
        self.assertEqual(self.bodies(wire), [b"made"])
        self.assertIn(b"\r\nconnection: close\r\n", wire.sent)
        self.assertTrue(wire.half_closed)

    def test_while_sending(self) -> None:
        """Defect: a connection whose body was being sent went on after it, and was cut only when patience ended."""
        for names, whole in ((["file", "small"], 1), (["middle"] * 4, 3)):
            wire = send(self.connect(slow=True), words(*names))
            wire.protocol.finish()
            self.drain(wire, lambda wire=wire: wire.half_closed)  # type: ignore[misc]
            wire.drain()
            wire.end()
            self.clock.pump([0, 0])
            self.assertEqual((len(self.bodies(wire)), wire.gone, wire.aborted), (whole, True, False))

    def test_lingering(self) -> None:
        """One that lingers goes on to: a reset would take the last answer away."""
        self.make(requests_per_connection=1)
        wire = send(self.connect(), words("small"))
        wire.protocol.finish()
        self.clock.pump([0])
        self.assertEqual((wire.half_closed, wire.closing), (True, False))


class Answering(Case):
    """How responses are written."""

    def test_head_request(self) -> None:
        """HEAD gets the head alone, and the file is closed."""
        wire = self.connect()
        file = io.BytesIO(LARGE)
        response = Response(200, ((b"content-length", b"1000000"),), (FilePart(file, 0, len(LARGE)),))
        wire.protocol.respond(response, with_head(head_of("GET", "/"), method=b"HEAD"), 0.0, last=False)
        self.assertTrue(wire.sent.endswith(b"content-length: 1000000\r\n\r\n"))
        self.assertTrue(file.closed)
        self.assertEqual(self.log.records[0][4], 0)

    def test_half_closed_by_the_client(self) -> None:
        """Requests that came before the end of input are answered, however they are answered, and then the end follows."""
        for names in (
            ["small"],
            ["later", "small"],
            ["later", "small", "small"],
            ["later", "file", "small", "later", "middle"],
            ["bye"],
        ):
            wire = send(self.connect(), words(*names))
            wire.end()
            for _ in range(5):
                for waiting in wire.protocol.waiting:
                    if not waiting.called:
                        waiting.callback(Response(200, (), b"made"))
            self.clock.pump([0, 0])
            self.assertEqual(len(self.bodies(wire)), len(names))
            self.assertEqual((wire.gone, wire.aborted, wire.late), (True, False, 0), names)

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(
            st.one_of(
                st.sampled_from(["small", "middle", "large", "file", "later", "part", "bye"]).map(
                    lambda word: ("send", word)
                ),
                st.sampled_from(["drain", "make", "end", "lose", "finish"]).map(lambda what: (what, "")),
                st.sampled_from(["1", "40", "100"]).map(lambda seconds: ("pass", seconds)),
            ),
            max_size=25,
        ),
        st.booleans(),
        st.integers(1, 6),
    )
    def test_any_story(self, story: list[tuple[str, str]], slow: bool, requests: int) -> None:
        """Whatever happens, answers are whole and in order, nothing is written behind the end, little is queued, and nothing is left."""
        self.make(requests_per_connection=requests)
        self.log.records.clear()
        wire = self.connect(slow=slow)
        asked: list[bytes] = []
        for what, more in story:
            self.live(wire, asked, what, more)
            self.clock.pump([0, 0])
            self.assertLessEqual(wire.most_queued, 3 * CHUNK)
        self.assertEqual(wire.late, 0)
        sizes = {b"large": LARGE, b"middle": LARGE[:30_000], b"file": b"<" + LARGE + b">"}
        whole = b"".join(sizes.get(word, word) for word in asked if word != b"end")
        got = b"".join(parts_of(wire.sent))
        self.assertTrue(whole.startswith(got), (story, len(got)))
        wire.lose()
        self.make_all(wire)
        self.assertEqual((self.edge.connections, self.clock.getDelayedCalls()), (0, []))
        self.assertTrue(all(file.closed for file in wire.protocol.files))
        self.assertEqual(self.flushLoggedErrors(), [])

    def live(self, wire: NativeWire, asked: list[bytes], what: str, more: str) -> None:
        """Let one thing happen; *asked* are the words sent, and ``end`` at the end of input."""
        if what in ("send", "end") and (wire.is_closing() or asked[-1:] == [b"end"]):
            return
        match what:
            case "send":
                pieces = [b"sm", b"all\r\n\r\n"] if more == "part" else [words(more)]
                asked.append(b"small" if more == "part" else more.encode())
                send(wire, *pieces)
            case "end":
                asked.append(b"end")
                wire.end()
            case "make":
                self.make_all(wire)
            case "finish":
                wire.protocol.finish()
            case "pass":
                self.pass_time(int(more))
            case "drain":
                wire.drain()
            case "lose":
                wire.lose()

    def make_all(self, wire: NativeWire) -> None:
        """Make the answers that come later."""
        for waiting in wire.protocol.waiting:
            if not waiting.called:
                waiting.callback(Response(200, (), b"later"))


def parts_of(sent: bytes) -> list[bytes]:
    """Give the bodies of the answers to words, as much as came of the last."""
    found = []
    while sent:
        head, _, rest = sent.partition(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if b"408" not in head.partition(b"\r\n")[0]:
            found.append(rest[:length])
        sent = rest[length:]
    return found
