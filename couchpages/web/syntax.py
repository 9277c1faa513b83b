"""The grammar of HTTP/1.1's lines: request lines and fields, after RFC 9112 and RFC 9110 (pure).

What is malformed is refused, never mended. Two servers that mend the same bytes differently see different requests in them, and
whoever sends those bytes chooses which of the two sees what ("request smuggling", RFC 9112 section 11.2).
"""

import re
from dataclasses import dataclass

#: RFC 9110 section 5.6.2.
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"

_IS_TOKEN = re.compile(TOKEN)
_SUSPECT = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# Of the control characters HTAB and CRLF have a place. A last CR may be that of a CRLF whose LF is still to come.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?![\n]|\Z)")
_TARGET = re.compile(rb"[\x21-\x7e]+")
_VERSION = re.compile(rb"HTTP/([0-9])\.([0-9])")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message is refused: the status, a sentence, and the name of the field that is wrong, if it is one."""

    status: int
    detail: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A request line; *version* is ``HTTP/1.0`` or ``HTTP/1.1``, which stands for later minor versions too (RFC 9110 section 2.5)."""

    method: bytes
    target: bytes
    version: bytes


@dataclass(frozen=True, slots=True)
class Field:
    """A field line: *name* in lower case, *value* without the white space around it (RFC 9112 section 5.1)."""

    name: bytes
    value: bytes


def is_token(text: bytes) -> bool:
    """Tell whether *text* is a token (RFC 9110 section 5.6.2)."""
    return _IS_TOKEN.fullmatch(text) is not None


def control_fault(line: bytes) -> Fault | None:
    """Refuse control characters in a line, or in as much of one as came.

    RFC 9112 section 2.2 lets a recipient take a bare LF for a line's end, and a bare CR for a space: both are ways to be misread.
    RFC 9110 section 5.5 wants NUL refused, and lets the other control characters be.
    """
    # Nearly every line is free of them all, which is sooner seen than that each has its place.
    found = _CONTROL.search(line) if _SUSPECT.search(line.removesuffix(b"\r\n")) else None
    if found is None:
        return None
    match found[0]:
        case b"\r":
            return Fault(400, "a CR stands without the LF that belongs to it (RFC 9112 section 2.2)")
        case b"\n":
            return Fault(400, "a line ends in LF alone; every line of HTTP ends in CRLF (RFC 9112 section 2.2)")
        case other:
            return Fault(400, f"a control character, {other[0]:#04x}, stands where none may (RFC 9110 section 5.5)")


def request_line(line: bytes) -> RequestLine | Fault:
    """Read a request line: method, target and version with one space between them, and nothing else (RFC 9112 section 3).

    A target is visible ASCII (RFC 3986 section 2): other bytes must come percent-encoded. A line without a version is HTTP/0.9.
    """
    if line.count(b" ") != 2:  # noqa: PLR2004 -- between three parts
        return Fault(400, "the request line is not METHOD SP TARGET SP VERSION (RFC 9112 section 3)")
    method, target, version = line.split(b" ")
    if not is_token(method):
        return Fault(400, "the method is no token (RFC 9110 section 9.1)")
    if not _TARGET.fullmatch(target):
        return Fault(
            400, "the request target is empty or has a byte that must be percent-encoded (RFC 9112 section 3.2)"
        )
    number = _VERSION.fullmatch(version)
    if number is None:
        return Fault(400, "the version is not HTTP/ with a digit, a dot and a digit (RFC 9112 section 2.3)")
    if number[1] != b"1":
        return Fault(505, "this server speaks HTTP/1.1 and HTTP/1.0 here (RFC 9110 section 15.6.6)")
    return RequestLine(method, target, b"HTTP/1.0" if number[2] == b"0" else b"HTTP/1.1")


def field(line: bytes) -> Field | Fault:
    """Read a field line without its CRLF (RFC 9112 section 5)."""
    if line.startswith((b" ", b"\t")):
        return Fault(400, "a header line begins with white space: folded lines are obsolete (RFC 9112 section 5.2)")
    name, colon, value = line.partition(b":")
    if not colon:
        return Fault(400, 'a header line has no ":" (RFC 9112 section 5)')
    if name.endswith((b" ", b"\t")):
        return Fault(400, 'a field\'s name has white space before the ":" (RFC 9112 section 5.1)')
    if not is_token(name):
        return Fault(400, "a field's name is empty or no token (RFC 9110 section 5.1)")
    return Field(name.lower(), value.strip(b" \t"))
