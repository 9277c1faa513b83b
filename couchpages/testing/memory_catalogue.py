"""A :class:`couchpages.dns.catalogue.Catalogue` in memory, which hears of every change at once (for tests; does no I/O)."""

from couchpages.dns.names import Name, is_within, order
from couchpages.dns.records import Record
from couchpages.dns.records import from_document as record_from_document
from couchpages.dns.zone_documents import ZoneDocument
from couchpages.dns.zone_documents import from_document as zone_from_document
from couchpages.ports import Change
from couchpages.web.problem import unavailable


class Heard:
    """A sink of one of the two databases."""

    def __init__(self, catalogue: "MemoryCatalogue", *, zones: bool) -> None:
        self._catalogue = catalogue
        self._zones = zones

    def apply(self, change: Change) -> None:
        """Take a change."""
        self._catalogue.changes += 1
        if self._zones:
            self._catalogue.by_zone.pop(change.doc_id, None)
            if change.doc is not None:
                self._catalogue.by_zone[change.doc_id] = zone_from_document(change.doc_id, change.doc)
        else:
            self._catalogue.by_id.pop(change.doc_id, None)
            if change.doc is not None:
                self._catalogue.by_id[change.doc_id] = record_from_document(change.doc)

    def loaded(self) -> None:
        """Everything was told."""
        self._catalogue.is_loaded = True


class MemoryCatalogue:
    """Knows zones and records. *serials* are those that tests choose; the serial of other zones is the number of changes."""

    def __init__(self) -> None:
        self.by_zone: dict[str, ZoneDocument] = {}
        self.by_id: dict[str, Record] = {}
        self.serials: dict[Name, int] = {}
        self.changes = 0
        self.is_loaded = False
        self.zone_sink = Heard(self, zones=True)
        self.record_sink = Heard(self, zones=False)

    def require_loaded(self) -> None:
        """See :meth:`couchpages.dns.catalogue.Catalogue.require_loaded`."""
        if not self.is_loaded:
            raise unavailable("this node has not read its zones from CouchDB yet")

    def zones(self) -> list[ZoneDocument]:
        """See :meth:`couchpages.dns.catalogue.Catalogue.zones`."""
        return sorted(self.by_zone.values(), key=lambda each: order(each.apex))

    def zone(self, apex: Name) -> ZoneDocument | None:
        """See :meth:`couchpages.dns.catalogue.Catalogue.zone`."""
        return next((each for each in self.by_zone.values() if each.apex == apex), None)

    def zone_of(self, name: Name) -> ZoneDocument | None:
        """See :meth:`couchpages.dns.catalogue.Catalogue.zone_of`."""
        found = [each for each in self.by_zone.values() if is_within(name, each.apex)]
        return max(found, key=lambda each: len(each.apex), default=None)

    def numbered(self, zone_id: int) -> list[ZoneDocument]:
        """See :meth:`couchpages.dns.catalogue.Catalogue.numbered`."""
        return [each for each in self.by_zone.values() if each.zone_id == zone_id]

    def _records(self, apex: Name) -> list[tuple[str, Record]]:
        zone = self.zone(apex)
        found = [(doc_id, each) for doc_id, each in self.by_id.items() if zone and each.zone_id == zone.zone_id]
        return sorted(found, key=lambda each: (each[1].type, each[1].rdata, each[0]))

    def owners(self, apex: Name) -> set[Name]:
        """See :meth:`couchpages.dns.catalogue.Catalogue.owners`."""
        return {record.owner for _, record in self._records(apex)}

    def records_at(self, apex: Name, owner: Name) -> list[tuple[str, Record]]:
        """See :meth:`couchpages.dns.catalogue.Catalogue.records_at`."""
        return [(doc_id, record) for doc_id, record in self._records(apex) if record.owner == owner]

    def record(self, doc_id: str) -> Record | None:
        """See :meth:`couchpages.dns.catalogue.Catalogue.record`."""
        return self.by_id.get(doc_id)

    def serial(self, apex: Name) -> int | None:
        """See :meth:`couchpages.dns.catalogue.Catalogue.serial`."""
        return self.serials.get(apex, self.changes) if self.zone(apex) else None

    async def when_answered(self, doc_id: str, rev: str, patience: float) -> None:
        """Return at once: nothing is late here."""
