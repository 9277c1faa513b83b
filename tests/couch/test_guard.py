"""Requests around which a guard stands, with a Clock."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.breaker import FIRST_PAUSE
from couchpages.couch.evidence import PasswordRefused, Unasked, Unreachable
from couchpages.couch.guard import Guard
from couchpages.metrics import Metrics
from couchpages.ports import NotFound


class Guards(SynchronousTestCase):
    """``Guard``."""

    def setUp(self) -> None:
        """Make one."""
        self.clock = Clock()
        self.metrics = Metrics()
        self.guard = Guard(self.clock, self.metrics)
        self.away = 0

        def count() -> None:
            self.away += 1

        self.guard.when_away = count

    def ask(self, *, probe: bool = False) -> tuple[Deferred[Any], Deferred[Any]]:
        """Begin a request; give what ends it, and its result."""
        ends: Deferred[Any] = Deferred()

        async def request() -> Any:
            return await ends

        return ends, Deferred.fromCoroutine(self.guard.run(request, probe=probe))

    def sample(self, name: str, **labels: str) -> float | None:
        """Give a metric."""
        return self.metrics.registry.get_sample_value(f"couchpages_couchdb_{name}", labels)

    def test_away(self) -> None:
        """One request finds out; those that wait are given up, later ones fail at once, and a probe that is answered ends it."""
        waiting = [self.ask()[1], self.ask(probe=True)[1]]
        ends, done = self.ask()
        ends.errback(Unreachable("nobody listens"))
        self.failureResultOf(done, Unreachable)
        for each in (*waiting, self.ask()[1]):
            words = str(self.failureResultOf(each, Unasked).value)
            self.assertEqual(words, "CouchDB is away since 1970-01-01T00:00:00Z: nobody listens")
        self.assertEqual((self.guard.troubles(), self.guard.obstacles(), self.away), ([words], [], 1))
        self.assertEqual((self.sample("state", state="away"), self.sample("state", state="answering")), (1, 0))
        self.clock.advance(7)
        self.assertEqual(self.sample("away_seconds"), 7)
        ends, done = self.ask(probe=True)
        self.guard.answered(probe=True)
        ends.callback(None)
        self.successResultOf(done)
        self.assertEqual((self.guard.troubles(), self.sample("away_seconds")), ([], 0))
        self.assertNoResult(self.ask()[1])
        outcomes = {
            name: self.sample("requests_total", outcome=name) for name in ("not_asked", "unreachable", "answered")
        }
        self.assertEqual(outcomes, {"not_asked": 3, "unreachable": 1, "answered": 1})

    def test_back(self) -> None:
        """Of two probes that look for a CouchDB that starts, one is refused before the other is answered, and is told of it later."""
        (late, later), (ends, done) = self.ask(probe=True), self.ask(probe=True)
        self.clock.advance(0.1)
        self.guard.answered(probe=True)
        ends.callback(None)
        self.successResultOf(done)
        _, waiting = self.ask()
        late.errback(Unreachable("nobody listens yet"))
        self.failureResultOf(later, Unreachable)
        self.assertNoResult(waiting)
        self.assertEqual((self.guard.is_open, self.away), (False, 0))

    def test_refused(self) -> None:
        """A refused password says nothing about what was asked for: it is unavailable, as is what waits."""
        _, waiting = self.ask()
        ends, done = self.ask()
        ends.errback(PasswordRefused("401"))
        self.assertIn("refuses our name and password", str(self.failureResultOf(done, Unasked).value))
        self.failureResultOf(waiting, Unasked)
        self.assertEqual((self.guard.is_refused, self.away, self.sample("state", state="refused")), (True, 0, 1))
        self.failureResultOf(self.ask(probe=True)[1], Unasked)
        self.clock.advance(FIRST_PAUSE)
        ends, done = self.ask(probe=True)
        ends.errback(NotFound("no such database"))
        self.failureResultOf(done, NotFound)
        self.assertFalse(self.guard.is_open)

    def test_cancelled(self) -> None:
        """Whoever no longer waits is told so, not that CouchDB is away."""
        _, done = self.ask()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(self.sample("requests_total", outcome="cancelled"), 1)
