"""Services that start and stop in order, that listen, that lock."""

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from couchpages import services
from couchpages.services import DRAIN, FolderLock, InOrder, Listener, Prepared
from couchpages.web.message import Response
from tests.web.wire import Connection, Scripted

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Noting(Service):
    """Notes when it is started and stopped."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self.name = name
        self.notes = notes
        self.stopping: Deferred[None] | None = None
        self.fails: Exception | None = None

    def startService(self) -> None:
        """Note it."""
        super().startService()
        self.notes.append(f"start {self.name}")
        if self.fails is not None:
            raise self.fails

    def stopService(self) -> Any:
        """Note it."""
        super().stopService()
        self.notes.append(f"stop {self.name}")
        return self.stopping


class Waiting(Noting):
    """Is ready when the test says so."""

    def __init__(self, name: str, notes: list[str]) -> None:
        super().__init__(name, notes)
        self.is_ready: Deferred[None] = Deferred()

    def whenListening(self) -> Deferred[None]:
        """Wait for the test."""
        return self.is_ready


class Ordered(SynchronousTestCase):
    """``InOrder``."""

    def setUp(self) -> None:
        """Make three services, of which the second takes its time."""
        self.notes: list[str] = []
        self.given_up: list[Failure] = []
        self.ordered = InOrder(self.given_up.append)
        self.first, self.second, self.third = (
            Noting("first", self.notes), Waiting("second", self.notes), Noting("third", self.notes),
        )  # fmt: skip
        for service in (self.first, self.second, self.third):
            service.setServiceParent(self.ordered)

    def test_in_order(self) -> None:
        """Each starts when the one before is ready, and stops when the one behind has stopped."""
        self.ordered.startService()
        self.assertEqual(self.notes, ["start first", "start second"])
        self.second.is_ready.callback(None)
        self.assertEqual(self.notes.pop(), "start third")
        self.notes.clear()
        self.third.stopping = Deferred()
        stopping = self.ordered.stopService()
        self.assertEqual(self.notes, ["stop third"])
        self.third.stopping.callback(None)
        self.successResultOf(stopping)
        self.assertEqual(self.notes, ["stop third", "stop second", "stop first"])
        self.assertEqual(self.given_up, [])

    def test_cannot_start(self) -> None:
        """When one cannot start at once, the process ends with one line, the next do not start, and what was started is stopped."""
        self.first.fails = RuntimeError("locked")
        with self.assertRaisesRegex(SystemExit, "couchpages: cannot start: locked"):
            self.ordered.startService()
        self.assertEqual(self.given_up, [])
        self.successResultOf(self.ordered.stopService())
        self.assertEqual(self.notes, ["start first", "stop first"])

    def test_never_ready(self) -> None:
        """When one does not become ready, whoever made them is told, and the next do not start."""
        self.ordered.startService()
        self.second.is_ready.errback(RuntimeError("no"))
        self.assertEqual(len(self.given_up), 1)
        self.assertNotIn("start third", self.notes)

    def test_stopped_while_starting(self) -> None:
        """Stopped before all were ready, the rest never starts, and nobody gives up over it."""
        for late in (lambda: self.second.is_ready.callback(None), lambda: self.second.is_ready.errback(ValueError())):
            self.second.is_ready = Deferred()
            self.notes.clear()
            self.ordered.startService()
            self.successResultOf(self.ordered.stopService())
            late()
            self.assertEqual(self.notes, ["start first", "start second", "stop second", "stop first"])
        self.assertEqual(self.given_up, [])

    def test_stops_all(self) -> None:
        """One that does not stop cleanly does not keep the others from it."""
        self.second.is_ready.callback(None)
        self.ordered.startService()
        self.third.stopping = fail(ValueError("no"))
        self.successResultOf(self.ordered.stopService())
        self.assertEqual(self.notes[-2:], ["stop second", "stop first"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class FakeSocket:
    """A socket, which knows its copies."""

    def __init__(self) -> None:
        self.copies: list[FakeSocket] = []
        self.closed = False

    def dup(self) -> "FakeSocket":
        """Make a copy."""
        self.copies.append(FakeSocket())
        return self.copies[-1]

    def close(self) -> None:
        """Remember it."""
        self.closed = True


class FakePort:
    """A listening port."""

    backlog = 2048

    def __init__(self) -> None:
        self.stopped = False
        self.reading = True
        self.socket = FakeSocket()

    def stopReading(self) -> None:
        """Remember it."""
        self.reading = False

    def startReading(self) -> None:
        """Remember it."""
        self.reading = True

    def stopListening(self) -> None:
        """Remember it."""
        self.stopped = True


class FakeEndpoint:
    """An endpoint that listens, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.ports: list[FakePort] = []

    def listen(self, factory: object) -> Deferred[Any]:
        """See IStreamServerEndpoint."""
        del factory
        if self.error is not None:
            return fail(self.error)
        self.ports.append(FakePort())
        return succeed(self.ports[-1])


