"""Answers in segments: texts that are ready, and contents that are still in the store, decided (pure).

An answer with attachments may be larger than memory. So it is a list of texts and of references to contents, each of which
says how its bytes are to be written: as they are stored, uncompressed, or in base64 inside a JSON string.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from couchpages.couch.embedded.attachments import Stored
from couchpages.couch.embedded.compression import Decompressor

_TRIPLE = 3  # bytes that base64 writes as four letters


class Form(Enum):
    """How a content's bytes are written."""

    STORED = "as they are stored"
    IDENTITY = "uncompressed"
    BASE64 = "uncompressed, in base64"


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a stored attachment."""

    stored: Stored
    form: Form


Segment = bytes | Content


def length_of(segments: Iterable[Segment]) -> int:
    """Count the bytes of an answer whose contents are all written as they are stored."""
    return sum(len(each) if isinstance(each, bytes) else each.stored.length for each in segments)


def joined(segments: Iterable[Segment]) -> list[Segment]:
    """Join the texts that follow each other."""
    result: list[Segment] = []
    texts: list[bytes] = []
    for each in segments:
        if isinstance(each, bytes):
            texts.append(each)
            continue
        result += [b"".join(texts), each] if texts else [each]
        texts = []
    return [*result, b"".join(texts)] if texts else result


def contents_of(segments: Iterable[Segment]) -> Sequence[Stored]:
    """List what has to stay in the store until the answer is written."""
    return [each.stored for each in segments if isinstance(each, Content)]


class Writing:
    """Turns the stored bytes of one content into those that are written, piece by piece."""

    def __init__(self, content: Content) -> None:
        undone = content.form is not Form.STORED and content.stored.encoding is not None
        self._decompressor = Decompressor() if undone else None
        self._base64 = content.form is Form.BASE64
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take stored bytes; give bytes to write. Raises CompressedDataError."""
        for piece in self._decompressor.feed(data) if self._decompressor else (data,):
            yield self._encoded(piece) if self._base64 else piece

    def _encoded(self, piece: bytes) -> bytes:
        piece = self._rest + piece
        whole = len(piece) - len(piece) % _TRIPLE
        self._rest = piece[whole:]
        return b64encode(piece[:whole])

    def finish(self) -> bytes:
        """Give the rest. Raises CompressedDataError."""
        if self._decompressor:
            self._decompressor.finish()
        return b64encode(self._rest)
