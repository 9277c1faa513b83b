"""Pauses between two tries, which good news ends early (does no I/O; timers only)."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred


class Pauses:
    """Used in *reactor*'s thread. *chance* gives random numbers in [0, 1), so that nodes which failed together do not try together."""

    def __init__(self, reactor: Any, chance: Callable[[], float]) -> None:
        self._reactor = reactor
        self._chance = chance
        self._resting: set[Deferred[None]] = set()

    async def rest(self, seconds: float) -> None:
        """Return after half to one and a half times *seconds*, or when somebody calls :meth:`wake`."""
        resting: Deferred[None] = Deferred()
        timer = self._reactor.callLater(seconds * (0.5 + self._chance()), resting.callback, None)
        self._resting.add(resting)
        try:
            await resting
        finally:
            self._resting.discard(resting)
            if timer.active():
                timer.cancel()

    def wake(self) -> None:
        """End every pause."""
        for resting in tuple(self._resting):
            if not resting.called:
                resting.callback(None)
