"""Counters for the hot path: plain integers, which nobody formats before somebody asks (pure).

A counter of prometheus-client costs a microsecond for each event; these cost a tenth of that. :mod:`couchpages.families` shows them to
Prometheus. Everything here is used by one thread, the reactor's, which is also where they are read.
"""

from bisect import bisect_left
from collections.abc import Callable, Container, Hashable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

#: Upper ends of the buckets in seconds, included, as Prometheus has them; the last bucket, without an end, comes on top.
BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
#: What is answered from memory takes less, so most durations need no search.
FIRST = BOUNDS[0]
#: How a tally counts what visitors get most.
FROM_MEMORY = (200, "memory")
#: The label of everything that was asked of hosts that are no sites.
UNKNOWN = ""


class PlainCounter:
    """Counts events by a label, or by a tuple of several labels. A label that was never counted has no figure."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[Hashable, int] = {}

    def inc(self, label: Hashable) -> None:
        """Count one event."""
        try:
            self.counts[label] += 1
        except KeyError:
            self.counts[label] = 1

    def labels(self, *values: Hashable) -> "Event":
        """Give what counts under the tuple *values*, as prometheus-client's counters do; for where a microsecond is nothing."""
        return Event(self, values)


@dataclass(frozen=True, slots=True)
class Event:
    """One label of a counter."""

    counter: PlainCounter
    label: Hashable

    def inc(self) -> None:
        """Count one event."""
        self.counter.inc(self.label)


class Durations:
    """A histogram of seconds. A clock that was put back makes no negative duration: that counts as 0."""

    __slots__ = ("_counts", "_first", "sum")

    def __init__(self) -> None:
        self._first = 0
        self._counts = [0] * (len(BOUNDS) + 1)
        #: Of all durations, in seconds.
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count a duration."""
        if 0.0 <= seconds <= FIRST:
            self._first += 1
            self.sum += seconds
        else:
            self._search(max(seconds, 0.0))

    def _search(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    @property
    def counts(self) -> list[int]:
        """How many there were of each bucket of :data:`BOUNDS`, and behind them of longer ones."""
        return [self._first + self._counts[0], *self._counts[1:]]


class Tally:
    """What one site answered. Held by whoever serves the site, no longer than it is served: see :class:`Tallies`."""

    __slots__ = ("_from_memory", "_others", "bytes")

    def __init__(self) -> None:
        # Nearly all are of one kind, which has a figure of its own: with thousands of sites a dict is three places of memory more to reach.
        self._from_memory = 0
        self._others: dict[tuple[int, str], int] = {}
        #: Of bodies.
        self.bytes = 0

    def count(self, key: tuple[int, str], size: int) -> None:
        """Count a response of *size* bytes by its *key*, as in :attr:`answers`; :data:`FROM_MEMORY` itself is counted fastest."""
        self.bytes += size
        if key is FROM_MEMORY:
            self._from_memory += 1
            return
        try:
            self._others[key] += 1
        except KeyError:
            self._others[key] = 1

    @property
    def answers(self) -> dict[tuple[int, str], int]:
        """By status, and where the content came from: ``memory``, ``disk``, ``couchdb``, or ``none`` where there was none."""
        counts = dict(self._others)
        if self._from_memory:
            counts[FROM_MEMORY] = counts.get(FROM_MEMORY, 0) + self._from_memory
        return counts


class Tallies:
    """The tallies of all sites that are known, and one for everything else, so that no visitor can make figures grow in number.

    *is_known* says whether a name is a site now. A site that goes loses its tally at the next look; should it come back, it starts from 0,
    which Prometheus takes for a restart.
    """

    def __init__(self, is_known: Callable[[str], bool] = lambda _: False) -> None:
        self._tallies: dict[str, Tally] = {}
        self.is_known = is_known
        #: Of hosts that are no sites, under the label :data:`UNKNOWN`.
        self.unknown = Tally()

    def of(self, site: str) -> Tally:
        """Give the tally of *site*, or the shared one when it is not known."""
        tally = self._tallies.get(site)
        if tally is None:
            if not self.is_known(site):
                return self.unknown
            tally = self._tallies[site] = Tally()
        return tally

    def every(self) -> Iterator[tuple[str, Tally]]:
        """Forget the sites that are no longer known, then give each tally with its label."""
        for site in [site for site in self._tallies if not self.is_known(site)]:
            del self._tallies[site]
        yield UNKNOWN, self.unknown
        yield from self._tallies.items()


Cell: TypeAlias = list[int]
"""One figure, counted up where it lies: whoever counts the same thing often keeps it."""


#: The type as which all types that have no name are counted; no record has it.
UNNAMED = 0


class QueryTally:
    """What was asked of the name server over one transport. *named* are the types that are counted each by itself.

    :ivar cells: answers by the numbers of the question's type, or :data:`UNNAMED`, and of the response code.
    :ivar ready: answers that were ready, which are among those.
    :ivar truncated: answers that did not fit.
    :ivar malformed: messages that are no questions, by the code of what they got.
    :ivar dropped: messages that got nothing: too short, or answers themselves.
    :ivar unsent: answers that the system did not take.
    :ivar seconds: from reading some questions until their answers are sent, of a sample.
    """

    __slots__ = ("_named", "cells", "dropped", "malformed", "ready", "seconds", "truncated", "unsent")

    def __init__(self, named: Container[int] = range(0x10000)) -> None:
        self._named = named
        self.cells: dict[tuple[int, int], Cell] = {}
        self.malformed: dict[int, int] = {}
        self.ready = self.truncated = self.dropped = self.unsent = 0
        self.seconds = Durations()

    def cell(self, type_: int, rcode: int) -> Cell:
        """Give where answers with *rcode* to questions for *type_* are counted."""
        found = self.cells.get((type_, rcode))
        if found is None:
            # Anybody may ask for any of 65,536 types.
            found = self.cells.setdefault((type_ if type_ in self._named else UNNAMED, rcode), [0])
        return found
