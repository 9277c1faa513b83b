"""The sites of a node."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.pages.arrivals import Arrivals
from couchpages.pages.manifest import Activation, Deployment, Manifest, to_document
from couchpages.pages.previews import READS
from couchpages.pages.sites import Sites, UnknownHost
from couchpages.pages.stored_blobs import StoredBlobs
from couchpages.ports import Change, Json, LiveSites, Unavailable
from couchpages.testing.memory_database import MemoryDatabase, Turns
from tests.pages.parts import files_with

HOST = "a.example"
HASH = "ab" * 32
PREVIEW = f"one.{HOST}"


def document(path: str, *, live: bool = True) -> Json:
    """Give a manifest of one file."""
    deployment = Deployment(HOST, "one", None, "main", 5, 1, 1, preview=False)
    return to_document(Manifest(Activation(deployment, 6) if live else deployment, {path: HASH}))


class SitesTests(SynchronousTestCase):
    """``Sites``."""

    def setUp(self) -> None:
        """Make sites that follow an empty database only when told to."""
        self.clock = Clock()
        self.database = MemoryDatabase("manifests")
        self.turns = Turns()
        self.make()

    def make(self, memory: int = 100_000) -> None:
        """Make sites with nothing in memory."""
        self.metrics = Metrics()
        arrivals = Arrivals(self.clock, StoredBlobs(files_with(HASH), self.metrics), self.metrics)
        self.sites = Sites(self.clock, self.database, memory, self.metrics, arrivals, lambda: 0)

    def write(self, doc_id: str, doc: Json, *, apply: bool = True) -> Change:
        """Write a document as somebody else, and let the follower bring it."""
        self.database.seed(doc_id, doc)
        change = self.database.change(doc_id)
        if apply:
            self.sites.apply(change)
        return change

    def ask(self, host: str = HOST) -> "Deferred[list[str]]":
        """Begin to ask for the paths that a host has."""

        async def paths() -> list[str]:
            return list(await self.sites.files_for(host))

        return Deferred.fromCoroutine(paths())

    def files(self, host: str = HOST) -> list[str]:
        """Give the paths that a host has."""
        return self.successResultOf(self.ask(host))

    def test_live(self) -> None:
        """A live manifest is given from memory as soon as it was applied, and the newer one instead at once."""
        self.write(HOST, document("old"))
        self.assertEqual(self.files(), ["old"])
        self.write(HOST, document("new"))
        self.assertEqual(self.files(), ["new"])
        self.assertEqual(self.database.calls, [])

    def test_preview(self) -> None:
        """A preview's manifest is read when somebody comes, once, also by its commit."""
        self.write(PREVIEW, document("x", live=False))
        self.assertEqual((self.files(PREVIEW), self.files(PREVIEW)), (["x"], ["x"]))
        self.assertEqual(self.database.calls, [("get", PREVIEW)])

    def test_unknown(self) -> None:
        """A host is unknown only once everything was loaded (law 3)."""
        self.failureResultOf(self.ask(), Unavailable)
        self.assertRaises(Unavailable, self.sites.require_loaded)
        self.sites.loaded()
        self.failureResultOf(self.ask(), UnknownHost)
        self.sites.require_loaded()
        self.write(HOST, document("x"))
        self.assertEqual(self.files(), ["x"])
        self.sites.apply(Change(HOST, None))
        self.failureResultOf(self.ask(), UnknownHost)

    def test_all_live(self) -> None:
        """All live sites are given once everything was loaded, not before (law 3): no previews, and no sites that are gone."""
        sites: LiveSites = self.sites
        self.write(HOST, document("x"))
        self.write(PREVIEW, document("x", live=False))
        self.assertRaises(Unavailable, sites.live)
        self.sites.loaded()
        self.assertEqual(sites.live(), {HOST})
        self.sites.apply(Change(HOST, None))
        self.assertEqual(sites.live(), set())

    def test_malformed(self) -> None:
        """A malformed document leaves the last good state (law 4)."""
        self.write(HOST, document("good"))
        change = self.write(HOST, {"URLHashDictionary": 5}, apply=False)
        self.assertRaises(ValueError, self.sites.apply, change)
        self.assertEqual(self.files(), ["good"])

    def test_malformed_from_the_start(self) -> None:
        """A site whose document cannot be read is no unknown host, but one that cannot be read now (law 3)."""
        change = self.write(HOST, {"URLHashDictionary": 5}, apply=False)
        self.assertRaises(ValueError, self.sites.apply, change)
        self.sites.loaded()
        self.failureResultOf(self.ask(), Unavailable)
        self.write(HOST, document("mended"))
        self.assertEqual(self.files(), ["mended"])
        change = self.write(f"two.{HOST}", {}, apply=False)
        self.assertRaises(ValueError, self.sites.apply, change)
        self.sites.apply(Change(f"two.{HOST}", None))
        self.failureResultOf(self.ask(f"two.{HOST}"), UnknownHost)

    def test_malformed_when_read(self) -> None:
        """A document that became malformed before it was read is unavailable."""
        self.write(PREVIEW, document("x", live=False))
        self.write(PREVIEW, {}, apply=False)
        self.failureResultOf(self.ask(PREVIEW), Unavailable)

    def test_couchdb_away(self) -> None:
        """What memory has is given while CouchDB is away; what it has not is unavailable, and read when CouchDB is back."""
        self.write(HOST, document("x"))
        self.write(PREVIEW, document("y", live=False))
        self.database.fail("get", Unavailable("away"))
        self.assertEqual(self.files(), ["x"])
        self.failureResultOf(self.ask(PREVIEW), Unavailable)
        self.assertEqual(self.files(PREVIEW), ["y"])

    def test_gone_when_read(self) -> None:
        """A document that was deleted before this node heard so is unavailable until it hears (law 3)."""
        self.write(PREVIEW, document("x", live=False))
        self.database.stored.clear()
        self.failureResultOf(self.ask(PREVIEW), Unavailable)

    def test_too_large_for_memory(self) -> None:
        """Where memory is too small, manifests are read each time, and the newest is given."""
        self.make(memory=10)
        self.write(HOST, document("x"))
        self.assertEqual((self.files(), self.files()), (["x"], ["x"]))
        self.assertEqual(len(self.database.calls), 2)

    def test_one_read(self) -> None:
        """Many who ask for one manifest make one read."""
        self.write(PREVIEW, document("x", live=False))
        self.database.pause = self.turns.wait
        waiting = [self.ask(PREVIEW) for _ in range(3)]
        self.turns.go()
        self.turns.go()
        self.assertEqual([self.successResultOf(each) for each in waiting], [["x"]] * 3)
        self.assertEqual(len(self.database.calls), 1)

    def test_overtaken_read(self) -> None:
        """A change that arrives while an older revision is on its way wins: nobody is led back (law 2)."""
        self.make(memory=1)
        self.write(HOST, document("old"))
        self.database.pause = self.turns.wait
        waiting = self.ask()
        self.turns.go()
        self.write(HOST, document("new"))
        self.turns.go()
        self.assertNoResult(waiting)
        self.turns.go()
        self.turns.go()
        self.assertEqual(self.successResultOf(waiting), ["new"])

    def test_overtaken_read_with_room(self) -> None:
        """The same where the newer one is in memory already: that is given."""
        self.write(PREVIEW, document("old", live=False))
        self.database.pause = self.turns.wait
        waiting = self.ask(PREVIEW)
        self.turns.go()
        self.write(PREVIEW, document("new", live=False))
        later = self.ask(PREVIEW)
        while self.turns.waiting:
            self.turns.go()
        self.assertEqual((self.successResultOf(waiting), self.successResultOf(later)), (["new"], ["new"]))

    def test_couchdb_behind_its_feed(self) -> None:
        """A CouchDB that goes on giving older revisions than it announced is given up, not asked for ever."""
        change = self.write(PREVIEW, document("x", live=False))
        assert change.doc is not None
        self.sites.apply(Change(PREVIEW, {**change.doc, "_rev": "99-z"}))
        self.failureResultOf(self.ask(PREVIEW), Unavailable)
        self.assertEqual(len(self.database.calls), READS)

    def test_gauges(self) -> None:
        """The gauges count live sites and bytes."""
        self.write(HOST, document("x"))
        self.write(PREVIEW, document("x", live=False))
        value = self.metrics.registry.get_sample_value
        self.assertEqual(value("couchpages_sites"), 1)
        self.assertGreater(value("couchpages_cache_bytes", {"cache": "manifests"}) or 0, len("x"))
        self.sites.apply(Change(HOST, None))
        self.assertEqual((value("couchpages_sites"), value("couchpages_cache_bytes", {"cache": "manifests"})), (0, 0))