class Listening(SynchronousTestCase):
    """``Listener``."""

    def make(self, endpoint: Any, connection: Connection, clock: Clock | None = None) -> Listener:
        """Make a listener."""
        return Listener(clock or connection.clock, endpoint, "tcp:80 (public)", connection.edge, asyncio.Protocol)

    def test_once(self) -> None:
        """It listens once, with privileges where it has them."""
        for privileged in (True, False):
            endpoint = FakeEndpoint()
            listener = self.make(endpoint, Connection(Scripted()))
            if privileged:
                listener.privilegedStartService()
            listener.startService()
            self.assertEqual(len(endpoint.ports), 1)

    def test_cannot_listen(self) -> None:
        """A port that is taken is one sentence, not a traceback."""
        taken = CannotListenError("127.0.0.1", 80, OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)))
        for error, reason in [(taken, "Address already in use"), (ValueError("what"), "what")]:
            listener = self.make(FakeEndpoint(error), Connection(Scripted()))
            message = str(self.assertRaises(SystemExit, listener.privilegedStartService))
            self.assertIn("couchpages: cannot listen on tcp:80 (public): ", message)
            self.assertIn(reason, message)

    def test_stops(self) -> None:
        """It takes no more connections, closes idle ones, and waits for responses under way."""
        waiting: list[Deferred[Response]] = []

        def later(*_: object) -> Deferred[Response]:
            waiting.append(Deferred())
            return waiting[-1]

        endpoint = FakeEndpoint()
        connection = Connection(Scripted(later)).send(GET)
        listener = self.make(endpoint, connection)
        listener.startService()
        stopping = listener.stopService()
        self.assertTrue(endpoint.ports[0].stopped)
        connection.clock.advance(1)
        self.assertNoResult(stopping)
        waiting[0].callback(Response(200))
        connection.turn()
        connection.clock.advance(1)
        self.successResultOf(stopping)
        self.assertEqual(connection.answer().status, 200)
        self.assertFalse(connection.wire.aborted)
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_cuts_off(self) -> None:
        """Responses that take too long are cut off."""
        connection = Connection(Scripted(lambda *_: Deferred())).send(GET)
        listener = self.make(FakeEndpoint(), connection)
        listener.startService()
        stopping = listener.stopService()
        connection.clock.pump([0.05] * int(DRAIN / 0.05 + 2))
        self.successResultOf(stopping)
        self.assertTrue(connection.turn().wire.gone)
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_never_started(self) -> None:
        """One that never listened stops at once."""
        self.successResultOf(self.make(FakeEndpoint(), Connection(Scripted())).stopService())


class FakeServer:
    """What asyncio gives for a server that accepts."""

    closed = False

    def close(self) -> None:
        """Remember it."""
        self.closed = True


