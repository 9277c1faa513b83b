"""Whether everybody who is asked shows what an authority will look for (pure; the time comes in as an argument).

Several places are asked the same, again and again: name servers for a TXT record, addresses for a file. One that answers with something
else holds the order, until patience is over, and then it fails with that place's name. One that does not answer is waited for, a part of
the patience, and then left out and named: an authority would not hear of it either, and one dead server must not hold orders for ever.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

#: The part of the patience that a place may be silent without a break before it is left out.
SILENCE = 0.25


@dataclass(frozen=True, slots=True)
class Shows:
    """A place shows what it shall. It need not be asked again."""


@dataclass(frozen=True, slots=True)
class ShowsOther:
    """A place answered, with something else; *words* continue its name."""

    words: str


@dataclass(frozen=True, slots=True)
class Silent:
    """A place gave no answer; *words* continue its name."""

    words: str


@dataclass(frozen=True, slots=True)
class NotAsked:
    """A place cannot be asked from here, now or later; *words* continue its name."""

    words: str


Seen: TypeAlias = Shows | ShowsOther | Silent | NotAsked


@dataclass(frozen=True, slots=True)
class Wait:
    """It is too early to tell: there is a verdict when something new is seen, or at the time *until*, if nothing is."""

    until: float


@dataclass(frozen=True, slots=True)
class Shown:
    """All show it but those *left_out*, each named in words."""

    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Not everybody shows it in time; *words* name those who do not."""

    words: str


Verdict: TypeAlias = Wait | Shown | Missing


class Showing:
    """What was seen of each place. All times are seconds of the same clock."""

    def __init__(self, places: Iterable[str], begun: float, patience: float) -> None:
        self._begun = begun
        self._until = begun + patience
        self._silence = patience * SILENCE
        self._seen: dict[str, Seen] = {}
        self._silent_since: dict[str, float] = {}
        for place in places:
            self._seen[place] = Silent("did not answer in time")
            self._silent_since[place] = begun

    def note(self, place: str, seen: Seen, now: float) -> None:
        """Take what a place was seen to do; its silence counts from when it was first met."""
        if isinstance(seen, Silent) and not isinstance(self._seen.get(place), Silent):
            self._silent_since[place] = now
        self._seen[place] = seen

    @property
    def until(self) -> float:
        """When patience is over."""
        return self._until

    def verdict(self, now: float) -> Verdict:
        """Judge."""
        shown = any(isinstance(seen, Shows) for seen in self._seen.values())
        held = max((self._held(place, seen, shown) for place, seen in self._seen.items()), default=now)
        if now < self._until and now < held:
            return Wait(min(held, self._until))
        holding = [place for place, seen in self._seen.items() if now < self._held(place, seen, shown)]
        if shown and not holding:
            return Shown(self._named(self._seen))
        # Where nobody shows it, all are named: they may never be asked, and then waiting does not help.
        return Missing("; ".join(self._named(holding or self._seen)) or "there is nobody to ask")

    def _held(self, place: str, seen: Seen, shown: bool) -> float:
        """Give the time until which a place holds the order, which may be after the end of the patience.

        So one that had answered with something else and fell silent in the last moment does not pass for one that is dead.
        """
        match seen:
            case Shows() | NotAsked():
                return self._begun
            case Silent():
                return self._silent_since[place] + self._silence if shown else self._until
            case ShowsOther():
                return math.inf

    def _named(self, places: Iterable[str]) -> tuple[str, ...]:
        """Name those of *places* that do not show it."""
        seen = [(place, self._seen[place]) for place in places]
        return tuple(f"{place} {each.words}" for place, each in seen if not isinstance(each, Shows))


def worst(seen: Iterable[Seen]) -> Seen:
    """Give what holds an order longest, of what was seen in several places that count as one."""
    ranks: tuple[type[Seen], ...] = (ShowsOther, Silent, Shows, NotAsked)
    return min(seen, key=lambda each: ranks.index(type(each)))
