"""Long work in slices, between which the reactor answers others (does no I/O; timers only)."""

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from twisted.internet.task import deferLater

#: Seconds of work between two turns of the reactor: visitors and resolvers wait for as long.
SLICE = 0.004
T = TypeVar("T")


class Slices:
    """Used in *reactor*'s thread. *clock* gives seconds, and says when a slice is over."""

    def __init__(self, reactor: Any, clock: Callable[[], float] = time.perf_counter) -> None:
        self._reactor = reactor
        self._clock = clock

    async def each(self, items: Iterable[T], act: Callable[[T], object]) -> None:
        """Call *act* with each of *items*, which may change only as far as iterating allows."""
        end = self._clock() + SLICE
        for item in items:
            act(item)
            if self._clock() >= end:
                await self.rest()
                end = self._clock() + SLICE

    async def rest(self) -> None:
        """Let the reactor see to others."""
        await deferLater(self._reactor, 0)
