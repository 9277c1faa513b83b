"""The database in memory that tests stand on."""

from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.ports import Change, Conflict, Deleted, NoRoom, NotFound, Row, StoreError, TooLarge, Unavailable
from couchpages.testing.leaves import Leaf
from couchpages.testing.memory_database import MemoryDatabase, Turns


class Sink:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Change | None] = []

    def apply(self, change: Change) -> None:
        """Remember, and fail, as a sink may."""
        self.told.append(change)
        raise ValueError

    def loaded(self) -> None:
        """Remember."""
        self.told.append(None)


class ChangesOfMemory(SynchronousTestCase):
    """What a feed would tell of a :class:`MemoryDatabase`."""

    def test_leaves_and_tombstones(self) -> None:
        """A change tells all leaves, the winner first, and of a deleted document what its tombstone says."""
        database = MemoryDatabase()
        for digest in ("b", "a"):
            database.take("x", Leaf((f"1-{digest}",), {"n": digest}))
        dead = database.remove("x", {"zone_id": 7})
        self.assertEqual(database.change("x"), Change("x", {"n": "a", "_id": "x", "_rev": "1-a"}, ("1-a", dead)))
        last = database.remove("x")
        change = database.change("x")
        self.assertEqual((change.doc, set(change.revs)), (None, {dead, last}))
        self.assertEqual(
            change.tombstone,
            {**database.stored["x"].winner.remains, "_id": "x", "_rev": change.revs[0], "_deleted": True},
        )

    def test_deleting_with_a_body(self) -> None:
        """What is deleted by writing it with ``_deleted`` keeps its other members, and is not there for readers."""
        database = MemoryDatabase()
        rev = database.seed("x", {"zone_id": 7})
        deleting = Deferred.fromCoroutine(database.bulk([{"_id": "x", "_rev": rev, "_deleted": True, "zone_id": 7}]))
        self.successResultOf(deleting)
        self.assertEqual((database.change("x").tombstone or {})["zone_id"], 7)
        (leaf,) = self.successResultOf(Deferred.fromCoroutine(database.leaves("x", deleted=True)))
        self.assertEqual((leaf["_deleted"], leaf["zone_id"]), (True, 7))
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(database.leaves("x"))), [])
        self.failureResultOf(Deferred.fromCoroutine(database.get("x")), Deleted)


