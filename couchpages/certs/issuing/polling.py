"""Asks several places again and again until :mod:`~couchpages.certs.issuing.showing` has a verdict (does no I/O; timers only)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from twisted.internet import task

from couchpages.certs.issuing.awaiting import together
from couchpages.certs.issuing.obstacles import NotShown
from couchpages.certs.issuing.showing import Missing, Seen, Showing, Shown, Wait

P = TypeVar("P")
#: Seconds between two rounds: the first, by how much each is longer, and the longest.
FIRST_PAUSE = 0.25
GROWTH = 2.0
LONGEST_PAUSE = 5.0


async def poll(
    reactor: Any, places: Mapping[str, P], ask: Callable[[P, float], Awaitable[Seen]], patience: float
) -> list[str]:
    """Ask all *places*, by their names in words, until each shows it; give those left out, in words.

    *ask* gets a place and the seconds that are left. Who showed it is not asked again. Raises
    :class:`~couchpages.certs.issuing.obstacles.NotShown`, and what *ask* raises.
    """
    showing = Showing(places, reactor.seconds(), patience)
    pause = FIRST_PAUSE

    async def look(name: str) -> None:
        seen = await ask(places[name], showing.until - reactor.seconds())
        showing.note(name, seen, reactor.seconds())

    waiting = tuple(places)
    while True:
        await together(look(name) for name in waiting)
        match showing.verdict(reactor.seconds()):
            case Shown(left_out):
                return list(left_out)
            case Missing(words):
                raise NotShown(words)
            case Wait(waiting):
                await task.deferLater(reactor, min(pause, showing.until - reactor.seconds()))
        pause = min(pause * GROWTH, LONGEST_PAUSE)
        if reactor.seconds() >= showing.until:
            # Nothing is left but to judge.
            waiting = ()
