"""Waiting with a limit, and for several."""

import contextlib
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.issuing.awaiting import LateError, together, within
from tests.certs.issuing.fakes import Running


class WithinTests(SynchronousTestCase):
    """``within``."""

    def setUp(self) -> None:
        """Begin to wait for something."""
        self.clock = Clock()
        self.cancelled = 0
        self.thing: Deferred[Any] = Deferred(self._cancel)
        self.waiting = within(self.clock, 10, self.work())

    def _cancel(self, thing: Deferred[Any]) -> None:
        self.cancelled += 1
        # As Twisted's endpoints do.
        thing.errback(ConnectingCancelledError(None))

    async def work(self) -> Any:
        """Wait for it."""
        return await self.thing

    def test_in_time(self) -> None:
        """What comes in time is given, errors too, and no timer is left."""
        self.thing.callback(5)
        self.assertEqual(self.successResultOf(self.waiting), 5)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_error(self) -> None:
        """An error is handed on."""
        self.thing.errback(KeyError("x"))
        self.failureResultOf(self.waiting, KeyError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self) -> None:
        """What does not come in time is cancelled, and that it was late is what is told."""
        self.clock.advance(9)
        self.assertNoResult(self.waiting)
        self.clock.advance(1)
        self.failureResultOf(self.waiting, LateError)
        self.assertEqual(self.cancelled, 1)

    def test_cancelled(self) -> None:
        """Who gives it up gets CancelledError, whatever it fails with then."""
        self.waiting.cancel()
        self.failureResultOf(self.waiting, CancelledError)
        self.assertEqual((self.cancelled, self.clock.getDelayedCalls()), (1, []))

    def test_cancelled_in_vain(self) -> None:
        """Who gives it up gets CancelledError, even if the work ends well nevertheless."""

        async def work() -> int:
            with contextlib.suppress(CancelledError):
                await Deferred()
            return 5

        waiting = within(self.clock, 10, work())
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.thing.callback(None)

    def test_slow_to_end(self) -> None:
        """What takes time to end when it is cancelled breaks nothing."""
        slow: Deferred[None] = Deferred()

        async def work() -> None:
            try:
                await Deferred()
            finally:
                await slow

        waiting = within(self.clock, 10, work())
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        slow.callback(None)
        self.thing.callback(None)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class TogetherTests(SynchronousTestCase):
    """``together``."""

    def setUp(self) -> None:
        """Begin to wait for three things."""
        self.cancelled: list[int] = []
        self.things: list[Deferred[Any]] = [Deferred(self._cancel(number)) for number in range(3)]
        self.running = Running(together(self.work(thing) for thing in self.things))

    def _cancel(self, number: int) -> Any:
        return lambda _: self.cancelled.append(number)

    async def work(self, thing: Deferred[Any]) -> Any:
        """Wait for one."""
        return await thing

    def test_all(self) -> None:
        """What they give stands in their order, whichever was first."""
        for number in (2, 0, 1):
            self.things[number].callback(number or None)
        self.assertEqual(self.running.result, [None, 1, 2])
        self.assertEqual(Running(together([])).result, [])

    def test_failure(self) -> None:
        """The first failure cancels the others, and is raised."""
        self.things[1].errback(KeyError("x"))
        assert self.running.failure is not None
        self.running.failure.trap(KeyError)
        self.assertEqual(self.cancelled, [0, 2])

    def test_cancelled(self) -> None:
        """Who gives up cancels all."""
        self.running.cancel()
        assert self.running.failure is not None
        self.running.failure.trap(CancelledError)
        self.assertEqual(self.cancelled, [0, 1, 2])
