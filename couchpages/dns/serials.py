"""A zone's serial (pure).

It is a function of nothing but the documents, so that nodes which hold the same documents answer the same serial, whatever the
order in which these came::

    serial = F + S  modulo 2^32

*S* sums up the generations of the leaves of documents, as :mod:`couchpages.dns.traces` attributes them to zones, and of challenges
(:mod:`couchpages.dns.challenges`): every edit, deletion and conflict makes it greater, and nothing that replication does makes it less.
*F* is the greatest serial written in an SOA of the zone, also in one that was replaced, as long as its tombstone tells it.

There are changes after which the sum is not greater: a database was made anew or purged, a challenge's document moved to a name in
another zone, somebody deleted an SOA without leaving its serial in the tombstone, or wrote one that is 2^31 or more above the last.
Then a node answers the successor of what it answered last, remembers that on its disk, and goes on so until the sum is greater again;
meanwhile nodes need not agree. That is the *guard*.

A challenge's answer ends at its time by itself, and is believed only where its key is known: under the same revision of its document, a
node may come to answer less, or more. That changes no serial. The documents are the same, and a node that is started afterwards makes the
same sum of them; those that were running would all count on by themselves. So what a name server that copies zones has of such an
answer stays there until the next change of the zone: one that is over, which nobody asks for any more, or the lack of one, until the
order is tried again, which makes a new revision.

Challenges are not kept on disk, only what they added to the serial that was answered last; until as much of them is read again after a
restart, that stands for them (:mod:`couchpages.dns.last_served`).
"""

BITS = 32
MODULUS = 1 << BITS
#: RFC 1982 section 3.2: greater is what can be reached by adding less than this.
HALF = 1 << (BITS - 1)


def is_greater(one: int, other: int) -> bool:
    """Whether *one* comes after *other* (RFC 1982 section 3.2). Of two that are 2^31 apart, which it leaves open, neither does."""
    return 0 < (one - other) % MODULUS < HALF


def successor(serial: int) -> int:
    """Give the serial after this one (RFC 1982 section 3.1)."""
    return (serial + 1) % MODULUS


def of(floor: int, generations: int) -> int:
    """Give the serial that documents make: *floor* is F, *generations* is S."""
    return (floor + generations) % MODULUS


def to_serve(computed: int, served: int | None, *, changed: bool) -> int:
    """Give the serial to answer with; *served* was answered last, and *changed* tells whether other answers are given now than then."""
    if served is None or is_greater(computed, served):
        return computed
    return successor(served) if changed else served
