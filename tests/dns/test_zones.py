"""From documents to published zones: when, what, and with which serial."""

import errno
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.journal_writer import JournalWriter
from couchpages.dns.names import from_text, order
from couchpages.dns.settling import MOST, QUIET
from couchpages.dns.slices import SLICE, Slices
from couchpages.dns.zone_folder import ZoneFolder
from couchpages.dns.zone_register import apex_of
from couchpages.ports import Change
from couchpages.testing.node import MemoryReactor
from couchpages.testing.zones import MemoryZones
from couchpages.web.problem import Problem

ZONE = "example.org"
APEX = from_text(ZONE)
WWW = "www.example.org"


class Case(SynchronousTestCase):
    """A node with one zone."""

    def setUp(self) -> None:
        """Make it, without anything published."""
        self.node = MemoryZones()
        self.node.create(ZONE)
        self.www = self.node.add(ZONE, WWW, "A", "192.0.2.1")

    def start(self) -> None:
        """Follow, and wait for what is there."""
        self.node.follow()
        self.node.settle()

    def foreign(self, doc_id: str, **members: Any) -> None:
        """Write a record's document as somebody else."""
        number = self.node.create(ZONE)
        base = {"type": "A", "name": WWW, "content": "192.0.2.9", "ttl": 60, "zone_id": number}
        self.node.record_database.seed(doc_id, {**base, **members})


class Loading(Case):
    """Until both databases were loaded once."""

    def test_nothing_before(self) -> None:
        """With one database only, nothing is published, and lists are refused; with both, everything at once (law 3)."""
        self.node.record_database.follow(self.node.zones.record_sink)
        self.node.settle()
        self.node.zone_database.follow(self.node.zones.zone_sink)
        self.assertEqual(self.node.published.zones, {})
        with self.assertRaises(Problem) as caught:
            self.node.zones.require_loaded()
        self.assertEqual(caught.exception.status, 503)
        self.node.reactor.advance(0)
        self.assertEqual(self.node.answers(ZONE), {WWW: {"A": ["192.0.2.1"]}})
        self.assertTrue(self.node.published.is_complete)
        self.node.zones.require_loaded()

    def test_again(self) -> None:
        """What is told again as it was changes nothing."""
        self.start()
        told = list(self.node.published.told)
        self.node.follow()
        self.node.settle()
        self.assertEqual((self.node.published.told, self.node.sample("dns_swaps_total")), (told, 1))


