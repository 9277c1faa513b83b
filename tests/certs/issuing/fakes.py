"""What the modules that ask the world are tested with: no network, and a clock of the test's own."""

from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.issuing.lookups.messages import Answer, DnsError, Question
from couchpages.config_values import SocketAddress


class FakeSocket:
    """A connected datagram socket. *heard* are datagrams or errors that it gives; *broken* is what sending raises."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.heard: deque[bytes | OSError] = deque()
        self.broken: OSError | None = None
        self.closed = False

    def send(self, data: bytes) -> int:
        """Remember what was sent."""
        if self.broken is not None:
            raise self.broken
        self.sent.append(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        """Give what was heard."""
        if not self.heard:
            raise BlockingIOError
        heard = self.heard.popleft()
        if isinstance(heard, OSError):
            raise heard
        return heard[:size]

    def getsockopt(self, *_: int) -> int:
        """Have no error."""
        return 0

    def fileno(self) -> int:
        """See socket."""
        return -1 if self.closed else 7

    def close(self) -> None:
        """See socket."""
        self.closed = True


class Running:
    """A coroutine that runs: what it gave, or raised."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.result: Any = None
        self.failure: Failure | None = None
        self.ended = False
        self._running = Deferred.fromCoroutine(coroutine)
        self._running.addCallbacks(self._gave, self._raised)

    def _gave(self, result: Any) -> None:
        self.result, self.ended = result, True

    def _raised(self, failure: Failure) -> None:
        self.failure, self.ended = failure, True

    def cancel(self) -> None:
        """Give it up."""
        self._running.cancel()

    @property
    def words(self) -> str:
        """The words of what it raised."""
        return "" if self.failure is None else str(self.failure.value)


class Streams(SynchronousTestCase):
    """Tests with connections that are made when the test says so."""

    def setUp(self) -> None:
        """Make a reactor."""
        self.reactor: Any = MemoryReactorClock()

    def accept(self, number: int = -1) -> tuple[Any, StringTransport]:
        """Accept a connection; give its protocol and its transport."""
        host, port, factory = self.reactor.tcpClients[number][:3]
        del host, port
        protocol, transport = factory.buildProtocol(None), StringTransport()
        protocol.makeConnection(transport)
        return protocol, transport

    def refuse(self, error: Exception, number: int = -1) -> None:
        """Let a connection fail."""
        self.reactor.tcpClients[number][2].clientConnectionFailed(None, Failure(error))

    def advance(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass, in small steps."""
        for _ in range(round(seconds / step)):
            self.reactor.advance(step)

    def assert_idle(self) -> None:
        """Assert that nothing is waited for: no timer, no socket."""
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertFalse(self.reactor.getReaders())


class FakeDns:
    """Answers in place of a ``DnsClient``: what *answer* gives, or raises, or an open Deferred."""

    def __init__(self, answer: Callable[[str, Question], Any]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, bool]] = []

    async def ask(self, server: SocketAddress, question: Question, tries: Sequence[float] = ()) -> Answer:
        """See DnsClient."""
        del tries
        self.asked.append((str(server), str(question), question.recurse))
        found = self.answer(server.host, question)
        if isinstance(found, str):
            raise DnsError(server, found)
        if isinstance(found, Deferred):
            found = await found
        assert isinstance(found, Answer)
        return found
