"""Polling: each place for itself, ever more rarely, until there is a verdict."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.issuing.obstacles import NotShown
from couchpages.certs.issuing.shown.polling import poll
from couchpages.certs.issuing.shown.showing import NotAsked, Seen, Shows, ShowsOther
from tests.certs.issuing.fakes import Running

OLD = ShowsOther("has another value")


class PollTests(SynchronousTestCase):
    """``poll``, of places that are named by what they are."""

    def setUp(self) -> None:
        """Have two places, of which one hangs."""
        self.clock = Clock()
        self.seen: dict[str, Seen | Exception] = {"old": OLD}
        self.asked: list[tuple[str, float, float]] = []
        self.cancelled: list[str] = []

    async def ask(self, place: str, left: float) -> Seen:
        """Give what is seen at a place; others hang."""
        self.asked.append((place, self.clock.seconds(), left))
        if place not in self.seen:
            await Deferred(lambda _: self.cancelled.append(place))
        found = self.seen[place]
        if isinstance(found, Exception):
            raise found
        return found

    def begin(self, *places: str) -> Running:
        """Begin to poll, for a minute."""
        return Running(poll(self.clock, {place: place for place in places}, self.ask, 60))

    def advance(self, seconds: int) -> None:
        """Let time pass."""
        for _ in range(seconds * 4):
            self.clock.advance(0.25)

    def test_pauses(self) -> None:
        """Pauses grow from a quarter of a second to five seconds, and a place that hangs keeps no other waiting."""
        polling = self.begin("old", "hanging")
        self.advance(20)
        times = [time for place, time, _ in self.asked if place == "old"]
        self.assertEqual(times, [0, 0.25, 0.75, 1.75, 3.75, 7.75, 12.75, 17.75])
        self.assertTrue(all(time + left == 60 for _, time, left in self.asked))
        self.seen["old"] = Shows()
        self.advance(5)
        self.assertEqual(polling.result, ["hanging did not answer in time"])
        self.assertEqual((self.cancelled, self.clock.getDelayedCalls()), (["hanging"], []))

    def test_end(self) -> None:
        """At the end of the patience it fails, and what is still asked is cancelled."""
        polling = self.begin("old", "hanging")
        self.advance(60)
        assert polling.failure is not None
        polling.failure.trap(NotShown)
        self.assertEqual(polling.words, "old has another value")
        self.assertEqual((self.cancelled, self.clock.getDelayedCalls()), (["hanging"], []))

    def test_at_once(self) -> None:
        """Where all is known at once, nothing is waited for."""
        self.seen |= {"new": Shows(), "far": NotAsked("was not asked")}
        self.assertEqual(self.begin("new", "far").result, ["far was not asked"])
        self.assertEqual(self.begin("far").words, "far was not asked")
        self.assertEqual(self.begin().words, "there is nobody to ask")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_error(self) -> None:
        """What is raised while asking ends all, and is raised."""
        self.seen["broken"] = KeyError("x")
        for places in (("broken", "hanging", "old"), ("hanging", "old", "broken")):
            polling = self.begin(*places)
            assert polling.failure is not None
            polling.failure.trap(KeyError)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelled(self) -> None:
        """Who gives it up asks nobody any more."""
        polling = self.begin("old", "hanging")
        self.advance(3)
        polling.cancel()
        assert polling.failure is not None
        polling.failure.trap(CancelledError)
        self.assertEqual((self.cancelled, self.clock.getDelayedCalls()), (["hanging"], []))
