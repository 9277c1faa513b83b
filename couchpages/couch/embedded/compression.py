"""Which attachments are kept compressed, how, and how that is undone, decided (pure).

Apache CouchDB compresses what has one of its compressible types and comes uncompressed; digest, encoded length and ranges
are then those of the compressed bytes. This store does the same with the same algorithm, level and header, so that a
document which is replicated is told with the same digest on both sides.
Source: CouchDB documentation, "attachments" in the configuration; measured against Apache CouchDB 3.5.
"""

import re
import zlib
from collections.abc import Iterator

GZIP = "gzip"
LEVEL = 8  # CouchDB's default [attachments] compression_level
_COMPRESSIBLE = re.compile(r"text/.*|application/(javascript|json|xml)", re.ASCII)
_WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS
PIECE = 256 * 1024  # bytes, the most that is undone at once, however much is in there


class CompressedDataError(ValueError):
    """What was stored as compressed is not."""


def is_compressible(content_type: str) -> bool:
    """Tell whether attachments of this type are compressed when they come uncompressed."""
    return _COMPRESSIBLE.fullmatch(content_type.partition(";")[0].strip().lower()) is not None


def compressed(data: bytes) -> bytes:
    """Compress a content that is in memory."""
    compressor = Compressor()
    return compressor.feed(data) + compressor.finish()


class Compressor:
    """Compresses a content piece by piece; the bytes that come out do not depend on how it is cut."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(LEVEL, zlib.DEFLATED, _WITH_GZIP_HEADER)

    def feed(self, data: bytes) -> bytes:
        """Take bytes; give those that are ready."""
        return self._stream.compress(data)

    def finish(self) -> bytes:
        """Give the rest."""
        return self._stream.flush()


class Decompressor:
    """Undoes it piece by piece, never more than PIECE bytes at once; several gzip members count as one content."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_WITH_GZIP_HEADER)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes, and give what they stand for; raise CompressedDataError for what is not gzip."""
        more = bool(data)
        while more:
            if self._stream.eof:
                self._stream = zlib.decompressobj(_WITH_GZIP_HEADER)
            try:
                piece = self._stream.decompress(data, PIECE)
            except zlib.error as error:
                raise CompressedDataError(str(error)) from None
            if piece:
                yield piece
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            more = bool(data) or (len(piece) == PIECE and not self._stream.eof)

    def finish(self) -> None:
        """Raise CompressedDataError when the end is missing."""
        if not self._stream.eof:
            raise CompressedDataError("the compressed content is cut off")
