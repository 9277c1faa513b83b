"""Serials on several nodes that take writes while they are cut off from each other, in every order that Hypothesis finds (law 7)."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.names import Name, canonical, from_text
from couchpages.dns.serials import is_greater
from couchpages.dns.zone import Zone
from couchpages.dns.zone_documents import zone_id_for
from couchpages.ports import Change
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.zones import MemoryZones, content

ZONES = ("example.org", "sub.example.org")
NODES, ZONE, OWNER, DATA = st.integers(0, 2), st.sampled_from(ZONES), st.sampled_from("ab"), st.integers(1, 2)
SERIAL = st.sampled_from([0, 3, 1000, 2_023_010_101])
FOREIGN = st.integers(1, 2)


def step(kind: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Give steps of one kind."""
    return st.tuples(st.just(kind), NODES, *arguments)


OURS = (
    step("add", ZONE, OWNER, DATA, st.sampled_from([60, 300]))
    | step("remove", ZONE, OWNER, DATA)
    | step("soa", ZONE, SERIAL)
    | step("destroy", ZONE)
    | step("create", ZONE)
)
OTHERS = (
    step("foreign", FOREIGN, ZONE, OWNER, DATA)
    | step("foreign_removed", FOREIGN)
    | step("ours_removed", ZONE, OWNER, DATA)
)
MOVING = step("replicate", NODES, st.integers(0, 5)) | step("settle") | step("restart") | step("restart_away")
#: What the documents alone cannot make a greater serial of.
BEYOND = (
    step("foreign_soa", FOREIGN, ZONE, st.sampled_from([5, 4_000_000_000]))
    | step("ours_moved", ZONE, OWNER, DATA)
    | step("made_anew", st.integers(0, 3))
    | step("malformed", FOREIGN)
)


class Cluster:
    """Three nodes, each with databases of its own; replication runs only when a step says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes = [MemoryZones(folder / str(number)) for number in range(3)]
        self.seen: list[dict[Name, Zone]] = [{} for _ in self.nodes]
        self.guarded = False
        for number in range(3):
            self.begin(number)

    def begin(self, number: int, *, follows: bool = True) -> None:
        """Let a node follow, and look at everything that it publishes."""
        node = self.nodes[number]
        for zone in node.published.zones.values():
            self.look(number, zone)
        publish = node.published.publish

        def looked_at(zone: Zone, touched: Any) -> None:
            self.look(number, zone)
            publish(zone, touched)

        node.published.publish = looked_at  # type: ignore[method-assign]  # to see it
        if follows:
            node.follow()

    def look(self, number: int, zone: Zone) -> None:
        """Every change raises the serial, whatever was between."""
        before = self.seen[number].get(zone.apex)
        self.seen[number][zone.apex] = zone
        if before is not None and before.serial != zone.serial and not is_greater(zone.serial, before.serial):
            raise AssertionError(f"the serial goes back from {before.serial} to {zone.serial}")
        if before is not None and before.serial == zone.serial and content(before) != content(zone):
            raise AssertionError(f"something changed, and the serial is {zone.serial} as before")

    def settle(self, number: int) -> None:
        """Let a node publish what it was told."""
        self.nodes[number].settle()
        self.guarded = self.guarded or bool(self.nodes[number].sample("dns_guarded_zones"))

    def restart(self, number: int, *, away: bool) -> None:
        """Stop a node and start it again; if CouchDB is *away*, it comes back only when the node answers already."""
        old = self.nodes[number]
        old.settle()
        old.stop()
        old.zone_database._sinks.clear()
        old.record_database._sinks.clear()
        self.nodes[number] = MemoryZones(self.folder / str(number), old.zone_database, old.record_database)
        answered = self.nodes[number].published.zones
        if {apex: zone.serial for apex, zone in answered.items()} != {
            apex: zone.serial for apex, zone in old.published.zones.items()
        }:
            raise AssertionError("another serial after a restart")
        self.begin(number, follows=not away)
        if away:
            self.nodes[number].settle()
            self.nodes[number].follow()

    def do(self, what: tuple[Any, ...]) -> None:
        """Do one step."""
        kind, number, *more = what
        node = self.nodes[number]
        match kind, more:
            case "replicate", (target, part):
                self.replicate(node, self.nodes[target], part)
            case "settle", ():
                self.settle(number)
            case (("restart" | "restart_away"), ()):
                self.restart(number, away=kind == "restart_away")
            case "add", (zone, owner, data, ttl):
                node.add(zone, f"{owner}.sub.example.org", "A", f"192.0.2.{data}", ttl)
            case "remove", (zone, owner, data):
                node.remove(self.ours(node, zone, owner, data))
            case "soa", (zone, serial):
                node.replace_soa(zone, serial)
            case "destroy", (zone,):
                node.destroy(zone)
            case "create", (zone,):
                node.create(zone)
            case _:
                self.by_others(kind, node, more)

    def by_others(self, kind: str, node: MemoryZones, more: list[Any]) -> None:
        """Do what somebody else does, who knows nothing of us."""
        records = node.record_database
        match kind, more:
            case "foreign", (which, zone, owner, data):
                records.seed(self.foreign(which), self.body(zone, f"{owner}.sub.example.org", "A", f"192.0.2.{data}"))
            case "foreign_soa", (which, zone, serial):
                records.seed(self.foreign(which), self.body(zone, zone, "SOA", f"n. h. {serial} 1 1 1 1"))
            case "foreign_removed", (which,):
                self.removed(records, self.foreign(which))
            case "ours_removed", (zone, owner, data):
                self.removed(records, self.ours(node, zone, owner, data))
            case "ours_moved", (zone, owner, data):
                other = ZONES[1 - ZONES.index(zone)]
                records.seed(
                    self.ours(node, zone, owner, data),
                    self.body(other, f"{owner}.sub.example.org", "A", f"192.0.2.{data}"),
                )
            case "malformed", (which,):
                records.seed(self.foreign(which), {"type": "A"})
            case "made_anew", (keep,):
                # The follower tells that what is not there again is gone.
                for place, doc_id in enumerate(sorted(records.stored)):
                    if place % 4 == keep:
                        del records.stored[doc_id]
                        node.zones.record_sink.apply(Change(doc_id, None))
            case _:
                raise AssertionError(kind)

    def ours(self, node: MemoryZones, zone: str, owner: str, data: int) -> str:
        """Name the document of a record of ours."""
        from couchpages.dns.records import document_id

        return document_id(node.record(zone, f"{owner}.sub.example.org", "A", f"192.0.2.{data}"))

    def foreign(self, which: int) -> str:
        """Name a document of somebody else's."""
        return str(UUID(int=which, version=4))

    def body(self, zone: str, name: str, type_: str, text: str) -> dict[str, Any]:
        """Give a document as somebody else writes it."""
        number = zone_id_for(canonical(from_text(zone)))
        return {"type": type_, "name": name, "content": text, "ttl": 60, "zone_id": number}

    def removed(self, database: MemoryDatabase, doc_id: str) -> None:
        """Delete a document, leaving nothing in its tombstone."""
        if doc_id in database.stored and database.stored[doc_id].body is not None:
            database.remove(doc_id)

    def replicate(self, source: MemoryZones, target: MemoryZones, part: int) -> None:
        """Bring all documents (*part* 0), or some, from one node to another."""
        for name in ("record_database", "zone_database"):
            database: MemoryDatabase = getattr(source, name)
            wanted = [doc for place, doc in enumerate(sorted(database.stored)) if part == 0 or (place + part) % 3]
            database.replicate_to(getattr(target, name), wanted)

    def heal(self) -> None:
        """Replicate everything everywhere."""
        for _ in range(2):
            for source in self.nodes:
                for target in self.nodes:
                    if source is not target:
                        self.replicate(source, target, 0)
        for number in range(3):
            self.settle(number)


