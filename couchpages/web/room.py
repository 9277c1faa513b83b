"""Finds who has waited longest among thousands of connections, so that a newcomer may have that place (pure).

Looking at all of them for each newcomer would take milliseconds each time that somebody fills a node with connections, so one look finds a
part of them, the oldest ones, which serve for many newcomers.
"""

from collections import deque
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

#: The part of the waiting connections that one look finds.
PART = 16
#: Seconds until there is another look, when the last one found nobody.
PAUSE = 1.0


class Waiting(Protocol):
    """A connection. *waits* tells whether no request is under way, and *since* from when on that is so, in seconds."""

    @property
    def waits(self) -> bool:
        """See the class."""
        ...

    @property
    def since(self) -> float:
        """See the class."""
        ...


T = TypeVar("T", bound=Waiting)


class Room(Generic[T]):
    """Remembers who was found."""

    def __init__(self) -> None:
        self._found: deque[tuple[float, T]] = deque()
        self._next_look = float("-inf")

    def longest(self, connections: Iterable[T], now: float) -> T | None:
        """Give one of *connections* that has waited as long as any but a few; None where nobody waits.

        Whoever calls lets go of it, so that it is not among *connections* the next time. Who was so at the last look may be given too.
        """
        found = self._still_waiting()
        if found is None and now >= self._next_look:
            self._look(connections, now)
            found = self._still_waiting()
        return found

    def _still_waiting(self) -> T | None:
        while self._found:
            since, connection = self._found.popleft()
            if connection.waits and connection.since == since:
                return connection
        return None

    def _look(self, connections: Iterable[T], now: float) -> None:
        waiting = sorted(((each.since, each) for each in connections if each.waits), key=lambda pair: pair[0])
        self._found.extend(waiting[: len(waiting) // PART + 1])
        if not waiting:
            self._next_look = now + PAUSE
