"""Pauses between tries."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pauses import Pauses


class PauseTests(SynchronousTestCase):
    """``Pauses``."""

    def setUp(self) -> None:
        """Make a clock and chance."""
        self.clock = Clock()
        self.chance = 0.0

    def rest(self, pauses: Pauses) -> "Deferred[None]":
        """Begin to rest for ten seconds or so."""
        return Deferred.fromCoroutine(pauses.rest(10))

    def test_spread(self) -> None:
        """The time is spread over half to one and a half of what was asked for."""
        for chance, seconds in ((0.0, 5.0), (0.5, 10.0), (0.99, 14.9)):
            rest = self.rest(Pauses(self.clock, lambda chance=chance: chance))  # type: ignore[misc]  # bound now
            self.clock.advance(seconds - 0.01)
            self.assertNoResult(rest)
            self.clock.advance(0.02)
            self.successResultOf(rest)

    def test_woken(self) -> None:
        """Good news ends all pauses, and leaves no timer."""
        pauses = Pauses(self.clock, lambda: 0.5)
        rests = [self.rest(pauses) for _ in range(3)]
        pauses.wake()
        for rest in rests:
            self.successResultOf(rest)
        pauses.wake()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_given_up(self) -> None:
        """Who is cancelled leaves no timer, and waking later harms nobody."""
        pauses = Pauses(self.clock, lambda: 0.5)
        rest = self.rest(pauses)
        rest.cancel()
        self.failureResultOf(rest, CancelledError)
        pauses.wake()
        self.assertEqual(self.clock.getDelayedCalls(), [])