def played(folder: str, steps: Iterable[tuple[Any, ...]]) -> Cluster:
    """Give a cluster after these steps and healing."""
    cluster = Cluster(Path(folder))
    for zone in ZONES:
        cluster.do(("create", 0, zone))
    for each in steps:
        cluster.do(each)
    cluster.heal()
    return cluster


class ConvergingTests(SynchronousTestCase):
    """Partitions, and what becomes of serials."""

    def check_agreement(self, cluster: Cluster) -> None:
        """All nodes answer the same zones, but for the serial."""
        first = cluster.nodes[0].published.zones
        for node in cluster.nodes[1:]:
            found = node.published.zones
            self.assertEqual({a: content(z) for a, z in found.items()}, {a: content(z) for a, z in first.items()})

    @given(st.lists(OURS | OTHERS | MOVING, max_size=25))
    @settings(deadline=None, max_examples=300)
    def test_same_documents_same_serial(self, steps: list[tuple[Any, ...]]) -> None:
        """Nodes that hold the same documents answer the same serial, whatever came in which order; every change raises it, by itself."""
        with TemporaryDirectory() as folder:
            cluster = played(folder, steps)
            self.check_agreement(cluster)
            serials = [{a: z.serial for a, z in node.published.zones.items()} for node in cluster.nodes]
            self.assertEqual(serials[1:], serials[:1] * 2)
            self.assertFalse(cluster.guarded)
            # A node that never saw what was before answers the same too.
            late = MemoryZones(None, cluster.nodes[0].zone_database, cluster.nodes[0].record_database)
            late.follow()
            late.settle()
            self.assertEqual({a: z.serial for a, z in late.published.zones.items()}, serials[0])

    def test_deleted_here_and_edited_there(self) -> None:
        """A document that says nothing of its zone in its tombstone and lives on elsewhere raised all serials; it lowers none later."""
        zone, other = ZONES
        with TemporaryDirectory() as folder:
            steps = [
                ("foreign", 0, 1, zone, "a", 1), ("replicate", 0, 1, 0), ("settle", 0), ("settle", 1),
                ("foreign_removed", 0, 1), ("settle", 0), ("foreign", 1, 1, zone, "b", 2), ("settle", 1),
                ("replicate", 1, 0, 0), ("settle", 0), ("add", 0, other, "a", 1, 60), ("settle", 0),
            ]  # fmt: skip
            cluster = played(folder, steps)
            self.assertFalse(cluster.guarded)
            self.check_agreement(cluster)

    @given(st.lists(OURS | OTHERS | MOVING | BEYOND, max_size=25))
    @settings(deadline=None, max_examples=300)
    def test_whatever_happens(self, steps: list[tuple[Any, ...]]) -> None:
        """Whatever happens, also what documents alone cannot express: on a node, every change raises the serial, and none goes back."""
        with TemporaryDirectory() as folder:
            played(folder, steps)
