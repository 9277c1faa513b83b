"""Multipart bodies, read: bytes in, in pieces of any size, events out (pure).

RFC 2046 section 5.1 as CouchDB speaks it: lines end in CRLF, what stands before the first delimiter and after the last one
is dropped, parts are not nested here (a part that is multipart itself is bytes). At most one delimiter, or one part's head,
is held in memory. A reader that has raised is of no more use.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

HEAD_LIMIT = 64 * 1024  # bytes of one part's head: a file's name may be long
BOUNDARY_LIMIT = 200  # characters; RFC 2046 allows 70, CouchDB's have 32
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
_DASHES = b"--"
_LINE = b"\r\n"
_HEAD_END = b"\r\n\r\n"


class MultipartError(ValueError):
    """The body is not what its content type says; the text tells what is wrong."""


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A part's head has come; names are in small letters."""

    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        """The media type without parameters, in small letters; empty when there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class PartData:
    """Some bytes of the part, never none."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The part is whole."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The last delimiter has come."""


Event = PartBegins | PartData | PartEnds | Closed


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a content type names; raise MultipartError when it names none."""
    form = _BOUNDARY.search(content_type)
    boundary = (form[1] or form[2]) if form else ""
    if not boundary or len(boundary) > BOUNDARY_LIMIT:
        raise MultipartError("the content type has no boundary, or one that is too long")
    return boundary.encode("latin-1", "replace")


class Reader:
    """Reads one body."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = _LINE + _DASHES + boundary
        self._buffer = bytearray(_LINE)  # the first delimiter may begin the body
        self._step: Callable[[], bool] = self._preamble
        self._events: list[Event] = []
        self.closed = False

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes, and tell what came with them; raise MultipartError for what is no multipart body."""
        if self.closed:
            return []
        self._buffer += data
        self._events = []
        while self._step():
            pass
        return self._events

    def _preamble(self) -> bool:
        at = self._buffer.find(self._delimiter)
        if at < 0:
            del self._buffer[: -len(self._delimiter)]
            return False
        return self._pass_delimiter(at)

    def _pass_delimiter(self, at: int) -> bool:
        del self._buffer[: at + len(self._delimiter)]
        self._step = self._after_delimiter
        return True

    def _after_delimiter(self) -> bool:
        if len(self._buffer) < len(_DASHES):
            return False
        if self._buffer.startswith(_DASHES):
            self.closed = True
            self._buffer.clear()
            self._events.append(Closed())
            return False
        end = self._buffer.find(_LINE)
        padding = self._buffer[:end] if end >= 0 else self._buffer.rstrip(b"\r")
        if padding.strip(b" \t") or len(padding) > HEAD_LIMIT:
            raise MultipartError("a delimiter is followed by something else than the end of its line")
        if end < 0:
            return False
        del self._buffer[:end]  # not the line's end: with the next one it ends a head without fields
        self._step = self._head
        return True

    def _head(self) -> bool:
        end = self._buffer.find(_HEAD_END)
        if max(end, len(self._buffer) if end < 0 else 0) > HEAD_LIMIT:
            raise MultipartError("the head of a part is too long")
        if end < 0:
            return False
        self._events.append(PartBegins(_fields(bytes(self._buffer[:end]))))
        del self._buffer[: end + len(_HEAD_END)]
        self._step = self._body
        return True

    def _body(self) -> bool:
        at = self._buffer.find(self._delimiter)
        sure = at if at >= 0 else max(0, len(self._buffer) - len(self._delimiter) + 1)
        if sure:
            self._events.append(PartData(bytes(self._buffer[:sure])))
        if at >= 0:
            self._events.append(PartEnds())
            return self._pass_delimiter(at)
        del self._buffer[:sure]
        return False


def _fields(head: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in head.split(_LINE):
        if not line:
            continue
        name, colon, value = line.decode("utf-8", "surrogateescape").partition(":")
        if not colon:
            raise MultipartError("bad part header")
        fields[name.strip().lower()] = value.strip()
    return fields
