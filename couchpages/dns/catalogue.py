"""What the API and the commands ask of the zones that a node knows: the Protocol (pure)."""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Protocol

from couchpages.dns.names import Name
from couchpages.dns.records import Record
from couchpages.dns.zone_documents import ZoneDocument


class Catalogue(Protocol):
    """The zones and records as this node's CouchDB has told them, answered from memory and used in the reactor's thread.

    What was just written to CouchDB is here a moment later: see :meth:`when_answered`. Whoever decides about a write reads the documents
    that it touches from CouchDB, with their revisions. Names are canonical (:func:`couchpages.dns.names.canonical`). A document that
    is malformed is shown as it was before it became so, or not at all.
    """

    def require_loaded(self) -> None:
        """Raise a problem (503) until both databases were read once: a list must not lack what could not be read (law 3)."""
        ...

    def zones(self) -> Sequence[ZoneDocument]:
        """Give all zones in the order of their names (RFC 4034 section 6.1)."""
        ...

    def zone(self, apex: Name) -> ZoneDocument | None:
        """Give the zone of this name."""
        ...

    def zone_of(self, name: Name) -> ZoneDocument | None:
        """Give the zone that *name* is in: that with the longest name which is *name* or above it."""
        ...

    def numbered(self, zone_id: int) -> Sequence[ZoneDocument]:
        """Give the zones with this number: none, one, or by a mistake several."""
        ...

    def owners(self, apex: Name) -> Iterable[Name]:
        """Give the names that have records in a zone, in no order: sorting 100,000 of them takes longer than a query may wait.

        They may be taken in slices; a name that comes or goes meanwhile is among them or not.
        """
        ...

    def records_at(self, apex: Name, owner: Name) -> list[tuple[str, Record]]:
        """Give the records of one name in a zone, disabled ones included, each with its document's id, by type, data and id."""
        ...

    def record(self, doc_id: str) -> Record | None:
        """Give the record of a document, also of one whose zone is not known."""
        ...

    def serial(self, apex: Name) -> int | None:
        """Give the serial that this node answers with, None where it does not answer for the zone."""
        ...

    def when_answered(self, doc_id: str, rev: str, patience: float) -> Awaitable[None]:
        """Return when what was written as revision *rev* of a record's or zone's document is answered, or after *patience* seconds."""
        ...
