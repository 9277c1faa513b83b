"""What the connections of one port share: the application, limits, who is connected (thin: others decide)."""

import asyncio
from collections.abc import Sequence
from typing import Any

from twisted.web.http import Request

from couchpages.web.census import Admission, Census
from couchpages.web.connections import Connected, Connections
from couchpages.web.exchange import Application
from couchpages.web.ledger import Ledger
from couchpages.web.limits import ConnectionLimits
from couchpages.web.message import Response, field_lines
from couchpages.web.on_asyncio import host_of
from couchpages.web.problem import Problem, retry_later
from couchpages.web.proxies import Network
from couchpages.web.second import Second, Starts

CLOSE = b"connection: close\r\n"


class Edge:
    """One port. Used in the reactor's thread.

    :ivar scheme: ``https`` where its connections are TLS.
    :ivar fields: header fields that all its responses have.
    :ivar heads: the beginnings of its responses' heads.
    """

    def __init__(
        self,
        reactor: Any,
        application: Application,
        ledger: Ledger,
        second: Second,
        limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 -- a frozen value
        trusted_proxies: Sequence[Network] = (),
        scheme: str = "http",
        fields: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        self.reactor = reactor
        self.application = application
        self.second = second
        self.limits = limits
        self.ledger = ledger
        self.scheme = scheme
        self.fields = tuple(fields)
        self.heads: Second | Starts = second.starts_with(fields) if fields else second
        self._census = Census(limits.connections, limits.connections_per_address, trusted_proxies)
        self._connections = Connections(reactor, second, self._census)

    def last_words(self, response: Response, method: bytes = b"", *, plain: bool = False) -> bytes:
        """Write a response that ends the connection, its body in memory; *method* is empty where not even that is known.

        One that goes out *plain* at a port that is TLS has none of the port's fields (RFC 6797 section 7.2).
        """
        body = response.body if isinstance(response.body, bytes) and method != b"HEAD" else b""
        start = (self.second if plain else self.heads).start_of(response.status)
        return b"".join((start, CLOSE, field_lines(response.headers), b"\r\n", body))

    # Who is connected.

    def enter(self, connection: Connected, transport: asyncio.Transport) -> bool:
        """Let a new connection in, or refuse it: then it is told so and closed."""
        admission = self._connections.enter(connection, host_of(transport))
        if admission is not Admission.WELCOME:
            self._refuse(admission, transport)
        return admission is Admission.WELCOME

    def enter_unheard(self, connection: Connected, address: str) -> bool:
        """Let a new connection from *address* in, or not: there is no way yet of telling it why."""
        return self._connections.enter(connection, address) is Admission.WELCOME

    def replace(self, connection: Connected, by: Connected) -> None:
        """See :meth:`Connections.replace`."""
        self._connections.replace(connection, by)

    def leave(self, connection: Connected) -> bool:
        """See :meth:`Connections.leave`."""
        return self._connections.leave(connection)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    async def drain(self, patience: float) -> None:
        """See :meth:`Connections.drain`."""
        await self._connections.drain(patience)

    def _refuse(self, admission: Admission, transport: asyncio.Transport) -> None:
        problem = (
            Problem(429, "there are too many connections from this address", headers=retry_later())
            if admission is Admission.TOO_MANY
            else Problem(503, "this node has as many connections as it takes", headers=retry_later())
        )
        response = problem.response()
        self.ledger.refused(b"", host_of(transport), response.status, response.length)
        transport.write(self.last_words(response, plain=transport.get_extra_info("ssl_object") is None))
        transport.close()

    def log(self, request: Request) -> None:
        """Do nothing: twisted.web calls this for each finished request, which the ledger has already."""
