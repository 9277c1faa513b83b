"""TXT records of ACME challenges beside those that are written."""

from collections.abc import Collection, Sequence
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from couchpages import ports
from couchpages.dns import codes
from couchpages.dns.challenges import TTL, Challenges, read_challenge
from couchpages.dns.lookup import look_up
from couchpages.dns.names import Name, from_text
from couchpages.dns.served_zones import ServedZones
from couchpages.dns.settling import QUIET
from couchpages.dns.verdicts import Answer, NoData, NoSuchName
from couchpages.dns.zone import Zone
from couchpages.testing.zones import MemoryZones, content
from tests.dns.messages import asking
from tests.dns.reading import Answer as Received
from tests.dns.reading import responder

ZONE, BELOW = "example.org", "sub.example.org"
NAME = "_acme-challenge.www.example.org"
LOWER = "_acme-challenge.sub.example.org"


class Case(SynchronousTestCase):
    """A node with one zone, which is answered."""

    def setUp(self) -> None:
        """Follow."""
        self.node = self.made()

    def made(self, path: Path | None = None) -> MemoryZones:
        """Make the node."""
        node = MemoryZones(path)
        node.create(ZONE)
        node.add(ZONE, "www.example.org", "A", "192.0.2.1")
        node.follow()
        node.settle()
        return node

    def hold(self, doc_id: str, name: str, texts: Sequence[str], generation: int = 1) -> None:
        """Hold a challenge, and let it be answered."""
        challenges: ports.ChallengeRecords = self.node.zones.challenges
        challenges.hold(doc_id, name, texts, generation)
        self.node.settle()

    def texts(self, name: str = NAME, zone: str = ZONE) -> list[str] | None:
        """Give the TXT records at a name of a zone."""
        found = self.node.answers(zone).get(name, {}).get("TXT")
        return found and [text.strip('"') for text in found]

    def verdict(self, name: str, type_: int = codes.TXT) -> object:
        """Look up a name."""
        return look_up(self.node.published.zones, from_text(name), type_).verdict


