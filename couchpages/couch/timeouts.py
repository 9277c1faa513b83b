"""How long CouchDB may take, in seconds, and why (pure).

A frozen CouchDB should be noticed within some ten seconds, and a slow one, which takes three for each answer, should not be taken for
frozen. So feeds have a heartbeat every 2.5 seconds, a feed is given up after three of them and some did not come, and a request that is not
answered in ten is given up. A probe of a CouchDB that is known to be away hangs no longer than that either.
"""

from dataclasses import dataclass

#: Between heartbeats; CouchDB's default is a minute.
HEARTBEAT = 2.5
#: Of silence after which a feed is given up.
SILENCE = 8.0
#: The same while everything is loaded: CouchDB sends no heartbeats on a feed that is to end, and may have to search.
LOADING_SILENCE = 15.0
#: Without a byte on any connection, after which an answer that is late means that CouchDB is away: two heartbeats.
QUIET = 2 * HEARTBEAT


@dataclass(frozen=True, slots=True)
class Timeouts:
    """*connect* until a connection stands, *answer* from the request to the answer's head, *idle* between two pieces of a body.

    While a file is sent, *answer* counts from its last piece. It is also how long a request waits for its turn, and after how long
    nothing is tried again: visitors wait for it.
    """

    connect: float = 5.0
    answer: float = 10.0
    idle: float = 10.0
