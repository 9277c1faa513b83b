"""Connections that twisted.web answers, on asyncio's transports."""

import io
import os
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.web.handed_over import HandedOver
from couchpages.web.limits import ConnectionLimits
from couchpages.web.message import FilePart, Response
from couchpages.web.problem import Problem
from couchpages.web.sending import CHUNK, WAITING
from couchpages.web.server import LINGER_SECONDS
from tests.web.native import HIGH_WATER, NativeWire, connected, send
from tests.web.wire import Scripted, edge_of, read_answer

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
PUT = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"

#: Seconds that a reader of chunks has.
STALL_SECONDS = WAITING / 500


class HandedOverTests(SynchronousTestCase):
    """``HandedOver``."""

    def setUp(self) -> None:
        """Begin."""
        self.clock = Clock()
        self.metrics = Metrics()

    def connect(self, application: Scripted, *, slow: bool = False) -> NativeWire:
        """Connect to a port that serves *application*."""
        self.edge = edge_of(application, self.clock, self.metrics)
        return connected(partial(HandedOver, self.edge), self.clock, slow=slow)

    def statuses(self, wire: NativeWire) -> list[int]:
        """Give the statuses of the responses, which must be whole."""
        found, left = [], wire.sent
        while left:
            answer, left = read_answer(left, b"GET")
            found.append(answer.status)
        return found

    def assert_gone(self, wire: NativeWire) -> None:
        """Check that nothing is left."""
        self.assertTrue(wire.gone)
        self.assertEqual((self.edge.connections, self.clock.getDelayedCalls(), wire.late), (0, [], 0))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_requests(self) -> None:
        """Requests with bodies and without are answered in order, and the peer is known."""
        application = Scripted()
        wire = send(self.connect(application), PUT + b"abc" + GET, GET)
        self.assertEqual(self.statuses(wire), [200] * 3)
        self.assertEqual(application.heads[0].peer, "192.0.2.1")
        self.assertEqual(application.bodies[0].content, b"abc")
        wire.lose()
        self.assert_gone(wire)

    def test_requests_per_connection(self) -> None:
        """Defect: the limit held only for what is answered natively. The last answer says that the connection ends with it."""
        self.edge = edge_of(Scripted(), self.clock, self.metrics, limits=ConnectionLimits(requests_per_connection=3))
        wire = send(connected(partial(HandedOver, self.edge), self.clock), GET * 5)
        self.clock.pump([0] * 5)
        self.assertEqual(self.statuses(wire), [200] * 3)
        self.assertEqual(wire.sent.lower().count(b"connection: close"), 1)
        self.assertTrue(wire.closing or wire.half_closed)

    def test_many_in_one_piece(self) -> None:
        """Defect: thousands of requests in one piece held everybody else up; others have their turn between some dozens of them."""
        wire = self.connect(Scripted())
        wire.protocol.data_received(GET * 1000)
        at_once = len(self.statuses(wire))
        self.assertLess(at_once, 200)
        self.clock.pump([0] * 50)
        self.assertEqual(self.statuses(wire), [200] * 1000)

    def test_reads_no_more_than_it_hands_on(self) -> None:
        """Defect: while requests were pending more was read, many times as much as was handed on."""
        wire = self.connect(Scripted())
        wire.protocol.data_received(GET * 1000)
        self.assertFalse(wire.reading)
        self.clock.pump([0] * 50)
        self.assertTrue(wire.reading)
        self.assertEqual(self.statuses(wire), [200] * 1000)

    def test_end_behind_many(self) -> None:
        """An end of input that comes while requests are pending is heard behind them."""
        wire = self.connect(Scripted())
        wire.protocol.data_received(GET * 500)
        wire.protocol.eof_received()
        self.assertFalse(wire.closing)
        self.clock.pump([0] * 50)
        self.assertEqual(self.statuses(wire), [200] * 500)
        self.assertTrue(wire.gone)

    def test_slow_reader(self) -> None:
        """A slow reader of a large response costs few chunks, also where the head alone filled the transport."""
        content = os.urandom(10**6)
        for queued in (0, HIGH_WATER):
            for body in (content, (FilePart(io.BytesIO(content), 0, 10**6),)):
                wire = self.connect(Scripted(lambda *_, body=body: Response(200, (), body)), slow=True)
                wire.queued = queued
                send(wire, GET)
                while wire.pausing:
                    wire.drain()
                answer, left = read_answer(wire.sent, b"GET")
                self.assertEqual((answer.body, left), (content, b""))
                self.assertLessEqual(wire.most_queued, 3 * CHUNK)
                wire.lose()
                self.assert_gone(wire)

    def test_slow_reader_of_several(self) -> None:
        """Defect: a large response behind others that filled the transport already was written at once, however large."""
        content = os.urandom(10**6)
        wire = self.connect(Scripted(lambda head, _: Response(200, (), content[: int(head.target[1:])])), slow=True)
        send(wire, b"".join(GET.replace(b"/ ", b"/%d " % size) for size in (60_000, 60_000, 10**6)))
        self.assertLessEqual(wire.most_queued, 3 * CHUNK)
        while wire.pausing:
            wire.drain()
        self.assertEqual(self.statuses(wire), [200] * 3)
        self.assertLessEqual(wire.most_queued, 3 * CHUNK)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with its ticks."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.edge.second.tick()
            self.edge.second.stop()
        self.clock.pump([0, 0])

    def test_many_requests_and_nothing_read(self) -> None:
        """Defect: who sent hundreds of requests at once and read nothing had all the answers in our memory, 36 MB for 16 KiB."""
        wire = self.connect(Scripted(lambda *_: Response(200, (), bytes(60_000))), slow=True)
        send(wire, GET * 300)
        self.assertLessEqual(wire.most_queued, 3 * CHUNK)
        self.assertFalse(wire.protocol.waits)
        for _ in range(300):
            wire.drain()
            self.pass_time(10)
        self.assertEqual(self.statuses(wire), [200] * 300)
        self.assertLessEqual(wire.most_queued, 3 * CHUNK)
        self.pass_time(self.edge.limits.idle)
        wire.drain()
        self.clock.pump([0, 0])
        self.assert_gone(wire)

    def test_many_requests_and_nothing_read_ever(self) -> None:
        """And is cut after the time that readers have, as is who closes or asks for the end with something unsent and reads no more."""
        body = bytes(60_000)
        for data, end in (
            (GET * 10, False),
            (GET * 10, True),
            (GET, True),
            (GET.replace(b"Host", b"Connection: close\r\nHost"), False),
        ):
            wire = send(self.connect(Scripted(lambda *_: Response(200, (), body)), slow=True), data)
            if end:
                wire.end()
            self.pass_time(70)
            self.assertFalse(wire.gone)
            self.pass_time(260)
            self.assertTrue(wire.aborted)
            self.assert_gone(wire)

    def test_end_of_many(self) -> None:
        """Requests that wait for their reader are answered, and then the connection ends, if the input had."""
        wire = send(self.connect(Scripted(lambda *_: Response(200, (), bytes(60_000))), slow=True), GET * 10)
        wire.end()
        while not wire.gone:
            wire.drain()
            self.clock.pump([0, 0])
        self.assertEqual((self.statuses(wire), wire.aborted), ([200] * 10, False))
        self.assert_gone(wire)

    def test_lost_while_its_reader_is_slow(self) -> None:
        """A connection that is lost with requests that wait leaves nothing."""
        wire = send(self.connect(Scripted(lambda *_: Response(200, (), bytes(60_000))), slow=True), GET * 10)
        wire.lose()
        self.assert_gone(wire)

    def test_reader_that_stopped(self) -> None:
        """Who reads nothing is cut, and the file is closed."""
        file = io.BytesIO(bytes(10**6))
        wire = send(self.connect(Scripted(lambda *_: Response(200, (), (FilePart(file, 0, 10**6),))), slow=True), GET)
        self.clock.advance(STALL_SECONDS)
        self.clock.pump([0, 0])
        self.assertTrue(wire.aborted)
        self.assertTrue(file.closed)
        self.assert_gone(wire)

    def test_lost(self) -> None:
        """A connection may be lost at any moment: while a body comes, an answer is made or sent, and in between."""
        files: list[io.BytesIO] = []
        waiting: list[Deferred[Response]] = []

        def later(*_: Any) -> Any:
            waiting.append(Deferred())
            return waiting[-1]

        def download(*_: Any) -> Response:
            files.append(io.BytesIO(bytes(10**6)))
            return Response(200, (), (FilePart(files[-1], 0, 10**6),))

        for answer, data in (
            (lambda *_: Response(200), b""),
            (lambda *_: Response(200), GET),
            (lambda *_: Response(200), GET[:9]),
            (lambda *_: Response(200), PUT + b"a"),
            (download, GET),
            (later, GET),
        ):
            for error in (None, ConnectionResetError("reset")):
                wire = send(self.connect(Scripted(answer), slow=True), data)
                wire.lose(error)
                self.assert_gone(wire)
        self.assertTrue(all(file.closed for file in files))
        for each in waiting:
            each.callback(Response(200))
        self.assert_gone(wire)

    def test_refused_body(self) -> None:
        """A refused body is answered at once; we half-close, read on for a moment, write nothing more, and cut."""
        wire = send(self.connect(Scripted(refuse=Problem(401, "no"))), PUT)
        self.assertEqual((self.statuses(wire), wire.half_closed, wire.closing), ([401], True, False))
        send(wire, b"abc", GET)
        self.assertEqual(self.statuses(wire), [401])
        self.clock.advance(LINGER_SECONDS)
        self.clock.pump([0])
        self.assertTrue(wire.aborted)
        self.assert_gone(wire)

    def test_end_of_input(self) -> None:
        """What was asked before the end of input is answered, and then the connection ends; an idle one ends at once."""
        waiting: list[Deferred[Response]] = []

        def later(*_: Any) -> Any:
            waiting.append(Deferred())
            return waiting[-1]

        wire = send(self.connect(Scripted(later)), GET)
        wire.end()
        self.assertFalse(wire.closing)
        waiting[0].callback(Response(200))
        self.clock.pump([0, 0])
        self.assertEqual(self.statuses(wire), [200])
        self.assert_gone(wire)
        wire = self.connect(Scripted())
        wire.end()
        self.clock.pump([0])
        self.assert_gone(wire)

    def test_idle(self) -> None:
        """twisted.web's own clock closes idle connections."""
        wire = send(self.connect(Scripted()), GET)
        self.assertTrue(wire.protocol.waits)
        self.clock.advance(self.edge.limits.idle)
        self.clock.pump([0, 0])
        self.assert_gone(wire)

    def test_finish_and_abort(self) -> None:
        """It is closed when it waits, else after the response, or cut; what was refused or lost is let be."""
        waiting: list[Deferred[Response]] = []

        def later(*_: Any) -> Any:
            waiting.append(Deferred())
            return waiting[-1]

        wire = self.connect(Scripted(later))
        wire.protocol.finish()
        self.clock.pump([0])
        self.assert_gone(wire)
        wire = send(self.connect(Scripted(later)), GET + GET)
        self.assertFalse(wire.protocol.waits)
        wire.protocol.finish()
        waiting[0].callback(Response(200))
        self.clock.pump([0])
        self.assertIn(b"Connection: close", wire.sent)
        self.assert_gone(wire)
        wire = send(self.connect(Scripted(later)), GET)
        wire.protocol.abort()
        self.clock.pump([0])
        self.assertTrue(wire.aborted)
        self.assert_gone(wire)
        for call in (
            wire.protocol.finish,
            wire.protocol.abort,
            wire.protocol.pause_writing,
            wire.protocol.resume_writing,
        ):
            call()
        self.assertFalse(wire.protocol.waits)

    def test_never_begun(self) -> None:
        """One that was refused hears everything that a transport tells, and does nothing."""
        edge = edge_of(Scripted(), self.clock)
        refused = HandedOver(edge)
        refused.data_received(GET)
        self.assertTrue(refused.eof_received())
        refused.pause_writing()
        refused.resume_writing()
        refused.connection_lost(None)
        self.assertEqual(edge.connections, 0)
