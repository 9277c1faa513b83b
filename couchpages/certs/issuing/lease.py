"""Who issues: one node at a time holds a lease, and the others take it over when it is not renewed (pure).

``secrets/lease`` names its *holder*, who writes it anew again and again. The others do not compare clocks: a node takes the lease over when
it has seen the same revision for as long as the document says, on its own clock. CouchDB gives no lock across a partition, so there may be
a holder on each side of one, and for a moment after it; that wastes an order, and breaks nothing.
"""

from dataclasses import dataclass
from enum import Enum

from couchpages.ports import Json

DOCUMENT_ID = "lease"
TYPE = "lease"
VERSION = 1
#: Parts of its time after which a holder renews a lease.
RENEWED_IN = 3
#: Seconds that a lease is believed to last, whatever its document says.
SHORTEST, LONGEST = 0.5, 86_400.0


@dataclass(frozen=True, slots=True)
class Lease:
    """What the document says: the *holder*'s id, empty where it was given up; its *node* name; the *seconds* after which it is over."""

    holder: str
    node: str
    seconds: float


class Verdict(Enum):
    """What to do about the lease."""

    TAKE = "take"
    KEEP = "keep"
    RENEW = "renew"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Sighting:
    """Since when the same revision was seen, in seconds on this node's own clock."""

    rev: str
    since: float


def sighted(before: Sighting | None, rev: str, now: float) -> Sighting:
    """Give the sighting of a revision that is there *now*."""
    return before if before is not None and before.rev == rev else Sighting(rev, now)


def verdict(lease: Lease | None, sighting: Sighting | None, me: str, now: float) -> Verdict:
    """Say what the node *me* does about a lease, None where there is none, which it has seen as *sighting* says."""
    if lease is None or sighting is None or not lease.holder:
        return Verdict.TAKE
    age = now - sighting.since
    if lease.holder == me:
        return Verdict.RENEW if age * RENEWED_IN >= lease.seconds else Verdict.KEEP
    return Verdict.TAKE if age >= lease.seconds else Verdict.LEAVE


def to_document(lease: Lease) -> Json:
    """Write a lease."""
    return {
        "type": TYPE,
        "version": VERSION,
        "holder": lease.holder,
        "node": lease.node,
        "seconds": lease.seconds,
    }


def from_document(doc: Json) -> Lease | None:
    """Read a lease; None for what is none, which anybody may take."""
    match doc:
        case {"type": "lease", "holder": str(holder), "node": str(node), "seconds": int(seconds) | float(seconds)} if (
            not isinstance(seconds, bool)
        ):
            return Lease(holder, node, min(max(float(seconds), SHORTEST), LONGEST))
    return None
