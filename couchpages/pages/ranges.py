"""Range requests of RFC 9110 section 14, decided (pure).

Ignoring a Range is always allowed (section 14.2), so whatever is odd gets the whole content.
"""

import re
from dataclasses import dataclass

MOST_RANGES = 64
"""Ranges in one request; more get the whole. Apache httpd took its MaxRanges (200) after CVE-2011-3192; players and PDF
viewers ask for a handful."""

_BYTES = re.compile(rb"bytes=(.*)", re.IGNORECASE | re.DOTALL)
_SPEC = re.compile(rb"([0-9]*)-([0-9]*)")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from *start* up to, not including, *stop*; at least one."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole content, with 200."""


@dataclass(frozen=True, slots=True)
class Parts:
    """These ranges, one or more, in the order asked for, with 206."""

    ranges: tuple[ByteRange, ...]


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """No range asked for lies within the content: 416."""


Verdict = Whole | Parts | Unsatisfiable


def requested_range(field: bytes | None, if_range: bytes | None, etag: bytes, size: int) -> Verdict:
    """Decide what of *size* bytes a Range field asks for, where If-Range allows it.

    *etag* is the content's strong entity-tag. If-Range with another tag, a weak one or a date gives the whole (section 13.1.5: it
    compares strongly, and no Last-Modified is sent). Empty content is always whole, as in Go's net/http: there are clients which
    add a Range to every request.
    """
    if field is None or size == 0 or (if_range is not None and if_range != etag):
        return Whole()
    specs = _specs(field)
    if not specs:
        return Whole()
    ranges = tuple(found for first, last in specs if (found := _within(first, last, size)))
    if not ranges:
        return Unsatisfiable()
    # As Go's net/http and nginx do: overlapping ranges never make an answer larger than the content.
    if sum(found.length for found in ranges) > size:
        return Whole()
    return Parts(ranges)


def _specs(field: bytes) -> list[tuple[int | None, int | None]]:
    """Give first and last position of each range, as written; none if the field is to be ignored."""
    unit = _BYTES.fullmatch(field)
    if unit is None or field.count(b",") >= MOST_RANGES:
        return []
    # Empty members of a list count as nothing (section 5.6.1.2).
    members = [member for text in unit[1].split(b",") if (member := text.strip(b" \t"))]
    specs = [spec for member in members if (spec := _spec(member)) is not None]
    return specs if len(specs) == len(members) else []


def _spec(member: bytes) -> tuple[int | None, int | None] | None:
    """Give first and last position, either of which may be left out, or None for what is no range (section 14.1.1)."""
    spec = _SPEC.fullmatch(member)
    if spec is None:
        return None
    first, last = _position(spec[1]), _position(spec[2])
    if first is None and last is None:
        return None
    if first is not None and last is not None and last < first:
        return None
    return first, last


def _position(digits: bytes) -> int | None:
    """Read a number; of one with more than 19 digits, any number above all sizes, because reading it exactly costs time."""
    return int(digits.lstrip(b"0")[:19] or b"0") if digits else None


def _within(first: int | None, last: int | None, size: int) -> ByteRange | None:
    """Give the part of *size* bytes that a range covers, or None (section 14.1.2)."""
    if first is None:
        return ByteRange(max(size - last, 0), size) if last else None
    if first >= size:
        return None
    return ByteRange(first, size if last is None else min(last + 1, size))
