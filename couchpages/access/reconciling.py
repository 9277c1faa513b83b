"""The rule by which conflicting keys are reconciled (does I/O to keep a losing key; who wins is decided in ``rivals``)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from couchpages.access.keys import FIRST_SYSTEM_DOCUMENT, from_document, is_key, to_document
from couchpages.access.rivals import judge, resting_place, same_key
from couchpages.ports import Conflict, Database, Deleted, Json, Judgement, NotFound


@dataclass(frozen=True, slots=True)
class KeyRule:
    """A :class:`~couchpages.ports.ConflictRule` for the database *secrets*; *known* tells which documents' keys its sink knows."""

    secrets: Database
    known: Callable[[str], bool]

    def knows(self, doc_id: str) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.knows`."""
        return self.known(doc_id)

    def judge(self, doc_id: str, leaves: Sequence[Json]) -> Judgement | None:
        """See :meth:`couchpages.ports.ConflictRule.judge`. The first system's documents, and what is no key, are left to their writers."""
        judgement = judge(doc_id, leaves) if is_key(doc_id) else None
        if judgement is not None and doc_id == FIRST_SYSTEM_DOCUMENT:
            return Judgement(judgement.winner, ())
        return judgement

    async def preserve(self, doc_id: str, loser: Json, winner: Json) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.preserve`: another key than the winner opens under another name."""
        lost = from_document(doc_id, loser)
        if same_key(lost, from_document(doc_id, winner)):
            return True
        place = resting_place(lost)
        if place is None:
            return False
        name, record = place
        try:
            return same_key(from_document(name, await self.secrets.get(name)), record)
        except Deleted:
            # Somebody revoked it: it must not open again.
            return True
        except NotFound:
            pass
        try:
            await self.secrets.put(name, to_document(record))
        except Conflict:
            # It is named by its hash: whoever was faster wrote the same key.
            return False
        return True