class WhenSeenTests(SynchronousTestCase):
    """``Sites.when_seen``."""

    def setUp(self) -> None:
        """Make sites that know a first revision."""
        self.clock = Clock()
        arrivals = Arrivals(self.clock, StoredBlobs(files_with(HASH), Metrics()), Metrics())
        self.sites = Sites(self.clock, MemoryDatabase(), 1000, Metrics(), arrivals, lambda: 0)
        self.apply("1-a")

    def apply(self, rev: str | None) -> None:
        """Bring a revision, or a deletion."""
        self.sites.apply(Change(HOST, None if rev is None else {**document("x"), "_rev": rev}))

    def nothing_left(self) -> None:
        """Check that no timer runs and nobody is remembered."""
        self.assertEqual((self.clock.getDelayedCalls(), self.sites._sightings._waiting), ([], []))

    def test_at_once(self) -> None:
        """What was seen already, or a later one, is not waited for."""
        self.apply("3-c")
        for rev in ("1-a", "2-b", "3-c", "3-other"):
            self.successResultOf(self.sites.when_seen(HOST, rev, 5.0))
        self.successResultOf(self.sites.when_seen("unknown.example", None, 5.0))
        self.nothing_left()

    def test_waking(self) -> None:
        """It fires when the revision comes, not before, and the timer is gone."""
        seen = self.sites.when_seen(HOST, "3-c", 5.0)
        self.apply("2-b")
        self.assertNoResult(seen)
        self.apply("4-d")
        self.successResultOf(seen)
        self.nothing_left()

    def test_deletion(self) -> None:
        """The deletion of a document is waited for in the same way."""
        seen = self.sites.when_seen(HOST, None, 5.0)
        self.apply("2-b")
        self.assertNoResult(seen)
        self.apply(None)
        self.successResultOf(seen)
        self.nothing_left()

    def test_patience(self) -> None:
        """When patience ends the wait ends, without an error, and what comes later harms nobody."""
        seen = self.sites.when_seen(HOST, "2-b", 5.0)
        self.clock.advance(4.9)
        self.assertNoResult(seen)
        self.clock.advance(0.2)
        self.successResultOf(seen)
        self.nothing_left()
        self.apply("2-b")

    def test_giving_up(self) -> None:
        """One who gives up leaves no timer."""
        seen = self.sites.when_seen(HOST, "2-b", 5.0)
        seen.cancel()
        self.failureResultOf(seen, CancelledError)
        self.nothing_left()
        self.apply("2-b")

    def test_many(self) -> None:
        """Several wait at once, each for its own, and one that waits again while it is woken does not disturb the others."""
        again: list[Any] = []
        first = self.sites.when_seen(HOST, "2-b", 5.0)
        first.addCallback(lambda _: again.append(self.sites.when_seen(HOST, "3-c", 5.0)))
        second, third = self.sites.when_seen(HOST, "2-b", 5.0), self.sites.when_seen(HOST, "3-c", 5.0)
        self.apply("2-b")
        self.successResultOf(second)
        self.assertNoResult(third)
        self.apply("3-c")
        for each in (third, *again):
            self.successResultOf(each)
        self.nothing_left()