class Swapping(Case):
    """Changes while the node answers."""

    def test_one_record(self) -> None:
        """A changed record is answered after a moment, and only its name is told to have changed."""
        self.start()
        before = self.node.serial(ZONE)
        self.node.add(ZONE, "ftp.example.org", "A", "192.0.2.2")
        self.node.publish()
        self.assertEqual(self.node.published.told[-1], ("publish", APEX, [from_text("ftp.example.org")]))
        self.assertEqual(self.node.serial(ZONE), before + 1)
        self.node.remove(self.www)
        self.node.settle()
        self.assertEqual(self.node.answers(ZONE), {"ftp.example.org": {"A": ["192.0.2.2"]}})

    def test_a_thousand_records(self) -> None:
        """A thousand records that come within moments of each other are one swap."""
        self.start()
        for number in range(1000):
            self.node.add(ZONE, f"n{number}.example.org", "A", "192.0.2.2")
            if number % 100 == 0:
                self.node.reactor.advance(QUIET / 2)
        self.node.settle()
        self.assertEqual((self.node.sample("dns_swaps_total"), len(self.node.answers(ZONE))), (2, 1001))
        self.assertEqual(self.node.sample("dns_records"), 1001)

    def test_stream_without_end(self) -> None:
        """Under a stream that does not pause, what comes is answered half a second later all the same."""
        self.start()
        for number in range(100):
            self.node.add(ZONE, f"n{number}.example.org", "A", "192.0.2.2")
            self.node.reactor.advance(QUIET / 2)
        self.assertIn(
            self.node.sample("dns_swaps_total"),
            (1 + int(100 * QUIET / 2 / (MOST + QUIET)), 1 + int(100 * QUIET / 2 / MOST)),
        )
        self.node.settle()
        self.assertEqual(len(self.node.answers(ZONE)), 101)

    def test_zone_removed(self) -> None:
        """A zone that was deleted is withdrawn; made again, its serial goes on above the one before."""
        self.start()
        before = self.node.serial(ZONE)
        self.node.destroy(ZONE)
        self.node.settle()
        self.assertEqual(self.node.published.zones, {})
        self.node.create(ZONE)
        self.node.settle()
        self.assertGreater(self.node.serial(ZONE), before)

    def test_zone_after_its_records(self) -> None:
        """Records wait for their zone, and what is not within it then is logged and counted."""
        self.start()
        self.node.add("late.example", "www.late.example", "A", "192.0.2.3")
        self.node.add("late.example", "www.early.example", "A", "192.0.2.3")
        self.node.settle()
        self.node.create("late.example")
        self.node.settle()
        self.assertEqual(list(self.node.answers("late.example")), ["www.late.example"])
        self.assertEqual(self.malformed(), 1)

    def malformed(self) -> float | None:
        """Give how many were counted."""
        return self.node.sample("malformed_documents_total", database="dns_records")

    def test_two_zones_with_one_number(self) -> None:
        """Of two zones with one number, the one with the longer name has the records that are within it."""
        number = self.node.create(ZONE)
        self.node.zone_database.seed("sub.example.org", {"zoneId": number})
        self.foreign("1", name="a.sub.example.org")
        self.start()
        self.assertEqual(list(self.node.answers("sub.example.org")), ["a.sub.example.org"])
        self.assertEqual(list(self.node.answers(ZONE)), [WWW])
        self.node.zone_database.remove("sub.example.org")
        self.node.settle()
        self.assertEqual(sorted(self.node.answers(ZONE)), ["a.sub.example.org", WWW])

    def test_underscore(self) -> None:
        """A zone whose name begins with an underscore is answered by that name, and goes."""
        self.node.create("_tcp.example.org")
        self.start()
        apex = from_text("_tcp.example.org")
        self.assertEqual(self.node.published.zones.keys(), {APEX, apex})
        self.assertEqual(apex_of(r"\095tcp.example.org"), apex)
        self.node.destroy("_tcp.example.org")
        self.node.settle()
        self.assertEqual(self.node.published.zones.keys(), {APEX})

    def test_disabled(self) -> None:
        """A disabled record is known, and not answered with."""
        self.foreign("1", disabled=True)
        self.start()
        self.assertEqual(self.node.answers(ZONE), {WWW: {"A": ["192.0.2.1"]}})
        self.assertEqual([doc_id for doc_id, _ in self.node.zones.records_at(APEX, from_text(WWW))], [self.www, "1"])

    def test_below_first(self) -> None:
        """Of a zone and one below it, the one below is published first, so that its names are never the other's."""
        self.node.create("sub.example.org")
        self.start()
        names = [apex for _, apex, _ in self.node.published.told]
        self.assertEqual(names, [from_text("sub.example.org"), APEX])


