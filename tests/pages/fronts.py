"""The public port of a node in memory, on connections that are no sockets (does no I/O)."""

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from couchpages.pages.front import Front
from couchpages.pages.protocol import VisitConnection
from couchpages.pages.ready import Ready
from couchpages.testing.node import MemoryNode
from couchpages.web.edge import Edge
from couchpages.web.handed_over import HandedOver
from couchpages.web.ledger import Ledger, Log
from couchpages.web.limits import ConnectionLimits
from couchpages.web.proxies import Network
from couchpages.web.second import Second
from tests.web.native import NativeWire, connected, send
from tests.web.wire import Answer, read_answer


class PublicPort:
    """What answers visitors of *node*: natively on :meth:`connect`, as twisted.web does on :meth:`slow_way`."""

    def __init__(
        self,
        node: MemoryNode,
        *,
        limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 -- a frozen value
        log: Log | None = None,
        trusted: tuple[Network, ...] = (),
        ready: int = 2**20,
    ) -> None:
        self.node = node
        self.clock = node.reactor
        self.second = Second(self.clock, self.wall)
        ledger = Ledger(node.metrics, "public", log, trusted, self.wall)
        self.edge = Edge(self.clock, node.public, ledger, self.second, limits, trusted)
        node.metrics.tallies.is_known = node.sites.is_known
        self.ready = Ready(ready, node.metrics.tallies)
        self.front = Front(self.edge, node.sites, node.blobs, node.visits, self.ready, node.public.is_call)

    def wall(self) -> float:
        """Give the time of day."""
        return self.node.milliseconds() / 1000

    def connect(self, **more: Any) -> NativeWire:
        """Give a visitor's connection."""
        return connected(partial(VisitConnection, self.front), self.clock, **more)

    def slow_way(self, **more: Any) -> NativeWire:
        """Give a connection that twisted.web answers from its beginning."""
        return connected(partial(HandedOver, self.edge), self.clock, **more)

    def ask(self, data: bytes, *methods: bytes) -> list[Answer]:
        """Give the answers to the requests in *data*, on a connection of their own; *methods* are GET where none is given."""
        wire = send(self.connect(), data)
        wire.lose()
        return answers(wire, *methods)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with the tick of each second."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.second.tick()
            self.second.stop()
        self.clock.pump([0, 0, 0])

    def tally(self, site: str) -> dict[tuple[int, str], int]:
        """Give what was counted for a site."""
        return self.node.metrics.tallies.of(site).answers

    def drain(self, patience: float) -> "Deferred[None]":
        """Begin to close all connections."""
        return Deferred.fromCoroutine(self.edge.drain(patience))


def answers(wire: NativeWire, *methods: bytes) -> list[Answer]:
    """Read the responses sent, which must be whole, to requests of *methods*; GET where none is given for one."""
    found, left, asked = [], wire.sent, list(methods)
    while left:
        answer, left = read_answer(left, asked.pop(0) if asked else b"GET")
        found.append(answer)
    return found


def answer(wire: NativeWire, method: bytes = b"GET") -> Answer:
    """Read the only response."""
    (only,) = answers(wire, method)
    return only


def request(target: bytes = b"/", *fields: bytes, method: bytes = b"GET", host: bytes = b"a.example") -> bytes:
    """Write a request of HTTP/1.1."""
    return b"\r\n".join((b"%b %b HTTP/1.1" % (method, target), b"Host: " + host, *fields, b"", b""))
