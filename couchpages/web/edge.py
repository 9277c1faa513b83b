"""What the connections of one port share: the application, limits, who is connected (thin: census, sweep and limits decide)."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.http import Request

from couchpages.web.census import Admission, Census
from couchpages.web.exchange import Application
from couchpages.web.ledger import Ledger
from couchpages.web.limits import ConnectionLimits
from couchpages.web.message import Response, field_lines
from couchpages.web.on_asyncio import host_of
from couchpages.web.problem import Problem, retry_later
from couchpages.web.proxies import Network
from couchpages.web.room import Room
from couchpages.web.second import Second
from couchpages.web.sweep import Sweep

CLOSE = b"connection: close\r\n"


class Connected(Protocol):
    """A connection of the port, whichever way answers on it.

    :ivar deadline: the reactor's seconds after which :meth:`overdue` is called, within a few seconds; infinity for never.
    :ivar origin: whom the census counts it for.
    :ivar waits: whether no request is under way, so that closing it harms least.
    :ivar since: the reactor's seconds since which it waits, to a second; minus infinity for what is lost or ends anyway.
    """

    deadline: float
    origin: str

    @property
    def waits(self) -> bool:
        """See the class."""
        ...

    @property
    def since(self) -> float:
        """See the class."""
        ...

    def overdue(self, now: float) -> None:
        """Act: the deadline has passed."""
        ...

    def finish(self) -> None:
        """Close now if it waits, else after the response under way."""
        ...

    def abort(self) -> None:
        """Cut it."""
        ...


class Edge:
    """One port. Used in the reactor's thread."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        application: Application,
        ledger: Ledger,
        second: Second,
        limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 -- a frozen value
        trusted_proxies: Sequence[Network] = (),
    ) -> None:
        self.reactor = reactor
        self.application = application
        self.second = second
        self.limits = limits
        self.ledger = ledger
        self._census = Census(limits.connections, limits.connections_per_address, trusted_proxies)
        self._connected: Sweep[Connected] = Sweep()
        self._room: Room[Connected] = Room()
        second.each(self._sweep)

    def last_words(self, response: Response, method: bytes = b"") -> bytes:
        """Write a response that ends the connection, its body in memory; *method* is empty where not even that is known."""
        body = response.body if isinstance(response.body, bytes) and method != b"HEAD" else b""
        start = self.second.start_of(response.status)
        return b"".join((start, CLOSE, field_lines(response.headers), b"\r\n", body))

    # Who is connected.

    def enter(self, connection: Connected, transport: asyncio.Transport) -> bool:
        """Let a new connection in, or refuse it: then it is told so and closed."""
        origin = self._census.origin(host_of(transport))
        admission = self._census.admit(origin)
        if admission is Admission.FULL and self._make_room():
            admission = Admission.WELCOME
        if admission is not Admission.WELCOME:
            self._refuse(admission, transport)
            return False
        self._census.enter(origin)
        connection.origin = origin
        self._connected.add(connection)
        return True

    def replace(self, connection: Connected, by: Connected) -> None:
        """Have another way answer on a connection from now on."""
        by.origin = connection.origin
        self._connected.discard(connection)
        self._connected.add(by)

    def leave(self, connection: Connected) -> bool:
        """Let go of a connection that is lost or being cut, once; tell whether that was now."""
        held = self._connected.discard(connection)
        if held:
            self._census.leave(connection.origin)
        return held

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connected)

    async def drain(self, patience: float) -> None:
        """Let responses under way end for *patience* seconds, and close everything."""
        for connection in self._connected:
            connection.finish()
        until = self.reactor.seconds() + patience
        while self.connections and self.reactor.seconds() < until:
            await deferLater(self.reactor, 0.05)
        for connection in self._connected:
            connection.abort()

    def _refuse(self, admission: Admission, transport: asyncio.Transport) -> None:
        problem = (
            Problem(429, "there are too many connections from this address", headers=retry_later())
            if admission is Admission.TOO_MANY
            else Problem(503, "this node has as many connections as it takes", headers=retry_later())
        )
        response = problem.response()
        self.ledger.refused(b"", host_of(transport), response.status, response.length)
        transport.write(self.last_words(response))
        transport.close()

    def _make_room(self) -> bool:
        while (longest := self._room.longest(self._connected, self.second.now)) is not None:
            # It hears of its end in the loop's next turn; of many that are accepted in this one, each has to make room of its own.
            if self.leave(longest):
                longest.abort()
                return True
        return False

    def _sweep(self, now: float) -> None:
        for connection in self._connected.overdue(now):
            try:
                connection.overdue(now)
            except Exception:  # noqa: BLE001 -- the others have deadlines too
                self._log.failure("a connection that is overdue could not be ended")
                connection.abort()

    def log(self, request: Request) -> None:
        """Do nothing: twisted.web calls this for each finished request, which the ledger has already."""
