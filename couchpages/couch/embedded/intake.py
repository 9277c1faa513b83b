"""A content on its way in: hashed, perhaps compressed, cut into pieces, each piece queued for the writer (does).

A small content stays in memory. The sender is paused while too many pieces wait for the disk. Reactor's thread only.
"""

from hashlib import md5, sha256
from typing import Protocol

from twisted.python.failure import Failure

from couchpages.couch.embedded.compression import GZIP, Compressor
from couchpages.couch.embedded.contents import CHUNK, Received, Upload, append_chunk, give_up_upload
from couchpages.couch.embedded.writer import Writer

PIECES_UNDER_WAY = 4  # of CHUNK bytes each, before the sender has to wait


class Sender(Protocol):
    """Where bytes come from, and which can be told to wait: a part of Twisted's IPushProducer."""

    def pauseProducing(self) -> None:  # noqa: N802  # Twisted's name
        """Send no more for now."""

    def resumeProducing(self) -> None:  # noqa: N802  # Twisted's name
        """Send again."""


class Flow:
    """Counts pieces that wait for the disk, of all contents of one body, and pauses their sender."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._under_way = 0
        self._paused = False

    def one_more(self) -> None:
        """Note that a piece was queued."""
        self._under_way += 1
        if self._under_way >= PIECES_UNDER_WAY and not self._paused:
            self._paused = True
            self._sender.pauseProducing()

    def one_less(self) -> None:
        """Note that a piece is on the disk, or failed."""
        self._under_way -= 1
        if self._paused and self._under_way < PIECES_UNDER_WAY:
            self._paused = False
            self._sender.resumeProducing()


class Intake:
    """Takes one content. With `compress` it is kept compressed; with an `encoding` it comes so."""

    def __init__(self, writer: Writer, flow: Flow, *, compress: bool = False, encoding: str | None = None) -> None:
        self._writer = writer
        self._flow = flow
        self._compressor = Compressor() if compress else None
        self._encoding = GZIP if compress else encoding
        self._md5, self._sha256 = md5(usedforsecurity=False), sha256()
        self._came_md5 = md5(usedforsecurity=False)
        self._buffer = bytearray()
        self._stored = 0
        self._error: BaseException | None = None
        self._upload = Upload()
        self.came = 0

    def write(self, data: bytes) -> None:
        """Take bytes as they come."""
        self.came += len(data)
        if self._compressor is None:
            self._keep(data)
        else:
            self._came_md5.update(data)
            self._keep(self._compressor.feed(data))

    @property
    def came_md5(self) -> bytes:
        """The MD5 of the bytes as they came."""
        return self._md5.digest() if self._compressor is None else self._came_md5.digest()

    def received(self, identity: int | None = None) -> Received:
        """Describe the whole content, whose last pieces the writer stores before whatever is queued after this call.

        `identity` is the number of bytes before compressing, of what came compressed.
        """
        if self._compressor is not None:
            self._keep(self._compressor.finish())
            identity = self.came
        digests = self._md5.digest(), self._sha256.digest()
        if self._stored == 0:
            return Received(len(self._buffer), *digests, bytes(self._buffer), None, self._encoding, identity)
        self._store(bytes(self._buffer))
        return Received(self._stored, *digests, None, self._upload, self._encoding, identity)

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

    def _keep(self, data: bytes) -> None:
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
        self._flow.one_more()
        answer.addErrback(self._failed)
        answer.addCallback(lambda _: self._flow.one_less())

    def _failed(self, failure: Failure) -> None:
        if self._error is None:  # the later ones only follow from the first
            self._error = failure.value
