"""The streams of a connection that speaks HTTP/2, on twisted.web's own (thin).

Whose frame is sent next is twisted.web's; what a stream may cost is ours. A response is read into memory no faster than its reader
takes it, at most :data:`STREAMS` are under way at once, and whoever takes nothing, or sends nothing, is given up.
"""

from collections import deque
from contextlib import suppress
from typing import Any

from h2.errors import ErrorCodes
from h2.exceptions import NoSuchStreamError, ProtocolError
from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web._http2 import H2Connection

from couchpages.web.edge import Edge
from couchpages.web.frames import Frames
from couchpages.web.sending import WAITING
from couchpages.web.stream_request import StreamRequest
from couchpages.web.taking import ALL, Taking

#: Requests that are answered at once, each of which may hold a file open: nginx's ``http2_max_concurrent_streams`` is 128.
STREAMS = 32
#: As many may be there before a client has heard of that: what clients assume, and h2 sees to. The others wait for their turn.
MOST_STREAMS = 100
#: Requests that are refused because of that, or because the connection ends, before it is cut.
MOST_REFUSALS = 1000


class _Debug:
    """A log on which nobody can write lines from outside: what clients do wrong is no news."""

    _log = Logger()

    def info(self, *words: Any, **named: Any) -> None:
        self._log.debug(*words, **named)

    error = warn = info


_Connection: Any = H2Connection  # its annotations are narrower than what Twisted itself assigns


