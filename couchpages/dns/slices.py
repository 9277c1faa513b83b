"""Long work in slices, between which the reactor answers queries (does no I/O; timers only)."""

import time
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeAlias, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import CooperativeTask, Cooperator, deferLater

from couchpages.garbage import lasting

#: Seconds of work between two turns of the reactor. A query waits that long for each of the works that are under way: one, or two.
SLICE = 0.002
#: Items of one work after which what was made of them is left out of garbage collections.
LASTING = 10_000
T = TypeVar("T")
Work: TypeAlias = "CooperativeTask[Generator[None, None, None]]"


class Slices:
    """Used in *reactor*'s thread. *clock* gives seconds, and says when a slice is over."""

    def __init__(self, reactor: Any, clock: Callable[[], float] = time.perf_counter) -> None:
        self._reactor = reactor
        self._clock = clock
        self._cooperator = Cooperator(
            terminationPredicateFactory=self._slice, scheduler=lambda turn: reactor.callLater(0, turn)
        )

    def _slice(self) -> Callable[[], bool]:
        end = self._clock() + SLICE
        return lambda: self._clock() >= end

    def run(self, work: Generator[None, None, None]) -> Work:
        """Run *work*, which yields after each small step."""
        return self._cooperator.cooperate(work)

    def collect(self, make: Callable[[T], bytes], items: Iterable[T]) -> "Deferred[list[bytes]]":
        """Give what *make* makes of each of *items*."""
        made: list[bytes] = []

        def work() -> Generator[None, None, None]:
            for item in items:
                made.append(make(item))
                yield

        done: Deferred[Any] = self.run(work()).whenDone()
        return done.addCallback(lambda _: made)

    async def each(self, items: Iterable[T], act: Callable[[T], object]) -> None:
        """Call *act* with each of *items*; at once, if that is over within a slice."""
        is_over = self._slice()
        for count, item in enumerate(items, 1):
            act(item)
            if count % LASTING == 0:
                # What was made of so many would be looked through for garbage again and again, which takes longer than a slice.
                lasting()
            if is_over():
                await deferLater(self._reactor, 0)
                is_over = self._slice()

    async def empty(self, *collections: dict[Any, Any] | set[Any] | list[Any]) -> None:
        """Empty large collections: letting go of 100,000 objects at once takes longer than a query may wait."""
        for each in collections:
            take: Callable[[], object] = each.popitem if isinstance(each, dict) else each.pop
            await self.each(range(len(each)), lambda _, take=take: take())  # type: ignore[misc]  # bound now
