"""Who is connected to one port."""

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.census import Admission, Census
from couchpages.web.connections import Connections
from couchpages.web.second import Second


class FakeConnection:
    """A connection that remembers what was asked of it."""

    def __init__(self, clock: Clock, connections: Connections, deadline: float = 1e9, *, waits: bool = True) -> None:
        self.connections = connections
        self.deadline = deadline
        self.origin = ""
        self.waits = waits
        self.since = clock.seconds()
        self.asked: list[str] = []
        self.fails = False

    def overdue(self, now: float) -> None:
        """End, or fail to."""
        del now
        self.asked.append("overdue")
        if self.fails:
            raise ValueError("a defect")
        self.connections.leave(self)

    def finish(self) -> None:
        """End, if it waits."""
        self.asked.append("finish")
        if self.waits:
            self.connections.leave(self)

    def abort(self) -> None:
        """End."""
        self.asked.append("abort")
        self.connections.leave(self)


class ConnectionsTests(SynchronousTestCase):
    """``Connections``."""

    def setUp(self) -> None:
        """Allow three, two from each address."""
        self.clock = Clock()
        self.second = Second(self.clock, self.clock.seconds)
        self.connections = Connections(self.clock, self.second, Census(3, 2))

    def enter(self, address: str = "192.0.2.1", **more: Any) -> tuple[FakeConnection, Admission]:
        """Connect."""
        connection = FakeConnection(self.clock, self.connections, **more)
        return connection, self.connections.enter(connection, address)

    def test_from_one_address(self) -> None:
        """No more than there may be come from one address; when one goes, one may come; who was not let in is not counted."""
        first, _ = self.enter()
        self.assertEqual([self.enter()[1] for _ in range(2)], [Admission.WELCOME, Admission.TOO_MANY])
        self.assertEqual(len(self.connections), 2)
        self.assertEqual([self.connections.leave(first) for _ in range(2)], [True, False])
        self.assertIs(self.enter()[1], Admission.WELCOME)

    def test_room(self) -> None:
        """In all, who has waited longest goes for a newcomer, each for one; where nobody waits, the newcomer is told."""
        held = []
        for number in range(3):
            held.append(self.enter(f"192.0.2.{number}")[0])
            self.clock.advance(1)
            self.second.tick()
            self.second.stop()
        for number in range(2):
            self.assertIs(self.enter(f"198.51.100.{number}", waits=False)[1], Admission.WELCOME)
        self.assertEqual([each.asked for each in held], [["abort"], ["abort"], []])
        held[2].waits = False
        self.assertIs(self.enter("198.51.100.9")[1], Admission.FULL)
        self.assertEqual(len(self.connections), 3)

    def test_overdue(self) -> None:
        """Whose deadline has passed is told, once; one that breaks is cut, and does not keep the others from it."""
        broken, _ = self.enter(deadline=5)
        broken.fails = True
        other, _ = self.enter("192.0.2.2", deadline=5)
        lasting, _ = self.enter("192.0.2.3", deadline=500)
        for _ in range(20):
            self.clock.advance(1)
            self.second.tick()
            self.second.stop()
        self.assertEqual((broken.asked, other.asked, lasting.asked), (["overdue", "abort"], ["overdue"], []))
        self.assertEqual((len(self.connections), len(self.flushLoggedErrors(ValueError))), (1, 1))

    def test_replaced(self) -> None:
        """Where another answers on a connection, it is one connection still."""
        before, _ = self.enter()
        after = FakeConnection(self.clock, self.connections)
        self.connections.replace(before, after)
        self.assertEqual((len(self.connections), after.origin), (1, "192.0.2.1"))
        self.assertEqual((self.connections.leave(before), self.connections.leave(after)), (False, True))

    def test_draining(self) -> None:
        """At the end all are told to finish; who does not is cut when patience ends."""
        waiting, _ = self.enter()
        busy, _ = self.enter(waits=False)
        stuck, _ = self.enter("192.0.2.2", waits=False)
        done = Deferred.fromCoroutine(cast("Any", self.connections.drain(1)))
        self.clock.pump([0.05] * 3)
        self.connections.leave(busy)
        self.assertNoResult(done)
        self.clock.pump([0.05] * 30)
        self.successResultOf(done)
        self.assertEqual((waiting.asked, busy.asked, stuck.asked), (["finish"], ["finish"], ["finish", "abort"]))
        self.assertEqual((len(self.connections), self.clock.getDelayedCalls()), (0, []))
