"""A database in which several features keep documents: each is told of its own (does no I/O)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from couchpages.ports import Change, ChangesSink, ConflictRule, Json, Judgement


@dataclass(frozen=True, slots=True)
class Part:
    """The documents that are one feature's: those whose ids *owns* says are, what is told of them, and how their conflicts end."""

    owns: Callable[[str], bool]
    sink: ChangesSink
    rule: ConflictRule


class Divided:
    """A :class:`~couchpages.ports.ChangesSink` and a :class:`~couchpages.ports.ConflictRule` of all documents.

    Each belongs to the first of *parts* that owns it; what nobody owns is nobody's business.
    """

    def __init__(self, *parts: Part) -> None:
        self._parts = parts

    def apply(self, change: Change) -> None:
        """See :meth:`couchpages.ports.ChangesSink.apply`."""
        part = self._part(change.doc_id)
        if part is not None:
            part.sink.apply(change)

    def loaded(self) -> None:
        """See :meth:`couchpages.ports.ChangesSink.loaded`."""
        for part in self._parts:
            part.sink.loaded()

    def knows(self, doc_id: str) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.knows`."""
        part = self._part(doc_id)
        return part is not None and part.rule.knows(doc_id)

    def judge(self, doc_id: str, leaves: Sequence[Json]) -> Judgement | None:
        """See :meth:`couchpages.ports.ConflictRule.judge`."""
        part = self._part(doc_id)
        return part.rule.judge(doc_id, leaves) if part is not None else None

    async def preserve(self, doc_id: str, loser: Json, winner: Json) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.preserve`."""
        part = self._part(doc_id)
        return part is not None and await part.rule.preserve(doc_id, loser, winner)

    def _part(self, doc_id: str) -> Part | None:
        return next((part for part in self._parts if part.owns(doc_id)), None)
