"""Taking, renewing and giving up the lease."""

from typing import Any

from twisted.internet.task import Clock

from couchpages.certs.issuing.lease import Lease, to_document
from couchpages.certs.issuing.lease_keeper import LeaseKeeper
from couchpages.ports import Conflict, Unavailable
from couchpages.testing.memory_database import MemoryDatabase, Turns
from tests.certs.issuing.working import ONE, TWO, WorkingCase


class Keeping(WorkingCase):
    """``LeaseKeeper``: two nodes, each with a clock of its own, on one CouchDB unless a test says otherwise."""

    def setUp(self) -> None:
        """Have both."""
        self.database = MemoryDatabase("secrets")
        self.clocks = Clock(), Clock()
        self.one = LeaseKeeper(self.clocks[0], self.database, ONE, "web1", 300.0)
        self.two = LeaseKeeper(self.clocks[1], self.database, TWO, "web2", 300.0)

    def advance(self, seconds: float) -> None:
        """Let time pass on both nodes."""
        for clock in self.clocks:
            clock.advance(seconds)

    def hold(self, keeper: LeaseKeeper) -> bool:
        """See to the lease."""
        held = self.done(keeper.hold())
        self.assertEqual(held, keeper.is_held)
        return bool(held)

    @property
    def holder(self) -> Any:
        """Who the document says holds it."""
        return self.database.documents_now()["lease"]["holder"]

    def writes(self) -> int:
        """Count them."""
        return sum(operation == "put" for operation, _ in self.database.calls)

    def test_one_at_a_time(self) -> None:
        """Who comes first holds it for as long as it renews it; it is written no more often than a third of its time."""
        for _ in range(40):
            self.assertTrue(self.hold(self.one))
            self.assertFalse(self.hold(self.two))
            self.advance(30.0)
        self.assertEqual(self.holder, ONE)
        self.assertEqual(self.writes(), 10)

    def test_dead_holder(self) -> None:
        """When the holder is gone, the next takes over when the lease's time has passed, whatever the two clocks say."""
        self.clocks[1].advance(1e6)
        self.assertTrue(self.hold(self.one))
        self.assertFalse(self.hold(self.two))
        self.advance(299.0)
        self.assertFalse(self.hold(self.two))
        self.advance(1.0)
        self.assertTrue(self.hold(self.two))

    def test_paused_holder(self) -> None:
        """A holder that stood still for long, and another took over meanwhile, does not believe that it holds the lease, and finds out."""
        self.hold(self.one)
        self.hold(self.two)
        self.advance(301.0)
        self.assertTrue(self.hold(self.two))
        self.assertFalse(self.one.is_held)
        self.assertFalse(self.hold(self.one))
        self.assertEqual(self.holder, TWO)

    def test_paused_between_reading_and_writing(self) -> None:
        """A holder that stood still between reading and writing is not there first: what others wrote stays."""
        turns = Turns()
        self.hold(self.one)
        self.hold(self.two)
        self.advance(200.0)
        self.database.pause = turns.wait
        held = self.begun(self.one.hold())
        turns.go()
        turns.go()
        self.assertEqual(turns.waiting, ["put lease"])
        self.database.pause = None
        self.advance(100.0)
        self.assertTrue(self.hold(self.two))
        self.database.pause = turns.wait
        turns.go()
        self.assertFalse(self.successResultOf(held))
        self.assertFalse(self.one.is_held)
        self.assertEqual(self.holder, TWO)

    def test_slow_answer(self) -> None:
        """What is held counts from before CouchDB was asked, not from when it answered."""
        turns = Turns()
        self.database.pause = turns.wait
        held = self.begun(self.one.hold())
        for _ in range(2):
            turns.go()
        self.advance(250.0)
        turns.go()
        self.assertFalse(self.successResultOf(held))

    def test_restart(self) -> None:
        """The same node, started anew, goes on at once; another does not take it as given up."""
        self.hold(self.one)
        again = LeaseKeeper(self.clocks[0], self.database, ONE, "web1", 300.0)
        self.assertFalse(again.is_held)
        self.assertTrue(self.hold(again))
        self.assertFalse(self.hold(self.two))

    def test_given_up(self) -> None:
        """Given up, the next takes it at once."""
        self.hold(self.one)
        self.done(self.one.give_up())
        self.assertFalse(self.one.is_held)
        self.assertTrue(self.hold(self.two))

    def test_not_given_up_by_others(self) -> None:
        """Who does not hold it gives nothing up."""
        self.hold(self.one)
        self.hold(self.two)
        self.done(self.two.give_up())
        self.assertEqual(self.holder, ONE)
        self.advance(301.0)
        self.hold(self.two)
        self.done(self.one.give_up())
        self.assertEqual(self.holder, TWO)

    def test_given_up_late(self) -> None:
        """Defect: who had not renewed it for a while, and stopped, let the others wait for the rest of it."""
        self.hold(self.one)
        self.advance(250.0)
        self.assertFalse(self.one.is_held)
        self.done(self.one.give_up())
        self.assertEqual(self.holder, "")

    def test_given_up_without_couchdb(self) -> None:
        """Where CouchDB is away, or somebody writes at the same time, nothing is raised."""
        for operation, error in (
            ("get", Unavailable("away")),
            ("put", Unavailable("away")),
            ("put", Conflict("written")),
        ):
            self.hold(self.one)
            self.database.fail(operation, error, doc_id="lease")
            self.done(self.one.give_up())
            self.assertFalse(self.one.is_held)

    def test_couchdb_away(self) -> None:
        """While CouchDB is away, that is raised, and the lease is believed for two thirds of its time, in which nobody else takes it."""
        self.hold(self.one)
        self.database.fail("get", Unavailable("away"), times=100)
        self.fails(self.one.hold(), Unavailable)
        self.advance(199.0)
        self.assertTrue(self.one.is_held)
        self.advance(1.0)
        self.assertFalse(self.one.is_held)

    def test_lost_answer(self) -> None:
        """Where it was written, and the answer lost, it is written anew."""
        self.database.fail("put", Unavailable("lost"), happened=True)
        self.fails(self.one.hold(), Unavailable)
        self.assertFalse(self.one.is_held)
        self.assertTrue(self.hold(self.one))

    def test_conflict(self) -> None:
        """Who comes second does not hold it."""
        self.database.fail("put", Conflict("written"))
        self.assertFalse(self.hold(self.one))

    def test_several_at_once(self) -> None:
        """Defect: of several certificates that were due at once, one renewed the lease, and the others found that it was not held."""
        self.hold(self.one)
        self.advance(150.0)
        turns = Turns()
        self.database.pause = turns.wait
        held = [self.begun(self.one.hold()) for _ in range(5)]
        while turns.waiting:
            turns.go()
        self.assertEqual([self.successResultOf(each) for each in held], [True] * 5)

    def test_cancelled(self) -> None:
        """One that is cancelled does not keep the others from asking."""
        turns = Turns()
        self.database.pause = turns.wait
        first, second, third = (self.begun(self.one.hold()) for _ in range(3))
        second.cancel()
        first.cancel()
        self.failureResultOf(first)
        self.failureResultOf(second)
        turns._waiting.pop(0)
        while turns.waiting:
            turns.go()
        self.assertTrue(self.successResultOf(third))

    def test_clock_jumps(self) -> None:
        """A holder whose clock was set back a day does not believe that it holds the lease for a day more."""
        self.clocks[0].advance(100_000.0)
        self.hold(self.one)
        self.clocks[0].rightNow -= 86_400.0
        self.assertFalse(self.one.is_held)
        self.assertTrue(self.hold(self.one))

    def test_nonsense(self) -> None:
        """What is no lease is replaced; one that was written by somebody for ever is taken after a day."""
        self.database.seed("lease", {"seconds": 10**400, "holder": ["x"]})
        self.assertTrue(self.hold(self.one))
        self.database.seed("lease", {**to_document(Lease("zz", "nobody\n", 300.0)), "seconds": 10**400})
        self.assertFalse(self.hold(self.one))
        self.advance(86_399.0)
        self.assertFalse(self.hold(self.one))
        self.advance(1.0)
        self.assertTrue(self.hold(self.one))

    def test_cut_off_and_joined(self) -> None:
        """On two CouchDBs that are cut off, both hold it; when they are joined, one does, and the other notices."""
        other = MemoryDatabase("secrets")
        self.hold(self.one)
        self.database.replicate_to(other)
        two = LeaseKeeper(self.clocks[1], other, TWO, "web2", 300.0)
        self.hold(two)
        self.advance(300.0)
        self.assertTrue(self.hold(two))
        self.assertTrue(self.hold(self.one))
        self.database.replicate_to(other)
        other.replicate_to(self.database)
        held = [self.hold(self.one), self.hold(two)]
        self.assertEqual(sorted(held), [False, True])

    def test_written_by_a_clone(self) -> None:
        """Two nodes with one id, because a machine was copied, both issue, and neither fails."""
        clone = LeaseKeeper(self.clocks[1], self.database, ONE, "web1", 300.0)
        for _ in range(3):
            self.assertTrue(self.hold(self.one))
            self.assertTrue(self.hold(clone))
