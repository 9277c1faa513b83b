"""When a certificate counts as made, so that every node takes it for newer than what it had before (pure).

Nodes refuse what was made before the newest that they had, also after that was deleted (``shelf``). So a certificate that is imported on a
node whose clock is behind has to be dated by what others dated: by leaves that open, as they say, because nobody without the key could
write that; by leaves that do not open here and by tombstones, whose ``made`` anybody may have written, if it lies a day ahead at most.
What is forged beyond that is passed over: it must lock nobody out, and never bring the number to its end.
"""

from collections.abc import Iterable

from couchpages.certs.boxes import LATEST
from couchpages.certs.certificates import Certificate, Kind
from couchpages.ports import Json

#: Milliseconds that the clock of an honest node is ahead at most.
AHEAD = 86_400_000


def made_after(now: int, opened: Iterable[Certificate], said: Iterable[Json]) -> int:
    """Give when what is written *now* counts as made: later than what *opened*, and than what documents *said* that did not open."""
    believed = [made for doc in said if (made := made_in(doc)) is not None and made <= now + AHEAD]
    return min(LATEST, max([now, *(each.made + 1 for each in opened), *(made + 1 for made in believed)]))


def made_in(doc: Json) -> int | None:
    """Give what a document, or the tombstone of one, says of when it was made, which is not authenticated; None for what is no moment."""
    made = doc.get("made")
    return made if isinstance(made, int) and not isinstance(made, bool) and 0 <= made <= LATEST else None


def tombstone(leaf: Json, name: str, kind: Kind) -> Json:
    """Give what deletes a leaf: what it was and when it was made stay readable, and nothing of what was sealed."""
    made = made_in(leaf)
    dated = {} if made is None else {"made": made}
    return {"_id": leaf["_id"], "_rev": leaf["_rev"], "_deleted": True, "name": name, "kind": str(kind), **dated}
