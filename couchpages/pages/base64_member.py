r"""Takes the members of a flat JSON object out of a buffer, without holding a long one whole (pure).

The first system sent a file as base64 inside JSON. Its writer (System.Text.Json) escapes ``+`` as ``\u002B``, so the text has to be
unescaped while it is decoded.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import TypeAlias

Buffer: TypeAlias = bytes | mmap
PIECE = 262144
#: Members that an upload may have; the first system wrote three.
MOST_MEMBERS = 100
#: The longest escape of a JSON string: ``\\uXXXX``.
LONGEST_ESCAPE = 6
SHORT = 4096

_OPEN = re.compile(rb"\s*\{\s*")
# Possessive: what was taken is not given back, so that a long string costs one pass and no stack.
_TEXT = re.compile(rb'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_NAME = re.compile(_TEXT.pattern + rb"\s*:\s*", re.DOTALL)
_OTHER = re.compile(rb"(?:true|false|null|-?[0-9][0-9.eE+-]*)")
_NEXT = re.compile(rb"\s*([,}])\s*")
_ESCAPE = re.compile(rb"\\(?:u00([0-7][0-9A-Fa-f])|/)")


@dataclass(frozen=True, slots=True)
class Span:
    """Where a text member's raw characters lie in the buffer, without its quotes."""

    start: int
    stop: int


def members(buffer: Buffer) -> dict[str, Span]:
    """Give the text members of a flat object, names in lower case; others are passed over. Raises ValueError."""
    found: dict[str, Span] = {}
    position = _after(_OPEN, buffer, 0, "an object")
    for _ in range(MOST_MEMBERS):
        name = _NAME.match(buffer, position)
        if name is None:
            raise ValueError(f"no member's name at byte {position}")
        position = name.end()
        text = _TEXT.match(buffer, position)
        if text is not None:
            found[short_text(buffer, Span(*name.span(1))).lower()] = Span(*text.span(1))
        position = text.end() if text is not None else _after(_OTHER, buffer, position, "a value")
        end = _NEXT.match(buffer, position)
        if end is None:
            raise ValueError(f"neither a comma nor a brace at byte {position}")
        position = end.end()
        if end[1] == b"}":
            if position != len(buffer):
                raise ValueError("something follows the object")
            return found
    raise ValueError(f"more than {MOST_MEMBERS} members")


def short_text(buffer: Buffer, span: Span) -> str:
    """Give a short member's text. Raises ValueError."""
    if span.stop - span.start > SHORT:
        raise ValueError("a member is longer than it can rightly be")
    return str(json.loads(b'"' + buffer[span.start : span.stop] + b'"'))


def decoded(buffer: Buffer, span: Span, piece: int = PIECE) -> Iterator[bytes]:
    """Give the bytes that a base64 member stands for, from *piece* characters at a time, at least an escape's. Raises ValueError."""
    held = b""
    position = span.start
    while position < span.stop:
        stop = _piece_end(buffer, position, span.stop, piece)
        held += _unescaped(buffer[position:stop])
        position = stop
        whole = len(held) - len(held) % 4 if position < span.stop else len(held)
        if position < span.stop and b"=" in held[:whole]:
            raise ValueError("base64 goes on behind its end")
        yield _decode(held[:whole])
        held = held[whole:]


def _piece_end(buffer: Buffer, start: int, stop: int, piece: int) -> int:
    end = min(start + piece, stop)
    if end < stop:
        # An escape that begins in this piece and ends in the next belongs to the next.
        cut = buffer[end - LONGEST_ESCAPE + 1 : end].rfind(b"\\")
        if cut >= 0:
            end = end - LONGEST_ESCAPE + 1 + cut
    return end


def _unescaped(raw: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]) if found[1] else b"/", raw) if b"\\" in raw else raw


def _decode(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from None


def _after(pattern: re.Pattern[bytes], buffer: Buffer, position: int, what: str) -> int:
    found = pattern.match(buffer, position)
    if found is None:
        raise ValueError(f"not {what} at byte {position}")
    return found.end()
