"""An edge on a connection that is no socket: bytes go in, bytes come out, and a Clock says what time it is (does no I/O)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from couchpages.metrics import Metrics
from couchpages.web.edge import Edge
from couchpages.web.exchange import Application, Exchange
from couchpages.web.handed_over import HandedOver
from couchpages.web.heads import DEFAULT_LIMITS, HeadLimits
from couchpages.web.ledger import Ledger
from couchpages.web.limits import ConnectionLimits
from couchpages.web.message import RequestHead, Response
from couchpages.web.on_twisted import AsyncioOnTwisted
from couchpages.web.second import Second

#: 2026-11-24T12:00:00Z: when clocks begin.
WALL = 1_795_521_600.0


@implementer(ITCPTransport)
class Wire(StringTransport):
    """A TCP transport that half-closes, and that has room for *room* bytes until :meth:`drain` takes them away."""

    def __init__(self, clock: Clock, room: int = 2**30) -> None:
        super().__init__()
        self.clock = clock
        self.room = room
        self.queued = 0
        self.most_queued = 0
        self.half_closed = self.aborted = self.gone = self.noDelay = False
        self.protocol: Any = None

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Remember that Nagle's algorithm was turned off."""
        self.noDelay = enabled

    def getTcpNoDelay(self) -> bool:
        """Give what :meth:`setTcpNoDelay` was told."""
        return self.noDelay

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Forget it."""

    def getTcpKeepAlive(self) -> bool:
        """Nobody asks."""
        return False

    def write(self, data: bytes) -> None:
        """Queue *data*, and ask for a pause where there is too much, as Twisted's transports do."""
        super().write(data)
        self.queued += len(data)
        self.most_queued = max(self.queued, self.most_queued)
        if self.queued > self.room and self.producer is not None:
            self.producer.pauseProducing()

    def drain(self) -> None:
        """Let the other end read what is queued."""
        self.queued = 0
        if self.producer is not None:
            self.producer.resumeProducing()

    def loseWriteConnection(self) -> None:
        """Close our half."""
        self.half_closed = True

    def loseConnection(self) -> None:
        """Close; the protocol is told in the reactor's next turn."""
        if not self.disconnecting:
            self.disconnecting = True
            self.clock.callLater(0, self.lose, ConnectionDone())

    def abortConnection(self) -> None:
        """Cut the connection."""
        self.aborted = True
        if not self.gone:
            self.disconnecting = True
            self.clock.callLater(0, self.lose, ConnectionAborted())

    def lose(self, reason: Exception | None = None) -> None:
        """Tell the protocol that the connection is lost."""
        if self.gone:
            return
        self.gone = True
        if self.producer is not None:
            self.producer.stopProducing()
        self.protocol.connectionLost(Failure(reason or ConnectionLost()))


@dataclass
class Recording:
    """A body that remembers what came; *fails* is raised by the write that reaches *after* bytes."""

    fails: Exception | None = None
    after: int = 0
    content: bytes = b""
    closed: int = 0

    def write(self, data: bytes) -> None:
        """Remember *data*."""
        self.content += data
        if self.fails is not None and len(self.content) >= self.after:
            raise self.fails

    def close(self) -> None:
        """Count."""
        self.closed += 1


@dataclass
class Scripted:
    """An application whose *answer* makes the response of each request; *refuse* is raised when one is to be admitted."""

    answer: Callable[[RequestHead, Recording], Any] = lambda *_: Response(200, (), b"hello")
    refuse: Exception | None = None
    body: Callable[[], Any] = Recording
    heads: list[RequestHead] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    def admit(self, head: RequestHead) -> Exchange:
        """See :class:`couchpages.web.exchange.Application`."""
        self.heads.append(head)
        if self.refuse is not None:
            raise self.refuse
        body = self.body()
        self.bodies.append(body)

        async def respond() -> Response:
            answer = self.answer(head, body)
            if hasattr(answer, "__await__"):
                answer = await answer
            assert isinstance(answer, Response)
            return answer

        return Exchange(respond, body)


@dataclass(frozen=True)
class Answer:
    """A response as it was read from the wire."""

    status: int
    phrase: bytes
    fields: dict[bytes, bytes]
    body: bytes


def edge_of(application: Application, clock: Clock, metrics: Metrics | None = None, **more: Any) -> Edge:
    """Make a port that serves *application*."""
    second = Second(clock, lambda: WALL + clock.seconds())
    return Edge(clock, application, Ledger(metrics or Metrics(), "test"), second, **more)


class Connection:
    """One connection to an edge that serves *application*."""

    def __init__(
        self,
        application: Application,
        room: int = 2**30,
        clock: Clock | None = None,
        limits: HeadLimits = DEFAULT_LIMITS,
    ) -> None:
        self.clock = clock or Clock()
        self.metrics = Metrics()
        self.edge = edge_of(application, self.clock, self.metrics, limits=ConnectionLimits(head=limits))
        self.wire = Wire(self.clock, room)
        self.protocol = AsyncioOnTwisted(HandedOver(self.edge))
        self.wire.protocol = self.protocol
        self.protocol.makeConnection(self.wire)

    def send(self, *pieces: bytes) -> "Connection":
        """Let the edge receive *pieces*, one after the other, unless it no longer reads."""
        for piece in pieces:
            if not self.wire.disconnecting:
                self.protocol.dataReceived(piece)
        return self.turn()

    def turn(self) -> "Connection":
        """Let the reactor turn."""
        for _ in range(3):
            self.clock.advance(0)
        return self

    def half_close(self) -> "Connection":
        """Close the client's half."""
        self.protocol.readConnectionLost()
        return self.turn()

    def counted(self, status: int) -> float | None:
        """How many responses of *status* were counted."""
        return self.metrics.registry.get_sample_value(
            "couchpages_http_responses_total", {"port": "test", "status": str(status)}
        )

    def answers(self, *methods: bytes) -> list[Answer]:
        """Read the responses sent, which must be whole, to requests of *methods*; the last one, or GET, made all the rest."""
        return answers_in(self.wire.value(), *methods)

    @property
    def closed(self) -> bool:
        """Whether the edge closed the connection, or its half of it."""
        return self.wire.half_closed or self.wire.disconnecting

    def answer(self, method: bytes = b"GET") -> Answer:
        """Read the only response."""
        (only,) = self.answers(method)
        return only


def answers_in(data: bytes, *methods: bytes) -> list[Answer]:
    """Read responses, which must be whole, to requests of *methods*; the last one, or GET, made all the rest."""
    found: list[Answer] = []
    finals = 0
    while data:
        answer, data = read_answer(data, methods[min(finals, len(methods) - 1)] if methods else b"GET")
        finals += answer.status >= 200  # the others are interim
        found.append(answer)
    return found


def read_answer(data: bytes, method: bytes) -> tuple[Answer, bytes]:
    """Read the first response, to *method*; give it and what stands behind it."""
    head, separator, rest = data.partition(b"\r\n\r\n")
    assert separator, data
    status_line, *lines = head.split(b"\r\n")
    version, status, phrase = status_line.split(b" ", 2)
    assert version.startswith(b"HTTP/1."), status_line
    fields = {}
    for line in lines:
        name, _, value = line.partition(b": ")
        assert name.lower() not in fields, f"{name!r} twice"
        fields[name.lower()] = value
    bodiless = method == b"HEAD" or status in (b"100", b"204", b"304")
    length = 0 if bodiless else int(fields[b"content-length"])
    assert len(rest) >= length, "cut short"
    return Answer(int(status), phrase, fields, rest[:length]), rest[length:]
