"""Serves an application on twisted.web: heads, bodies as they come, responses (does I/O, decides nothing about content).

twisted.web keeps a request's whole body, in memory or in a file in ``/tmp``, before anybody may look at its head. Here the application
admits the request first, and its body goes where the application says.
"""

import sys
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request
from zope.interface import implementer

from couchpages.web.bodies import BadBody, ChunkedBody, CountedBody
from couchpages.web.framing import asks_to_close
from couchpages.web.heads import Head, HeadReader
from couchpages.web.problem import Problem
from couchpages.web.request import EdgeRequest
from couchpages.web.syntax import Fault

#: Seconds that a body may take to begin, and the bytes a second that it must come with after that: Debian's Apache has
#: ``RequestReadTimeout body=10,minrate=500``, Apache itself 20 seconds.
BODY_SECONDS = 20.0
BODY_RATE = 500.0
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
    _waitingForTransport: bool  # noqa: N815 -- Twisted's name
    _unread: Request | None = None
    _body_since: float | None = None
    _body_clock: Any = None
    _refused = False
    _reading = True
    _head_begun = False
    #: Lines are as long as :class:`couchpages.web.heads.HeadLimits` lets them be.
    MAX_LENGTH = sys.maxsize

    def __init__(self, edge: Any) -> None:
        super().__init__()
        self.factory = edge
        self.requestFactory = EdgeRequest
        self.callLater = edge.reactor.callLater
        self.limits = edge.limits.head
        #: How many requests may still be answered.
        self.left = edge.limits.requests_per_connection
        self.timeOut = edge.limits.idle
        self._head = HeadReader(self.limits)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Take what came: whole lines first, then what is there of the next, which may be wrong already."""
        super().dataReceived(data)
        # While lines are taken, what is handed back to be parsed is only put behind them.
        if self.line_mode and not self._busyReceiving and not self.transport.disconnecting:
            fault = self._head.part(self._buffer)
            if fault is not None:
                self._refuse_message(fault)

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Take a line of a head. Twisted's own reading of it is left out: it mends some heads, and knows no limits of ours."""
        if not self.persistent:
            # TLS hands on what was on its way when the connection was closed; no request may follow.
            return
        match self._head.line(line):
            case Fault() as fault:
                self._refuse_message(fault)
            case Head() as head:
                self._receive(head)

    def _receive(self, head: Head) -> None:
        """Make a request of a head; then it is answered, or its body is waited for."""
        request = self.requestFactory(self, len(self.requests))
        self.requests.append(request)
        for field in head.fields:
            request.requestHeaders.addRawHeader(field.name, field.value)
        self._command, self._path, self._version = head.line.method, head.line.target, head.line.version
        self.length = None if head.length == "chunked" else head.length
        if head.length == "chunked":
            self._transferDecoder = ChunkedBody(request.handleContentChunk, self._finishRequestBody, self.limits)
        else:
            self._transferDecoder = CountedBody(head.length, request.handleContentChunk, self._finishRequestBody)
        self._head = HeadReader(self.limits)
        self.allHeadersReceived()
        if self.length == 0:
            self.allContentReceived()
        else:
            self.setRawMode()

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802 -- Twisted's name
        """Have *producer* pause at once where the transport holds enough already: native ones say so once, not with every write."""
        super().registerProducer(producer, streaming)
        if streaming and self._waitingForTransport:
            producer.pauseProducing()

    def checkPersistence(self, request: Request, version: bytes) -> bool:  # noqa: N802 -- Twisted's name
        """Tell whether another request may follow; Twisted's looks at one Connection field, and at words between spaces."""
        return not asks_to_close(version, request.requestHeaders.getRawHeaders(b"connection") or [])

    def allHeadersReceived(self) -> None:  # noqa: N802 -- Twisted's name
        """Let the request be admitted, then ask for its body or refuse it."""
        self._head_begun = False
        # A body may pause as long as a connection may be idle, and after the response it may be idle again.
        self.setTimeout(self.factory.limits.idle)
        request = self.requests[-1]
        self.left -= 1
        self.persistent = self.left > 0 and self.checkPersistence(request, self._version)
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
        if self._body_since is not None:
            super().resetTimeout()
        elif not self._head_begun:
            self._head_begun = True
            self.setTimeout(self.factory.limits.head_time)

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Take a piece of a body, or drop what follows a refusal."""
        if self._refused:
            return
        try:
            super().rawDataReceived(data)
        except BadBody as bad:
            self._refuse_message(bad.fault)
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
        """Go on with the next request that came, if any, once the reader took what was sent; when nothing more can come, close."""
        if self._waitingForTransport:
            # Twisted's would answer all that came, and a client that sends many requests and reads nothing would fill the memory.
            self._unread = request
            return
        super().requestDone(request)
        if not self._reading:
            # Later, because requests that came before may be parsed by then.
            self.callLater(0, self._end_of_input)

    def resumeProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Go on: the reader took it."""
        super().resumeProducing()
        unread, self._unread = self._unread, None
        if unread is not None:
            self.requestDone(unread)

    def timeoutConnection(self) -> None:  # noqa: N802 -- Twisted's name
        """Close an idle connection; who stalls in the middle of a head or a body is told so."""
        if self._body_since is not None:
            self._refuse_body(Problem(408, f"nothing came of the body for {self.factory.limits.idle:g} seconds"))
        elif self._head_begun and not self._refused:
            self._refuse_message(Fault(408, "the request's head was not whole in time"))
        else:
            super().timeoutConnection()

    def _refuse_message(self, fault: Fault) -> None:
        """Answer what is no HTTP as other problems are answered, and close: where the next request begins, nobody knows."""
        problem = Problem(fault.status, fault.detail, field=fault.field)
        if self._body_since is not None:
            self._refuse_body(self.requests[-1].refusal or problem)
        elif not self._refused:
            self._refused, self.persistent, self.length = True, False, None
            self.setTimeout(None)
            self.setRawMode()
            response = problem.response()
            peer = getattr(self.getPeer(), "host", "")
            self.factory.ledger.refused(self._head.first_line, peer, problem.status, response.length)
            self.transport.write(self.factory.last_words(response, self._head.method))
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
