"""The rule by which conflicting documents of issuers are reconciled (pure).

None of them is worth keeping beside another: of an order, what was written later is how it stands; of a lease, an account or a challenge,
CouchDB's own choice will do, which is the same everywhere.
"""

from collections.abc import Sequence

from couchpages.certs.issuing.accounts import is_account
from couchpages.certs.issuing.challenges import is_challenge
from couchpages.certs.issuing.lease import DOCUMENT_ID as LEASE
from couchpages.certs.issuing.orders import is_order
from couchpages.ports import Json, Judgement


def is_issuers(doc_id: str) -> bool:
    """Whether a document of ``secrets`` is one of the issuers'."""
    return doc_id == LEASE or is_order(doc_id) or is_challenge(doc_id) or is_account(doc_id)


class IssuersRule:
    """A :class:`~couchpages.ports.ConflictRule`."""

    def knows(self, doc_id: str) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.knows`: any revision will do until the conflict is judged."""
        del doc_id
        return False

    def judge(self, doc_id: str, leaves: Sequence[Json]) -> Judgement | None:
        """See :meth:`couchpages.ports.ConflictRule.judge`."""
        del doc_id
        ranked = sorted(leaves, key=_rank, reverse=True)
        return Judgement(ranked[0], tuple(ranked[1:])) if ranked else None

    async def preserve(self, doc_id: str, loser: Json, winner: Json) -> bool:
        """See :meth:`couchpages.ports.ConflictRule.preserve`."""
        del doc_id, loser, winner
        return True


def _rank(leaf: Json) -> tuple[int, int, str]:
    changed = leaf.get("changed")
    number, _, digest = str(leaf.get("_rev")).partition("-")
    moment = changed if isinstance(changed, int) and not isinstance(changed, bool) else 0
    return moment, int(number) if number.isdecimal() else 0, digest
