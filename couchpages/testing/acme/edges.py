"""The authority in memory, as an agent that needs no network and as a resource for a real site (does I/O, decides nothing)."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.error import ConnectionAborted, ConnectionRefusedError  # noqa: A004 -- Twisted's
from twisted.python.failure import Failure
from twisted.web.client import URI, ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from couchpages.testing.acme.messages import Answered, Asked, Down, Silence

Answers = Callable[[Asked], Answered]


@implementer(IAgent)
class MemoryAgent:
    """Asks *answers* without a network, at once, or after *latency* seconds of *reactor*'s, which may be a Clock."""

    def __init__(self, answers: Answers, reactor: Any = None, latency: float = 0.0) -> None:
        self._answers = answers
        self._reactor = reactor
        self.latency = latency

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803 -- Twisted's name
    ) -> "Deferred[IResponse]":
        """Ask, as :class:`twisted.web.iweb.IAgent` has it."""
        written = _Written()
        producing: Deferred[Any] = (
            maybeDeferred(lambda: None) if bodyProducer is None else bodyProducer.startProducing(written)
        )
        result: Deferred[Any] = producing.addCallback(lambda _: self._soon())
        return result.addCallback(lambda _: self._answer(_asked(method, uri, headers, b"".join(written.parts))))

    def _soon(self) -> "Deferred[None]":
        waiting: Deferred[None] = Deferred()
        if not self.latency:
            waiting.callback(None)
            return waiting
        timer = self._reactor.callLater(self.latency, waiting.callback, None)
        return waiting.addErrback(lambda failure: (timer.active() and timer.cancel(), failure)[1])

    def _answer(self, asked: Asked) -> Any:
        try:
            return _Response(self._answers(asked))
        except Silence:
            return Deferred()
        except Down:
            return fail(ConnectionRefusedError("nobody is there"))


class AcmeResource(Resource):
    """Serves the authority by :mod:`twisted.web`, for :mod:`treq.testing` and for real connections."""

    isLeaf = True  # noqa: N815 -- Twisted's name

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self._answers = answers

    def render(self, request: Any) -> Any:
        """Answer, or do not."""
        base = ("https" if request.isSecure() else "http") + "://" + request.getHeader("host")
        headers = {
            name.decode("latin-1").lower(): values[-1].decode("latin-1")
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        body = request.content.read()
        try:
            answered = self._answers(Asked(request.method.decode(), base, request.uri.decode("ascii"), headers, body))
        except Silence:
            return NOT_DONE_YET
        except Down:
            request.transport.abortConnection()
            return NOT_DONE_YET
        request.setResponseCode(answered.status)
        for name, value in answered.headers:
            request.responseHeaders.addRawHeader(name, value)
        if answered.stalled:
            request.write(answered.body)
            return NOT_DONE_YET
        return answered.body if request.method != b"HEAD" else b""


class _Written:
    """Takes a request's body."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.parts.append(data)


@implementer(IResponse)
class _Response:
    """An answer as :mod:`twisted.web` gives it."""

    version = (b"HTTP", 1, 1)
    phrase = b"Whatever"
    request = None
    previousResponse = None  # noqa: N815 -- Twisted's name

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self.code = answered.status
        self.length = len(answered.body)
        self.headers = Headers()
        for name, value in answered.headers:
            self.headers.addRawHeader(name, value)

    def setPreviousResponse(self, response: Any) -> None:  # noqa: N802 -- Twisted's name
        """Do nothing: nothing is redirected."""

    def deliverBody(self, protocol: Any) -> None:  # noqa: N802 -- Twisted's name
        """Hand the body over."""
        transport = _Transport(protocol)
        protocol.makeConnection(transport)
        body = self._answered.body
        for start in range(0, len(body), 2**16):
            if not transport.ended:
                protocol.dataReceived(body[start : start + 2**16])
        if not self._answered.stalled:
            transport.end(Failure(ResponseDone()))


class _Transport:
    """What the body comes over."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self.ended = False

    def end(self, reason: Failure) -> None:
        """End, once."""
        if not self.ended:
            self.ended = True
            self._protocol.connectionLost(reason)

    def abortConnection(self) -> None:  # noqa: N802 -- Twisted's name
        """End at once."""
        self.end(Failure(ConnectionAborted()))

    def loseConnection(self) -> None:  # noqa: N802 -- Twisted's name
        """End at once, too."""
        self.abortConnection()

    def pauseProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Do nothing."""

    def resumeProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Do nothing."""


def _asked(method: bytes, uri: bytes, headers: Headers | None, body: bytes) -> Asked:
    parsed = URI.fromBytes(uri)
    return Asked(
        method.decode(),
        (parsed.scheme + b"://" + parsed.netloc).decode("ascii"),
        (parsed.originForm).decode("ascii"),
        {
            name.decode("latin-1").lower(): values[-1].decode("latin-1")
            for name, values in (headers or Headers()).getAllRawHeaders()
        },
        body,
    )