class Answering(Case):
    """What is answered."""

    def test_comes_and_goes(self) -> None:
        """A challenge is answered at its name, with a small TTL, and no longer when it is over; the names above it come and go with it."""
        self.hold("c", "_ACME-challenge.a.b.example.org", ["one", "two"])
        name = "_acme-challenge.a.b.example.org"
        verdict = self.verdict(name)
        assert isinstance(verdict, Answer)
        self.assertEqual((self.texts(name), verdict.rrset.ttl), (["one", "two"], TTL))
        self.assertIsInstance(self.verdict("a.b.example.org", codes.A), NoData)
        self.hold("c", name, ["two"], 2)
        self.assertEqual(self.texts(name), ["two"])
        self.hold("c", name, [], 3)
        for each in (name, "a.b.example.org", "b.example.org"):
            self.assertIsInstance(self.verdict(each), NoSuchName)

    def test_only_its_name_is_told(self) -> None:
        """Answers that are ready for other names stay so."""
        self.hold("c", NAME, ["one"])
        self.assertEqual(self.node.published.told[-1], ("publish", from_text(ZONE), [from_text(NAME)]))

    def test_beside_records(self) -> None:
        """Written TXT records stay beside it, each text once, and the set has the least TTL; when it is over, they are as before."""
        self.node.add(ZONE, NAME, "TXT", "written", ttl=300)
        self.node.add(ZONE, NAME, "TXT", "one", ttl=300)
        self.hold("c", NAME, ["one", "two"])
        self.hold("d", NAME, ["two", "three"])
        self.assertEqual(sorted(self.texts() or ()), ["one", "three", "two", "written"])
        self.assertEqual(self.node.published.zones[from_text(ZONE)].nodes[from_text(NAME)][codes.TXT].ttl, TTL)
        self.node.add(ZONE, NAME, "TXT", "brief", ttl=1)
        self.node.settle()
        self.assertEqual(self.node.published.zones[from_text(ZONE)].nodes[from_text(NAME)][codes.TXT].ttl, 1)
        self.hold("c", NAME, [], 2)
        self.hold("d", NAME, [], 2)
        self.assertEqual(sorted(self.texts() or ()), ["brief", "one", "written"])

    def test_moves(self) -> None:
        """What a document gave at another name before is not answered any more."""
        self.hold("c", NAME, ["one"])
        self.hold("c", "_acme-challenge.example.org", ["one"], 2)
        self.assertEqual((self.texts(), self.texts("_acme-challenge.example.org")), (None, ["one"]))

    def test_at_the_apex(self) -> None:
        """At the zone's own name a challenge stands beside what is there."""
        self.hold("c", ZONE, ["one"])
        self.assertEqual(self.texts(ZONE), ["one"])
        self.assertIn(codes.SOA, self.node.published.zones[from_text(ZONE)].nodes[from_text(ZONE)])

    def test_alias(self) -> None:
        """Where a CNAME stands it stays, and the challenge is left out, which is logged; when it goes, the challenge is answered."""
        alias = self.node.add(ZONE, NAME, "CNAME", "elsewhere.example")
        with capturedLogs() as events:
            self.hold("c", NAME, ["one"])
        self.assertEqual(self.node.answers(ZONE)[NAME], {"CNAME": ["elsewhere.example."]})
        self.assertEqual([event["name"] for event in events if "CNAME" in event.get("log_format", "")], [NAME])
        self.node.remove(alias)
        self.node.settle()
        self.assertEqual(self.node.answers(ZONE)[NAME], {"TXT": ['"one"']})

    def test_alias_later(self) -> None:
        """A CNAME that is written where a challenge stands takes its place."""
        self.hold("c", NAME, ["one"])
        self.node.add(ZONE, NAME, "CNAME", "elsewhere.example")
        self.node.settle()
        self.assertEqual(list(self.node.answers(ZONE)[NAME]), ["CNAME"])

    def test_burst(self) -> None:
        """A thousand challenges are one swap."""
        swaps = self.node.sample("dns_swaps_total") or 0
        for number in range(1000):
            self.node.zones.challenges.hold(f"c{number}", f"_acme-challenge.n{number}.example.org", ["x"], 1)
        self.node.settle()
        self.assertEqual(self.node.sample("dns_swaps_total"), swaps + 1)
        self.assertEqual(self.texts("_acme-challenge.n999.example.org"), ["x"])

    def test_told_again(self) -> None:
        """What is told again as it was changes nothing."""
        self.hold("c", NAME, ["one"])
        told = list(self.node.published.told)
        self.hold("c", NAME, ["one"])
        self.assertEqual(self.node.published.told, told)

    def test_refused(self) -> None:
        """What does not fit into a text, and what is no name, is refused, and what was held stays."""
        self.hold("c", NAME, ["x" * 255])
        for name, text in ((NAME, "x" * 256), (NAME, "ä" * 128), ("a..b", "x"), ("x" * 64 + ".example.org", "x")):
            with self.assertRaises(ValueError):
                self.hold("c", name, [text], 2)
        self.assertEqual(self.texts(), ["x" * 255])


