"""Sends a body of several parts as fast as its reader takes it (does I/O)."""

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from couchpages.web.limits import DEFAULT_WRITE_RATE
from couchpages.web.message import FilePart, Response

CHUNK = 65536
#: Bodies in memory up to this size are handed to the transport in one piece, of which nothing is copied; larger ones, and files, go
#: chunk by chunk. A slow reader keeps as much from being forgotten.
DIRECT = 4 * CHUNK
#: Bytes that may wait for a reader.
WAITING = 2 * CHUNK


class Consumer(Protocol):
    """Where the parts go: a twisted.web request."""

    def write(self, data: bytes) -> object:
        """Send *data*."""
        ...

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> object:  # noqa: N802 -- Twisted's name
        """Tell *producer* when to pause and when to go on."""
        ...

    def unregisterProducer(self) -> object:  # noqa: N802 -- Twisted's name
        """Stop telling."""
        ...


@implementer(IPushProducer)
class Parts:
    """Writes a response's parts chunk by chunk until the transport says that it has enough, so that a slow reader costs few chunks.

    *done* is called once, with what kept the parts from being sent whole, or None; never after the connection was lost. *over* is
    called once in any case, with the bytes that were written. A reader is given up who takes less than *rate* bytes a second.
    """

    def __init__(
        self,
        clock: IReactorTime,
        response: Response,
        consumer: Consumer,
        done: Callable[[Exception | None], object],
        over: Callable[[int], object] = lambda _: None,
        rate: float = DEFAULT_WRITE_RATE,
    ) -> None:
        self._patience = WAITING / rate
        self._clock = clock
        self._stall: IDelayedCall | None = None
        self._response = response
        self._parts = list(response.body) if isinstance(response.body, tuple) else [response.body]
        self._consumer = consumer
        self._done = done
        self._over = over
        self._written = 0
        self._offset = 0
        self._paused = self._stopped = False

    def start(self) -> None:
        """Begin, unless the consumer says at once that it has enough."""
        self._consumer.registerProducer(self, True)
        if not self._paused:
            self.resumeProducing()

    def resumeProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Write until told to pause."""
        self._stop_clock()
        self._paused = self._stopped
        while not self._paused:
            try:
                data = self._next()
            except Exception as error:  # noqa: BLE001 -- whatever it was, the response ends here
                self._end(error)
                return
            if not data:
                self._end(None)
                return
            self._written += len(data)
            self._consumer.write(data)

    def pauseProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Write no more for now."""
        self._paused = True
        if self._stall is None and not self._stopped:
            self._stall = self._clock.callLater(self._patience, self._stalled)

    def stopProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Let go: the connection was lost, or the stream. May be called more than once."""
        self._paused = self._stopped = True
        self._stop_clock()
        self._parts.clear()
        self._response.close()
        over, self._over = self._over, lambda _: None
        over(self._written)

    def _end(self, error: Exception | None) -> None:
        # Files first: the consumer may be gone.
        self.stopProducing()
        self._consumer.unregisterProducer()
        self._done(error)

    def _stalled(self) -> None:
        self._stall = None
        self._end(TimeoutError(f"its reader took less than {WAITING} bytes in {self._patience:.0f} seconds"))

    def _stop_clock(self) -> None:
        stall, self._stall = self._stall, None
        if stall is not None:
            stall.cancel()

    def _next(self) -> bytes:
        while self._parts:
            data = self._chunk_of(self._parts[0])
            if data:
                return data
            self._parts.pop(0)
            self._offset = 0
        return b""

    def _chunk_of(self, part: bytes | FilePart) -> bytes:
        start = self._offset
        if isinstance(part, bytes):
            data = part[start : start + CHUNK]
        else:
            part.file.seek(part.start + start)
            data = part.file.read(min(CHUNK, part.length - start))
            if not data and start < part.length:
                raise OSError("the file became shorter while it was sent")
        self._offset += len(data)
        return data
