"""What a node knows of zones, records and challenges, from the documents that it was told of (pure).

Records may come before their zone, and wait for it. A document that is malformed leaves what was known of it (law 4), but its revisions
count in serials, as on every node. Everything that changes what zones answer is noted, for :meth:`Holdings.take_changes`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from couchpages.dns import codes, serials
from couchpages.dns.challenges import Challenges
from couchpages.dns.names import Name, shown
from couchpages.dns.reading import Arrival
from couchpages.dns.records import Record, zone_id_of
from couchpages.dns.shelves import Shelf
from couchpages.dns.traces import UNMARKED, Sums, Trace, mark, revisions, zones_of
from couchpages.dns.zone_register import HeldZone, ZoneRegister, apex_of
from couchpages.ports import Change

NO_SHELF = Shelf()


@dataclass(frozen=True, slots=True)
class Held:
    """A document of ``dns_records``: the *mark* of its leaves, what it adds to serials, and its record when it could be read last."""

    mark: int
    trace: Trace
    record: Record | None


@dataclass(slots=True)
class Changes:
    """Which zones answer otherwise: each with the names whose records are concerned (others may be among them), or None for all.

    In those of *challenged*, challenges changed. *gone* are the zones that went.
    """

    zones: dict[Name, Collection[Name] | None] = field(default_factory=dict)
    challenged: set[Name] = field(default_factory=set)
    gone: set[Name] = field(default_factory=set)


class Holdings:
    """Zones in *register*, documents of records by id in *documents*, and *challenges*. *records* counts documents that have a record."""

    def __init__(self) -> None:
        self.register = ZoneRegister()
        self.documents: dict[str, Held] = {}
        self.challenges = Challenges()
        self.records = 0
        self._sums = Sums()
        self._shelves: dict[int | None, Shelf] = {}
        self._traces: dict[Trace, Trace] = {}
        self._rebuilt: set[Name] = set()
        self._touched: dict[int, set[Name]] = {}
        self._counted: set[int] = set()
        self._counted_zones: set[Name] = set()
        self._everywhere = False

    # What is told.

    def knows_zone(self, change: Change) -> bool:
        """Whether the documents of ``dns_zones`` are known in just these leaves."""
        held = self.register.documents.get(change.doc_id)
        return held is not None and held.mark == mark(revisions(change)) != UNMARKED

    def knows(self, arrival: Arrival) -> bool:
        """Whether a document of ``dns_records`` is known in just these leaves."""
        held = self.documents.get(arrival.doc_id)
        return held is not None and held.mark == arrival.mark != UNMARKED

    def apply_zone(self, change: Change) -> None:
        """Take a change of ``dns_zones``. Raises ValueError for a malformed document."""
        self._count_zone(change.doc_id)
        self._rebuilt |= self.register.apply(change)

    def hold_zone(self, doc_id: str, held: HeldZone) -> None:
        """Take what was known of a document of ``dns_zones``."""
        self._count_zone(doc_id)
        self._rebuilt |= self.register.hold(doc_id, held)

    def _count_zone(self, doc_id: str) -> None:
        apex = apex_of(doc_id)
        if apex is not None:
            self._counted_zones.add(apex)

    def apply(self, arrival: Arrival) -> None:
        """Take a change of ``dns_records``. Raises ValueError for a malformed document, and for a record that is in none of its zones."""
        trace = arrival.trace()
        if trace is None:
            self.hold(arrival.doc_id, None)
            return
        before = self.documents.get(arrival.doc_id)
        try:
            record = arrival.record()
        except ValueError:
            self.hold(arrival.doc_id, Held(arrival.mark, trace, before.record if before is not None else None))
            raise
        self.hold(arrival.doc_id, Held(arrival.mark, trace, record))
        if record is not None and self.is_outside(record.zone_id, record.owner):
            raise ValueError(outside(record, self.register.numbered(record.zone_id)[0].apex))

    def is_outside(self, number: int, owner: Name) -> bool:
        """Whether there are zones of this number, and a name is within none of them."""
        return bool(self.register.numbered(number)) and self.register.zone_for(number, owner) is None

    def hold(self, doc_id: str, held: Held | None) -> None:
        """Let *held* be what is known of a document of ``dns_records``, or with None nothing."""
        before = self.documents.pop(doc_id, None)
        if before is not None:
            self._sums.remove(doc_id, before.trace)
            self._shelf(doc_id, before).take(doc_id, before.record)
            self._note(doc_id, before, held)
            self.records -= before.record is not None
        if held is not None:
            # Nearly all documents add the same as others do.
            held = Held(held.mark, self._traces.setdefault(held.trace, held.trace), held.record)
            self.documents[doc_id] = held
            self._sums.add(doc_id, held.trace)
            self._shelf(doc_id, held).put(doc_id, held.record)
            self._note(doc_id, held, before)
            self.records += held.record is not None

    def _note(self, doc_id: str, held: Held, other: Held | None) -> None:
        """Note what a state of a document concerns; *other* is that before or after it."""
        record = held.record
        if record is not None and (other is None or other.record != record):
            self._touched.setdefault(record.zone_id, set()).add(record.owner)
        if other is None or other.trace != held.trace:
            counted = zones_of(doc_id, held.trace)
            self._everywhere |= counted is None
            self._counted.update(counted or ())
            if held.trace.floor and held.trace.number is not None:
                self._counted.add(held.trace.number)

    def rebuild(self, apex: Name) -> None:
        """Note that a zone has to be made anew."""
        self._rebuilt.add(apex)

    def take_changes(self) -> Changes:
        """Give what changed since this was called last."""
        found = Changes()
        counted = {zone.apex for number in self._counted for zone in self.register.numbered(number)}
        for apex in self.register.names() if self._everywhere else counted | self._counted_zones:
            found.zones[apex] = ()
        for number, owners in self._touched.items():
            for zone in self.register.numbered(number):
                found.zones[zone.apex] = owners
        found.challenged = {apex for apex in self.challenges.take_touched() if self.register.named(apex) is not None}
        for apex in found.challenged:
            found.zones.setdefault(apex, ())
        for apex in self._rebuilt:
            found.zones[apex] = None
        found.gone = {apex for apex in found.zones if self.register.named(apex) is None}
        for apex in found.gone:
            del found.zones[apex]
        self._rebuilt, self._touched, self._counted, self._counted_zones = set(), {}, set(), set()
        self._everywhere = False
        return found

    # What is asked.

    def serial(self, apex: Name) -> int:
        """Give the serial that the documents make for a zone that there is: of records, of zones, and of challenges."""
        zone = self.register.named(apex)
        if zone is None:
            raise KeyError(apex)
        generations = self._sums.generations(zone.zone_id) + self.register.generations(apex)
        return serials.of(self._sums.floor(zone.zone_id), generations + self.challenges.generations(apex))

    def generations(self, doc_id: str) -> int:
        """Give the sum of the generations of a document's leaves, of records or zones (whose ids cannot be taken for each other's)."""
        record, zone = self.documents.get(doc_id), self.register.documents.get(doc_id)
        return max(record.trace.generations if record else 0, zone.generations if zone else 0)

    def has_soa(self, apex: Name) -> bool:
        """Whether an SOA is written in a zone."""
        zone = self.register.named(apex)
        found = self.records_at(zone.zone_id, apex) if zone is not None else ()
        return any(record.type == codes.SOA and not record.disabled for _, record in found)

    def shelf_number(self, doc_id: str) -> int | None:
        """Give the number of the shelf on which a document stands, which is that of its zone; None of what has none, or is not known."""
        held = self.documents.get(doc_id)
        return shelf_number(doc_id, held) if held is not None else None

    def shelf(self, number: int | None) -> Shelf:
        """Give what stands on a shelf."""
        return self._shelves.get(number, NO_SHELF)

    def records_at(self, number: int, owner: Name) -> list[tuple[str, Record]]:
        """Give the records of a name that name the zone *number*, by type, data and id."""
        found = [(doc_id, self.documents[doc_id].record) for doc_id in self.shelf(number).at(owner)]
        return sorted(
            ((doc_id, record) for doc_id, record in found if record is not None),
            key=lambda each: (each[1].type, each[1].rdata, each[0]),
        )

    def _shelf(self, doc_id: str, held: Held) -> Shelf:
        return self._shelves.setdefault(shelf_number(doc_id, held), Shelf())


def shelf_number(doc_id: str, held: Held) -> int | None:
    """Give the number of the shelf for a document: its record's zone, else what its body says, else its id."""
    if held.record is not None:
        return held.record.zone_id
    return held.trace.number if held.trace.number is not None else zone_id_of(doc_id)


def outside(record: Record, apex: Name) -> str:
    """Say that a record is not within its zone."""
    return f"its name {shown(record.name)} is not within its zone {shown(apex)}"
