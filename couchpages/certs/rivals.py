"""Which of a sealed certificate's conflicting revisions stands (pure). Law 7: the later one, ties by the greater fingerprint."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from couchpages.certs.boxes import Refused, SealingKey
from couchpages.certs.certificates import Certificate
from couchpages.certs.sealing import open_sealed
from couchpages.ports import Json, Judgement

Rank: TypeAlias = tuple[int, str, int, str]


def judge(doc_id: str, leaves: Iterable[Json], keys: Iterable[SealingKey]) -> Judgement | None:
    """Choose between the revisions of one document; None when none of them opens with *keys*.

    One that does not open, perhaps because another node has its key, neither wins nor is removed.
    """
    ranked = sorted(_opened(doc_id, leaves, list(keys)), key=lambda pair: _rank(*pair), reverse=True)
    if not ranked:
        return None
    return Judgement(ranked[0][1], tuple(leaf for _, leaf in ranked[1:]))


def _opened(doc_id: str, leaves: Iterable[Json], keys: Iterable[SealingKey]) -> Iterator[tuple[Certificate, Json]]:
    for leaf in leaves:
        try:
            yield open_sealed(doc_id, leaf, keys), leaf
        except Refused:
            continue


def _rank(certificate: Certificate, leaf: Json) -> Rank:
    rev = str(leaf.get("_rev"))
    edits, _, _ = rev.partition("-")
    # Of what says the same, the one with more edits, as CouchDB has it: sealed anew, it is sealed with a newer key.
    return certificate.made, certificate.fingerprint, int(edits) if edits.isdecimal() else 0, rev
