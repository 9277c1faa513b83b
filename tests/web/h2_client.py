"""A client of HTTP/2 on a connection that is no socket, by the h2 library (does no I/O)."""

from collections.abc import Iterable
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.settings import SettingCodes
from twisted.internet.task import Clock

from couchpages.web.edge import Edge
from couchpages.web.http2 import OverHttp2
from tests.web.native import NativeWire, connected

GOAWAY = 7


class Client:
    """One connection. *takes* tells whether what comes opens the windows again; *window* is the one that streams begin with.

    :ivar heads: the responses' heads by stream.
    :ivar bodies: what came of their bodies.
    :ivar ended: the streams that ended well, in that order.
    :ivar resets: the codes of those that were reset.
    :ivar last: the last stream that is answered, once the server said so, with *code*.
    """

    def __init__(
        self, edge: Edge, clock: Clock, *, window: int | None = None, takes: bool = True, slow: bool = False
    ) -> None:
        self.edge = edge
        self.clock = clock
        self.takes = takes
        self.heads: dict[int, dict[bytes, bytes]] = {}
        self.bodies: dict[int, bytes] = {}
        self.ended: list[int] = []
        self.resets: dict[int, int] = {}
        self.last: int | None = None
        self.code: int | None = None
        self.wire: NativeWire = connected(lambda: OverHttp2(edge), clock, slow=slow)
        self._read = 0
        self._rest = b""
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})

    def ask(self, target: str = "/", method: str = "GET", *more: tuple[str, str], end: bool = True) -> int:
        """Write a request, and give its stream."""
        stream = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":path", target), (":scheme", "https"), (":authority", "a.test"), *more]
        self.h2.send_headers(stream, fields, end_stream=end)
        return stream

    def turn(self, times: int = 3) -> "Client":
        """Send what is written, let the clock turn, and read what came."""
        for _ in range(times):
            self.wire.receive(self.h2.data_to_send())
            self.clock.advance(0)
            came, self._read = self.wire.sent[self._read :], len(self.wire.sent)
            self._take(self.h2.receive_data(self._without_goodbye(came)))
        return self

    def read_frame(self) -> "Client":
        """Read one frame of what came, and leave the rest for :meth:`turn`."""
        end = self._read + 9 + int.from_bytes(self.wire.sent[self._read : self._read + 3])
        came, self._read = self.wire.sent[self._read : end], end
        self._take(self.h2.receive_data(came))
        return self

    def until_quiet(self) -> "Client":
        """Go on until nothing comes any more."""
        read = -1
        while read != self._read:
            read = self._read
            self.turn(5)
        return self

    def status(self, stream: int) -> int:
        """Give a response's status."""
        return int(self.heads[stream][b":status"])

    def pass_time(self, seconds: float, *, ping: bool = True) -> "Client":
        """Let time pass, with its ticks, and send a PING every second."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.edge.second.tick()
            self.edge.second.stop()
            if ping:
                self.h2.ping(b"12345678")
            self.turn()
        return self

    def _without_goodbye(self, came: bytes) -> bytes:
        """Take GOAWAY out: h2 takes nothing behind it, though RFC 9113 section 6.8 says that answers follow."""
        kept = b""
        came, self._rest = self._rest + came, b""
        while came:
            end = 9 + int.from_bytes(came[:3])
            if len(came) < max(end, 9):
                self._rest = came
                break
            if came[3] == GOAWAY:
                self.last, self.code = int.from_bytes(came[9:13]), int.from_bytes(came[13:17])
            else:
                kept += came[:end]
            came = came[end:]
        return kept

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            self._take_one(event)

    def _take_one(self, event: Any) -> None:
        match event:
            case ResponseReceived():
                self.heads[event.stream_id] = dict(event.headers)
            case DataReceived():
                self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                if self.takes and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case StreamEnded():
                self.ended.append(event.stream_id)
            case StreamReset():
                self.resets[event.stream_id] = int(event.error_code or 0)
