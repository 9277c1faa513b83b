"""A visitor's connection to a node in memory, on the fast way and without sockets (does no I/O)."""

from typing import Any

from couchpages.pages.protocol import Front
from couchpages.pages.ready import Ready
from couchpages.pages.trace import Place
from couchpages.pages.visits import Visits
from couchpages.testing.node import MemoryNode
from tests.web.native import connected, send
from tests.web.wire import Answer, answers_in, edge_of


def front_of(node: MemoryNode, ready: int = 10**6, **more: Any) -> Front:
    """Make what the connections of *node*'s public port share; *more* are for :class:`couchpages.web.edge.Edge`."""
    edge = edge_of(node.public, node.reactor, node.metrics, **more)
    node.metrics.tallies.is_known = node.sites.is_known
    visits = Visits(node.sites, node.blobs, Place("node1", "Graz", "AT"), (), lambda: node.milliseconds() / 1000)
    return Front(edge, node.sites, node.blobs, visits, Ready(ready, node.metrics.tallies), node.public.is_call)


class FastConnection:
    """One connection to the port that *front* is of."""

    def __init__(self, front: Front, **more: Any) -> None:
        self.wire = connected(front.connection, front.edge.reactor, **more)

    def send(self, *pieces: bytes) -> "FastConnection":
        """Let the node receive *pieces*, one after the other, while it reads."""
        send(self.wire, *pieces)
        return self

    def warmed(self, request: bytes) -> "FastConnection":
        """Have a request answered, and forget that it was."""
        self.send(request)
        assert self.wire.sent.startswith(b"HTTP/1.1 200 "), self.wire.sent
        self.wire.sent = b""
        return self

    def answers(self, *methods: bytes) -> list[Answer]:
        """Read the responses that came, which must be whole; see :func:`tests.web.wire.answers_in`."""
        return answers_in(self.wire.sent, *methods)

    @property
    def closed(self) -> bool:
        """Whether the node closed the connection, or its half of it."""
        return self.wire.half_closed or self.wire.is_closing()
