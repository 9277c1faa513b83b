"""The zones of a node in memory, on databases in memory (files only in the folder that it is given; for tests).

>>> node = MemoryZones(Path(folder))
>>> node.create("example.org")
>>> node.add("example.org", "www.example.org", "A", "192.0.2.1")
>>> node.follow()
>>> node.settle()
>>> node.answers("example.org")
{'www.example.org': {'A': ['192.0.2.1']}}
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.python.threadpool import ThreadPool

from couchpages.dns import codes, rdata, records, zone_documents
from couchpages.dns.names import Name, canonical, from_text, shown
from couchpages.dns.records import Record
from couchpages.dns.rrsets import RRset
from couchpages.dns.settling import QUIET
from couchpages.dns.slices import Slices
from couchpages.dns.zone import Zone, substitute_soa
from couchpages.dns.zone_documents import ZoneDocument
from couchpages.dns.zone_folder import ZoneFolder
from couchpages.dns.zone_keeper import DELAY, ZoneKeeper
from couchpages.dns.zones import Zones
from couchpages.metrics import Metrics
from couchpages.ports import Json
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.node import MemoryReactor, NoThreads


@dataclass
class PublishedZones:
    """A :class:`~couchpages.dns.published.Published` that remembers: *zones* now, *told* every call in its order."""

    zones: dict[Name, Zone] = field(default_factory=dict)
    withheld: set[Name] = field(default_factory=set)
    told: list[tuple[str, Name, Collection[Name] | None]] = field(default_factory=list)
    is_complete: bool = False
    has_all_challenges: bool = False

    def publish(self, zone: Zone, touched: Collection[Name] | None) -> None:
        """See Published."""
        self.zones[zone.apex] = zone
        self.withheld.discard(zone.apex)
        self.told.append(("publish", zone.apex, touched))

    def withhold(self, apex: Name) -> None:
        """See Published."""
        self.withheld.add(apex)

    def withdraw(self, apex: Name) -> None:
        """See Published."""
        if apex in self.withheld:
            self.withheld.discard(apex)
        else:
            del self.zones[apex]
        self.told.append(("withdraw", apex, ()))

    def complete(self) -> None:
        """See Published."""
        self.is_complete = True

    def complete_challenges(self) -> None:
        """See Published."""
        self.has_all_challenges = True


def substitute(apex: Name) -> RRset:
    """Make the SOA of a zone without one."""
    return substitute_soa(apex, from_text("ns.example.net"), from_text("hostmaster.example.net"))


def content(zone: Zone) -> dict[Name, dict[int, RRset | tuple[object, ...]]]:
    """Give everything that a zone answers, but for its serial."""
    (soa,) = zone.soa.rdatas
    plain = (zone.soa.ttl, soa[:-20], soa[-16:])
    return {
        name: {**rrsets, **({codes.SOA: plain} if name == zone.apex else {})} for name, rrsets in zone.nodes.items()
    }


class MemoryZones:
    """Zones that follow *zone_database* and *record_database* once :meth:`follow` is called, and are kept in *folder*, if any.

    What writes (:meth:`add` and so on) writes as the API does.
    """

    def __init__(
        self,
        folder: Path | None = None,
        zone_database: MemoryDatabase | None = None,
        record_database: MemoryDatabase | None = None,
        slices: Slices | None = None,
    ) -> None:
        self.reactor = MemoryReactor()
        self.metrics = Metrics()
        self.zone_database = zone_database or MemoryDatabase("dns_zones")
        self.record_database = record_database or MemoryDatabase("dns_records")
        self.published = PublishedZones()
        self.threads = NoThreads()
        slices = slices or Slices(self.reactor)
        threads = cast("ThreadPool", self.threads)
        keeper = ZoneKeeper(self.reactor, threads, ZoneFolder(folder), self.metrics, slices) if folder else None
        self.zones = Zones(self.reactor, slices, self.published, substitute, self.metrics, keeper)
        self.zones.restore()

    def follow(self) -> None:
        """Hear of everything that the databases hold, and of every change from now on."""
        self.zone_database.follow(self.zones.zone_sink)
        self.record_database.follow(self.zones.record_sink)

    def settle(self) -> None:
        """Let what came be published, and kept."""
        self.publish()
        self.reactor.advance(DELAY)

    def publish(self) -> None:
        """Let what came be published."""
        # It is read first, and then has to be quiet.
        self.reactor.advance(0)
        self.reactor.advance(QUIET)

    def stop(self) -> None:
        """Stop as a node does."""
        stopping = self.zones.stop()
        self.reactor.advance(0)
        if stopping is not None and not stopping.called:
            raise AssertionError("it does not stop")

    # Writing.

    def create(self, name: str, promised: int = 0) -> int:
        """Create a zone; give its number. Of *promised* records, others know that they come."""
        apex = canonical(from_text(name))
        zone = ZoneDocument(zone_documents.zone_id_for(apex), apex, promised)
        doc_id = zone_documents.document_id(apex)
        if not self._leaves(self.zone_database, doc_id):
            self._now(self.zone_database.put(doc_id, zone_documents.to_document(zone)))
        return zone.zone_id

    def destroy(self, name: str) -> None:
        """Delete a zone with its records."""
        apex = canonical(from_text(name))
        number = zone_documents.zone_id_for(apex)
        for doc_id, doc in self.record_database.documents_now().items():
            if doc.get("zone_id") == number:
                self.remove(doc_id)
        for leaf in self._leaves(self.zone_database, zone_documents.document_id(apex)):
            self._now(self.zone_database.delete(leaf["_id"], leaf["_rev"]))

    def record(self, zone: str, name: str, type_: str, text: str, ttl: int = 300) -> Record:
        """Make a record."""
        number = rdata.type_from_text(type_)
        apex = canonical(from_text(zone))
        return Record(zone_documents.zone_id_for(apex), from_text(name), number, ttl, rdata.parse(number, text))

    def add(self, zone: str, name: str, type_: str, text: str, ttl: int = 300) -> str:
        """Add a record, or give it another TTL; give its document's id."""
        record = self.record(zone, name, type_, text, ttl)
        doc_id = records.document_id(record)
        leaves = self._leaves(self.record_database, doc_id)
        if not any(leaf.get("ttl") == ttl for leaf in leaves):
            rev = leaves[0]["_rev"] if leaves else None
            self._now(self.record_database.put(doc_id, records.to_document(record), rev))
        return doc_id

    def remove(self, doc_id: str) -> None:
        """Delete a record, in all its conflicting revisions."""
        leaves = self._leaves(self.record_database, doc_id)
        self._now(self.record_database.bulk([records.tombstone(leaf) for leaf in leaves]))

    def replace_soa(self, zone: str, serial: int) -> None:
        """Write an SOA with this serial in place of those that are there."""
        number = zone_documents.zone_id_for(canonical(from_text(zone)))
        text = f"ns.example.net hostmaster.example.net {serial} 3600 900 1209600 300"
        new = self.add(zone, zone, "SOA", text)
        for doc_id, doc in self.record_database.documents_now().items():
            if (doc.get("zone_id"), doc.get("type")) == (number, "SOA") and doc_id != new:
                self.remove(doc_id)

    # Asking.

    def answers(self, zone: str) -> dict[str, dict[str, list[str]]]:
        """Give what stands at the names of a published zone, without SOA."""
        found = self.published.zones[canonical(from_text(zone))]
        shown_nodes = {
            shown(name): {
                rdata.type_to_text(type_): [rdata.to_text(type_, each) for each in rrset.rdatas]
                for type_, rrset in rrsets.items()
                if type_ != codes.SOA
            }
            for name, rrsets in found.nodes.items()
        }
        return {name: rrsets for name, rrsets in shown_nodes.items() if rrsets}

    def serial(self, zone: str) -> int:
        """Give the serial of a published zone."""
        return self.published.zones[canonical(from_text(zone))].serial

    def sample(self, name: str, **labels: str) -> float | None:
        """Give a metric."""
        return self.metrics.registry.get_sample_value(f"couchpages_{name}", labels)

    def _leaves(self, database: MemoryDatabase, doc_id: str) -> list[Json]:
        found: list[Json] = self._now(database.leaves(doc_id))
        return found

    def _now(self, work: Any) -> Any:
        results: list[Any] = []
        Deferred.fromCoroutine(work).addCallbacks(results.append, lambda failure: results.append(failure.value))
        if isinstance(results[0], Exception):
            raise results[0]
        return results[0]
