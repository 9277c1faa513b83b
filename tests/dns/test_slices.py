from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.slices import Slices


class EachTests(SynchronousTestCase):
    """Long work in slices."""

    def setUp(self) -> None:
        """Make slices on a clock on which every item takes a millisecond."""
        self.clock = Clock()
        self.slices = Slices(self.clock, self.spent)
        self.now = 0.0
        self.done: list[int] = []

    def spent(self) -> float:
        """Give the time, which goes on with the work."""
        return self.now

    def act(self, item: int) -> None:
        """Work for a millisecond."""
        self.now += 0.001
        self.done.append(item)

    def test_pauses(self) -> None:
        """After two milliseconds the reactor has its turn; at last all is done, in order."""
        working = Deferred.fromCoroutine(self.slices.each(range(5), self.act))
        self.assertEqual(self.done, [0, 1])
        self.assertNoResult(working)
        self.clock.advance(0)
        self.assertEqual(self.done, list(range(5)))
        self.successResultOf(working)

    def test_short_work(self) -> None:
        """What is over within a slice needs no turn of the reactor."""
        self.successResultOf(Deferred.fromCoroutine(self.slices.each(range(1), self.act)))

    def test_failures(self) -> None:
        """What an item raises ends the work and reaches the caller."""
        self.failureResultOf(Deferred.fromCoroutine(self.slices.each([1], lambda _: 1 // 0)), ZeroDivisionError)

    def test_emptying(self) -> None:
        """Collections of every kind are empty afterwards."""
        collections: tuple[dict[int, int], set[int], list[int]] = {1: 1, 2: 2}, {1, 2}, [1, 2]
        self.successResultOf(Deferred.fromCoroutine(self.slices.empty(*collections)))
        self.assertEqual(collections, ({}, set(), []))
