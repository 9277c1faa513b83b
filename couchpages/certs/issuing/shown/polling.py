"""Asks several places again and again until :mod:`~couchpages.certs.issuing.shown.showing` has a verdict (does no I/O; timers only)."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from couchpages.certs.issuing.obstacles import NotShown
from couchpages.certs.issuing.shown.showing import Missing, NotAsked, Seen, Showing, Shown, Shows, Wait

P = TypeVar("P")
Ask: TypeAlias = Callable[[P, float], Coroutine[Any, Any, Seen]]
"""Asks a place once, for at most so many seconds."""
#: Seconds until a place is asked again: at first, by how much it is longer each time, and at most.
FIRST_PAUSE = 0.25
GROWTH = 2.0
LONGEST_PAUSE = 5.0


async def poll(reactor: Any, places: Mapping[str, P], ask: Ask[P], patience: float) -> list[str]:
    """Ask all *places*, by their names in words, until each shows it; give those left out, in words.

    Each place is asked for itself, so that a slow one keeps no other waiting, and not again once it showed it. Raises
    :class:`~couchpages.certs.issuing.obstacles.NotShown`, and what *ask* raises.
    """
    watch = _Watch(reactor, places, ask, patience)
    try:
        watch.begin()
        verdict = await watch.decided
    finally:
        watch.end()
    if isinstance(verdict, Missing):
        raise NotShown(verdict.words)
    return list(verdict.left_out)


class _Watch(Generic[P]):
    """Fires *decided* as soon as there is a verdict.

    No coroutine decides while it runs itself: :meth:`end` could not cancel it then.
    """

    def __init__(self, reactor: Any, places: Mapping[str, P], ask: Ask[P], patience: float) -> None:
        self._reactor = reactor
        self._places = places
        self._ask = ask
        self._showing = Showing(places, reactor.seconds(), patience)
        self._asking: dict[str, Deferred[None]] = {}
        #: One for each place that rests, and that of the verdict under None.
        self._timers: dict[str | None, Any] = {}
        self.decided: Deferred[Shown | Missing] = Deferred()

    def begin(self) -> None:
        """Ask all places."""
        self._judge()
        for name in self._places:
            self._begin(name, FIRST_PAUSE)

    def end(self) -> None:
        """Ask nobody any more."""
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        for asking in self._asking.values():
            asking.cancel()

    def _begin(self, name: str, pause: float) -> None:
        if self.decided.called:
            return
        left = max(0.0, self._showing.until - self._reactor.seconds())
        asking = Deferred.fromCoroutine(self._ask(self._places[name], left))
        self._asking[name] = asking.addCallbacks(self._see, self._fail, callbackArgs=(name, pause))

    def _see(self, seen: Seen, name: str, pause: float) -> None:
        self._showing.note(name, seen, self._reactor.seconds())
        self._judge()
        if not self.decided.called and not isinstance(seen, Shows | NotAsked):
            following = min(pause * GROWTH, LONGEST_PAUSE)
            self._timers[name] = self._reactor.callLater(pause, self._begin, name, following)

    def _fail(self, failure: Failure) -> None:
        if not self.decided.called:
            self.decided.errback(failure)

    def _judge(self) -> None:
        """Look whether there is a verdict, and again at the time when there may be one though nothing happens."""
        if (timer := self._timers.pop(None, None)) is not None and timer.active():
            timer.cancel()
        if self.decided.called:
            return
        now = self._reactor.seconds()
        match self._showing.verdict(now):
            case Wait(until):
                self._timers[None] = self._reactor.callLater(max(0.0, until - now), self._judge)
            case verdict:
                self.decided.callback(verdict)
