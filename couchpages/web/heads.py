"""A request's head, from its lines to a value or to what is wrong with it, after RFC 9112 (pure)."""

from dataclasses import dataclass

from couchpages.web.framing import Length, host_fault, length_of
from couchpages.web.message import Headers, RequestHead
from couchpages.web.syntax import Fault, Field, RequestLine, control_fault, field, request_line

CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """What a head may be at most: *size* bytes, from its request line to the empty line, and *fields* fields.

    nginx's ``large_client_header_buffers`` are 4 of 8 KiB, Apache's ``LimitRequestFields`` is 100. *fields* is also how many
    empty lines may stand before a request line, as at Apache.
    """

    size: int = 32768
    fields: int = 100


DEFAULT_LIMITS = HeadLimits()


@dataclass(frozen=True, slots=True)
class Head:
    """A head that is well-formed, and how long its body is."""

    line: RequestLine
    fields: tuple[Field, ...]
    length: Length


class HeadReader:
    """Takes the lines of one head, one after the other.

    A head is refused for its first fault, at the byte that makes it one; so the verdict is the same wherever the network cuts the head.
    """

    def __init__(self, limits: HeadLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._size = 0
        self._empty = 0
        self._line: RequestLine | None = None
        self._fields: list[Field] = []

    @property
    def first_line(self) -> bytes:
        """The request line, once it was read; empty before."""
        read = self._line
        return b"%b %b %b" % (read.method, read.target, read.version) if read is not None else b""

    @property
    def method(self) -> bytes:
        """The method, once the request line was read; empty before."""
        return self._line.method if self._line is not None else b""

    def line(self, line: bytes) -> Head | Fault | None:
        """Take a line without its CRLF; give what the head is once it is whole, or what is wrong with it, or None."""
        wrong = self.part(line + CRLF)
        if wrong is not None:
            return wrong
        if not line:
            return self._empty_line()
        self._size += len(line) + len(CRLF)
        return self._request_line(line) if self._line is None else self._field(line)

    def part(self, part: bytes) -> Fault | None:
        """Judge as much as came of the next line."""
        room = self._limits.size - self._size
        wrong = control_fault(part[:room])
        if wrong is not None or len(part) <= room:
            return wrong
        if self._line is None:
            return Fault(414, f"the request line is longer than {self._limits.size} bytes (RFC 9110 section 15.5.15)")
        return Fault(431, f"the head is longer than {self._limits.size} bytes (RFC 6585 section 5)")

    def _empty_line(self) -> Head | Fault | None:
        if self._line is not None:
            return _whole(self._line, tuple(self._fields))
        # RFC 9112 section 2.2: at least one empty line before the request line should be ignored.
        self._empty += 1
        if self._empty > self._limits.fields:
            return Fault(400, f"more than {self._limits.fields} empty lines stand where a request should")
        return None

    def _request_line(self, line: bytes) -> Fault | None:
        match request_line(line):
            case Fault() as wrong:
                return wrong
            case read:
                self._line = read
                return None

    def _field(self, line: bytes) -> Fault | None:
        match field(line):
            case Fault() as wrong:
                return wrong
            case read:
                self._fields.append(read)
        if len(self._fields) > self._limits.fields:
            return Fault(431, f"the head has more than {self._limits.fields} fields (RFC 6585 section 5)")
        return None


class PartialHead:
    """Judges a head that comes in pieces, each byte of whole lines once."""

    def __init__(self, limits: HeadLimits = DEFAULT_LIMITS) -> None:
        self._reader = HeadReader(limits)
        self._judged = 0

    def is_wrong(self, data: bytes) -> bool:
        """Tell whether *data*, all that came so far and no whole head, has a fault already."""
        while (end := data.find(CRLF, self._judged)) >= 0:
            if isinstance(self._reader.line(data[self._judged : end]), Fault):
                return True
            self._judged = end + len(CRLF)
        return self._reader.part(data[self._judged :]) is not None


def _whole(line: RequestLine, fields: tuple[Field, ...]) -> Head | Fault:
    wrong = host_fault(line.version, fields)
    if wrong is not None:
        return wrong
    length = length_of(line.version, fields)
    return length if isinstance(length, Fault) else Head(line, fields, length)


def read_head(head: bytes, limits: HeadLimits = DEFAULT_LIMITS) -> Head | Fault:
    """Read a whole head, with its empty line and nothing behind it."""
    reader = HeadReader(limits)
    left = head
    while True:
        line, end, left = left.partition(CRLF)
        verdict = reader.line(line) if end else reader.part(line) or Fault(400, "the head is not whole")
        match verdict:
            case Fault():
                return verdict
            case Head():
                return Fault(400, "something stands behind the head") if left else verdict


def request_head(head: Head, peer: str, scheme: str) -> RequestHead:
    """Give a head as applications have it; see there for *peer* and *scheme*."""
    fields = Headers(tuple((field.name, field.value) for field in head.fields))
    return RequestHead(head.line.method, head.line.target, head.line.version, fields, peer, scheme)


def fault(head: bytes, limits: HeadLimits = DEFAULT_LIMITS) -> Fault | None:
    """Tell what is wrong with a whole head, or None: what :func:`read_head` does, for those who want no more of it."""
    verdict = read_head(head, limits)
    return verdict if isinstance(verdict, Fault) else None