class Wildcards(Case):
    """A wildcard by which sites are reached."""

    BLOG, BELOW, OWNER = "blog.example.org", "*.blog.example.org", "_acme-challenge.blog.example.org"
    MADE = (BLOG, BELOW, OWNER, f"*.{OWNER}")

    def setUp(self) -> None:
        """Write it."""
        super().setUp()
        self.wildcard = self.node.add(ZONE, "*.example.org", "A", "192.0.2.7")
        self.node.settle()

    def answer(self, name: str, type_: int = codes.A) -> tuple[bytes, ...]:
        """Give the data that a name is answered with."""
        verdict = self.verdict(name, type_)
        return verdict.rrset.rdatas if isinstance(verdict, Answer) else ()

    def test_renewal(self) -> None:
        """While a challenge comes, is another and goes, the names around it go on being answered, and nothing is left of it."""
        names = (self.BLOG, f"www.{self.BLOG}", self.OWNER, f"x.{self.OWNER}", "other.example.org")
        zones = [self.node.published.zones[from_text(ZONE)]]
        for generation, texts in enumerate((["one"], ["two", "three"], []), 1):
            self.hold("c", self.OWNER, texts, generation)
            zones.append(self.node.published.zones[from_text(ZONE)])
            for name in names:
                self.assertEqual(self.answer(name), (b"\xc0\0\2\7",), name)
            self.assertEqual(sorted(self.texts(self.OWNER) or ()), sorted(texts))
        self.assertEqual(content(zones[-1]), content(zones[0]))
        self.assertEqual([zone.serial - zones[0].serial for zone in zones], [0, 1, 2, 3])
        self.assertEqual(self.node.sample("dns_guarded_zones"), 0)

    def test_told(self) -> None:
        """Whoever holds answers is told of all names that are others, and of no more."""
        for generation, (texts, names) in enumerate(
            ((["one"], self.MADE), (["two"], (self.OWNER,)), ([], self.MADE)), 1
        ):
            self.hold("c", self.OWNER, texts, generation)
            what, _, touched = self.node.published.told[-1]
            self.assertEqual((what, set(touched or ())), ("publish", set(map(from_text, names))))

    def test_wildcard_changes(self) -> None:
        """What is written at the wildcard is followed at once, at every name; when it goes, the names are empty, and the others go."""
        self.hold("c", self.OWNER, ["one"])
        more = self.node.add(ZONE, "*.example.org", "A", "192.0.2.8")
        self.node.settle()
        for name in (*self.MADE, f"x.{self.BLOG}"):
            self.assertEqual(len(self.answer(name)), 2)
        self.assertLessEqual(set(map(from_text, self.MADE)), set(self.node.published.told[-1][2] or ()))
        self.node.remove(more)
        self.node.remove(self.wildcard)
        self.node.add(ZONE, "*.example.org", "TXT", "wild")
        self.node.settle()
        self.assertEqual((self.answer(self.BLOG), self.answer(self.BLOG, codes.TXT)), ((), (b"\4wild",)))
        self.assertEqual(self.texts(self.OWNER), ["one"])
        self.node.remove(self.node.add(ZONE, "*.example.org", "TXT", "wild"))
        self.node.settle()
        self.assertIsInstance(self.verdict(self.BLOG), NoData)
        self.assertIsInstance(self.verdict(f"x.{self.BLOG}"), NoSuchName)

    def test_written_meanwhile(self) -> None:
        """A name that is written, or is above one, is what is written, for as long as it is."""
        self.hold("c", self.OWNER, ["one"])
        for name, found in ((self.BLOG, (b"\xc0\0\2\1",)), (f"x.{self.BLOG}", ())):
            written = self.node.add(ZONE, name, "A", "192.0.2.1")
            self.node.settle()
            self.assertEqual((self.answer(self.BLOG), self.answer(f"y.{self.BLOG}")), (found, ()))
            self.assertEqual(self.texts(self.OWNER), ["one"])
            self.node.remove(written)
            self.node.settle()
            self.assertEqual((self.answer(self.BLOG), self.answer(f"y.{self.BLOG}")), ((b"\xc0\0\2\7",),) * 2)

    def test_delegated_meanwhile(self) -> None:
        """Below a delegation the zone has nothing of it, and who waits for it is not told that it is answered."""
        cut = self.node.add(ZONE, self.BLOG, "NS", "ns.example.net")
        self.hold("c", self.OWNER, ["one"])
        self.assertNotIn(self.OWNER, self.node.answers(ZONE))
        waiting = Telling.wait(self, "c", 1)  # type: ignore[arg-type]  # it needs the node alone
        self.assertNoResult(waiting)
        self.node.remove(cut)
        self.node.settle()
        self.assertEqual((self.texts(self.OWNER), self.answer(self.BLOG)), (["one"], (b"\xc0\0\2\7",)))
        self.successResultOf(waiting)

    def test_zone_below(self) -> None:
        """A zone that comes below takes its names, with no more than it has; when it goes, they are again as they were."""
        self.hold("c", self.OWNER, ["one"])
        before = self.node.published.zones[from_text(ZONE)]
        self.node.create(self.BLOG)
        self.node.settle()
        self.assertEqual((self.answer(self.BLOG), self.texts(self.OWNER, self.BLOG)), ((), ["one"]))
        self.assertIsInstance(self.verdict(f"x.{self.BLOG}"), NoSuchName)
        self.node.destroy(self.BLOG)
        self.node.settle()
        self.assertEqual(self.answer(self.BLOG), (b"\xc0\0\2\7",))
        self.assertIs(self.node.published.zones[from_text(ZONE)], before)

    def test_unlisted(self) -> None:
        """Copies are in no list, and count nowhere."""
        apex, records = from_text(ZONE), self.node.sample("dns_records")
        owners = sorted(self.node.zones.owners(apex))
        self.hold("c", self.OWNER, ["one"])
        self.assertEqual((sorted(self.node.zones.owners(apex)), self.node.sample("dns_records")), (owners, records))
        for name in self.MADE:
            self.assertEqual(self.node.zones.records_at(apex, from_text(name)), [])

    def test_anew(self) -> None:
        """A zone that is made anew as a whole has the same additions, and one that goes leaves none."""
        self.hold("c", self.OWNER, ["one"])
        before = content(self.node.published.zones[from_text(ZONE)])
        self.node.destroy(ZONE)
        self.node.settle()
        self.assertEqual(self.node.published.zones, {})
        self.node.create(ZONE)
        self.node.add(ZONE, "www.example.org", "A", "192.0.2.1")
        self.node.add(ZONE, "*.example.org", "A", "192.0.2.7")
        self.node.settle()
        self.assertEqual(content(self.node.published.zones[from_text(ZONE)]), before)

    def test_aliased_is_told_once(self) -> None:
        """That a challenge is left out is logged when it comes, not with every change of its zone."""
        self.node.add(ZONE, NAME, "CNAME", "elsewhere.example")
        with capturedLogs() as events:
            self.hold("c", NAME, ["one"])
            self.hold("c", NAME, ["two"], 2)
            self.node.add(ZONE, "more.example.org", "A", "192.0.2.1")
            self.node.settle()
        self.assertEqual(len([event for event in events if "CNAME" in event.get("log_format", "")]), 1)


