"""Sends a body of several parts as fast as its reader takes it (does I/O)."""

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from couchpages.web.message import FilePart, Response

CHUNK = 65536


class Consumer(Protocol):
    """Where the parts go: a twisted.web request."""

    def write(self, data: bytes) -> object:
        """Send *data*."""
        ...

    def registerProducer(self, producer: IPullProducer, streaming: bool) -> object:  # noqa: N802 -- Twisted's name
        """Ask *producer* for more whenever there is room."""
        ...

    def unregisterProducer(self) -> object:  # noqa: N802 -- Twisted's name
        """Stop asking."""
        ...


@implementer(IPullProducer)
class Parts:
    """Writes a response's parts, a chunk each time that the transport has room, so that a slow reader costs one chunk."""

    def __init__(self, response: Response, consumer: Consumer, done: Callable[[Exception | None], object]) -> None:
        self._response = response
        self._parts = list(response.body) if isinstance(response.body, tuple) else [response.body]
        self._consumer = consumer
        self._done = done
        self._offset = 0

    def start(self) -> None:
        """Begin."""
        self._consumer.registerProducer(self, False)

    def resumeProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Write the next chunk."""
        try:
            data = self._next()
        except OSError as error:
            self._end(error)
            return
        if data:
            self._consumer.write(data)
        else:
            self._end(None)

    def stopProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Let go: the connection was lost."""
        self._parts.clear()
        self._response.close()

    def _end(self, error: Exception | None) -> None:
        self._consumer.unregisterProducer()
        self.stopProducing()
        self._done(error)

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
