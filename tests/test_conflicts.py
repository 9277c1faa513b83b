"""Conflicting revisions on their way from a follower to a sink."""

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.conflicts import AT_ONCE, PAUSE, Reconciler
from couchpages.metrics import Metrics
from couchpages.ports import Change, Denied, Json, Judgement, Unavailable
from couchpages.testing.leaves import Leaf
from couchpages.testing.memory_database import MemoryDatabase, Turns


class Sink:
    """Remembers what it was told; a document without ``n`` is malformed."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.known: set[str] = set()

    def apply(self, change: Change) -> None:
        """See ChangesSink."""
        if change.doc is not None and "n" not in change.doc:
            raise ValueError("no n")
        self.told.append(None if change.doc is None else change.doc["n"])
        self.known.add(change.doc_id)

    def loaded(self) -> None:
        """See ChangesSink."""
        self.told.append("loaded")


class Highest:
    """A ConflictRule: the highest ``n`` wins; a loser is preserved unless it is stubborn."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.preserved: list[int] = []
        self.failure: Exception | None = None
        self.forced: Judgement | None = None
        self.stuck: int | None = None

    def knows(self, doc_id: str) -> bool:
        """See ConflictRule."""
        return doc_id in self._sink.known

    def judge(self, doc_id: str, leaves: Sequence[Json]) -> Judgement | None:
        """See ConflictRule."""
        del doc_id
        if self.failure is not None:
            raise self.failure
        if self.forced is not None:
            return self.forced
        ranked = sorted((leaf for leaf in leaves if "n" in leaf), key=lambda leaf: -int(leaf["n"]))
        return Judgement(ranked[0], tuple(ranked[1:])) if ranked else None

    async def preserve(self, doc_id: str, loser: Json, winner: Json) -> bool:
        """See ConflictRule."""
        del doc_id, winner
        if loser["n"] == self.stuck:
            raise Unavailable("not now")
        self.preserved.append(loser["n"])
        return not loser.get("stubborn")