class Unlisted(Case):
    """Challenges are no records."""

    def test_lists(self) -> None:
        """They are in no list, and count nowhere."""
        records = self.node.sample("dns_records")
        self.hold("c", NAME, ["one"])
        apex, name = from_text(ZONE), from_text(NAME)
        self.assertNotIn(name, list(self.node.zones.owners(apex)))
        self.assertEqual(self.node.zones.records_at(apex, name), [])
        self.assertIsNone(self.node.zones.record("c"))
        self.assertNotIn("c", self.node.zones.known_records() or ())
        self.assertEqual(self.node.sample("dns_records"), records)

    def test_records_go(self) -> None:
        """The deletion of every record takes none of them away."""
        self.hold("c", NAME, ["one"])
        for doc_id in list(self.node.record_database.stored):
            self.node.remove(doc_id)
        self.node.settle()
        self.assertEqual(self.node.answers(ZONE), {NAME: {"TXT": ['"one"']}})


class OtherZones(Case):
    """Zones come and go."""

    def test_zone_later(self) -> None:
        """A challenge waits for its zone, and is answered with it, also when it goes and comes again."""
        self.hold("c", "_acme-challenge.example.com", ["one"])
        self.node.create("example.com")
        self.node.settle()
        self.assertEqual(self.texts("_acme-challenge.example.com", "example.com"), ["one"])
        self.node.destroy("example.com")
        self.node.settle()
        self.hold("c", "_acme-challenge.example.com", ["two"], 2)
        self.node.create("example.com")
        self.node.settle()
        self.assertEqual(self.texts("_acme-challenge.example.com", "example.com"), ["two"])

    def test_closer_zone(self) -> None:
        """A zone below takes it over when it comes, and leaves it when it goes; the serial of the zone above depends on none of that."""
        self.hold("c", LOWER, ["one"])
        before = self.node.serial(ZONE)
        for found in (BELOW, ZONE):
            (self.node.create if found == BELOW else self.node.destroy)(BELOW)
            self.node.settle()
            verdict = self.verdict(LOWER)
            assert isinstance(verdict, Answer)
            self.assertEqual((verdict.zone.apex, verdict.rrset.rdatas), (from_text(found), (b"\3one",)))
            self.assertEqual(self.node.serial(ZONE), before)

    def test_two_zones_with_one_number(self) -> None:
        """Of two zones with one number, each answers what is within it."""
        self.node.zone_database.seed(BELOW, {"zoneId": self.node.create(ZONE)})
        self.node.settle()
        self.hold("c", LOWER, ["one"])
        self.hold("d", NAME, ["two"])
        self.assertEqual((self.texts(LOWER, BELOW), self.texts(NAME)), (["one"], ["two"]))
        self.assertIsNone(self.texts(NAME, BELOW))


