"""Finds what is overdue among thousands, without a timer for each (pure).

Setting a deadline is storing a number. Every item is looked at once in :data:`TURNS` calls of :meth:`Sweep.overdue`, so that a deadline is
noticed that many ticks late at most, and ten thousand idle connections cost less than a thousandth of the time.
"""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

TURNS = 4


class Timed(Protocol):
    """Something that has a deadline, in seconds of whichever clock the caller has; infinity for none."""

    deadline: float


T = TypeVar("T", bound=Timed)


class Sweep(Generic[T]):
    """Holds items, each with its deadline."""

    def __init__(self) -> None:
        self._parts: tuple[set[T], ...] = tuple(set() for _ in range(TURNS))
        self._turn = 0

    def add(self, item: T) -> None:
        """Hold *item*."""
        self._part_of(item).add(item)

    def discard(self, item: T) -> bool:
        """Hold *item* no longer; tell whether it was held."""
        part = self._part_of(item)
        held = item in part
        part.discard(item)
        return held

    def overdue(self, now: float) -> list[T]:
        """Look through the next part, and give what has its deadline behind it."""
        self._turn = (self._turn + 1) % TURNS
        return [item for item in self._parts[self._turn] if item.deadline <= now]

    def __iter__(self) -> Iterator[T]:
        for part in self._parts:
            yield from list(part)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def _part_of(self, item: T) -> set[T]:
        # An object's address ends in zeros.
        return self._parts[(id(item) >> 6) % TURNS]