class Malformed(Case):
    """Documents that cannot be read (law 4)."""

    def test_stays(self) -> None:
        """What was known of a document before it became malformed stays; it is logged, counted, and raises the serial; the zone stays."""
        self.foreign("1")
        self.start()
        before = self.node.serial(ZONE)
        self.foreign("1", content="not an address")
        self.foreign("2", type="MX", content="mail")
        self.node.settle()
        self.assertEqual(self.node.answers(ZONE), {WWW: {"A": ["192.0.2.1", "192.0.2.9"]}})
        self.assertEqual(self.node.sample("malformed_documents_total", database="dns_records"), 2)
        self.assertGreater(self.node.serial(ZONE), before)

    def test_zone(self) -> None:
        """A zone whose document became malformed stays as it was."""
        self.start()
        self.node.zone_database.seed(ZONE, {"zoneId": "seven"})
        self.node.zone_database.seed("a..b", {"zoneId": 7})
        self.node.settle()
        self.assertEqual(list(self.node.answers(ZONE)), [WWW])
        self.assertEqual(self.node.sample("malformed_documents_total", database="dns_zones"), 2)

    def test_told_once(self) -> None:
        """What the follower could not read, and counted, is not counted again; what was good last stays."""
        self.start()
        for doc_id, sink in ((self.www, self.node.zones.record_sink), (ZONE, self.node.zones.zone_sink)):
            sink.apply(Change(doc_id, {"_id": doc_id}, ("9-x",), unreadable=True))
        self.node.settle()
        self.assertEqual(self.node.answers(ZONE), {WWW: {"A": ["192.0.2.1"]}})
        for name in ("dns_records", "dns_zones"):
            self.assertIn(self.node.sample("malformed_documents_total", database=name), (None, 0))

    def test_design_documents(self) -> None:
        """Design documents, in either database, are not counted as malformed, and raise no serial."""
        self.start()
        before = self.node.serial(ZONE)
        for database in (self.node.record_database, self.node.zone_database):
            for _ in range(3):
                database.seed("_design/rules", {"validate_doc_update": "function () {}"})
        self.node.settle()
        self.assertEqual(self.node.serial(ZONE), before)
        for name in ("dns_records", "dns_zones"):
            self.assertIn(self.node.sample("malformed_documents_total", database=name), (None, 0))


class Cut(SynchronousTestCase):
    """Slices."""

    def test_slices_are_short(self) -> None:
        """Documents of 100 microseconds each are read, and compiled, some twenty at a time, with a turn of the reactor between."""
        reactor, per_turn, seconds = MemoryReactor(), [0], [0.0]

        def clock() -> float:
            seconds[0] += 0.0001
            per_turn[-1] += 1
            return seconds[0]

        node = MemoryZones(slices=Slices(reactor, clock))
        node.create(ZONE)
        for number in range(300):
            node.add(ZONE, f"n{number}.example.org", "A", "192.0.2.2")
        node.follow()
        self.assertEqual(node.published.zones, {})
        while reactor.getDelayedCalls():
            call: Any = reactor.getDelayedCalls()[0]
            per_turn.append(0)
            reactor.calls.remove(call)
            call.func(*call.args, **call.kw)
        self.assertEqual(len(node.answers(ZONE)), 300)
        self.assertGreater(len(per_turn), 300 * 2 * 0.0001 / SLICE)
        self.assertLessEqual(max(per_turn), SLICE / 0.0001 + 2)


class Asking(Case):
    """What the API asks."""

    def test_lists(self) -> None:
        """Zones, names and records are listed in their orders, found by name, number and id."""
        self.node.create("example.com")
        self.node.add(ZONE, "a.example.org", "TXT", "x")
        self.start()
        zones = self.node.zones
        self.assertEqual([zone.apex for zone in zones.zones()], [from_text("example.com"), APEX])
        (zone,) = zones.numbered(self.node.create(ZONE))
        self.assertEqual((zones.zone(APEX), zones.zone_of(from_text("x.y.example.org"))), (zone, zone))
        self.assertIsNone(zones.zone_of(from_text("org")))
        self.assertEqual(sorted(zones.owners(APEX), key=order), [from_text("a.example.org"), from_text(WWW)])
        record = zones.record(self.www)
        self.assertEqual(zones.records_at(APEX, from_text(WWW)), [(self.www, record)])
        self.assertEqual(
            (zones.record("x"), zones.records_at(from_text("x"), from_text("x")), zones.serial(from_text("x"))),
            (None, [], None),
        )
        self.assertEqual(zones.serial(APEX), self.node.serial(ZONE))

    def test_when_answered(self) -> None:
        """Who wrote is told when what was written is answered, or when patience ends."""
        self.start()
        doc_id = self.node.add(ZONE, "new.example.org", "A", "192.0.2.5")
        rev = self.node.record_database.stored[doc_id].rev
        seen = Deferred.fromCoroutine(self.wait(doc_id, rev))
        self.assertNoResult(seen)
        self.node.publish()
        self.successResultOf(seen)
        never = Deferred.fromCoroutine(self.wait(doc_id, "9-x"))
        self.assertNoResult(never)
        self.node.reactor.advance(2)
        self.successResultOf(never)

    async def wait(self, doc_id: str, rev: str) -> None:
        """Wait until it is answered."""
        await self.node.zones.when_answered(doc_id, rev, 2)


