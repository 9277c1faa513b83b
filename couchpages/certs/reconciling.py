"""The rule by which conflicting certificates are reconciled (does no I/O of its own; who wins is decided in ``rivals``)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from couchpages.certs.boxes import SealingKey
from couchpages.certs.rivals import judge
from couchpages.certs.sealing import is_sealed
from couchpages.ports import Json, Judgement


@dataclass(frozen=True, slots=True)
class CertificateRule:
    """A :class:`~couchpages.ports.ConflictRule` for certificates.

    *known* tells which documents' certificates its sink knows, *keys* gives the keys that open. A node that has none
    of the keys judges nothing, and leaves that to those that do.
    """

    known: Callable[[str], bool]
    keys: Callable[[], Sequence[SealingKey]]

    def knows(self, doc_id: str) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.knows`."""
        return self.known(doc_id)

    def judge(self, doc_id: str, leaves: Sequence[Json]) -> Judgement | None:
        """See :meth:`couchpages.ports.ConflictRule.judge`. The first system's documents are left to their writers."""
        return judge(doc_id, leaves, self.keys()) if is_sealed(doc_id) else None

    async def preserve(self, doc_id: str, loser: Json, winner: Json) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.preserve`: an older certificate for the same name is of no use to anybody."""
        del doc_id, loser, winner
        return True
