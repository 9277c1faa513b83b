"""Connections that speak HTTP/2, by twisted.web's own (thin): each stream is a request of ours.

Flow control, priorities and the limit on resets are twisted.web's, 100 streams at once h2's, sizes of heads and idle time the port's.
"""

import asyncio
import re
from math import inf
from typing import Any, cast

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web._http2 import H2Connection

from couchpages.web.edge import Edge
from couchpages.web.on_asyncio import TwistedTransport, host_of, twisted_transport
from couchpages.web.problem import Problem
from couchpages.web.request import EdgeRequest

VERSION = b"HTTP/2"
#: Bytes of a refused body after which its stream is reset instead of being answered when it ends.
MOST_REFUSED = 2**20
#: Seconds between two looks whether a connection that shall end has answered everything.
LOOK = 0.1
_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_TARGET = re.compile(rb"[\x21-\x7e]+")


class StreamRequest(EdgeRequest):
    """A request on a stream. Its head is whole when twisted.web asks for cookies to be looked at."""

    def gotLength(self, length: int | None) -> None:  # noqa: N802 -- Twisted's name
        """Prepare nothing: the body goes where the application says."""

    def parseCookies(self) -> None:  # noqa: N802 -- Twisted's name
        """Let the request be admitted."""
        stream = self.channel
        self.begin(stream.command or b"", stream.path or b"", VERSION)
        self.refusal = self._fault() or self.refusal

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Hand a piece of the body on; a body that is refused is not read for ever."""
        super().handleContentChunk(data)
        if self.refusal is not None and self.received > MOST_REFUSED:
            self._cut(self.channel)

    def _fault(self) -> Problem | None:
        limits = self.factory.limits.head
        fields = self.head.headers.fields
        size = len(self.head.target) + sum(len(name) + len(value) + 4 for name, value in fields)
        if size > limits.size or len(fields) > limits.fields:
            return Problem(431, "the head of the request is too large")
        if not _METHOD.fullmatch(self.head.method) or not _TARGET.fullmatch(self.head.target):
            return Problem(400, "the method or the path has characters that it must not have")
        return None

    def _is_last(self) -> bool:
        return False

    def _cut(self, channel: Any) -> None:
        channel.abortConnection()

    def _tls_version(self) -> str:
        # twisted.web gives streams no public way to their connection.
        return str(getattr(self.channel._conn.transport, "tls_version", ""))  # noqa: SLF001


class _Debug:
    """A log on which nobody can write lines from outside: what clients do wrong is no news."""

    _log = Logger()

    def info(self, *words: Any, **named: Any) -> None:
        self._log.debug(*words, **named)

    error = warn = info


# Its annotations are narrower than what is assigned to it by Twisted itself.
_Connection: Any = H2Connection


class Http2(_Connection):
    """twisted.web's connection with the limits of a port."""

    _log: Any = _Debug()
    #: The port cuts what does not end.
    abortTimeout = None  # noqa: N815 -- Twisted's name

    def __init__(self, edge: Edge) -> None:
        super().__init__(edge.reactor)
        self.requestFactory = StreamRequest
        self.factory = edge
        self.site = None
        self.timeOut = edge.limits.idle
        self.callLater = edge.reactor.callLater


class OverHttp2(asyncio.Protocol):
    """One connection; see :class:`couchpages.web.connections.Connected`."""

    _log = Logger()
    origin = ""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self.since = edge.second.now
        self.deadline = inf
        self._stream: asyncio.Transport | None = None
        self._twisted: TwistedTransport | None = None
        self._http2: Http2 | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        stream = cast("asyncio.Transport", transport)
        if not self._edge.enter_unheard(self, host_of(stream)):
            stream.abort()
            return
        self._stream = stream
        self._twisted = twisted_transport(stream, self._expect_reader)
        self._http2 = Http2(self._edge)
        self._http2.makeConnection(self._twisted)
        self._twisted.registerProducer(self._http2, True)

    def data_received(self, data: bytes) -> None:
        """Hand data on."""
        self.since = self._edge.second.now
        if self._http2 is None:
            return
        try:
            self._http2.dataReceived(data)
        except Exception as error:  # noqa: BLE001 -- twisted.web may meet what it does not expect: that ends this connection alone
            self._log.debug("a connection of HTTP/2 broke: {error!r}", error=error)
            self.abort()

    def eof_received(self) -> bool:
        """TLS has no half-closed connections."""
        return False

    def pause_writing(self) -> None:
        """Hand it on."""
        if self._twisted is not None:
            self._expect_reader()
            self._twisted.pause()

    def resume_writing(self) -> None:
        """Hand it on."""
        if self._twisted is not None:
            if not self._twisted.disconnecting:
                self.deadline = inf
            self._twisted.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand it on, and let go."""
        http2, self._http2 = self._http2, None
        if http2 is None:
            return
        self._edge.leave(self)
        if self._twisted is not None:
            self._twisted.unregisterProducer()
        http2.connectionLost(Failure(ConnectionDone() if exc is None else ConnectionLost(str(exc))))

    @property
    def waits(self) -> bool:
        """Whether no request is under way."""
        return self._http2 is not None and not self._http2.streams

    def overdue(self, now: float) -> None:
        """Cut it: its reader takes nothing."""
        del now
        self.abort()

    def finish(self) -> None:
        """Close when everything under way is answered."""
        if self._http2 is None or self._twisted is None:
            return
        if self.waits:
            self._http2.conn.close_connection()
            self._twisted.write(self._http2.conn.data_to_send())
            self._twisted.loseConnection()
        else:
            self._edge.reactor.callLater(LOOK, self.finish)

    def abort(self) -> None:
        """Cut it."""
        if self._stream is not None:
            self._stream.abort()

    def _expect_reader(self) -> None:
        if self._stream is not None:
            unsent = self._stream.get_write_buffer_size()
            self.deadline = self._edge.second.now + self._edge.limits.time_to_read(unsent)
