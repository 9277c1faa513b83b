"""One fetch for many who want the same."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.single_flight import SingleFlight
from couchpages.ports import Unavailable


class Fetches:
    """Fetches that a test ends, in order."""

    def __init__(self) -> None:
        self.begun: list[Deferred[str]] = []

    async def fetch(self) -> str:
        """Wait for the test."""
        self.begun.append(Deferred())
        return await self.begun[-1]


class SingleFlightTests(SynchronousTestCase):
    """``SingleFlight``."""

    def setUp(self) -> None:
        """Begin with no fetch."""
        self.fetches = Fetches()
        self.flight: SingleFlight[str, str] = SingleFlight()

    def get(self, key: str = "a") -> Deferred[str]:
        """Want *key*."""
        return Deferred.fromCoroutine(self.flight.get(key, self.fetches.fetch))

    def test_one_fetch(self) -> None:
        """Three who want the same get what one fetch gives; who wants something else has a fetch of its own."""
        waiting = [self.get(), self.get(), self.get()]
        other = self.get("b")
        self.assertEqual(len(self.fetches.begun), 2)
        self.fetches.begun[0].callback("result")
        self.assertEqual([self.successResultOf(each) for each in waiting], ["result"] * 3)
        self.assertNoResult(other)
        self.fetches.begun[1].callback("other")
        self.assertEqual(self.successResultOf(other), "other")

    def test_error_reaches_all(self) -> None:
        """An error reaches everybody who waits, and whoever comes later begins anew."""
        waiting = [self.get(), self.get()]
        self.fetches.begun[0].errback(Unavailable("away"))
        for each in waiting:
            self.assertIn("away", str(self.failureResultOf(each, Unavailable).value))
        later = self.get()
        self.assertEqual(len(self.fetches.begun), 2)
        self.fetches.begun[1].callback("back")
        self.assertEqual(self.successResultOf(later), "back")

    def test_nothing_is_kept(self) -> None:
        """What was fetched is not remembered: that is for caches."""
        for _ in range(2):
            one = self.get()
            self.fetches.begun[-1].callback("x")
            self.successResultOf(one)
        self.assertEqual(len(self.fetches.begun), 2)
        self.assertEqual(self.flight._waiting, {})

    def test_giving_up(self) -> None:
        """One who gives up ends neither the fetch nor the others' wait."""
        first, second = self.get(), self.get()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(second)
        self.fetches.begun[0].callback("result")
        self.assertEqual(self.successResultOf(second), "result")

    def test_all_give_up(self) -> None:
        """An error that nobody waits for any more is nobody's, and is not logged as forgotten."""
        first = self.get()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.fetches.begun[0].errback(Unavailable("away"))
        self.assertEqual(self.flight._waiting, {})

    def test_wanting_again_at_once(self) -> None:
        """One who wants it again as soon as it came gets a new fetch, and no other waiter loses its answer."""
        first, second = self.get(), self.get()
        again: list[Deferred[str]] = []
        first.addCallback(lambda _: again.append(self.get()))
        self.fetches.begun[0].callback("old")
        self.assertEqual(self.successResultOf(second), "old")
        self.assertNoResult(again[0])
        self.fetches.begun[1].callback("new")
        self.assertEqual(self.successResultOf(again[0]), "new")

    def test_at_once(self) -> None:
        """A fetch that ends at once leaves nothing behind."""

        async def immediate() -> str:
            return "now"

        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(self.flight.get("a", immediate))), "now")
        self.assertEqual(self.flight._waiting, {})
