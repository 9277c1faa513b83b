"""Requests' bodies, told from what follows them: by a length, or by chunks, after RFC 9112 sections 6 and 7 (pure).

twisted.web's decoder of chunks takes any extension of allowed characters for well-formed and any line for a trailer, and it waits for a
line's end before it looks at the line; its classes are private besides. These have the interface that its channel asks for.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

from couchpages.web.heads import CRLF, DEFAULT_LIMITS, HeadLimits
from couchpages.web.syntax import TOKEN, Fault, control_fault, field

Taker: TypeAlias = Callable[[bytes], object]

#: Bytes of a line that tells a chunk's size, with its extensions: twisted.web's figure.
LONGEST_SIZE_LINE = 1024
#: Bytes of all those lines' extensions. RFC 9112 section 7.1.1 wants a limit; Go's net/http has 16 KiB too.
LONGEST_EXTENSIONS = 16384

_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*+"'  # RFC 9110 section 5.6.4
_EXTENSION = rb"[\t ]*+;[\t ]*+%b(?:[\t ]*+=[\t ]*+(?:%b|%b))?+" % (TOKEN, TOKEN, _QUOTED)
# 15 digits fit a signed integer of 64 bits, and are more than any disk holds.
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})((?:%b)*+)" % _EXTENSION)


class BadBody(Exception):
    """A body is not what RFC 9112 says."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class CountedBody:
    """A body of *length* bytes: hands them to *content* as they come, and what follows them to *finish*, once."""

    def __init__(self, length: int, content: Taker, finish: Taker) -> None:
        self._left = length
        self._content = content
        self._finish = finish

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Take the next bytes."""
        piece, rest = data[: self._left], data[self._left :]
        self._left -= len(piece)
        self._content(piece)
        if not self._left:
            self._finish(rest)


class ChunkedBody:
    """A body in chunks: hands their content to *content*, and what follows the last to *finish*, once (RFC 9112 section 7.1).

    Extensions are checked and forgotten, and so are trailers, which nobody here asks for (RFC 9110 section 6.5.1).
    """

    def __init__(self, content: Taker, finish: Taker, limits: HeadLimits = DEFAULT_LIMITS) -> None:
        self._content = content
        self._finish = finish
        self._limits = limits
        self._buffer = bytearray()
        self._left = 0
        self._extensions = self._trailers = self._fields = 0
        self._step: Callable[[], bool] = self._size_line

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Take the next bytes. Raises :class:`BadBody`, after which nothing more may come."""
        self._buffer += data
        while self._step():
            pass

    def _size_line(self) -> bool:
        line = self._line(
            LONGEST_SIZE_LINE, Fault(400, f"a chunk's size line is longer than {LONGEST_SIZE_LINE} bytes")
        )
        if line is None:
            return False
        read = _SIZE_LINE.fullmatch(line)
        if read is None:
            raise BadBody(Fault(400, "a chunk's size, or an extension of it, is malformed (RFC 9112 section 7.1)"))
        self._extensions += len(read[2])
        if self._extensions > LONGEST_EXTENSIONS:
            raise BadBody(Fault(400, f"the chunks have more than {LONGEST_EXTENSIONS} bytes of extensions"))
        self._left = int(read[1], 16)
        self._step = self._data if self._left else self._trailer
        return True

    def _data(self) -> bool:
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        self._left -= len(piece)
        if piece:
            self._content(piece)
        if self._left:
            return False
        self._step = self._data_end
        return True

    def _data_end(self) -> bool:
        if not CRLF.startswith(self._buffer[: len(CRLF)]):
            raise BadBody(
                Fault(400, "a chunk is longer than its size: no CRLF stands behind it (RFC 9112 section 7.1)")
            )
        if len(self._buffer) < len(CRLF):
            return False
        del self._buffer[: len(CRLF)]
        self._step = self._size_line
        return True

    def _trailer(self) -> bool:
        room = self._limits.size - self._trailers
        line = self._line(
            room, Fault(431, f"the trailers are longer than {self._limits.size} bytes (RFC 6585 section 5)")
        )
        if line is None:
            return False
        if not line:
            self._finish(bytes(self._buffer))
            return False
        self._trailers += len(line) + len(CRLF)
        self._fields += 1
        if self._fields > self._limits.fields:
            raise BadBody(Fault(431, f"there are more than {self._limits.fields} trailers (RFC 6585 section 5)"))
        match field(line):
            case Fault() as wrong:
                raise BadBody(wrong)
            case _:
                return True

    def _line(self, room: int, too_long: Fault) -> bytes | None:
        """Take a line of *room* bytes at most from the buffer, or None; raise for one that is too long or has control characters."""
        end = self._buffer.find(CRLF)
        part = bytes(self._buffer[: end + len(CRLF)] if end >= 0 else self._buffer)
        wrong = control_fault(part[:room]) or (too_long if len(part) > room else None)
        if wrong is not None:
            raise BadBody(wrong)
        if end < 0:
            return None
        del self._buffer[: len(part)]
        return part[:end]
