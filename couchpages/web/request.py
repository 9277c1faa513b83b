"""One request on twisted.web: admitted by its head, its body handed on as it comes, its response sent (does I/O)."""

from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.web.http import Request, datetimeToString

from couchpages.ports import StoreError
from couchpages.web.exchange import Application, Exchange
from couchpages.web.ledger import Ledger
from couchpages.web.limits import ConnectionLimits
from couchpages.web.message import Headers, RequestHead, Response
from couchpages.web.problem import Problem, problem_for_disk, problem_for_store, title_of
from couchpages.web.sending import CHUNK, Parts

SERVER = b"couchpages"
NO_HEAD = RequestHead(b"", b"", b"", Headers(), "", "http")


class Edge(Protocol):
    """What a request asks of the port that it came in on."""

    reactor: Any
    application: Application
    ledger: Ledger
    limits: ConnectionLimits
    scheme: str
    fields: Sequence[tuple[bytes, bytes]]


class EdgeRequest(Request):
    """One request and its response."""

    log = Logger()
    channel: Any

    def __init__(self, channel: Any, queued: object = False) -> None:
        super().__init__(channel, queued)
        self.factory: Edge = channel.factory  # kept: the channel is let go of when the connection is lost
        self.exchange: Exchange | None = None
        self.refusal: Problem | None = None
        self.received = 0
        self.head = NO_HEAD
        self._parts: Parts | None = None

    def parseCookies(self) -> None:  # noqa: N802 -- Twisted's name
        """Nothing here has cookies."""

    def begin(self, method: bytes, target: bytes, version: bytes) -> None:
        """Let the application admit the request."""
        # The version that the response says is ours, whichever the client speaks (RFC 9110 section 6.2).
        self.method, self.uri, self.clientproto = method, target, b"HTTP/1.1"
        self.head = self._head(version)
        try:
            self.exchange = self.factory.application.admit(self.head)
        except Problem as problem:
            self.refusal = problem
        except OSError as error:
            self.log.warn("the body of {target} could not be kept: {error}", target=target, error=error)
            self.refusal = problem_for_disk(error)
        except Exception:  # noqa: BLE001 -- a defect of ours must not take the connection with it
            self.log.failure("a request for {target} could not be admitted", target=target)
            self.refusal = Problem(500, "this node has a defect; its log says more")

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Hand a piece of the body on."""
        self.received += len(data)
        if self.refusal is not None or self.exchange is None:
            return
        try:
            self.exchange.body.write(data)
        except Problem as problem:
            self.refusal = problem
        except OSError as error:
            self.log.warn("the body of {target} could not be kept: {error}", target=self.uri, error=error)
            self.refusal = problem_for_disk(error)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Answer: the body is whole, or the request was refused."""
        del command, path, version
        Deferred.fromCoroutine(self._answer()).addErrback(self._failed)

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802 -- Twisted's name
        """Let go of a body that will never be whole, and of a response that nobody reads on."""
        super().connectionLost(reason)
        self._let_go()
        if self._parts is not None:
            # A connection stops who writes to it, but a stream of HTTP/2 does not.
            self._parts.stopProducing()

    async def _answer(self) -> None:
        began = self.factory.reactor.seconds()
        response = await self._response()
        seconds = self.factory.reactor.seconds() - began
        if self._disconnected:
            response.close()
            self._note(response, 0, seconds)
            return
        self._send(response, seconds)

    async def _response(self) -> Response:
        try:
            if self.refusal is not None or self.exchange is None:
                return (self.refusal or Problem(500, "this node has a defect")).response()
            return await self.exchange.respond()
        except Problem as problem:
            return problem.response()
        except StoreError as error:
            self.log.warn("{method} {target}: {error}", method=self.method, target=self.uri, error=error)
            return problem_for_store(error).response()
        except OSError as error:
            self.log.warn("{method} {target}: {error}", method=self.method, target=self.uri, error=error)
            return problem_for_disk(error).response()
        except Exception:  # noqa: BLE001 -- a defect of ours is a 500, and the next request is served
            self.log.failure("{method} {target} met a defect", method=self.method, target=self.uri)
            return Problem(500, "this node has a defect; its log says more").response()
        finally:
            self._let_go()

    def _note(self, response: Response, size: int, seconds: float) -> None:
        self.factory.ledger.note(self.head, response, size, seconds)

    def _send(self, response: Response, seconds: float) -> None:
        self.setResponseCode(response.status, title_of(response.status).encode())
        fields = self.responseHeaders
        for name, value in (*self.factory.fields, *response.headers):
            fields.addRawHeader(name, value)
        fields.setRawHeaders(b"date", [datetimeToString(self.factory.reactor.seconds())])
        fields.setRawHeaders(b"server", [SERVER])
        if not fields.hasHeader(b"content-length") and response.status not in (204, 304):
            fields.setRawHeaders(b"content-length", [str(response.length).encode()])
        if self._is_last():
            fields.setRawHeaders(b"connection", [b"close"])
        if self.method == b"HEAD":
            self.write(b"")
            response.close()
            self._note(response, 0, seconds)
            self.finish()
        elif isinstance(response.body, bytes) and len(response.body) <= CHUNK:
            self.write(response.body)
            self._note(response, len(response.body), seconds)
            self.finish()
        else:
            # A large body from memory too: once it is all in the transport, Twisted counts a reader who takes his time as idle.
            rate = self.factory.limits.write_rate
            self._parts = Parts(
                self.factory.reactor, response, self, self._sent, lambda sent: self._note(response, sent, seconds), rate
            )
            self._parts.start()

    def _sent(self, error: Exception | None) -> None:
        if error is None:
            self.finish()
            return
        # The head promised a length that cannot be kept: only a broken connection tells the client so.
        level = LogLevel.debug if isinstance(error, TimeoutError) else LogLevel.warn
        self.log.emit(level, "{target} could not be sent whole: {error}", target=self.uri, error=error)
        self._cut(self.channel)

    def _is_last(self) -> bool:
        """Whether the connection ends with the response, which then says so."""
        return not self.channel.persistent

    def _cut(self, channel: Any) -> None:
        """Break off a response that cannot be sent whole."""
        channel.abort()

    def _tls_version(self) -> str:
        return getattr(getattr(self.channel, "transport", None), "tls_version", "")

    def _let_go(self) -> None:
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            return
        try:
            exchange.body.close()
        except Exception:  # noqa: BLE001 -- the response is made, and other requests of the connection are let go of all the same
            self.log.failure("the body of {target} could not be let go of", target=self.uri)

    def _failed(self, failure: Failure) -> None:
        self.log.failure("a response to {target} could not be sent", failure=failure, target=self.uri)
        # Once it is finished, or the connection lost, the request has no channel.
        channel = getattr(self, "channel", None)
        if channel is not None:
            self._cut(channel)

    def _head(self, version: bytes) -> RequestHead:
        fields = tuple(
            (name.lower(), value) for name, values in self.requestHeaders.getAllRawHeaders() for value in values
        )
        peer = getattr(self.channel.getPeer(), "host", "")
        headers, scheme = Headers(fields), self.factory.scheme
        return RequestHead(self.method, self.uri, version, headers, peer, scheme, self._tls_version())
