"""The zones of this node: what its CouchDB tells of them, what is published, and what the API asks (timers; I/O is its parts').

Before both databases were loaded once, nothing is published that is not from an earlier run: half a zone would deny its other half (law 3).
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from couchpages.dns.challenge_records import ChallengeRecords
from couchpages.dns.holdings import Holdings
from couchpages.dns.intake import Intake, Names
from couchpages.dns.last_served import LastServed
from couchpages.dns.names import Name
from couchpages.dns.own_zones import OwnZones
from couchpages.dns.published import Published
from couchpages.dns.records import Record
from couchpages.dns.rrsets import RRset
from couchpages.dns.slices import Slices
from couchpages.dns.swaps import Swaps
from couchpages.dns.traces import generation
from couchpages.dns.zone_documents import ZoneDocument
from couchpages.dns.zone_keeper import ZoneKeeper
from couchpages.dns.zone_register import apex_of
from couchpages.metrics import Metrics
from couchpages.ports import Change
from couchpages.sightings import Sightings
from couchpages.web.problem import unavailable


@dataclass(frozen=True, slots=True)
class Sink:
    """A :class:`~couchpages.ports.ChangesSink` of one of the databases. It never raises: documents are read when it is their turn."""

    take: Callable[[Change], object]
    is_loaded: Callable[[], object]

    def apply(self, change: Change) -> None:
        """See :class:`couchpages.ports.ChangesSink`."""
        self.take(change)

    def loaded(self) -> None:
        """See :class:`couchpages.ports.ChangesSink`."""
        self.is_loaded()


class Zones:
    """A :class:`~couchpages.dns.catalogue.Catalogue`. *zone_sink* and *record_sink* are for followers that tell leaves.

    *challenges* and *own_zones* are for other rooms: see :class:`couchpages.ports.ChallengeRecords` and :class:`couchpages.ports.OwnZones`.
    *substitute* makes the SOA of a zone in which none is written. Used in *reactor*'s thread.
    """

    def __init__(
        self,
        reactor: Any,
        slices: Slices,
        published: Published,
        substitute: Callable[[Name], RRset],
        metrics: Metrics,
        keeper: ZoneKeeper | None = None,
        databases: Names = Names(),  # noqa: B008 -- it does not change
    ) -> None:
        self._holdings = Holdings()
        self._keeper = keeper
        self._intake = Intake(self._holdings, keeper, metrics, databases)
        self._sightings = Sightings(reactor)
        self._last = LastServed(keeper)
        self._swaps = Swaps(
            reactor,
            slices,
            self._holdings,
            self._intake,
            published,
            substitute,
            keeper,
            self._last,
            metrics,
            self._sightings.wake,
        )
        self.challenges = ChallengeRecords(self._holdings, self._intake, self._swaps, self._sightings)
        self.own_zones = OwnZones(self._holdings.register, self._swaps)
        self._loaded: set[str] = set()
        self._were_kept = False
        self.zone_sink = Sink(self._zone_came, lambda: self._is_loaded("zones"))
        self.record_sink = Sink(self._record_came, lambda: self._is_loaded("records"))
        metrics.dns_records.set_function(lambda: self._holdings.records)
        if keeper is not None:
            keeper.keep(self._holdings, self._last.served, self._sightings.wake)

    def _zone_came(self, change: Change) -> None:
        if self._intake.zone_came(change):
            self._swaps.came()

    def _record_came(self, change: Change) -> None:
        if self._intake.record_came(change):
            self._swaps.came()

    def _is_loaded(self, database: str) -> None:
        self._loaded.add(database)
        if self._loaded == {"zones", "records"}:
            self._swaps.loaded()

    # What was known when the node last ran.

    def restore(self) -> None:
        """Publish what was kept when the node last ran. Blocks; called once, before anything is followed."""
        if self._keeper is None:
            return
        restored = self._keeper.restore()
        for doc_id, zone in restored.zones.items():
            self._holdings.hold_zone(doc_id, zone)
        for doc_id, record in restored.records.items():
            self._holdings.hold(doc_id, record)
        self._last.restore(restored.served)
        self._were_kept = restored.were_kept
        self._swaps.restore(restored.numbers)

    def known_zones(self) -> Iterable[str] | None:
        """Give the documents of ``dns_zones`` that are known, also from an earlier run; None where there was none."""
        return tuple(self._holdings.register.documents) if self._were_kept else None

    def known_records(self) -> Iterable[str] | None:
        """Give the documents of ``dns_records`` that are known, also from an earlier run; None where there was none."""
        return tuple(self._holdings.documents) if self._were_kept else None

    def stop(self) -> "Deferred[None] | None":
        """Leave what is under way; fire when everything is kept. Called when nothing is followed any more."""
        self._swaps.stop()
        return self._keeper.finish() if self._keeper is not None else None

    def obstacles(self) -> Sequence[str]:
        """See :class:`couchpages.ports.Readiness`."""
        return ()

    def troubles(self) -> Sequence[str]:
        """See :class:`couchpages.ports.Readiness`: zones whose records are not all here."""
        return self._swaps.withheld.troubles()

    # What the API asks.

    def require_loaded(self) -> None:
        """See :class:`couchpages.dns.catalogue.Catalogue`."""
        if not self._swaps.is_complete:
            raise unavailable("the zones are not read from CouchDB yet")

    def zones(self) -> Sequence[ZoneDocument]:
        """See :class:`couchpages.dns.catalogue.Catalogue`."""
        return self._holdings.register.all()

    def zone(self, apex: Name) -> ZoneDocument | None:
        """See :class:`couchpages.dns.catalogue.Catalogue`."""
        return self._holdings.register.named(apex)

    def zone_of(self, name: Name) -> ZoneDocument | None:
        """See :class:`couchpages.dns.catalogue.Catalogue`."""
        return self._holdings.register.above(name)

    def numbered(self, zone_id: int) -> Sequence[ZoneDocument]:
        """See :class:`couchpages.dns.catalogue.Catalogue`."""
        return self._holdings.register.numbered(zone_id)

    def owners(self, apex: Name) -> Iterable[Name]:
        """See :class:`couchpages.dns.catalogue.Catalogue`."""
        zone = self.zone(apex)
        if zone is None:
            return ()
        number, register = zone.zone_id, self._holdings.register
        return (name for name in tuple(self._holdings.shelf(number).owners) if register.zone_for(number, name) == apex)

    def records_at(self, apex: Name, owner: Name) -> list[tuple[str, Record]]:
        """See :class:`couchpages.dns.catalogue.Catalogue`."""
        zone = self.zone(apex)
        if zone is None or self._holdings.register.zone_for(zone.zone_id, owner) != apex:
            return []
        return self._holdings.records_at(zone.zone_id, owner)

    def record(self, doc_id: str) -> Record | None:
        """See :class:`couchpages.dns.catalogue.Catalogue`."""
        held = self._holdings.documents.get(doc_id)
        return held.record if held is not None else None

    def serial(self, apex: Name) -> int | None:
        """See :class:`couchpages.dns.catalogue.Catalogue`."""
        zone = self._swaps.zones.get(apex)
        return zone.serial if zone is not None else None

    def when_answered(self, doc_id: str, rev: str, patience: float) -> Awaitable[None]:
        """See :class:`couchpages.dns.catalogue.Catalogue`."""
        written: list[int] = []

        def is_answered() -> bool:
            if self._keeper is None or not is_seen():
                return is_seen()
            # Acknowledged is what a node that is killed now answers when it comes back, with the serial that it has.
            written[:] = written or [self._keeper.when_kept()]
            return self._keeper.kept >= written[0]

        def is_seen() -> bool:
            if self._holdings.generations(doc_id) < generation(rev) or self._intake.is_waiting(doc_id):
                return False
            # Its records were written before, and may come after it.
            return doc_id not in self._holdings.register.documents or apex_of(doc_id) not in self._swaps.withheld

        return self._sightings.when(is_answered, patience)
