"""Serves an application on twisted.web: heads, bodies as they come, responses (does I/O, decides nothing about content).

twisted.web keeps a request's whole body, in memory or in a file in ``/tmp``, before anybody may look at its head. Here the application
admits the request first, and its body goes where the application says.
"""

from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request
from zope.interface import implementer

from couchpages.web.message import Response
from couchpages.web.problem import Problem, title_of
from couchpages.web.request import SERVER, EdgeRequest

#: Seconds that a body may take to begin, and the bytes a second that it must come with after that: Debian's Apache has
#: ``RequestReadTimeout body=10,minrate=500``, Apache itself 20 seconds.
BODY_SECONDS = 20.0
BODY_RATE = 500.0
#: Seconds without a byte after which a connection is closed: nginx's ``keepalive_timeout`` is 75, Apache's 5. A head, once begun, is
#: whole within the same time: nginx's ``client_header_timeout`` is 60.
IDLE_SECONDS = 60
#: Seconds for which a refused body is still read, so that the refusal is not lost with a reset: nginx's ``lingering_timeout``.
LINGER_SECONDS = 5.0


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
    _head_begun = False

    @classmethod
    def of(cls, edge: Any) -> "EdgeChannel":
        """Make the channel of a connection to *edge*."""
        channel = cls()
        channel.factory = edge
        channel.requestFactory = EdgeRequest
        channel.callLater = edge.reactor.callLater
        channel.timeOut = IDLE_SECONDS
        return channel

    def allHeadersReceived(self) -> None:  # noqa: N802 -- Twisted's name
        """Let the request be admitted, then ask for its body or refuse it."""
        self._head_begun = False
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

    def resetTimeout(self) -> None:  # noqa: N802 -- Twisted's name
        """Bytes came. Those of a head that was begun before prolong nothing, or a byte a minute would hold a connection for days."""
        if not self._head_begun or self._body_since is not None:
            super().resetTimeout()
        self._head_begun = True

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
            self.factory.ledger.count(problem.status, 0.0)
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
        super().connectionLost(reason)

    def connectionMade(self) -> None:  # noqa: N802 -- Twisted's name
        """Count the connection."""
        super().connectionMade()

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
