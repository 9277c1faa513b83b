"""The rule by which conflicting certificates are reconciled (does I/O to date what was imported; who wins is decided in ``rivals``)."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from couchpages.certs.boxes import NONCE_BYTES, SealingKey, bind, sealed_with
from couchpages.certs.certificates import Certificate
from couchpages.certs.dating import made_after
from couchpages.certs.rivals import judge, opened
from couchpages.certs.sealing import is_sealed, seal
from couchpages.certs.shelf import floor
from couchpages.ports import Conflict, Database, Json, Judgement


@dataclass(frozen=True, slots=True)
class CertificateRule:
    """A :class:`~couchpages.ports.ConflictRule` for the certificates in *secrets*.

    *known* tells which documents' certificates its sink knows, *keys* gives the keys that open. A node that has none
    of the keys judges nothing, and leaves that to those that do.
    """

    known: Callable[[str], bool]
    keys: Callable[[], Sequence[SealingKey]]
    secrets: Database

    def knows(self, doc_id: str) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.knows`."""
        return self.known(doc_id)

    def judge(self, doc_id: str, leaves: Sequence[Json]) -> Judgement | None:
        """See :meth:`couchpages.ports.ConflictRule.judge`. The first system's documents are left to their writers."""
        return judge(doc_id, leaves, self.keys()) if is_sealed(doc_id) else None

    async def preserve(self, doc_id: str, loser: Json, winner: Json) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.preserve`: another certificate for the same name is of no use to anybody.

        One that was imported wins from a later one that was issued. It is dated later than that, or nodes that had that would take it for
        an old one that somebody brought back.
        """
        keys = {key.id: key for key in self.keys()}
        won, lost = opened(doc_id, winner, keys.values()), opened(doc_id, loser, keys.values())
        if won is None or lost is None or floor(won) >= floor(lost):
            return True
        key = keys[sealed_with(winner)]
        dated = replace(won, made=made_after(0, [won, lost], []))
        try:
            await self.secrets.put(doc_id, seal(dated, key, _nonce(dated, key)), str(winner["_rev"]))
        except Conflict:
            # Another node was there before, and the conflict is judged again.
            return False
        return True


def _nonce(certificate: Certificate, key: SealingKey) -> bytes:
    """Give a nonce that is the same for the same content, and for that alone: what two nodes write at once is the same revision."""
    content = certificate.chain + certificate.key + bind(certificate.name, str(certificate.kind), certificate.made)
    return hashlib.blake2b(content, key=key.secret, digest_size=NONCE_BYTES, person=b"couchpages nonce").digest()
