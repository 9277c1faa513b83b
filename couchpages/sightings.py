"""Waits for something to be seen, with patience that ends (does no I/O; timers only)."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred


class Sightings:
    """Conditions that somebody waits for; whoever may have made one true calls :meth:`wake`. Used in *reactor*'s thread."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def when(self, is_there: Callable[[], bool], patience: float) -> "Deferred[None]":
        """Fire when *is_there* holds, or after *patience* seconds, without an error."""
        seen: Deferred[None] = Deferred()
        if is_there():
            seen.callback(None)
            return seen
        entry = (is_there, seen)
        self._waiting.append(entry)
        timer = self._reactor.callLater(patience, seen.callback, None)

        def over(result: None) -> None:
            if timer.active():
                timer.cancel()
            if entry in self._waiting:
                self._waiting.remove(entry)
            return result

        return seen.addBoth(over)

    def wake(self) -> None:
        """Look at every condition again."""
        for is_there, seen in list(self._waiting):
            if is_there() and not seen.called:
                seen.callback(None)
