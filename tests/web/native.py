"""A native connection that is no socket: bytes go in, bytes come out, and a Clock says what time it is (does no I/O)."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.task import Clock

#: As asyncio's transports have it.
HIGH_WATER = 65_536


class NativeWire(asyncio.Transport):
    """An asyncio transport, whose other end takes everything at once unless it is *slow*: then :meth:`drain` takes it.

    *incoming* is what was not received because reading is paused; *late* counts the bytes that were written behind the end.
    """

    def __init__(self, clock: Clock, address: str = "192.0.2.1", *, slow: bool = False) -> None:
        super().__init__()
        self.clock = clock
        self.address = address
        self.slow = slow
        self.sent = b""
        self.queued = self.most_queued = 0
        self.reading = True
        self.incoming: list[bytes] = []
        self.late = 0
        self.pausing = self.half_closed = self.closing = self.aborted = self.gone = False
        self.protocol: Any = None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Give both ends' names."""
        return {"peername": (self.address, 50_000), "sockname": ("127.0.0.1", 8080)}.get(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have another protocol receive."""
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Give the protocol that receives."""
        return self.protocol  # type: ignore[no-any-return]  # any protocol

    def write(self, data: Any) -> None:
        """Send, or queue where the other end is slow."""
        assert not self.half_closed, "written after write_eof"
        if self.gone or self.closing:
            self.late += len(data)
            return
        self.sent += bytes(data)
        if self.slow:
            self.queued += len(data)
            self.most_queued = max(self.most_queued, self.queued)
            if self.queued > HIGH_WATER and not self.pausing:
                self.pausing = True
                self.protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Send several pieces."""
        self.write(b"".join(list_of_data))

    def get_write_buffer_size(self) -> int:
        """Give what is queued."""
        return self.queued

    def drain(self) -> None:
        """Let the other end take what is queued."""
        self.queued = 0
        if self.pausing:
            self.pausing = False
            self.protocol.resume_writing()
        if self.closing and not self.queued:
            self.clock.callLater(0, self.lose)

    def receive(self, data: bytes) -> None:
        """Let the protocol have *data*, when it reads."""
        self.incoming.append(data)
        while self.incoming and self.reading and not self.is_closing():
            piece = self.incoming.pop(0)
            if piece:
                self.protocol.data_received(piece)

    def end(self) -> None:
        """Close the other end's half."""
        if not self.is_closing() and not self.protocol.eof_received():
            self.close()

    def can_write_eof(self) -> bool:
        """Half-close as TCP does."""
        return True

    def write_eof(self) -> None:
        """Close our half."""
        self.half_closed = True

    def pause_reading(self) -> None:
        """Read no more."""
        self.reading = False

    def resume_reading(self) -> None:
        """Read on."""
        self.reading = True
        if self.incoming:
            self.clock.callLater(0, self.receive, b"")

    def is_closing(self) -> bool:
        """Whether it is closed or will be."""
        return self.closing or self.gone

    def close(self) -> None:
        """Close when everything is sent; the protocol hears of it in the loop's next turn."""
        if not self.closing:
            self.closing = True
            if not self.queued:
                self.clock.callLater(0, self.lose)

    def abort(self) -> None:
        """Close now."""
        self.aborted = self.closing = True
        self.clock.callLater(0, self.lose)

    def lose(self, error: Exception | None = None) -> None:
        """Tell that the connection is gone."""
        if not self.gone:
            self.gone = self.closing = True
            self.protocol.connection_lost(error)


def connected(make: Callable[[], Any], clock: Clock, **more: Any) -> NativeWire:
    """Give a connection to the protocol that *make* makes."""
    wire = NativeWire(clock, **more)
    wire.protocol = make()
    wire.protocol.connection_made(wire)
    return wire


def send(wire: NativeWire, *pieces: bytes) -> NativeWire:
    """Let the protocol receive *pieces*, one after the other, while it is open, and the clock turn."""
    for piece in pieces:
        wire.receive(piece)
    for _ in range(3):
        wire.clock.advance(0)
    return wire