class Telling(Case):
    """``when_answered``."""

    def wait(self, doc_id: str, generation: int, patience: float = 2) -> "Deferred[None]":
        """Wait."""

        async def wait() -> None:
            await self.node.zones.challenges.when_answered(doc_id, generation, patience)

        return Deferred.fromCoroutine(wait())

    def test_when(self) -> None:
        """Who waits is told when the generation is answered, or a later one; of one that is over, when that is."""
        first = self.wait("c", 1)
        self.node.zones.challenges.hold("c", NAME, ["one"], 1)
        self.node.reactor.advance(0)
        self.assertNoResult(first)
        self.node.reactor.advance(QUIET)
        self.assertEqual(self.texts(), ["one"])
        self.successResultOf(first)
        self.successResultOf(self.wait("c", 1))
        second, third = self.wait("c", 2), self.wait("c", 4)
        self.node.zones.challenges.hold("c", NAME, [], 3)
        self.assertNoResult(second)
        self.node.settle()
        self.successResultOf(second)
        self.assertNoResult(third)
        self.node.reactor.advance(2)
        self.successResultOf(third)

    def test_no_zone(self) -> None:
        """What is in no zone of ours is not answered until there is one, nor is what a CNAME keeps out; patience ends."""
        self.hold("c", "_acme-challenge.example.com", ["one"])
        waiting = self.wait("c", 1)
        self.assertNoResult(waiting)
        self.node.create("example.com")
        self.node.settle()
        self.successResultOf(waiting)
        self.node.add(ZONE, NAME, "CNAME", "elsewhere.example")
        self.hold("d", NAME, ["one"])
        never = self.wait("d", 1)
        self.assertNoResult(never)
        self.node.reactor.advance(2)
        self.successResultOf(never)


class Serials(Case):
    """What challenges add to serials."""

    def test_every_change(self) -> None:
        """The serial grows with the generations, also with those that answer nothing else."""
        before = self.node.serial(ZONE)
        self.hold("c", NAME, ["one"], 1)
        self.assertEqual(self.node.serial(ZONE), before + 1)
        self.hold("c", NAME, ["one"], 2)
        self.hold("c", NAME, [], 3)
        self.hold("c", NAME, [], 4)
        self.assertEqual(self.node.serial(ZONE), before + 4)
        self.assertEqual(self.node.sample("dns_guarded_zones"), 0)

    def test_moved_and_made_anew(self) -> None:
        """What the documents do not make greater, moves and a database made anew, raises the serial all the same."""
        self.node.create("example.com")
        self.hold("c", NAME, ["one"], 7)
        serials = [self.node.serial(ZONE)]
        for name, text, generation in (
            ("_acme-challenge.example.com", "one", 8),
            (NAME, "one", 2),
            (NAME, "two", 1),
        ):
            self.hold("c", name, [text], generation)
            serials.append(self.node.serial(ZONE))
        self.assertEqual(serials, [serials[0] + step for step in range(4)])

    def late(self, *held: tuple[str, Sequence[str], int]) -> int | None:
        """Give the serial of a node that is started now, and hears what documents say."""
        late = MemoryZones(None, self.node.zone_database, self.node.record_database)
        late.follow()
        for doc_id, texts, generation in held:
            late.zones.challenges.hold(doc_id, NAME, texts, generation)
        late.settle()
        return late.serial(ZONE)

    def test_end_by_itself_splits_no_serial(self) -> None:
        """What a revision gives no longer, or only now, is answered so, with the serial that a node has that never knew otherwise."""
        self.hold("d", NAME, ["other"], 1)
        before = self.node.serial(ZONE)
        with capturedLogs() as events:
            for texts in (["one", "two"], ["two"], [], ["one"], []):
                self.hold("c", NAME, texts, 3)
                self.assertEqual(sorted(self.texts() or ()), sorted([*texts, "other"]))
                self.assertEqual(self.node.serial(ZONE), before + 3)
                self.assertEqual(self.late(("c", texts, 3), ("d", ["other"], 1)), before + 3)
        self.assertEqual((events, self.node.sample("dns_guarded_zones")), ([], 0))
        self.hold("c", NAME, ["new"], 4)
        self.hold("d", NAME, [], 2)
        self.assertEqual(self.node.serial(ZONE), before + 5)
        self.assertEqual(self.late(("c", ["new"], 4), ("d", [], 2)), before + 5)

    def test_end_beside_a_change(self) -> None:
        """What ends while something else changes adds nothing to that, whichever is read first."""
        self.hold("c", NAME, ["one"], 3)
        self.hold("d", NAME, ["two"], 3)
        before = self.node.serial(ZONE)
        self.node.zones.challenges.hold("c", NAME, [], 3)
        self.hold("d", NAME, ["three"], 4)
        self.assertEqual((self.node.serial(ZONE), self.texts()), (before + 1, ["three"]))
        self.node.add(ZONE, "new.example.org", "A", "192.0.2.2")
        self.hold("d", NAME, [], 4)
        self.assertEqual((self.node.serial(ZONE), self.texts()), (before + 2, None))
        self.assertEqual(self.late(("c", [], 3), ("d", [], 4)), before + 2)