class Keeping(SynchronousTestCase):
    """What is kept on disk."""

    def setUp(self) -> None:
        """Run a node for a while."""
        self.path = Path(self.mktemp())
        self.node = MemoryZones(self.path)
        self.node.create(ZONE)
        for number in range(20):
            self.node.add(ZONE, f"n{number}.example.org", "A", "192.0.2.2")
        self.node.remove(self.node.add(ZONE, "gone.example.org", "A", "192.0.2.2"))
        self.node.follow()
        self.node.settle()

    def restart(self) -> MemoryZones:
        """Give a node on the same folder that has not heard of CouchDB."""
        return MemoryZones(self.path, self.node.zone_database, self.node.record_database)

    def faults(self, node: MemoryZones) -> float | None:
        """Give what was counted."""
        return node.sample("cache_faults_total", cache="zones_disk")

    def test_restored(self) -> None:
        """After a restart the node answers the same, with the same serial, and what it knew is known to the followers."""
        again = self.restart()
        self.assertEqual(again.published.zones, self.node.published.zones)
        self.assertFalse(again.published.is_complete)
        self.assertEqual(set(again.zones.known_zones() or ()), {ZONE})
        self.assertEqual(set(again.zones.known_records() or ()), set(self.node.record_database.stored))
        told = len(again.published.told)
        again.follow()
        again.settle()
        self.assertEqual((len(again.published.told), again.published.is_complete), (told, True))

    def test_nothing_restored(self) -> None:
        """That there were no zones is known after a restart, and that nothing is known is too."""
        path = Path(self.mktemp())
        node = MemoryZones(path)
        self.assertEqual((node.zones.known_zones(), node.zones.known_records()), (None, None))
        node.follow()
        node.settle()
        again = MemoryZones(path, node.zone_database, node.record_database)
        self.assertEqual((again.zones.known_zones(), again.zones.known_records()), ((), ()))

    def test_appended(self) -> None:
        """What is answered is on disk, and a clean stop writes what was only read."""
        self.node.add(ZONE, "x.example.org", "A", "192.0.2.3")
        self.node.publish()
        self.assertEqual(self.restart().published.zones, self.node.published.zones)
        self.node.add(ZONE, "y.example.org", "A", "192.0.2.3")
        self.node.reactor.advance(0)
        self.node.stop()
        self.assertIn("y.example.org", self.restart().answers(ZONE))

    def acknowledged(self, doc_id: str) -> "Deferred[None]":
        """Wait as the API does before it acknowledges a record."""
        rev = self.node.record_database.stored[doc_id].rev

        async def wait() -> None:
            await self.node.zones.when_answered(doc_id, rev, 5)

        return Deferred.fromCoroutine(wait())

    def test_killed_after_an_acknowledgement(self) -> None:
        """Defect: a record was acknowledged before it was on disk; a node killed then came back without it, and with an older serial."""
        disk: Deferred[None] = Deferred()
        append = JournalWriter.append

        async def slow(writer: JournalWriter, name: str, items: Any, make: Any) -> None:
            await disk
            await append(writer, name, items, make)

        with patch.object(JournalWriter, "append", slow):
            seen = self.acknowledged(self.node.add(ZONE, "x.example.org", "A", "192.0.2.3"))
            self.node.publish()
            self.assertIn("x.example.org", self.node.answers(ZONE))
            self.assertNoResult(seen)
            later = self.acknowledged(self.node.add(ZONE, "y.example.org", "A", "192.0.2.3"))
            self.node.publish()
            disk.callback(None)
            self.node.reactor.advance(0)
        self.successResultOf(seen)
        self.successResultOf(later)
        self.assertEqual(self.restart().published.zones, self.node.published.zones)

    def test_disk_that_hangs(self) -> None:
        """While a write takes for ever, what is answered is acknowledged when patience ends."""
        with patch.object(JournalWriter, "append", lambda *_: Deferred()):
            seen = self.acknowledged(self.node.add(ZONE, "x.example.org", "A", "192.0.2.3"))
            self.node.settle()
            self.assertNoResult(seen)
            self.node.reactor.advance(5)
        self.successResultOf(seen)

    def test_disk_that_cannot_be_written(self) -> None:
        """What cannot be kept is acknowledged all the same, at once, whether that is known already or not."""
        with patch("couchpages.dns.zone_folder._write", side_effect=OSError(errno.ENOSPC, "no space left on device")):
            for name in ("x.example.org", "y.example.org"):
                seen = self.acknowledged(self.node.add(ZONE, name, "A", "192.0.2.3"))
                self.node.publish()
                self.successResultOf(seen)
        self.assertGreater(self.faults(self.node) or 0, 0)

    def test_child_of_what_cannot_be_written(self) -> None:
        """Defect: while one file could not be written, new zones were not kept; after a restart the zone above denied their names."""
        number = self.node.create(ZONE)
        full = OSError(errno.EIO, "input/output error")
        append, begin = ZoneFolder.append, ZoneFolder.begin

        def refused(method: Any) -> Any:
            def call(folder: ZoneFolder, name: str, *more: Any) -> Any:
                if name == f"{number:08x}":
                    raise full
                return method(folder, name, *more)

            return call

        with patch.object(ZoneFolder, "append", refused(append)), patch.object(ZoneFolder, "begin", refused(begin)):
            self.node.add(ZONE, "x.example.org", "A", "192.0.2.3")
            self.node.create("sub.example.org")
            self.node.add("sub.example.org", "a.sub.example.org", "A", "192.0.2.3")
            self.node.settle()
            again = self.restart()
            self.assertEqual(list(again.answers("sub.example.org")), ["a.sub.example.org"])
            self.assertNotIn("x.example.org", again.answers(ZONE))
            self.assertLess(again.serial(ZONE), self.node.serial(ZONE))
        self.node.reactor.advance(60)
        self.assertEqual(self.restart().published.zones, self.node.published.zones)

    def test_defect_while_writing(self) -> None:
        """A defect of ours is logged, acknowledged all the same, and everything is written anew later."""
        with patch.object(JournalWriter, "append", side_effect=KeyError("defect")):
            self.node.add(ZONE, "x.example.org", "A", "192.0.2.3")
            self.node.settle()
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.node.reactor.advance(60)
        self.assertEqual(self.restart().published.zones, self.node.published.zones)

    def test_written_anew(self) -> None:
        """A file with much that is not true any more is written anew."""
        for number in range(1200):
            self.node.add(ZONE, "n1.example.org", "A", "192.0.2.2", ttl=number)
            self.node.settle()
        lines = sum(file.read_bytes().count(b"\n") for file in self.path.iterdir())
        self.assertLess(lines, 6 * 1200)
        self.assertEqual(self.restart().published.zones, self.node.published.zones)

    def test_changed_while_it_is_written(self) -> None:
        """Killed after a change that came while an earlier one was written, a node answers the earlier one with that one's serial."""
        append = JournalWriter.append

        gate: Deferred[None] = Deferred()
        calls: list[str] = []

        async def appended(writer: JournalWriter, name: str, items: Any, make: Any) -> None:
            calls.append(name)
            if len(calls) > 2:
                await Deferred()
            await append(writer, name, items, make)
            await gate

        with patch.object(JournalWriter, "append", appended):
            self.node.add(ZONE, "first.example.org", "A", "192.0.2.3")
            self.node.publish()
            self.node.add(ZONE, "second.example.org", "A", "192.0.2.3")
            self.node.publish()
            self.assertIn("second.example.org", self.node.answers(ZONE))
            gate.callback(None)
            self.node.reactor.advance(0)
        self.assertEqual(len(calls), 3)
        again = self.restart()
        self.assertNotIn("second.example.org", again.answers(ZONE))
        self.assertLess(again.serial(ZONE), self.node.serial(ZONE))
        again.follow()
        again.settle()
        self.assertEqual(again.published.zones, self.node.published.zones)

    def test_nothing_before_the_load(self) -> None:
        """A node that was not told everything writes nothing: half a zone would be taken for all of it."""
        path = Path(self.mktemp())
        other = MemoryZones(path, self.node.zone_database, self.node.record_database)
        other.zone_database.follow(other.zones.zone_sink)
        other.record_database.change(next(iter(other.record_database.stored)))
        other.settle()
        other.stop()
        self.assertEqual(list(path.iterdir()), [])

    def test_damaged(self) -> None:
        """A damaged file is refused, counted and removed; its zone and those above are not answered for until CouchDB is heard."""
        self.node.create("sub.example.org")
        self.node.create("other.example")
        self.node.settle()
        number = self.node.create("sub.example.org")
        file = self.path / f"{number:08x}"
        file.write_bytes(file.read_bytes().replace(b"whole", b"whale"))
        again = self.restart()
        self.assertEqual((list(again.published.zones), self.faults(again)), ([from_text("other.example")], 1))
        self.assertFalse(file.exists())
        again.follow()
        again.settle()
        self.assertEqual(again.published.zones, self.node.published.zones)
        self.assertEqual(self.restart().published.zones, self.node.published.zones)

    def test_damaged_register(self) -> None:
        """Without the file of zones nothing is published, and nothing breaks."""
        (self.path / "zones").write_bytes(b"nonsense\n" * 99)
        again = self.restart()
        self.assertEqual((again.published.zones, self.faults(again)), ({}, 1))
        again.follow()
        again.settle()
        self.assertEqual(again.published.zones, self.node.published.zones)

    def test_disk_full(self) -> None:
        """What cannot be written is counted, answered all the same, and written later."""
        full = OSError(errno.ENOSPC, "no space left on device")
        with patch("couchpages.dns.zone_folder._write", side_effect=full):
            self.node.add(ZONE, "x.example.org", "A", "192.0.2.3")
            self.node.settle()
        self.assertEqual((self.faults(self.node), len(list(self.path.iterdir()))), (1, 2))
        self.assertEqual(self.node.answers(ZONE).keys() - self.restart().answers(ZONE).keys(), {"x.example.org"})
        self.assertIn("x.example.org", self.node.answers(ZONE))
        self.node.reactor.advance(60)
        self.assertEqual(self.restart().published.zones, self.node.published.zones)

    def test_private(self) -> None:
        """Only the owner can read what is kept."""
        self.assertEqual({file.stat().st_mode & 0o777 for file in self.path.iterdir()}, {0o600})

    def test_changed_meanwhile(self) -> None:
        """What was deleted while the node was down is gone once it is told, also what a database made anew does not have."""
        ids = list(self.node.record_database.stored)
        again = self.restart()
        for doc_id in ids[:5]:
            again.zones.record_sink.apply(Change(doc_id, None))
        again.follow()
        again.settle()
        self.assertEqual(json.dumps(again.answers(ZONE)), json.dumps(self.node.answers(ZONE)))
