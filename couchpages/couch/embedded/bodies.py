"""Request bodies while they arrive: JSON in memory up to a limit, attachments into the store piece by piece (does).

Nothing is spooled into TMPDIR. A body belongs to one request; all methods are called in the reactor's thread.
"""

from hashlib import md5, sha256
from typing import Protocol

from twisted.python.failure import Failure

from couchpages.couch.embedded.contents import CHUNK, Received, Upload, append_chunk, give_up_upload
from couchpages.couch.embedded.errors import document_too_large
from couchpages.couch.embedded.writer import Writer

JSON_LIMIT = 64 * 1024 * 1024  # bytes: eight documents of the largest size, or their attachments in base64
PIECES_UNDER_WAY = 4  # of CHUNK bytes each, before the sender has to wait


class Body(Protocol):
    """Something that takes a body's bytes."""

    def write(self, data: bytes) -> None:
        """Take the next bytes."""

    def abandon(self) -> None:
        """Forget everything: the rest will not come, or is not wanted."""


class Sender(Protocol):
    """Where bytes come from, and which can be told to wait: a part of Twisted's IPushProducer."""

    def pauseProducing(self) -> None:  # noqa: N802  # Twisted's name
        """Send no more for now."""

    def resumeProducing(self) -> None:  # noqa: N802  # Twisted's name
        """Send again."""


class Ignored:
    """A body that nobody reads: it is taken from the connection and dropped."""

    def write(self, data: bytes) -> None:
        """Drop bytes."""

    def abandon(self) -> None:
        """Do nothing."""


class JsonBody:
    """A body that is kept whole in memory, up to a limit."""

    def __init__(self, limit: int = JSON_LIMIT) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._length = 0

    def write(self, data: bytes) -> None:
        """Keep bytes; beyond the limit, forget all of them."""
        self._length += len(data)
        if self._length > self._limit:
            self._pieces.clear()
        else:
            self._pieces.append(data)

    def text(self) -> bytes:
        """Return the whole body, or raise 413."""
        if self._length > self._limit:
            raise document_too_large("")
        return b"".join(self._pieces)

    def abandon(self) -> None:
        """Free the memory."""
        self._pieces.clear()


class UploadBody:
    """An attachment on its way in: hashed, cut into pieces, each piece queued for the writer; a small one stays in memory.

    The sender is paused while too many pieces wait for the disk.
    """

    def __init__(self, writer: Writer, sender: Sender) -> None:
        self._writer = writer
        self._sender = sender
        self._md5, self._sha256 = md5(usedforsecurity=False), sha256()
        self._buffer = bytearray()
        self._stored = self._under_way = 0
        self._paused = False
        self._error: BaseException | None = None
        self._upload = Upload()

    def write(self, data: bytes) -> None:
        """Take bytes, and pause the sender when the disk is slower."""
        self._md5.update(data)
        self._sha256.update(data)
        self._buffer += data
        while len(self._buffer) > CHUNK:
            self._store(bytes(self._buffer[:CHUNK]))
            del self._buffer[:CHUNK]

    def _store(self, piece: bytes) -> None:
        start, upload = self._stored, self._upload
        self._stored += len(piece)
        if self._error is not None:
            return
        answer = self._writer.submit(
            lambda transaction: append_chunk(transaction, upload, start, piece), weight=len(piece)
        )
        self._under_way += 1
        answer.addErrback(self._failed)
        answer.addCallback(lambda _: self._one_less())
        if self._under_way >= PIECES_UNDER_WAY and not self._paused:
            self._paused = True
            self._sender.pauseProducing()

    def _failed(self, failure: Failure) -> None:
        if self._error is None:  # the later ones only follow from the first
            self._error = failure.value

    def _one_less(self) -> None:
        self._under_way -= 1
        if self._paused and self._under_way < PIECES_UNDER_WAY:
            self._paused = False
            self._sender.resumeProducing()

    def received(self) -> Received:
        """Describe the whole content, whose last pieces the writer stores before whatever is queued after this call."""
        digests = self._md5.digest(), self._sha256.digest()
        if self._stored == 0:
            return Received(len(self._buffer), *digests, bytes(self._buffer))
        self._store(bytes(self._buffer))
        return Received(self._stored, *digests, None, self._upload)

    def check(self) -> None:
        """Raise what storing a piece has raised so far."""
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Leave what was stored to the sweep."""
        self._buffer.clear()
        if self._stored == 0:
            return
        upload = self._upload
        self._writer.submit(lambda transaction: give_up_upload(transaction, upload)).addErrback(lambda _: None)
