"""Which of a sealed certificate's conflicting revisions stands (pure).

Law 7: the later one, ties by the greater fingerprint. But one that was imported stands before those that were issued by nodes that had not
heard of it: they issue by themselves, and what a person does is not undone so. An import that they had heard of was deleted before they
issued, and wins nothing when somebody brings it back.
"""

from collections.abc import Iterable
from typing import TypeAlias

from couchpages.certs.boxes import LATEST, Refused, SealingKey
from couchpages.certs.certificates import Certificate
from couchpages.certs.sealing import open_sealed
from couchpages.ports import Json, Judgement

Rank: TypeAlias = tuple[bool, int, str, int, str]


def judge(doc_id: str, leaves: Iterable[Json], keys: Iterable[SealingKey]) -> Judgement | None:
    """Choose between the revisions of one document; None when none of them opens with *keys*.

    One that does not open, perhaps because another node has its key, neither wins nor is removed.
    """
    have = list(keys)
    pairs = [(found, leaf) for leaf in leaves if (found := opened(doc_id, leaf, have)) is not None]
    heard = max((found.since for found, _ in pairs if found.issued_by), default=LATEST)
    ranked = sorted(pairs, key=lambda pair: _rank(pair[0], pair[1], heard), reverse=True)
    if not ranked:
        return None
    return Judgement(ranked[0][1], tuple(leaf for _, leaf in ranked[1:]))


def opened(doc_id: str, leaf: Json, keys: Iterable[SealingKey]) -> Certificate | None:
    """Give the certificate of a revision; None for one that does not open."""
    try:
        return open_sealed(doc_id, leaf, keys)
    except Refused:
        return None


def _rank(certificate: Certificate, leaf: Json, heard: int) -> Rank:
    rev = str(leaf.get("_rev"))
    edits, _, _ = rev.partition("-")
    # Of what says the same, the one with more edits, as CouchDB has it: sealed anew, it is sealed with a newer key.
    unheard = not certificate.issued_by and certificate.made > heard
    return unheard, certificate.made, certificate.fingerprint, int(edits) if edits.isdecimal() else 0, rev