class Http2(_Connection):
    """twisted.web's connection with the limits of a port.

    :ivar since: the reactor's seconds, to a second, at which a request last began or ended.
    """

    conn: Any
    _sendingDeferred: Any  # noqa: N815 -- Twisted's name
    _log: Any = _Debug()
    _news = Logger()
    # What the port does: :meth:`look` is called every few seconds.
    abortTimeout = timeOut = None  # noqa: N815 -- Twisted's name

    def __init__(self, edge: Edge) -> None:
        super().__init__(edge.reactor)
        self.conn = Frames(self.conn, STREAMS)
        self.requestFactory = StreamRequest
        self.factory = edge
        self.site = None
        self.since = edge.second.now
        self._left = edge.limits.requests_per_connection
        self._newest = self._refusals = 0
        self._ends = self._closes = False
        self._taking = Taking(edge.limits.time_to_read)
        self._written: dict[int, int] = {}
        self._sent_before = 0
        self._answering: set[int] = set()
        self._headless: set[int] = set()
        self._waiting: deque[int] = deque()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Take what came. twisted.web does not know that settings open windows."""
        super().dataReceived(data)
        if self.conn.opened and self._stillProducing:
            self._windows_opened()

    def end(self) -> None:
        """Take no more requests, and close when those under way are answered (RFC 9113 section 6.8)."""
        if not self._ends:
            self._ends = True
            self.conn.go_away(self._newest)
            self._tryToWriteControlData()
        self._close_if_done()

    def look(self, now: float) -> bool:
        """Give up streams whose readers take nothing or whose bodies do not come; tell whether the connection may go on."""
        for number, stream in list(self.streams.items()):
            waits = self._unsent(number)
            done = self._written.get(number, 0) - waits
            if self._taking.overdue(number, now, done, waits, shut=self.conn.room(number) <= 0):
                self.abortRequest(number, ErrorCodes.CANCEL)
            elif number in self.streams:
                stream._request.look(now)  # noqa: SLF001 -- twisted.web has no public way to it
        # What was given up meanwhile counts as sent before.
        unsent = sum(map(self._unsent, self.streams))
        sent = sum(self._written.get(number, 0) for number in self.streams) - unsent
        shut = self.conn.outbound_flow_control_window <= 0
        return not self._taking.overdue(ALL, now, self._sent_before + sent, min(unsent, WAITING), shut=shut)

    def answer_in_turn(self, number: int) -> None:
        """Have the request of a stream answered, when no more than :data:`STREAMS` are, and nobody waits who came before."""
        self._waiting.append(number)
        self._answer_next()

    def _answer_next(self) -> None:
        while self._waiting and len(self._answering) < STREAMS:
            number = self._waiting.popleft()
            if number in self.streams:
                self._answering.add(number)
                self.streams[number]._request.answer_now()  # noqa: SLF001 -- twisted.web has no public way to it

    # What a connection tells its streams. A stream that was given up may have more in what was received with it.

    def _requestReceived(self, event: Any) -> None:  # noqa: N802 -- Twisted's name
        if not self._stillProducing:
            return
        number = event.stream_id
        if self._ends or len(self.streams) >= MOST_STREAMS:
            self._refuse(number)
            return
        self._left -= 1
        self._newest, self.since = number, self.factory.second.now
        super()._requestReceived(event)
        if self._left <= 0:
            self.end()
        if number not in self.conn.gone:
            self.streams[number]._request.answer_early()  # noqa: SLF001 -- twisted.web has no public way to it

    def _refuse(self, number: int) -> None:
        self._refusals += 1
        if self._refusals > MOST_REFUSALS:
            self.conn.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            self._terminate(Failure(ConnectionLost("it went on with requests that are refused")))
            return
        with suppress(ProtocolError):
            self.conn.reset_stream(number, ErrorCodes.REFUSED_STREAM)
        self._tryToWriteControlData()

    def _requestDataReceived(self, event: Any) -> None:  # noqa: N802 -- Twisted's name
        if event.stream_id in self.streams:
            super()._requestDataReceived(event)
        elif self._stillProducing:
            self.openStreamWindow(event.stream_id, event.flow_controlled_length)

    def _requestEnded(self, event: Any) -> None:  # noqa: N802 -- Twisted's name
        if event.stream_id in self.streams:
            super()._requestEnded(event)

    def _requestAborted(self, event: Any) -> None:  # noqa: N802 -- Twisted's name
        if event.stream_id in self.streams:
            super()._requestAborted(event)

    def _handleWindowUpdate(self, event: Any) -> None:  # noqa: N802 -- Twisted's name
        if not self._stillProducing:
            return
        if event.stream_id:
            super()._handleWindowUpdate(event)
            self._wake()
        else:
            self._windows_opened()

    # What streams ask of their connection, which may be gone, or the stream.

    def writeHeaders(self, *words: Any) -> None:  # noqa: N802 -- Twisted's name
        """Send a response's head; reset the stream where that is none for HTTP/2: what came without one would end the connection."""
        number = words[-1]
        try:
            super().writeHeaders(*words)
        except NoSuchStreamError:
            return
        except ProtocolError as error:
            self._headless.add(number)
            self._news.warn("a response cannot be sent over HTTP/2: {error}", error=error)
            # Later, because whoever writes is not done.
            self._reactor.callLater(0, self.abortRequest, number)

    def writeDataToStream(self, streamID: int, data: bytes) -> None:  # noqa: N802, N803 -- Twisted's names
        """Send a piece of a response."""
        if streamID in self.streams and streamID not in self._headless:
            self._written[streamID] = self._written.get(streamID, 0) + len(data)
            with suppress(ProtocolError):
                super().writeDataToStream(streamID, data)

    def endRequest(self, streamID: int) -> None:  # noqa: N802, N803 -- Twisted's names
        """End a response."""
        if streamID in self.streams and streamID not in self._headless:
            super().endRequest(streamID)

    def abortRequest(self, streamID: int, code: ErrorCodes = ErrorCodes.INTERNAL_ERROR) -> None:  # noqa: N802, N803 -- Twisted's names
        """Reset a stream, and let its request know."""
        with suppress(ProtocolError):
            self.conn.reset_stream(streamID, code)
        if self._tryToWriteControlData() and streamID in self.streams:
            self.streams[streamID].connectionLost(Failure(ConnectionAborted()))
            self._requestDone(streamID)

    def remainingOutboundWindow(self, streamID: int) -> int:  # noqa: N802, N803 -- Twisted's names
        """Give how much a stream may write: twisted.web reads as much into memory as the window says, which may be 2 GiB."""
        if streamID not in self.streams:
            return 0
        return min(self._room(streamID), WAITING) - self._unsent(streamID)

    def _send100Continue(self, streamID: int) -> None:  # noqa: N802, N803 -- Twisted's names
        """Say that the body may come, unless the stream was reset meanwhile."""
        with suppress(ProtocolError):
            super()._send100Continue(streamID)

    # How the connection goes on.

    def _windows_opened(self) -> None:
        """Have every stream go on. One may end by that, and twisted.web would look for the next where it was."""
        for number, stream in list(self.streams.items()):
            if number in self.streams:
                if self._outboundStreamQueues[number]:
                    self.priority.unblock(number)
                stream.windowUpdated()
        self._wake()

    def _sendPrioritisedData(self, *words: Any) -> None:  # noqa: N802 -- Twisted's name
        """Send the next frame. twisted.web would try for ever with a stream whose window is shut, at the whole processor's cost."""
        for number, queue in self._outboundStreamQueues.items():
            if queue and isinstance(queue[0], bytes) and self._room(number) <= 0:
                self.priority.block(number)
        super()._sendPrioritisedData(*words)
        for stream in list(self.streams.values()):
            stream.windowUpdated()

    def _requestDone(self, streamID: int) -> None:  # noqa: N802, N803 -- Twisted's names
        self._sent_before += self._written.pop(streamID, 0) - self._unsent(streamID)
        self._taking.forget(streamID)
        self._answering.discard(streamID)
        self._headless.discard(streamID)
        self.since = self.factory.second.now
        super()._requestDone(streamID)
        if not self._stillProducing:
            return
        if self._waiting:
            self._reactor.callLater(0, self._answer_next)
        stream = self.conn.streams.get(streamID)
        if stream is not None and not stream.closed:
            # It is answered; the rest of its body would be for nothing (RFC 9113 section 8.1).
            with suppress(ProtocolError):
                self.conn.reset_stream(streamID, ErrorCodes.NO_ERROR)
            self._tryToWriteControlData()
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._ends and not self.streams and not self._closes:
            self._closes = True
            self.transport.loseConnection()

    def _wake(self) -> None:
        waiting, self._sendingDeferred = self._sendingDeferred, None
        if waiting is not None:
            waiting.callback(None)

    def _room(self, number: int) -> int:
        return int(min(self.conn.outbound_flow_control_window, self.conn.room(number)))

    def _unsent(self, number: int) -> int:
        return sum(len(piece) for piece in self._outboundStreamQueues[number] if isinstance(piece, bytes))
