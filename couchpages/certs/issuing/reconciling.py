"""The rule by which conflicting documents of issuers are reconciled (does I/O to keep what must not be lost).

Of an order, what was written later is how it stands; what somebody asked for, and what counts for the CA's limits, is kept of every
revision. Of an account and of a challenge, those count that we can open; else CouchDB's own choice will do, which is the same everywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from couchpages.certs.boxes import Cause, Refused, SealingKey
from couchpages.certs.issuing import accounts
from couchpages.certs.issuing.accounts import is_account
from couchpages.certs.issuing.challenges import documents as challenges
from couchpages.certs.issuing.challenges.documents import is_challenge
from couchpages.certs.issuing.lease import DOCUMENT_ID as LEASE
from couchpages.certs.issuing.orders.ledger import merged
from couchpages.certs.issuing.orders.order import Order, from_document, is_order, to_document
from couchpages.certs.issuing.revisions import edits
from couchpages.ports import Conflict, Database, Json, Judgement, NotFound

#: Tries to write a document while others write it.
TRIES = 5


def is_issuers(doc_id: str) -> bool:
    """Whether a document of ``secrets`` is one of the issuers'."""
    return doc_id == LEASE or is_order(doc_id) or is_challenge(doc_id) or is_account(doc_id)


@dataclass(frozen=True, slots=True)
class IssuersRule:
    """A :class:`~couchpages.ports.ConflictRule` for the database *secrets*; *keys* open."""

    secrets: Database
    keys: Callable[[], Sequence[SealingKey]]

    def knows(self, doc_id: str) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.knows`: any revision will do until the conflict is judged."""
        del doc_id
        return False

    def judge(self, doc_id: str, leaves: Sequence[Json]) -> Judgement | None:
        """See :meth:`couchpages.ports.ConflictRule.judge`. What other keys may open neither wins nor is removed."""
        if is_account(doc_id) or is_challenge(doc_id):
            causes = {str(leaf.get("_rev")): self._cause(doc_id, leaf) for leaf in leaves}
            judged = [leaf for leaf in leaves if causes[str(leaf.get("_rev"))] not in (Cause.NO_KEY, Cause.VERSION)]
            return _first(sorted(judged, key=lambda leaf: (causes[str(leaf.get("_rev"))] is None, edits(leaf))))
        return _first(sorted(leaves, key=lambda leaf: _rank(doc_id, leaf)))

    async def preserve(self, doc_id: str, loser: Json, winner: Json) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.preserve`."""
        del winner
        lost = _order(doc_id, loser) if is_order(doc_id) else None
        return lost is None or await self._merge(doc_id, loser, lost)

    async def _merge(self, doc_id: str, loser: Json, lost: Order) -> bool:
        """Add to the revision that stands what must not be lost of another; what two nodes make of the same is the same."""
        for _ in range(TRIES):
            leaves = [leaf for leaf in await self.secrets.leaves(doc_id) if leaf["_rev"] != loser["_rev"]]
            if not leaves:
                return False
            standing = max(leaves, key=lambda leaf: _rank(doc_id, leaf))
            order = _order(doc_id, standing)
            if order is None:
                return False
            made = merged(order, lost)
            if made == order:
                return True
            try:
                await self.secrets.put(doc_id, to_document(made), str(standing["_rev"]))
            except (Conflict, NotFound):
                continue
            return True
        return False

    def _cause(self, doc_id: str, leaf: Json) -> Cause | None:
        read = accounts.from_document if is_account(doc_id) else challenges.from_document
        try:
            read(doc_id, leaf, self.keys())
        except Refused as error:
            return error.cause
        return None


def _first(ranked: Sequence[Json]) -> Judgement | None:
    """Give the judgement where the last of those that are *ranked* wins."""
    return Judgement(ranked[-1], tuple(reversed(ranked[:-1]))) if ranked else None


def _order(doc_id: str, leaf: Json) -> Order | None:
    try:
        return from_document(doc_id, leaf)
    except ValueError:
        return None


def _rank(doc_id: str, leaf: Json) -> tuple[bool, int, int, str]:
    order = _order(doc_id, leaf) if is_order(doc_id) else None
    return order is not None, order.changed if order is not None else 0, *edits(leaf)
