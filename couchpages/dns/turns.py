"""Has many who have work take turns, for a little of each turn of the reactor (timers only)."""

from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any

#: Seconds of all their work between two turns of the reactor.
TURN = 0.002


class Turns:
    """Used in *reactor*'s thread. *clock* gives seconds, and says when a turn is over."""

    def __init__(self, reactor: Any, clock: Callable[[], float] = perf_counter) -> None:
        self._reactor = reactor
        self._clock = clock
        self._waiting: deque[Callable[[], object]] = deque()
        self._is_due = False

    def take(self, work: Callable[[], object]) -> None:
        """Have *work*, which is short, done soon, behind what others asked for before."""
        self._waiting.append(work)
        self._come_again()

    def _come_again(self) -> None:
        if self._waiting and not self._is_due:
            self._is_due = True
            self._reactor.callLater(0, self._turn)

    def _turn(self) -> None:
        self._is_due = False
        until = self._clock() + TURN
        try:
            while self._waiting:
                self._waiting.popleft()()
                if self._clock() >= until:
                    break
        finally:
            self._come_again()
