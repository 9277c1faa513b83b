"""A zone that came before its records is withheld: it denies none of them (law 3)."""

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.names import from_text
from couchpages.dns.withheld import LOOK, NAMED, PATIENCE
from couchpages.dns.zone_documents import LEAST, from_document
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.zones import MemoryZones

ZONE = "example.org"
APEX = from_text(ZONE)


class Withheld(SynchronousTestCase):
    """A second node, to which documents come one by one."""

    def setUp(self) -> None:
        """Make a zone of four records on another node; start one that follows empty databases."""
        self.origin = MemoryZones()
        self.records = [self.origin.add(ZONE, ZONE, "SOA", "ns.example.net h.example.net 1 3600 900 1209600 300")]
        self.records.append(self.origin.add(ZONE, ZONE, "NS", "ns.example.net"))
        self.records += [self.origin.add(ZONE, f"{name}.{ZONE}", "A", "192.0.2.1") for name in ("a", "b")]
        self.origin.create(ZONE, promised=4)
        self.path = Path(self.mktemp())
        self.node = self.started()

    def started(self, zones: MemoryDatabase | None = None, records: MemoryDatabase | None = None) -> MemoryZones:
        """Start a node on the folder."""
        node = MemoryZones(self.path, zones, records)
        node.follow()
        node.settle()
        return node

    def zone_comes(self) -> None:
        """Replicate the zone's document."""
        self.origin.zone_database.replicate_to(self.node.zone_database)
        self.node.settle()

    def come(self, *doc_ids: str) -> None:
        """Replicate records."""
        self.origin.record_database.replicate_to(self.node.record_database, doc_ids)
        self.node.settle()

    def assert_withheld(self, node: MemoryZones, *, still: bool) -> None:
        """Assert that the zone is withheld, or answered."""
        self.assertEqual((APEX in node.published.withheld, APEX in node.published.zones), (still, not still))
        self.assertEqual((node.sample("dns_zones_withheld"), bool(node.zones.troubles())), (int(still), still))

    def test_zone_first(self) -> None:
        """It is answered when all records that it was made with are here, its SOA and NS among them, and not before."""
        self.zone_comes()
        self.assert_withheld(self.node, still=True)
        for doc_id in reversed(self.records):
            self.assert_withheld(self.node, still=True)
            self.come(doc_id)
        self.assert_withheld(self.node, still=False)
        self.assertEqual(self.node.answers(ZONE).keys(), {ZONE, f"a.{ZONE}", f"b.{ZONE}"})

    def test_told(self) -> None:
        """Who looks whether the node is ready is told which zone lacks how many records; of many zones, the first by name."""
        self.zone_comes()
        self.come(*self.records[2:])
        self.assertEqual(self.node.zones.obstacles(), ())
        self.assertEqual(self.node.zones.troubles(), ["example.org is not answered yet: 2 of 4 records are here"])
        for number in range(NAMED + 1):
            self.node.create(f"{number}.example", promised=2)
        self.node.settle()
        told = self.node.zones.troubles()
        self.assertEqual((len(told), told[-1]), (NAMED + 1, "2 more zones are not answered yet"))

    def test_deleted_since(self) -> None:
        """Records that were deleted since are counted as here."""
        self.origin.remove(self.records[3])
        self.zone_comes()
        self.come(*self.records)
        self.assert_withheld(self.node, still=False)

    def test_enough_of_others(self) -> None:
        """Without its SOA or its NS it is not answered, however many records are here."""
        more = [self.origin.add(ZONE, f"{number}.{ZONE}", "A", "192.0.2.1") for number in range(9)]
        self.zone_comes()
        self.come(self.records[0], *more)
        self.assertEqual(
            self.node.zones.troubles(), ["example.org is not answered yet: its SOA or its NS are not here"]
        )
        self.come(self.records[1])
        self.assert_withheld(self.node, still=False)

    def test_answered_once(self) -> None:
        """What was answered goes on being answered, without SOA and NS too, and after a restart; not once the zone went."""
        self.zone_comes()
        self.come(*self.records)
        for doc_id in self.records[:2]:
            self.node.remove(doc_id)
        self.node.settle()
        self.assert_withheld(self.node, still=False)
        again = self.started(self.node.zone_database, self.node.record_database)
        self.assert_withheld(again, still=False)
        again.destroy(ZONE)
        again.settle()
        again.create(ZONE, promised=4)
        again.settle()
        self.assert_withheld(again, still=True)

    def test_patience(self) -> None:
        """When nothing more came for long, it is answered with what is here, and the log says so; each record renews the patience."""
        self.zone_comes()
        for doc_id in self.records[:3]:
            self.come(doc_id)
            self.node.reactor.pump([LOOK] * int(PATIENCE / LOOK - 1))
            self.assert_withheld(self.node, still=True)
        self.node.reactor.pump([LOOK] * 3)
        self.assert_withheld(self.node, still=False)
        self.assertEqual(self.node.answers(ZONE).keys(), {ZONE, f"a.{ZONE}"})

    def test_nothing_of_it(self) -> None:
        """A zone of which no record came is not answered, however long that takes; it may be deleted."""
        self.zone_comes()
        self.node.reactor.pump([LOOK] * int(2 * PATIENCE / LOOK))
        self.assert_withheld(self.node, still=True)
        self.node.destroy(ZONE)
        self.node.settle()
        self.assertEqual((self.node.published.withheld, self.node.published.zones), (set(), {}))

    def test_restart(self) -> None:
        """After a restart it is still withheld, before and after CouchDB is heard; stopping leaves nothing behind."""
        self.zone_comes()
        self.come(*self.records[:3])
        self.node.stop()
        self.assertEqual(self.node.reactor.getDelayedCalls(), [])
        again = MemoryZones(self.path, self.node.zone_database, self.node.record_database)
        self.assert_withheld(again, still=True)
        again.follow()
        again.settle()
        self.assert_withheld(again, still=True)
        self.origin.record_database.replicate_to(again.record_database)
        again.settle()
        self.assert_withheld(again, still=False)

    def test_creator(self) -> None:
        """Who created a zone is told when it is answered: its records come later than its document to the creating node, too."""
        self.zone_comes()
        rev = self.node.zone_database.stored[ZONE].rev
        seen = Deferred.fromCoroutine(self.wait(rev))
        self.assertNoResult(seen)
        self.come(*self.records)
        self.successResultOf(seen)

    async def wait(self, rev: str) -> None:
        """Wait until the zone is answered."""
        await self.node.zones.when_answered(ZONE, rev, 60)


class Promises(SynchronousTestCase):
    """What a zone's document promises."""

    def test_read(self) -> None:
        """A document of ours says how many records, or it is an SOA and an NS; one of the first system promises none."""
        wrongs: tuple[Any, ...] = (None, True, -1, "7", 1.5, [])
        ours: list[tuple[dict[str, Any], int]] = [
            ({}, 0),
            ({"couchpages": {"version": 1}}, LEAST),
            ({"couchpages": {"version": 1, "records": 0}}, 0),
            ({"couchpages": {"version": 1, "records": 70}}, 70),
            *(({"couchpages": {"records": wrong}}, LEAST) for wrong in wrongs),
            *(({"couchpages": wrong}, 0) for wrong in wrongs),
        ]
        for members, promised in ours:
            self.assertEqual(from_document(ZONE, {"zoneId": 1, **members}).promised, promised, members)
