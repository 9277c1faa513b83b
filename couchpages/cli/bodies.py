"""Bodies of requests: bytes, and files as streams (I/O).

A file is read in the reactor's thread, in chunks that were hashed just before and so lie in the page cache.
"""

import os
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from couchpages.cli.errors import CommandError
from couchpages.cli.files import HashedFile
from couchpages.cli.hashing import OPEN_FLAGS, version_of

CHUNK = 64 * 1024
"""Bytes read at once; a transport holds about two chunks before it pauses its producer."""


class FileChangedError(CommandError):
    """A file is not any more what was hashed."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: changed while it was deployed; deploy again when the site's build is done")


@implementer(IBodyProducer)
class BytesBody:
    """Bytes as a body, written at once. Twisted's own for this needs the global reactor's cooperator."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.length = len(content)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802 - IBodyProducer's
        """Write to *consumer*."""
        consumer.write(self._content)
        return succeed(None)

    def resumeProducing(self) -> None:  # noqa: N802 - IPushProducer's
        """Do nothing: all is written."""

    def pauseProducing(self) -> None:  # noqa: N802 - IPushProducer's
        """Do nothing: all is written."""

    def stopProducing(self) -> None:  # noqa: N802 - IPushProducer's
        """Do nothing: all is written."""


@implementer(IBodyProducer)
class FileBody:
    """One sending of a file as a push producer, in the reactor's thread. ``stop`` closes it, also before it began.

    Fails with FileChangedError before the last byte goes out, if the file is not the version that was hashed.
    """

    def __init__(self, file: HashedFile, sent: Callable[[int], None]) -> None:
        self._file = file
        self._sent = sent
        self._descriptor = _open(file)
        self._left = file.size
        self._paused = False
        self._finished: Deferred[None] = Deferred(lambda _: self.stop())
        self.length = file.size

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802 - IBodyProducer's
        """Begin to write to *consumer*; fires when all is written."""
        self._consumer = consumer
        self._write()
        return self._finished

    def resumeProducing(self) -> None:  # noqa: N802 - IPushProducer's
        """Go on writing."""
        self._paused = False
        self._write()

    def pauseProducing(self) -> None:  # noqa: N802 - IPushProducer's
        """Stop writing until resumed."""
        self._paused = True

    def stopProducing(self) -> None:  # noqa: N802 - IPushProducer's
        """Stop for good: nobody takes the rest."""
        self.stop()

    def stop(self) -> None:
        """Close the file. May be repeated."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _write(self) -> None:
        try:
            while self._left and not self._paused and self._descriptor >= 0:
                self._write_chunk()
        except (OSError, FileChangedError):
            self.stop()
            self._finished.errback(FileChangedError(self._file.path))
            return
        if not self._left and self._descriptor >= 0:
            self.stop()
            self._finished.callback(None)

    def _write_chunk(self) -> None:
        chunk = os.read(self._descriptor, min(CHUNK, self._left))
        if not chunk or (len(chunk) == self._left and version_of(self._descriptor) != self._file.version):
            raise FileChangedError(self._file.path)
        self._left -= len(chunk)
        self._consumer.write(chunk)
        self._sent(len(chunk))


def _open(file: HashedFile) -> int:
    """Open the version that was hashed, or raise FileChangedError."""
    try:
        descriptor = os.open(file.source, OPEN_FLAGS)
    except OSError:
        raise FileChangedError(file.path) from None
    if version_of(descriptor) != file.version:
        os.close(descriptor)
        raise FileChangedError(file.path)
    return descriptor
