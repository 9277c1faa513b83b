"""What documents of ``dns_records`` add to the serials of zones (pure).

A document is attributed by what no later state of it can take back:

- One of ours (its id begins with the number of its zone) counts in that zone, whatever becomes of it; while its body names another
  zone, in that one too.
- Of somebody else's, a first revision that lives counts in the zone that it names. In every other state it counts in all zones,
  because nobody can tell from a later revision, or from a tombstone that says nothing, which zone answered with it before. So the
  first system's deletions, documents that move between zones, and conflicts of the two raise every serial that they can concern,
  and lower none.

What counts is the sum of the generations of all leaves: an edit continues a leaf with the next generation, and a conflict adds one.

Challenges, whose documents are elsewhere, count by their names instead (:mod:`couchpages.dns.challenges`): in every zone that is such a
name or above it, with the generation that they are told with. Zones that come and go change nothing of that.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from couchpages.dns.records import zone_id_of
from couchpages.ports import Change

#: The mark of what has no revisions that are known; no two of these are the same.
UNMARKED = 0


def revisions(change: Change) -> tuple[str, ...]:
    """Give the leaves that a change tells, or the one that its document names; none of a document that is only known to be gone."""
    if change.revs or change.doc is None:
        return change.revs
    rev = change.doc.get("_rev")
    return (rev,) if isinstance(rev, str) else ()


def mark(revs: Sequence[str]) -> int:
    """Give 64 bits that tell one set of leaves from another."""
    if not revs:
        return UNMARKED
    return int.from_bytes(hashlib.blake2b("\n".join(sorted(revs)).encode(), digest_size=8).digest(), "big")


def generations(revs: Sequence[str]) -> int:
    """Give the sum of the generations of revisions."""
    return sum(generation(rev) for rev in revs)


def generation(rev: str) -> int:
    """Give the generation of a revision (the number before the dash); 0 for what has none."""
    number = rev.partition("-")[0]
    return int(number) if number.isdecimal() and len(number) < 20 else 0  # noqa: PLR2004 -- what CouchDB's integers hold


@dataclass(frozen=True, slots=True)
class Trace:
    """What a document adds: its leaves' *generations*, the *number* of the zone that its body or tombstone names, and as F its *floor*."""

    generations: int
    number: int | None
    floor: int
    alive: bool


def zones_of(doc_id: str, trace: Trace) -> tuple[int, ...] | None:
    """Give the numbers of the zones that a document counts in, None for all."""
    ours = zone_id_of(doc_id)
    if ours is not None:
        return (ours,) if trace.number is None or trace.number == ours else (ours, trace.number)
    if trace.alive and trace.generations <= 1:
        return () if trace.number is None else (trace.number,)
    return None


@dataclass(slots=True)
class Sums:
    """F and S of every zone, kept as documents come and go."""

    everywhere: int = 0
    _by_number: dict[int, int] = field(default_factory=dict)
    _floors: dict[int, dict[str, int]] = field(default_factory=dict)

    def add(self, doc_id: str, trace: Trace) -> None:
        """Count a document, which is not counted yet."""
        self._count(doc_id, trace, 1)
        number = _floor_number(doc_id, trace)
        if number is not None:
            self._floors.setdefault(number, {})[doc_id] = trace.floor

    def remove(self, doc_id: str, trace: Trace) -> None:
        """Count a document no longer."""
        self._count(doc_id, trace, -1)
        number = _floor_number(doc_id, trace)
        if number is not None:
            del self._floors[number][doc_id]

    def _count(self, doc_id: str, trace: Trace, times: int) -> None:
        numbers = zones_of(doc_id, trace)
        if numbers is None:
            self.everywhere += times * trace.generations
            return
        for number in numbers:
            self._by_number[number] = self._by_number.get(number, 0) + times * trace.generations

    def generations(self, number: int) -> int:
        """Give S of the zones with a number, without their own documents."""
        return self._by_number.get(number, 0) + self.everywhere

    def floor(self, number: int) -> int:
        """Give F of the zones with a number."""
        return max(self._floors.get(number, {}).values(), default=0)


def _floor_number(doc_id: str, trace: Trace) -> int | None:
    if not trace.floor:
        return None
    return trace.number if trace.number is not None else zone_id_of(doc_id)
