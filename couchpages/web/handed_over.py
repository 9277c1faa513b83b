"""Connections that twisted.web answers: all of the API port's, and those of visitors that ask for more than files (thin)."""

import asyncio
from math import inf
from typing import cast

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from couchpages.web.edge import Connected, Edge
from couchpages.web.on_asyncio import TwistedTransport
from couchpages.web.server import EdgeChannel


class HandedOver(asyncio.Protocol):
    """Hands everything to a channel of twisted.web, which has time-outs of its own for all but a reader that takes nothing."""

    deadline = inf
    origin = ""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._channel: EdgeChannel | None = None
        self._twisted: TwistedTransport | None = None
        self._stream: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a new connection."""
        # uvloop's transports are asyncio's in all but the class.
        stream = cast("asyncio.Transport", transport)
        if self._edge.enter(self, stream):
            self._begin(stream)

    def take_over(self, former: Connected, transport: asyncio.Transport, data: bytes, *, ended: bool) -> None:
        """Go on where *former* was, whose next request begins with *data*; *ended* tells that nothing more will come."""
        self._edge.replace(former, self)
        transport.set_protocol(self)
        self._begin(transport)
        self.data_received(data)
        if ended:
            self.eof_received()

    def _begin(self, transport: asyncio.Transport) -> None:
        self._stream = transport
        self._twisted = TwistedTransport(transport, self._expect_reader)
        self._channel = EdgeChannel(self._edge)
        self._channel.makeConnection(self._twisted)

    def data_received(self, data: bytes) -> None:
        """Hand data on."""
        if self._channel is not None:
            self._channel.dataReceived(data)

    def eof_received(self) -> bool:
        """Hand it on; the channel closes when it has answered."""
        if self._channel is not None:
            self._channel.readConnectionLost()
        return True

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
        channel, self._channel = self._channel, None
        if channel is None:
            return
        self._edge.leave(self)
        if self._twisted is not None:
            self._twisted.lost()
        channel.connectionLost(Failure(ConnectionDone() if exc is None else ConnectionLost(str(exc))))

    @property
    def waits(self) -> bool:
        """See :class:`couchpages.web.edge.Connected`."""
        return self._channel is not None and not self._channel.requests

    def overdue(self, now: float) -> None:
        """Cut it: its reader takes nothing."""
        del now
        self.abort()

    def _expect_reader(self) -> None:
        if self._stream is not None:
            unsent = self._stream.get_write_buffer_size()
            self.deadline = self._edge.second.now + self._edge.limits.time_to_read(unsent)

    def finish(self) -> None:
        """See :class:`couchpages.web.edge.Connected`."""
        channel = self._channel
        if channel is not None:
            channel.persistent = False
            if not channel.requests:
                channel.transport.loseConnection()

    def abort(self) -> None:
        """See :class:`couchpages.web.edge.Connected`."""
        if self._channel is not None:
            self._channel.abort()
