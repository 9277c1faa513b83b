"""Which of a key's conflicting revisions stands (pure). Law 7: the later one, ties by the greater hash."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from couchpages.access.keys import SEALED_FIRST_SYSTEM_ID, KeyRecord, document_id, from_document
from couchpages.ports import Json, Judgement


def judge(doc_id: str, leaves: Iterable[Json]) -> Judgement | None:
    """Choose between the revisions of one key's document; None when none of them is a key that can be read."""
    ranked = sorted(_readable(doc_id, leaves), key=lambda pair: _rank(*pair), reverse=True)
    if not ranked:
        return None
    return Judgement(ranked[0][1], tuple(leaf for _, leaf in ranked[1:]))


def same_key(one: KeyRecord, other: KeyRecord) -> bool:
    """Whether two records are the same key with the same reach, whenever they were made and whatever they are called."""
    return (one.digest, one.sites, one.zones) == (other.digest, other.sites, other.zones)


def resting_place(record: KeyRecord) -> tuple[str, KeyRecord] | None:
    """Give the document under which a losing key may stand, None where there is none.

    The first system's keys have no id in their text, so they may stand under any name. The id of ours is 40 random bits.
    """
    if record.key_id != SEALED_FIRST_SYSTEM_ID:
        return None
    key_id = f"{SEALED_FIRST_SYSTEM_ID}-{record.digest.hex()[:16]}"
    return document_id(key_id), replace(record, key_id=key_id)


def _readable(doc_id: str, leaves: Iterable[Json]) -> Iterator[tuple[KeyRecord, Json]]:
    for leaf in leaves:
        try:
            yield from_document(doc_id, leaf), leaf
        except ValueError:
            continue


def _rank(record: KeyRecord, leaf: Json) -> tuple[str, bytes, str]:
    return record.created, record.digest, str(leaf.get("_rev"))