class ReconcilerTests(SynchronousTestCase):
    """``Reconciler``, following a database."""

    def setUp(self) -> None:
        """Follow an empty database."""
        self.clock = Clock()
        self.metrics = Metrics()
        self.database = MemoryDatabase("db")
        self.sink = Sink()
        self.rule = Highest(self.sink)
        self.reconciler = Reconciler(self.clock, self.database, self.sink, self.rule, self.metrics, chance=lambda: 0.5)
        self.database.follow(self.reconciler)
        self.sink.told.clear()

    def bring(self, digest: str, **body: Any) -> None:
        """Let replication bring a revision of *x*; of two, CouchDB chooses the greater digest."""
        self.database.take("x", Leaf((f"1-{digest}",), body))

    def revisions(self) -> list[str]:
        """Give the digests of the living revisions."""
        return sorted(leaf.rev[2:] for leaf in self.database.stored["x"].living)

    def count(self) -> float | None:
        """Give the number of conflicts that were resolved."""
        return self.metrics.registry.get_sample_value("couchpages_conflicts_resolved_total", {"database": "db"})

    def test_no_conflict(self) -> None:
        """What is in no conflict passes as it is, deletions too, and costs no question."""
        self.bring("a", n=1)
        self.reconciler.apply(Change("x", None))
        self.assertEqual((self.sink.told, self.database.calls), ([1, None], []))

    def test_the_rule_decides(self) -> None:
        """The sink is told the winner by the rule, not CouchDB's choice, which is never shown; the loser is preserved, then removed."""
        self.bring("a", n=2)
        self.bring("b", n=1)
        self.assertEqual((self.sink.told, self.rule.preserved, self.revisions()), ([2, 2, 2], [1], ["a"]))
        self.assertEqual(self.count(), 1)
        self.assertEqual(self.database.calls, [("leaves", "x"), ("bulk", "")])

    def test_unknown_until_now(self) -> None:
        """Of a document that the sink does not know, CouchDB's choice is told at once: there is one, whichever it is (law 3)."""
        self.database.pause = Turns().wait
        self.reconciler.apply(Change("y", {"n": 1, "_conflicts": ["1-z"]}))
        self.assertEqual(self.sink.told, [1])

    def test_not_preserved(self) -> None:
        """A revision whose content stands nowhere else stays, and nothing is tried again and again."""
        self.bring("a", n=2)
        self.bring("b", n=1, stubborn=True)
        self.assertEqual((self.revisions(), self.count() or 0), (["a", "b"], 0))
        self.assertEqual((self.clock.getDelayedCalls(), len(self.database.calls)), ([], 1))

    def test_nothing_to_choose_from(self) -> None:
        """Revisions that the rule cannot judge are left alone; malformed ones beside good ones too (law 4)."""
        with self.assertRaises(ValueError):
            self.reconciler.apply(Change("x", {"_conflicts": ["1-z"]}))
        self.bring("a", other=1)
        self.bring("b", other=2)
        self.assertEqual((self.sink.told, self.revisions()), ([], ["a", "b"]))
        self.bring("c", n=5)
        self.assertEqual((self.sink.told[-1], self.revisions()), (5, ["a", "b", "c"]))

    def test_nothing_readable_of_what_is_known(self) -> None:
        """When none of the revisions can be read any more, the sink hears so: it counts it, and knows what is safe."""
        self.bring("a", n=2)
        self.database.stored.clear()
        self.bring("b", other=1)
        self.bring("c", other=2)
        value = self.metrics.registry.get_sample_value("couchpages_malformed_documents_total", {"database": "db"})
        self.assertEqual((self.sink.told, value), ([2], 1))

    def test_one_that_cannot_be_preserved_now(self) -> None:
        """It does not keep the others, and is tried again."""
        self.database.pause = (turns := Turns()).wait
        for digest, number in (("a", 9), ("b", 1), ("c", 2)):
            self.bring(digest, n=number)
        self.rule.stuck = 1
        self.database.pause = None
        while turns.waiting:
            turns.go()
        self.assertEqual(self.revisions(), ["a", "b"])
        self.rule.stuck = None
        self.clock.advance(PAUSE)
        self.assertEqual(self.revisions(), ["a"])

    def test_thousands(self) -> None:
        """After a long partition a few documents are reconciled at a time: others need CouchDB too."""
        turns = Turns()
        self.database.pause = turns.wait
        for number in range(50):
            for digest in "ab":
                self.database.take(f"d{number}", Leaf((f"1-{digest}",), {"n": ord(digest)}))
        self.assertEqual(len(turns.waiting), AT_ONCE)
        while turns.waiting:
            turns.go()
        self.assertEqual({len(document.living) for document in self.database.stored.values()}, {1})

    def test_couchdb_away(self) -> None:
        """What cannot be read or written is tried again after a growing pause, and at once when the follower is back."""
        self.bring("a", n=2)
        self.database.fail("leaves", Unavailable("away"), times=2)
        self.bring("b", n=1)
        self.assertEqual((self.sink.told, self.revisions()), ([2], ["a", "b"]))
        self.clock.advance(PAUSE)
        self.clock.advance(2 * PAUSE - 0.1)
        self.assertEqual(self.revisions(), ["a", "b"])
        self.clock.advance(0.2)
        self.assertEqual((self.sink.told[-1], self.revisions()), (2, ["a"]))
        self.database.fail("bulk", Denied("read only"))
        self.bring("c", n=3)
        self.assertEqual((self.sink.told[-1], self.revisions()), (3, ["a", "c"]))
        self.reconciler.loaded()
        self.assertEqual((self.revisions(), self.clock.getDelayedCalls()), (["c"], []))

    def test_one_of_many_refused(self) -> None:
        """A removal that somebody else was before with is no trouble; one that failed is tried again."""
        self.bring("a", n=2)
        self.database.fail("bulk", Unavailable("lost"), doc_id="x")
        self.bring("b", n=1)
        self.assertEqual(self.revisions(), ["a", "b"])
        self.clock.advance(PAUSE)
        self.assertEqual((self.revisions(), self.count()), (["a"], 1))

    def test_overtaken(self) -> None:
        """A change that comes while the revisions are read makes what was read worthless: it is read again."""
        self.bring("a", n=2)
        turns = Turns()
        self.database.pause = turns.wait
        self.bring("b", n=1)
        turns.go()
        self.bring("c", n=9)
        while turns.waiting:
            turns.go()
        self.assertEqual((self.sink.told, self.revisions()), ([2, 9, 9], ["c"]))

    def test_resolved_by_another(self) -> None:
        """A conflict that ends while it is read is no longer one: only the change that says so is told."""
        self.bring("a", n=2)
        turns = Turns()
        self.database.pause = turns.wait
        self.bring("b", n=1)
        self.database.pause = None
        self.reconciler.apply(Change("x", {"n": 7}))
        while turns.waiting:
            turns.go()
        self.assertEqual((self.sink.told, self.revisions()), ([2, 7], ["a", "b"]))

    def test_a_winner_that_the_sink_refuses(self) -> None:
        """It is counted as malformed, and nothing stops."""
        self.rule.forced = Judgement({"_id": "x", "odd": True}, ())
        self.bring("a", n=2)
        self.bring("b", n=1)
        value = self.metrics.registry.get_sample_value("couchpages_malformed_documents_total", {"database": "db"})
        self.assertEqual((self.sink.told, value), ([2], 1))

    def test_a_defect(self) -> None:
        """A rule that fails is logged, and the next change is taken as ever (law 4)."""
        self.bring("a", n=2)
        self.rule.failure = KeyError("defect")
        self.bring("b", n=1)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.rule.failure = None
        self.bring("c", n=3)
        self.assertEqual(self.revisions(), ["c"])

    def test_stop(self) -> None:
        """Stopped in the middle of anything, it leaves nothing behind."""
        self.bring("a", n=2)
        self.database.fail("leaves", Unavailable("away"))
        self.bring("b", n=1)
        stopped: Deferred[Any] = self.reconciler.stop()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])