class MemoryDatabaseTests(SynchronousTestCase):
    """``MemoryDatabase``: what holds of CouchDB holds of it."""

    def setUp(self) -> None:
        """Make an empty one."""
        self.database = MemoryDatabase("test", largest=100, piece=2)

    def now(self, work: Any) -> Any:
        """Give the result of *work*, or raise its error."""
        waited = Deferred.fromCoroutine(work)
        results: list[Any] = []
        waited.addCallbacks(results.append, lambda failure: results.append(failure.value))
        if isinstance(results[0], Exception):
            raise results[0]
        return results[0]

    def put(self, doc_id: str, body: dict[str, Any], rev: str | None = None) -> str:
        """Write."""
        return str(self.now(self.database.put(doc_id, body, rev)))

    def attach(self, doc_id: str, content: bytes, length: int | None = None) -> None:
        """Write an attachment."""
        size = len(content) if length is None else length
        self.now(self.database.put_attachment(doc_id, "data", lambda: BytesIO(content), size, "text/plain"))

    def test_revisions(self) -> None:
        """The first write without a revision, each later one with the last; deleted is not found, and its generations go on."""
        first = self.put("x", {"a": 1})
        self.assertEqual(self.now(self.database.get("x")), {"_id": "x", "_rev": first, "a": 1})
        for wrong in (None, "1-other"):
            self.assertRaises(Conflict, self.put, "x", {}, wrong)
        second = self.put("x", {"a": 2}, first)
        self.assertRaises(Conflict, lambda: self.now(self.database.delete("x", first)))
        self.now(self.database.delete("x", second))
        self.assertRaises(NotFound, lambda: self.now(self.database.get("x")))
        self.assertRaises(NotFound, lambda: self.now(self.database.delete("x", second)))
        again = self.put("x", {})
        self.assertEqual([rev.split("-")[0] for rev in (first, second, again)], ["1", "2", "4"])

    def test_nothing_is_shared(self) -> None:
        """What was written is not changed by changing what was given or got."""
        body = {"a": [1]}
        self.put("x", body)
        body["a"].append(2)
        self.now(self.database.get("x"))["a"].append(3)
        self.assertEqual(self.database.documents_now(), {"x": {"a": [1]}})

    def test_reserved_ids(self) -> None:
        """An id that begins with an underscore is refused, but for those that CouchDB has such documents for."""
        put = Deferred.fromCoroutine(self.database.put("_x", {}))
        self.failureResultOf(put, StoreError)
        (outcome,) = self.successResultOf(Deferred.fromCoroutine(self.database.bulk([{"_id": "_x"}])))
        self.assertIsInstance(outcome, StoreError)
        self.database.seed("_design/x", {})
        self.assertEqual(list(self.database.documents_now()), ["_design/x"])

    def test_bulk_and_rows(self) -> None:
        """Each document for itself; rows in the order of the keys; documents within their bounds."""
        rev = self.put("b", {})
        outcomes = self.now(self.database.bulk([{"_id": "a"}, {"_id": "b"}, {"_id": "c", "x": "y" * 200}]))
        self.assertIsInstance(outcomes[0], str)
        self.assertIsInstance(outcomes[1], Conflict)
        self.assertIsInstance(outcomes[2], TooLarge)
        rows = self.now(self.database.rows(["c", "b", "a"], include_docs=True))
        self.assertEqual(rows[:2], [Row("c", None, None), Row("b", rev, {"_id": "b", "_rev": rev})])
        self.assertEqual([doc["_id"] for doc in self.now(self.database.documents("b", "z"))], ["b"])
        self.now(self.database.bulk([{"_id": "b", "_rev": rev, "_deleted": True}]))
        self.assertEqual(self.now(self.database.rows(["b"])), [Row("b", None, None)])

    def test_attachments(self) -> None:
        """Written once, read in pieces; of the wrong length, twice, or of what is not there: errors."""
        self.attach("x", b"12345")
        got: list[bytes] = []
        self.now(self.database.read_attachment("x", "data", got.append))
        self.assertEqual(got, [b"12", b"34", b"5"])
        self.assertRaises(Conflict, self.attach, "x", b"12345")
        self.assertRaises(Unavailable, self.attach, "y", b"12345", 6)
        for doc_id, name in (("x", "other"), ("y", "data")):
            self.assertRaises(NotFound, lambda: self.now(self.database.read_attachment(doc_id, name, got.append)))  # noqa: B023
        self.assertEqual(self.now(self.database.get("x"))["_attachments"], {"data": {"length": 5, "stub": True}})

    def test_faults(self) -> None:
        """A fault comes before or after the deed, as often as was asked for, on the document that was named."""
        self.database.fail("put", NoRoom("full"), doc_id="y", times=2)
        self.put("x", {})
        for _ in range(2):
            self.assertRaises(NoRoom, self.put, "y", {})
        self.put("y", {})
        self.database.fail("put", Unavailable("lost"), happened=True)
        self.assertRaises(Unavailable, self.put, "z", {"a": 1})
        self.assertEqual(self.database.documents_now()["z"], {"a": 1})
        self.database.fail("get", Unavailable("away"), times=9)
        self.database.heal()
        self.now(self.database.get("z"))

    def test_half_an_attachment(self) -> None:
        """An attachment that breaks off has given a part."""
        self.attach("x", b"12345678")
        self.database.fail("read_attachment", Unavailable("lost"), happened=True)
        got: list[bytes] = []
        self.assertRaises(Unavailable, lambda: self.now(self.database.read_attachment("x", "data", got.append)))
        self.assertEqual(b"".join(got), b"1234")

    def test_follow(self) -> None:
        """A sink hears what is there, that it is all, and then each change; its errors stop nothing (law 4)."""
        sink = Sink()
        self.database.follow(Sink())
        self.database.follow(sink)
        rev = self.put("x", {"a": 1})
        self.now(self.database.delete("x", rev))
        self.assertEqual(sink.told[:2], [None, Change("x", {"a": 1, "_id": "x", "_rev": rev}, (rev,))])
        self.assertEqual([(each and each.doc_id, each and each.doc) for each in sink.told[2:]], [("x", None)])

    def test_conflicts(self) -> None:
        """Two databases that took writes apart, replicated both ways, agree; each leaf may be edited and deleted by its name."""
        other = MemoryDatabase("other")
        rev = self.put("x", {"a": 0})
        self.database.replicate_to(other)
        mine, theirs = self.put("x", {"a": 1}, rev), str(self.now(other.put("x", {"a": 2}, rev)))
        for _ in range(2):
            self.database.replicate_to(other)
            other.replicate_to(self.database)
        self.assertEqual({leaf["_rev"] for leaf in self.now(other.leaves("x"))}, {mine, theirs})
        change = other.change("x").doc or {}
        self.assertEqual({change["_rev"], *change["_conflicts"]}, {mine, theirs})
        self.assertEqual(other.change("x"), self.database.change("x"))
        self.now(self.database.bulk([{"_id": "x", "_rev": theirs, "_deleted": True}]))
        self.database.replicate_to(other, ["x", "unknown"])
        self.assertEqual([leaf["a"] for leaf in self.now(other.leaves("x"))], [1])
        self.assertNotIn("_conflicts", other.change("x").doc or {})
        self.assertEqual(self.now(other.leaves("unknown")), [])

    def test_turns(self) -> None:
        """A paused operation waits before it is done and before it is answered."""
        turns = Turns()
        self.database.pause = turns.wait
        waiting = Deferred.fromCoroutine(self.database.put("x", {}))
        self.assertEqual((turns.waiting, self.database.documents_now()), (["put x"], {}))
        turns.go()
        self.assertEqual((turns.waiting, self.database.documents_now()), (["put x: the answer"], {"x": {}}))
        self.assertNoResult(waiting)
        turns.go()
        self.successResultOf(waiting)
