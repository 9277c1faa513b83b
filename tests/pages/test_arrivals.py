"""Which blobs are here, and who hears of it."""

from hashlib import sha256
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.pages.arrivals import PAUSE, Arrivals
from couchpages.pages.blobs import ATTACHMENT
from couchpages.pages.manifest import Deployment
from couchpages.pages.stored_blobs import BATCH, StoredBlobs
from couchpages.pages.waiting import Wait
from couchpages.ports import Change, Denied, Unavailable
from couchpages.testing.memory_database import MemoryDatabase, Turns
from tests.laws.heard import Heard

DEPLOYMENT = Deployment("a.example", "one", None, None, 0, 1, 1, preview=False)


def name(number: int) -> str:
    """Give a blob's name."""
    return sha256(b"%d" % number).hexdigest()


class ArrivalsTests(SynchronousTestCase):
    """``Arrivals``, on a database that it follows, as a node does."""

    def setUp(self) -> None:
        """Follow an empty database."""
        self.clock = Clock()
        self.files = MemoryDatabase("files")
        self.metrics = Metrics()
        self.stored = StoredBlobs(self.files, self.metrics)
        self.arrivals = Arrivals(self.clock, self.stored, self.metrics, chance=lambda: 0.5)
        self.whole: list[str] = []

    def expect(self, doc_id: str, *numbers: int) -> Wait:
        """Expect blobs for a document."""
        blobs = frozenset(map(name, numbers))
        wait = Wait(doc_id, "1-a", DEPLOYMENT, blobs, set(blobs), 0, lambda wait: self.whole.append(wait.doc_id))
        self.arrivals.expect(wait)
        return wait

    def bring(self, number: int) -> None:
        """Let a blob arrive, as replication does."""
        self.files.seed_attachment(name(number), ATTACHMENT, b"%d" % number)

    def remove(self, number: int) -> None:
        """Delete a blob."""
        self.successResultOf(
            Deferred.fromCoroutine(self.files.delete(name(number), self.files.stored[name(number)].rev))
        )

    def gauge(self, family: str) -> float | None:
        """Give a gauge's value."""
        return self.metrics.registry.get_sample_value(family)

    def test_all_here(self) -> None:
        """What is in CouchDB is found by one call for many; known to be there, without any."""
        for number in range(100):
            self.bring(number)
        self.expect("x", *range(100))
        self.assertEqual((self.whole, self.files.calls), (["x"], [("rows", "")]))
        self.expect("y", *range(100))
        self.assertEqual((self.whole, self.files.calls), (["x", "y"], [("rows", "")]))

    def test_the_feed_wakes(self) -> None:
        """The last blob to arrive makes a deployment whole at once: nothing is asked meanwhile, no time passes."""
        self.files.follow(self.arrivals)
        self.bring(1)
        wait = self.expect("x", 1, 2, 3)
        self.assertEqual((self.whole, wait.checked, wait.missing), ([], True, {name(2), name(3)}))
        self.assertEqual(self.gauge("couchpages_waiting_blobs"), 2)
        self.assertEqual(self.gauge("couchpages_deployments_waiting"), 1)
        self.bring(3)
        self.clock.advance(3600)
        self.assertEqual((self.whole, len(self.files.calls)), ([], 1))
        self.bring(2)
        self.assertEqual((self.whole, len(self.files.calls)), (["x"], 1))
        self.assertEqual((self.gauge("couchpages_waiting_blobs"), self.clock.getDelayedCalls()), (0, []))

    def test_many(self) -> None:
        """So many that one call would be too long are asked for in several, each once."""
        self.expect("x", *range(2 * BATCH + 1))
        self.assertEqual(len(self.files.calls), 3)

    def test_arriving_while_asked(self) -> None:
        """A blob that arrives while CouchDB is being asked is not taken for missing."""
        self.files.follow(self.arrivals)
        turns = Turns()
        self.files.pause = turns.wait
        self.expect("x", 1)
        turns.go()
        self.bring(1)
        self.assertEqual(self.whole, ["x"])
        turns.go()
        self.assertEqual((self.whole, len(self.arrivals.waiting)), (["x"], 0))

    def test_left_while_asked(self) -> None:
        """A blob that is deleted while the answer that has it is on its way is waited for: the feed is newer."""
        self.bring(1)
        self.files.follow(self.arrivals)
        self.stored.forget_all()
        turns = Turns()
        self.files.pause = turns.wait
        wait = self.expect("x", 1)
        turns.go()
        self.files.pause = None
        self.remove(1)
        turns.go()
        self.assertEqual((self.whole, wait.missing), ([], {name(1)}))
        self.bring(1)
        self.assertEqual(self.whole, ["x"])

    def test_couchdb_away(self) -> None:
        """While CouchDB does not answer it is asked again after a pause, and at once when the follower is back."""
        self.bring(1)
        self.files.fail("rows", Unavailable("away"), times=3)
        self.expect("x", 1)
        self.assertEqual((self.whole, len(self.files.calls)), ([], 1))
        self.clock.advance(PAUSE - 0.1)
        self.assertEqual(len(self.files.calls), 1)
        self.clock.advance(0.1)
        self.assertEqual((self.whole, len(self.files.calls)), ([], 2))
        self.arrivals.loaded()
        self.assertEqual((self.whole, len(self.files.calls)), ([], 3))
        self.arrivals.loaded()
        self.assertEqual((self.whole, len(self.files.calls)), (["x"], 4))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_nobody_heard(self) -> None:
        """What came while the feed was broken is found when the follower is back."""
        self.expect("x", 1)
        self.bring(1)
        self.assertEqual(self.whole, [])
        self.arrivals.loaded()
        self.assertEqual(self.whole, ["x"])

    def test_an_answer_older_than_the_feed(self) -> None:
        """What came while nobody listened is found, though an answer from before that arrives when the follower is back."""
        turns = Turns()
        self.files.pause = turns.wait
        self.expect("x", 1)
        turns.go()
        self.files.pause = None
        self.bring(1)
        self.arrivals.loaded()
        turns.go()
        self.assertEqual(self.whole, ["x"])

    def test_refused(self) -> None:
        """When it cannot be asked, that is said once for each kind of trouble, until it can."""
        heard = Heard(self)
        self.bring(1)
        self.files.fail("rows", Denied("no"), times=3)
        self.expect("x", 1)
        self.clock.advance(PAUSE)
        self.assertEqual((self.arrivals.problem, heard.text.count("cannot be asked")), ("no", 1))
        self.clock.advance(PAUSE)
        self.clock.advance(PAUSE)
        self.assertEqual((self.arrivals.problem, self.whole), (None, ["x"]))

    def test_mended_elsewhere(self) -> None:
        """A blob that was damaged and is written anew on another node is here again when replication brings it."""
        self.files.follow(self.arrivals)
        self.bring(1)
        self.stored.distrust(name(1))
        self.expect("x", 1)
        self.assertEqual(self.whole, [])
        self.files.seed_attachment(name(1), ATTACHMENT, b"mended")
        self.assertEqual(self.whole, ["x"])
        self.arrivals.loaded()
        self.expect("y", 1)
        self.assertEqual(self.whole, ["x", "y"])

    def test_deleted(self) -> None:
        """A blob that is deleted while a deployment waits for another is waited for too, and known to be here no longer."""
        self.files.follow(self.arrivals)
        self.bring(1)
        wait = self.expect("x", 1, 2)
        self.remove(1)
        self.assertEqual((wait.missing, self.stored.unknown([name(1)])), ({name(1), name(2)}, {name(1)}))
        self.bring(2)
        self.assertEqual(self.whole, [])
        self.bring(1)
        self.assertEqual(self.whole, ["x"])

    def test_foreign_documents(self) -> None:
        """What is no blob is malformed, and makes nobody whole; design documents are CouchDB's own (law 4)."""
        self.expect("x", 1)
        for doc_id, doc in ((name(1), {"_id": name(1)}), ("readme", {"_id": "readme"}), ("readme", None)):
            self.assertRaises(ValueError, self.arrivals.apply, Change(doc_id, doc))
        self.arrivals.apply(Change("_design/x", {}))
        self.assertEqual(self.whole, [])

    def test_stop(self) -> None:
        """Stopped while it pauses, or while it asks, it leaves nothing behind."""
        self.assertIsNone(self.arrivals.stop())
        self.files.fail("rows", Unavailable("away"))
        self.expect("x", 1)
        stopped = self.arrivals.stop()
        assert stopped is not None
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_missing(self) -> None:
        """Whoever asks at once is told which are missing; what is known is not asked for."""
        self.bring(1)

        def missing() -> Any:
            return self.successResultOf(Deferred.fromCoroutine(self.arrivals.missing([name(1), name(2)])))

        self.assertEqual((missing(), missing()), ({name(2)}, {name(2)}))
        self.assertEqual(self.files.calls, [("rows", ""), ("rows", "")])
