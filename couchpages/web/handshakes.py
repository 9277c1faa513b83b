"""Handshakes under way at one port, limited in time and number (thin: the census decides, the sweep ends what takes too long).

A connection is counted from the moment that it is accepted, with all others of its port, and again for its address: whoever shakes hands
as slowly as he can holds no more than whoever sends a head as slowly as he can.
"""

from couchpages.metrics import Metrics
from couchpages.web.edge import Edge
from couchpages.web.tls_outcomes import Outcome


class Handshake:
    """One; see :class:`couchpages.web.connections.Connected`. Subclasses have :meth:`cut`."""

    waits = True
    origin = ""

    def __init__(self, pending: "Handshakes") -> None:
        self.pending = pending
        self.since = pending.edge.second.now
        self.deadline = pending.edge.reactor.seconds() + pending.seconds

    def cut(self) -> None:
        """Close the connection at once."""
        raise NotImplementedError

    def end(self, outcome: Outcome, version: str = "") -> None:
        """Note how it ended, the first time."""
        self.pending.leave(self, outcome, version)

    def overdue(self, now: float) -> None:
        """Cut it: it took too long."""
        del now
        self._cut(Outcome.TIMED_OUT)

    def finish(self) -> None:
        """Cut it: the daemon stops."""
        self._cut(Outcome.CLOSED)

    def abort(self) -> None:
        """Cut it: another connection needs its place."""
        self._cut(Outcome.CROWDED_OUT)

    def _cut(self, outcome: Outcome) -> None:
        self.end(outcome)
        self.cut()


class Handshakes:
    """Those of the port *port*, of which *most* may be under way, each for *seconds*.

    Where there are more, the one that began first has to go: it had the most time.
    """

    def __init__(self, edge: Edge, metrics: Metrics, port: str, most: int, seconds: float) -> None:
        self.edge = edge
        self.seconds = seconds
        self._port = port
        self._most = most
        self._counts = metrics.tls.handshakes
        self._pending: dict[Handshake, None] = {}
        metrics.tls.pending.labels(port).set_function(lambda: len(self._pending))

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._pending)

    def enter(self, handshake: Handshake, address: str) -> bool:
        """Let one from *address* begin; tell whether it may."""
        if not self.edge.enter_unheard(handshake, address):
            self._count("", Outcome.CROWDED_OUT)
            return False
        if len(self._pending) >= self._most:
            next(iter(self._pending)).abort()
        self._pending[handshake] = None
        return True

    def leave(self, handshake: Handshake, outcome: Outcome, version: str) -> None:
        """Count one that ended, if it was under way. Its connection, where it goes on, enters the port anew."""
        self.edge.leave(handshake)
        if handshake in self._pending:
            del self._pending[handshake]
            self._count(version, outcome)

    def _count(self, version: str, outcome: Outcome) -> None:
        self._counts.inc((self._port, version, str(outcome)))
