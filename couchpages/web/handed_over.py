"""Connections that twisted.web answers: all of the API port's, and those of visitors that ask for more than files (thin)."""

import asyncio
from math import inf
from typing import cast

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from couchpages.web.connections import Connected
from couchpages.web.edge import Edge
from couchpages.web.on_asyncio import TwistedTransport, twisted_transport
from couchpages.web.server import EdgeChannel

#: Bytes handed on at once, of lines and of a body: a hundred small requests take some milliseconds.
LINES = 4096
BODY = 65_536


class HandedOver(asyncio.Protocol):
    """Hands everything to a channel of twisted.web, which has time-outs of its own for all but a reader that takes nothing.

    What came is handed on in pieces: the channel copies all that is behind a line for each line, and answers all that it has at once.
    """

    deadline = inf
    origin = ""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._pending = b""
        self._scheduled = self._ended = self._deaf = False
        self.since = edge.second.now
        self._channel: EdgeChannel | None = None
        self._twisted: TwistedTransport | None = None
        self._stream: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a new connection."""
        # uvloop's transports are asyncio's in all but the class.
        stream = cast("asyncio.Transport", transport)
        if self._edge.enter(self, stream):
            self._begin(stream)

    def take_over(
        self,
        former: Connected,
        transport: asyncio.Transport,
        data: bytes,
        *,
        left: int,
        ended: bool,
        resuming: bool = False,
    ) -> None:
        """Go on where *former* was, whose next request begins with *data*.

        *left* requests may still come; *ended* tells that nothing more will, *resuming* that the transport has just told *former* to go on.
        """
        self._edge.replace(former, self)
        transport.set_protocol(self)
        self._begin(transport, left)
        self._ended = ended
        if self._twisted is not None and resuming:
            self._twisted.while_resuming(lambda: self.data_received(data))
        else:
            self.data_received(data)

    def _begin(self, transport: asyncio.Transport, left: int | None = None) -> None:
        self._stream = transport
        self._twisted = twisted_transport(transport, self._expect_reader, self._more)
        self._channel = EdgeChannel(self._edge)
        if left is not None:
            self._channel.left = left
        self._channel.makeConnection(self._twisted)

    def data_received(self, data: bytes) -> None:
        """Hand data on."""
        self.since = self._edge.second.now
        self._pending += data
        if not self._scheduled:
            self._feed()

    def _feed(self) -> None:
        """Hand the next piece on. What is left of requests has to wait for the loop's next turn, so that others have theirs."""
        while self._pending and self._channel is not None and self._twisted is not None and self._twisted.reads:
            lines = self._channel.line_mode
            size = LINES if lines else BODY
            piece, self._pending = self._pending[:size], self._pending[size:]
            self._channel.dataReceived(piece)
            if lines and self._pending:
                self._more()
                return
        if not self._pending:
            self._listen()
        if self._ended and not self._pending and self._channel is not None:
            self._ended = False
            self._channel.readConnectionLost()

    def _more(self) -> None:
        """Go on in the loop's next turn with what is pending; until then nothing is read, or it would only come on top."""
        if self._channel is None or not (self._pending or self._ended):
            return
        if not self._scheduled:
            self._scheduled = True
            self._edge.reactor.callLater(0, self._go_on)
        if self._pending and self._stream is not None and not self._stream.is_closing():
            self._deaf = True
            self._stream.pause_reading()

    def _listen(self) -> None:
        deaf, self._deaf = self._deaf, False
        if deaf and self._twisted is not None and self._twisted.reads:
            self._twisted.resumeProducing()

    def _go_on(self) -> None:
        self._scheduled = False
        self._feed()

    def eof_received(self) -> bool:
        """Hand it on behind what is pending; the channel closes when it has answered."""
        self._ended = True
        if not self._scheduled:
            self._feed()
        return self._stream is None or self._stream.can_write_eof()

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
        """See :class:`couchpages.web.connections.Connected`."""
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
        """See :class:`couchpages.web.connections.Connected`."""
        channel = self._channel
        if channel is not None:
            channel.persistent = False
            if not channel.requests:
                channel.transport.loseConnection()

    def abort(self) -> None:
        """See :class:`couchpages.web.connections.Connected`."""
        if self._channel is not None:
            self._channel.abort()
