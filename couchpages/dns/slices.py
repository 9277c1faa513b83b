"""Long work in short slices, so that questions are answered in between (does timing, on the reactor that it is given)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from twisted.internet.task import deferLater

T = TypeVar("T")
#: Seconds. A thread would be worse: to get the interpreter back from one takes 5 ms, each time that a socket was read.
SLICE = 0.002


@dataclass(frozen=True, slots=True)
class Slices:
    """Works for at most *longest* seconds at a time, then lets the *reactor* do what else there is."""

    reactor: Any
    longest: float = SLICE

    async def each(self, items: Iterable[T], act: Callable[[T], object]) -> None:
        """Call *act* with each item."""
        end = self.reactor.seconds() + self.longest
        for item in items:
            act(item)
            if self.reactor.seconds() >= end:
                await deferLater(self.reactor, 0)
                end = self.reactor.seconds() + self.longest
