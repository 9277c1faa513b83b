"""The lines of a continuous ``_changes`` feed, taken apart (pure).

CouchDB sends one JSON object a line, an empty line as heartbeat, and ``{"last_seq": …}`` as the last line of a feed that ends by itself
(CouchDB documentation, "Changes Feeds", "Continuous").
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from couchpages.ports import Change, Json, Unavailable

#: A line holds one document, 8 MB at most by CouchDB's default; JSON may escape that to several times its size.
MAX_LINE = 64 * 1024 * 1024

#: How CouchDB begins the line of a change: with its sequence, the document's id, its revisions and whether it was deleted.
_OPENING = re.compile(
    rb'\s*\{"seq":("(?:[^"\\]|\\.)*"|\d{1,20}),"id":("(?:[^"\\]|\\.)*"),(?:"changes":(\[[^\]]*\]),("deleted":true)?)?'
)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """CouchDB is there and has nothing new."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A document changed; *seq* is where to resume after it."""

    seq: str
    change: Change


@dataclass(frozen=True, slots=True)
class End:
    """The feed ended by itself; *seq* is where to resume, *pending* the number of changes behind it."""

    seq: str
    pending: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A document changed, and what it is now cannot be read, for a *reason*; *seq* and *revs* as of a :class:`Changed`."""

    seq: str
    doc_id: str
    reason: str
    revs: tuple[str, ...] = ()


FeedEvent: TypeAlias = Heartbeat | Changed | End | Unreadable


@dataclass(slots=True)
class FeedParser:
    """Cuts bytes into lines and lines into events.

    Of a change whose line is longer than *max_line* bytes only the beginning is read, and the rest dropped as it comes (law 4).
    """

    max_line: int = MAX_LINE
    _parts: list[bytes] = field(default_factory=list)
    _held: int = 0
    _too_long: FeedEvent | None = None

    def feed(self, data: bytes) -> Iterator[FeedEvent]:
        """Give the events that *data* completes, each as soon as it is read. Raises :class:`Unavailable` for what is no feed."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._hold(line)
            yield self._line()
        self._hold(rest)

    def _hold(self, piece: bytes) -> None:
        if piece and self._too_long is None:
            self._parts.append(piece)
            self._held += len(piece)
        if self._held > self.max_line:
            self._too_long = _unreadable(self._take(), f"its line is longer than {self.max_line} bytes")

    def _line(self) -> FeedEvent:
        too_long, self._too_long = self._too_long, None
        return parse_line(self._take()) if too_long is None else too_long

    def _take(self) -> bytes:
        whole = b"".join(self._parts)
        self._parts, self._held = [], 0
        return whole


def parse_line(line: bytes) -> FeedEvent:
    """Read one line of the feed, without its end."""
    if not line.strip():
        return Heartbeat()
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise Unavailable(f"a line of _changes is not JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        # JSON, but nested too deeply, or with a number of too many digits: one such document must not stop the feed (law 4).
        return _unreadable(line, str(error))
    return _event(value)


def _unreadable(line: bytes, reason: str) -> FeedEvent:
    """Read as much of a line as tells which document it is about, and where to go on."""
    found = _OPENING.match(line)
    try:
        seq, doc_id = (str(json.loads(found[1])), json.loads(found[2])) if found is not None else ("", "")
        revs = _revs(json.loads(found[3])) if found is not None and found[3] else ()
    except ValueError as error:
        raise Unavailable(f"a line of _changes begins with what cannot be read: {error}") from error
    if found is None:
        raise Unavailable(f"a line of _changes cannot be read: {reason}")
    return Changed(seq, Change(doc_id, None, revs)) if found[4] else Unreadable(seq, doc_id, reason, revs)


def _event(value: Any) -> FeedEvent:
    match value:
        case {"last_seq": str() | int() as seq}:
            pending = value.get("pending")
            return End(str(seq), pending if isinstance(pending, int) else 0)
        case {"seq": str() | int() as seq, "id": str(doc_id)}:
            revs = _revs(value.get("changes"))
            if not value.get("deleted"):
                return Changed(str(seq), Change(doc_id, _document(value), revs))
            left = value.get("doc")
            return Changed(str(seq), Change(doc_id, None, revs, left if isinstance(left, dict) else None))
        case _:
            raise Unavailable(f"a line of _changes is not understood: {str(value)[:200]}")


def _revs(changes: object) -> tuple[str, ...]:
    return tuple(str(each["rev"]) for each in changes if "rev" in each) if isinstance(changes, list) else ()


def _document(row: dict[str, Any]) -> Json:
    doc = row.get("doc")
    # A document that could not be read must not look like a deleted one (law 3): it is malformed, and whoever follows says so.
    return doc if isinstance(doc, dict) else {"_id": row["id"]}
