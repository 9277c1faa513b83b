"""Serves an application on twisted.web: heads, bodies as they come, responses (does I/O, decides nothing about content).

twisted.web keeps a request's whole body, in memory or in a file in ``/tmp``, before anybody may look at its head. Here the application
admits the request first, and its body goes where the application says.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, ITCPTransport
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request, datetimeToString
from zope.interface import implementer

from couchpages.metrics import Metrics
from couchpages.ports import StoreError
from couchpages.web.exchange import Application, Exchange
from couchpages.web.message import Headers, RequestHead, Response
from couchpages.web.problem import Problem, problem_for_disk, problem_for_store, title_of
from couchpages.web.sending import Parts

#: Seconds that a body may take to begin, and the bytes a second that it must come with after that: Debian's Apache has
#: ``RequestReadTimeout body=10,minrate=500``, Apache itself 20 seconds.
BODY_SECONDS = 20.0
BODY_RATE = 500.0
#: Seconds without a byte after which a connection is closed: nginx's ``keepalive_timeout`` is 75, Apache's 5.
IDLE_SECONDS = 60
#: Seconds for which a refused body is still read, so that the refusal is not lost with a reset: nginx's ``lingering_timeout``.
LINGER_SECONDS = 5.0
SERVER = b"couchpages"


class EdgeRequest(Request):
    """One request and its response."""

    log = Logger()
    channel: "EdgeChannel"

    def __init__(self, channel: "EdgeChannel", queued: object = False) -> None:
        super().__init__(channel, queued)
        self.factory: EdgeFactory = channel.factory  # kept: the channel is let go of when the connection is lost
        self.exchange: Exchange | None = None
        self.refusal: Problem | None = None
        self.received = 0

    def parseCookies(self) -> None:  # noqa: N802 -- Twisted's name
        """Nothing here has cookies."""

    def begin(self, method: bytes, target: bytes, version: bytes) -> None:
        """Let the application admit the request."""
        self.method, self.uri, self.clientproto = method, target, version
        try:
            self.exchange = self.factory.application.admit(self._head())
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
        """Let go of a body that will never be whole."""
        super().connectionLost(reason)
        self._let_go()

    async def _answer(self) -> None:
        began = self.factory.reactor.seconds()
        response = await self._response()
        self.factory.sent(response.status, self.factory.reactor.seconds() - began)
        if self._disconnected:
            response.close()
            return
        self._send(response)

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

    def _send(self, response: Response) -> None:
        self.setResponseCode(response.status, title_of(response.status).encode())
        fields = self.responseHeaders
        for name, value in response.headers:
            fields.addRawHeader(name, value)
        fields.setRawHeaders(b"date", [datetimeToString(self.factory.reactor.seconds())])
        fields.setRawHeaders(b"server", [SERVER])
        if not fields.hasHeader(b"content-length") and response.status not in (204, 304):
            fields.setRawHeaders(b"content-length", [str(response.length).encode()])
        if not self.channel.persistent:
            fields.setRawHeaders(b"connection", [b"close"])
        if self.method == b"HEAD" or isinstance(response.body, bytes):
            self.write(b"" if self.method == b"HEAD" or not isinstance(response.body, bytes) else response.body)
            response.close()
            self.finish()
        else:
            Parts(response, self, self._sent).start()

    def _sent(self, error: Exception | None) -> None:
        if error is None:
            self.finish()
            return
        # The head promised a length that cannot be kept: only a broken connection tells the client so.
        self.log.warn("{target} could not be sent whole: {error}", target=self.uri, error=error)
        self.channel.abort()

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
            channel.abort()

    def _head(self) -> RequestHead:
        fields = tuple(
            (name.lower(), value) for name, values in self.requestHeaders.getAllRawHeaders() for value in values
        )
        peer = getattr(self.channel.getPeer(), "host", "")
        scheme = "https" if self.channel.isSecure() else "http"
        return RequestHead(self.method, self.uri, self.clientproto, Headers(fields), peer, scheme)


@implementer(IHalfCloseableProtocol)
class EdgeChannel(HTTPChannel):
    """One connection. Refuses a body as soon as it is known to be refused, and keeps reading for a moment so that the refusal arrives."""

    factory: Any
    transport: Any
    callLater: Any  # noqa: N815 -- Twisted's name
    requestFactory: Any  # noqa: N815 -- Twisted's name
    _networkProducer: Any  # noqa: N815 -- Twisted's name
    _body_since: float | None = None
    _body_clock: Any = None
    _refused = False
    _reading = True

    def allHeadersReceived(self) -> None:  # noqa: N802 -- Twisted's name
        """Let the request be admitted, then ask for its body or refuse it."""
        request = self.requests[-1]
        self.persistent = self.checkPersistence(request, self._version)
        request.begin(self._command, self._path, self._version)
        if self.length == 0:
            return
        if request.refusal is not None:
            self._refuse()
            return
        self._body_since = self.factory.reactor.seconds()
        self._body_clock = self.callLater(BODY_SECONDS, self._check_body)
        expected = (request.requestHeaders.getRawHeaders(b"expect") or [b""])[0].lower()
        # RFC 9110 section 10.1.1: whoever speaks HTTP/1.0 does not know the interim response.
        if expected == b"100-continue" and self._version == b"HTTP/1.1":
            self._send100Continue()

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Take a piece of a body, or drop what follows a refusal."""
        if self._refused:
            return
        super().rawDataReceived(data)
        if self._body_since is not None and self.requests and self.requests[-1].refusal is not None:
            self._refuse()

    def allContentReceived(self) -> None:  # noqa: N802 -- Twisted's name
        """Answer: the body is whole. After a refusal that was done already, and Twisted may believe that there was no body."""
        if self._refused:
            return
        self._stop_body_clock()
        super().allContentReceived()

    def readConnectionLost(self) -> None:  # noqa: N802 -- Twisted's name
        """Answer what was asked before the other end closed its half; a body that is not whole is refused."""
        self._reading = False
        self._end_of_input()

    def _end_of_input(self) -> None:
        if self._body_since is not None:
            self._refuse_body(
                Problem(400, "the body ended before the Content-Length that was announced", field="Content-Length")
            )
        elif not self._handlingRequest or self._refused:
            self.transport.loseConnection()

    def requestDone(self, request: Request) -> None:  # noqa: N802 -- Twisted's name
        """Go on with the next request that came, if any; when nothing more can come, close."""
        super().requestDone(request)
        if not self._reading:
            # Later, because requests that came before may be parsed by then.
            self.callLater(0, self._end_of_input)

    def headerReceived(self, line: bytes) -> bool:  # noqa: N802 -- Twisted's name
        """Take a header field, also a Content-Length of thousands of digits, which int() does not."""
        try:
            return bool(super().headerReceived(line))
        except ValueError:
            self._respondToBadRequestAndDisconnect()
            return False

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Refuse what is too long for a request line or a header field."""
        del line
        self._respondToBadRequestAndDisconnect()

    def timeoutConnection(self) -> None:  # noqa: N802 -- Twisted's name
        """Close an idle connection; who stalls in the middle of a body is told so."""
        if self._body_since is not None:
            self._refuse_body(Problem(408, f"nothing came of the body for {IDLE_SECONDS} seconds"))
        else:
            super().timeoutConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802 -- Twisted's name
        """Answer what is no HTTP as other problems are answered; Twisted calls this while it parses a head or a chunk."""
        problem = Problem(400, "the request is not well-formed HTTP/1.1, or its head is too long")
        if self._body_since is not None:
            self._refuse_body(self.requests[-1].refusal or problem)
        elif not self._refused:
            self._refused, self.persistent, self.length = True, False, None
            self.setTimeout(None)
            self.setRawMode()
            self.factory.sent(problem.status, 0.0)
            self.transport.write(_whole(problem.response()))
            self.loseConnection()

    def writeConnectionLost(self) -> None:  # noqa: N802 -- Twisted's name
        """Our own half is closed: see :meth:`loseConnection`."""

    def loseConnection(self) -> None:  # noqa: N802 -- Twisted's name
        """Close; after a refusal only our half, until the other end has read it."""
        # TLS has no half-closed connections; what lies below it must not be closed under it.
        half = ITCPTransport(self.transport, None) if not self.isSecure() else None
        if not self._refused or not self._reading or half is None:
            super().loseConnection()
            return
        self._networkProducer.unregisterProducer()
        half.loseWriteConnection()
        self._body_clock = self.callLater(LINGER_SECONDS, self.abort)

    def abort(self) -> None:
        """Cut the connection."""
        self._stop_body_clock()
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        """Stop the clocks."""
        self._stop_body_clock()
        self.factory.closed(self)
        super().connectionLost(reason)

    def connectionMade(self) -> None:  # noqa: N802 -- Twisted's name
        """Count the connection."""
        super().connectionMade()
        self.factory.opened(self)

    def _refuse_body(self, problem: Problem) -> None:
        self.requests[-1].refusal = problem
        self._refuse()

    def _refuse(self) -> None:
        """Answer before the body is whole, and close."""
        self._stop_body_clock()
        self._refused, self.persistent = True, False
        super().allContentReceived()

    def _check_body(self) -> None:
        self._body_clock = None
        since = self._body_since
        if since is None:
            return
        left = since + BODY_SECONDS + self.requests[-1].received / BODY_RATE - self.factory.reactor.seconds()
        if left > 0:
            self._body_clock = self.callLater(left, self._check_body)
            return
        self._refuse_body(Problem(408, f"the body came slower than {BODY_RATE:g} bytes a second"))

    def _stop_body_clock(self) -> None:
        clock, self._body_clock, self._body_since = self._body_clock, None, None
        if clock is not None and clock.active():
            clock.cancel()


def _whole(response: Response) -> bytes:
    """Write a response to what is not known to be a request."""
    body = response.body if isinstance(response.body, bytes) else b""
    fields = (*response.headers, (b"server", SERVER), (b"connection", b"close"))
    head = b"".join(b"%s: %s\r\n" % field for field in fields)
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (response.status, title_of(response.status).encode(), head, body)


class EdgeFactory(Factory):
    """Serves *application* on the connections of one port, counted under the name *port*."""

    noisy = False

    def __init__(self, reactor: Any, application: Application, metrics: Metrics, port: str) -> None:
        self.reactor = reactor
        self.application = application
        self._metrics = metrics
        self._port = port
        self._channels: set[EdgeChannel] = set()

    def buildProtocol(self, addr: IAddress | None) -> Any:  # noqa: N802 -- Twisted's name
        """Make a channel with this factory's reactor and time-outs."""
        del addr
        channel = EdgeChannel()
        channel.factory = self
        channel.requestFactory = EdgeRequest
        channel.callLater = self.reactor.callLater
        channel.timeOut = IDLE_SECONDS
        return channel

    def log(self, request: Request) -> None:
        """Twisted calls this for each finished request; what is counted is counted in :meth:`sent`."""

    def sent(self, status: int, seconds: float) -> None:
        """Count a response."""
        self._metrics.responses.labels(self._port, status).inc()
        self._metrics.response_seconds.labels(self._port).observe(seconds)

    def opened(self, channel: EdgeChannel) -> None:
        """Remember an open connection."""
        self._channels.add(channel)

    def closed(self, channel: EdgeChannel) -> None:
        """Forget a connection."""
        self._channels.discard(channel)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._channels)

    def abort_all(self) -> None:
        """Cut what is still open."""
        for channel in list(self._channels):
            channel.abort()

    def close_idle(self) -> None:
        """Close the connections that wait for a request; the others close after their response."""
        for channel in list(self._channels):
            channel.persistent = False
            if not channel.requests:
                channel.transport.loseConnection()