class Restarting(Case):
    """What is not kept on disk."""

    def setUp(self) -> None:
        """Run a node for a while: one challenge is answered, one is over."""
        self.path = Path(self.mktemp())
        self.node = self.made(self.path)
        self.hold("c", NAME, ["one"], 3)
        self.hold("d", NAME, [], 2)
        self.before = self.node.serial(ZONE)

    def restart(self, *, follows: bool = True) -> None:
        """Start it again."""
        self.node.stop()
        self.node = MemoryZones(self.path, self.node.zone_database, self.node.record_database)
        if follows:
            self.node.follow()
            self.node.settle()

    def test_serial_stays(self) -> None:
        """The serial is the same before challenges are read again, while they are, and afterwards, and no guard is needed for it."""
        for follows in (False, True):
            self.restart(follows=follows)
            self.assertEqual((self.node.serial(ZONE), self.texts()), (self.before, None))
            self.assertEqual(self.node.sample("dns_guarded_zones"), 0)
        self.hold("c", NAME, ["one"], 3)
        self.assertEqual((self.node.serial(ZONE), self.texts()), (self.before, ["one"]))
        self.hold("d", NAME, [], 2)
        self.assertEqual(self.node.serial(ZONE), self.before)
        self.hold("d", NAME, ["two"], 3)
        self.assertEqual(self.node.serial(ZONE), self.before + 1)
        self.restart()
        self.restart()
        self.assertEqual(self.node.serial(ZONE), self.before + 1)
        self.assertEqual(self.node.sample("dns_guarded_zones"), 0)

    def test_records_change_meanwhile(self) -> None:
        """Records that change before challenges are read again raise the serial to what it is on every node."""
        self.restart()
        self.node.add(ZONE, "new.example.org", "A", "192.0.2.2")
        self.node.settle()
        self.hold("c", NAME, ["one"], 3)
        self.hold("d", NAME, [], 2)
        self.assertEqual(self.node.serial(ZONE), self.before + 1)

    def test_changed_meanwhile(self) -> None:
        """Challenges that changed while the node was down raise the serial once they are read."""
        self.restart()
        self.hold("c", NAME, [], 4)
        self.hold("d", NAME, [], 2)
        self.assertEqual((self.node.serial(ZONE), self.texts()), (self.before + 1, None))

    def test_ended_meanwhile(self) -> None:
        """One that ended while the node was down, or ends after it was read again, changes no serial, nor does a later restart."""
        self.restart()
        self.hold("d", NAME, [], 2)
        self.hold("c", NAME, ["one"], 3)
        self.node.zones.challenges.loaded()
        self.node.settle()
        self.hold("c", NAME, [], 3)
        self.assertEqual((self.node.serial(ZONE), self.texts()), (self.before, None))
        self.restart()
        self.hold("c", NAME, [], 3)
        self.hold("d", NAME, [], 2)
        self.assertEqual((self.node.serial(ZONE), self.node.sample("dns_guarded_zones")), (self.before, 0))

    def test_gone_meanwhile(self) -> None:
        """Where their database was made anew, the guard raises the serial with every change, once all of it is told."""
        self.restart()
        self.node.zones.challenges.loaded()
        self.node.settle()
        self.hold("c", NAME, ["one"], 1)
        self.assertEqual(self.node.serial(ZONE), self.before + 1)
        self.hold("c", NAME, ["two"], 2)
        self.assertEqual(self.node.serial(ZONE), self.before + 2)
        self.assertEqual(self.node.sample("dns_guarded_zones"), 1)

    def test_all_read_at_once(self) -> None:
        """That everything was told does not raise the serial, where it is what there was."""
        self.restart()
        self.node.zones.challenges.hold("c", NAME, ["one"], 3)
        self.node.zones.challenges.hold("d", NAME, [], 2)
        self.node.zones.challenges.loaded()
        self.node.settle()
        self.assertEqual((self.node.serial(ZONE), self.texts()), (self.before, ["one"]))

    def test_all_known(self) -> None:
        """Whoever answers is told that all challenges are answered once they are, and not before the zones are; with none too."""
        self.restart()
        self.node.zones.challenges.hold("c", NAME, ["one"], 3)
        self.node.settle()
        self.assertFalse(self.node.published.has_all_challenges)
        self.node.zones.challenges.hold("d", NAME, ["two"], 4)
        self.node.zones.challenges.loaded()
        self.assertFalse(self.node.published.has_all_challenges)
        self.node.settle()
        self.assertEqual((self.node.published.has_all_challenges, self.texts()), (True, ["one", "two"]))
        self.restart(follows=False)
        self.node.zones.challenges.loaded()
        self.node.settle()
        self.assertFalse(self.node.published.has_all_challenges)
        self.node.follow()
        self.node.settle()
        self.assertTrue(self.node.published.has_all_challenges)

    def test_before_the_zones(self) -> None:
        """Challenges that are told before the zones wait for them."""
        self.restart(follows=False)
        self.hold("c", NAME, ["one"], 3)
        self.assertIsNone(self.texts())
        self.node.follow()
        self.node.settle()
        self.assertEqual((self.node.serial(ZONE), self.texts()), (self.before, ["one"]))