class FakeLoop:
    """An asyncio loop that begins to serve when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Any, int]] = []
        self.told: list[Any] = []

    def create_server(self, make: Any, *, sock: Any, backlog: int) -> FakeServer:
        """See asyncio."""
        self.asked.append((make, sock, backlog))
        return FakeServer()

    def create_task(self, server: FakeServer) -> "FakeLoop":
        """Give what stands for a task."""
        self.server = server
        return self

    def add_done_callback(self, call: Any) -> None:
        """See asyncio.Future."""
        self.told.append(call)

    def ends(self, error: Exception | None = None) -> None:
        """Serve, or fail to."""
        self.error = error
        for call in self.told:
            call(self)

    def result(self) -> FakeServer:
        """See asyncio.Future."""
        if self.error is not None:
            raise self.error
        return self.server


class Accepting(SynchronousTestCase):
    """``Listener`` on a reactor that runs on an asyncio loop."""

    def setUp(self) -> None:
        """Start one."""
        self.loop = FakeLoop()
        self.patch(services, "running_loop", lambda: self.loop)
        self.endpoint = FakeEndpoint()
        self.connection = Connection(Scripted())
        self.clock = self.connection.clock
        self.listener = Listener(self.clock, self.endpoint, "tcp:80 (public)", self.connection.edge, asyncio.Protocol)  # type: ignore[arg-type]  # a fake
        self.listener.startService()

    @property
    def port(self) -> FakePort:
        """Twisted's port."""
        return self.endpoint.ports[0]

    def test_the_loop_accepts(self) -> None:
        """Once the loop runs, it accepts on a copy of the port's socket, with the same backlog, and Twisted does not any more."""
        self.assertEqual((self.loop.asked, self.port.reading), ([], True))
        self.clock.advance(0)
        ((make, sock, backlog),) = self.loop.asked
        self.assertEqual((make, backlog, self.port.reading), (asyncio.Protocol, 2048, False))
        self.assertEqual(self.port.socket.copies, [sock])
        self.loop.ends()
        stopping = self.listener.stopService()
        self.assertEqual((self.loop.server.closed, self.port.stopped), (True, True))
        self.clock.pump([0.05] * 3)
        self.successResultOf(stopping)

    def test_stopped_before_the_loop_ran(self) -> None:
        """What is stopped at once never accepts."""
        self.listener.stopService()
        self.clock.advance(0)
        self.assertEqual(self.loop.asked, [])

    def test_stopped_while_it_begins(self) -> None:
        """A server that comes when the service is stopped already is closed."""
        self.clock.advance(0)
        self.listener.stopService()
        self.loop.ends()
        self.assertTrue(self.loop.server.closed)

    def test_loop_that_cannot(self) -> None:
        """Where the loop cannot, the failure is logged, Twisted accepts as before, and the copy of the socket is closed."""
        self.clock.advance(0)
        self.loop.ends(OSError("no"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual((self.port.reading, self.port.socket.copies[0].closed), (True, True))
        self.listener.stopService()
        self.assertTrue(self.port.stopped)

    def test_loop_that_cannot_and_is_stopped(self) -> None:
        """A port that is closed already is let be."""
        self.clock.advance(0)
        self.listener.stopService()
        self.loop.ends(OSError("no"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertFalse(self.port.reading)

    def test_another_reactor(self) -> None:
        """On a reactor without such a loop Twisted accepts."""
        self.patch(services, "running_loop", lambda: None)
        self.clock.advance(0)
        self.assertEqual((self.loop.asked, self.port.reading), ([], True))


class Locks(SynchronousTestCase):
    """``FolderLock``."""

    def setUp(self) -> None:
        """Choose a folder that is not there."""
        self.folder = Path(self.mktemp()) / "data"

    def test_second(self) -> None:
        """A second daemon is kept out with a sentence, until the first one stops."""
        first, second = FolderLock(self.folder), FolderLock(self.folder)
        first.startService()
        self.assertIn(
            "another couchpages uses the data folder", str(self.assertRaises(RuntimeError, second.startService))
        )
        second.stopService()
        first.stopService()
        second.startService()
        second.stopService()

    def test_private(self) -> None:
        """The folder is its owner's."""
        lock = FolderLock(self.folder)
        lock.startService()
        self.addCleanup(lock.stopService)
        self.assertEqual(self.folder.stat().st_mode & 0o777, 0o700)


class Preparations(SynchronousTestCase):
    """``Prepared``."""

    def test_opens_and_closes(self) -> None:
        """It opens, closes, and gives what closing gives."""
        notes: list[str] = []

        def stop() -> str:
            notes.append("stop")
            return "stopped"

        prepared = Prepared("x", lambda: notes.append("start"), stop)
        prepared.startService()
        self.assertEqual(prepared.stopService(), "stopped")
        self.assertEqual(notes, ["start", "stop"])
