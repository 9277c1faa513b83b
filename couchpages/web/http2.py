"""Connections that speak HTTP/2, by twisted.web's own (thin): their deadlines, and their end; streams have theirs beside this."""

import asyncio
from math import inf
from typing import cast

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure

from couchpages.web.edge import Edge
from couchpages.web.limits import LINGER
from couchpages.web.on_asyncio import TwistedTransport, host_of, twisted_transport
from couchpages.web.streams import Http2


class OverHttp2(asyncio.Protocol):
    """One connection; see :class:`couchpages.web.connections.Connected`. Only requests keep it from being idle: no PING does."""

    _log = Logger()
    origin = ""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._began = edge.second.now
        #: When something has to be looked at, at the latest; what is due then, :meth:`overdue` finds out.
        self.deadline = self._began + edge.limits.idle
        self._reader_due = inf
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
        if self._http2 is None:
            return
        try:
            self._http2.dataReceived(data)
        except Exception as error:  # noqa: BLE001 -- twisted.web may meet what it does not expect: that ends this connection alone
            self._log.debug("a connection of HTTP/2 broke: {error!r}", error=error)
            self.abort()
        if self.waits or self._http2 is None:
            return
        self.deadline = min(self.deadline, self._edge.second.now + LINGER)

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
                self._reader_due = inf
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

    @property
    def since(self) -> float:
        """When a request last began or ended."""
        return self._began if self._http2 is None else self._http2.since

    def overdue(self, now: float) -> None:
        """Look at what is due: cut a connection whose reader takes nothing, and close one that was idle for too long."""
        if self._http2 is None or self._reader_due <= now:
            self.abort()
            return
        if not self.waits:
            if not self._http2.look(now):
                self.abort()
            self.deadline = min(now + LINGER, self._reader_due)
            return
        until = self.since + self._edge.limits.idle
        if until <= now:
            self.finish()
        self.deadline = min(until if until > now else now + LINGER, self._reader_due)

    def finish(self) -> None:
        """Say that no more requests are taken, and close when everything under way is answered."""
        if self._http2 is not None:
            self._http2.end()

    def abort(self) -> None:
        """Cut it."""
        if self._stream is not None:
            self._stream.abort()

    def _expect_reader(self) -> None:
        if self._stream is not None:
            unsent = self._stream.get_write_buffer_size()
            self._reader_due = self._edge.second.now + self._edge.limits.time_to_read(unsent)
            self.deadline = min(self.deadline, self._reader_due)
