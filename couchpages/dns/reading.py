"""Changes of ``dns_records``: cut down to what is needed when they come, read when it is their turn (pure)."""

from dataclasses import dataclass
from typing import Any

from couchpages.dns.records import Record, floor_in, from_document, zone_id_in
from couchpages.dns.traces import Trace, generations, mark, revisions
from couchpages.ports import Change, Json

#: The members of a record's document, and of its tombstone, that mean something to us.
MEMBERS = ("type", "name", "content", "ttl", "zone_id", "disabled", "flag")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A change that was not read yet. *values* are those of :data:`MEMBERS`; *generations* is None of what is only known to be gone."""

    doc_id: str
    mark: int
    generations: int | None
    alive: bool
    values: tuple[Any, ...]

    @classmethod
    def of(cls, change: Change) -> "Arrival":
        """Take what is needed of a change."""
        revs = revisions(change)
        body = change.doc if change.doc is not None else change.tombstone or {}
        known = generations(revs) if revs or change.doc is not None else None
        return cls(
            change.doc_id, mark(revs), known, change.doc is not None, tuple(body.get(member) for member in MEMBERS)
        )

    @property
    def body(self) -> Json:
        """What is left of the document."""
        return {member: value for member, value in zip(MEMBERS, self.values, strict=True) if value is not None}

    def trace(self) -> Trace | None:
        """Give what the document adds to serials; nothing, where none is left of it."""
        if self.generations is None:
            return None
        body = self.body
        return Trace(self.generations, zone_id_in(body), floor_in(body), self.alive)

    def record(self) -> Record | None:
        """Read the record, None of a deleted one. Raises ValueError for what is malformed."""
        return from_document(self.body) if self.alive else None