class Held(SynchronousTestCase):
    """``Challenges``."""

    def test_names(self) -> None:
        """What is within a zone, and what it adds, is known by every name above."""
        held = Challenges()
        owner = from_text(NAME)
        held.hold("c", read_challenge(NAME, ["b", "a", "b"], 2))
        held.hold("d", read_challenge(LOWER, [], 3))
        apex = from_text(ZONE)
        self.assertEqual((list(held.within(apex)), held.generations(apex)), ([owner], 5))
        self.assertEqual((list(held.within(from_text(BELOW))), held.generations(from_text(BELOW))), ([], 3))
        self.assertEqual(set(held.at(owner)), {b"\1a", b"\1b"})
        touched = held.take_touched()
        self.assertLessEqual({owner, from_text(LOWER), from_text(BELOW), apex}, touched)
        self.assertNotIn(from_text("x.example.org"), touched)
        self.assertEqual(held.take_touched(), set())
        held.hold("c", read_challenge("example.com", ["a"], 3))
        self.assertEqual((list(held.within(apex)), held.generations(apex)), ([], 3))


class OverUdp(Case):
    """What resolvers are answered."""

    def test_at_once(self) -> None:
        """What was denied is answered with the next packet after the swap, and denied with the next after it is over; others stay ready."""
        served = ServedZones()
        publish = self.node.published.publish

        def both(zone: Zone, touched: Collection[Name] | None) -> None:
            publish(zone, touched)
            served.publish(zone, touched)

        self.node.published.publish = both  # type: ignore[method-assign]  # to answer from it
        for zone in self.node.published.zones.values():
            served.publish(zone, None)
        served.complete()
        served.complete_challenges()
        udp = responder(of=served)
        question, other = asking(from_text(NAME), codes.TXT), asking(from_text("www.example.org"))

        def found() -> Received:
            return Received.of(udp.answer(question))

        udp.answer(other)
        ready = len(udp.ready.answers)
        for generation, texts in enumerate(([], ["one"], ["two", "one"], [], ["one"])):
            self.hold("c", NAME, texts, generation)
            for _ in range(2):
                self.assertEqual(found().rcode, "NOERROR" if texts else "NXDOMAIN")
                self.assertEqual(found().counts[0], len(texts))
            self.assertIn(other[2:], udp.ready.answers)
        self.assertGreaterEqual(len(udp.ready.answers), ready)
