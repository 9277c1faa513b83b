"""Says to whoever speaks plain HTTP to a TLS port what to use instead, and closes (thin)."""

import asyncio
import re
from contextlib import suppress
from typing import cast

from couchpages.web.edge import Edge
from couchpages.web.limits import LINGER
from couchpages.web.on_asyncio import host_of
from couchpages.web.problem import Problem

#: A host with the port that it was asked at, as a Host field may have them. What else stands there is not repeated.
_HOST = re.compile(rb"(?i)^host:[ \t]*([a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?[ \t]*\r?$", re.MULTILINE)


def advice(request: bytes, port: int) -> str:
    """Say what to use instead of plain HTTP; *request* is what came of one, *port* is the port that it came to."""
    found = _HOST.search(request)
    if found is None:
        return "this port speaks HTTPS, and this was plain HTTP"
    host, named = found[1].decode(), (found[2] or b"").decode()
    where = named or ("" if port in (0, 443) else f":{port}")
    return f"this port speaks HTTPS: use https://{host}{'' if where == ':443' else where}/"


class PlainHttp(asyncio.Protocol):
    """One connection. What came of the request is answered once, with 400; the rest is read and dropped until the other end closes."""

    waits = True
    origin = ""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._transport: asyncio.Transport | None = None
        self._answered = False
        self.since = edge.second.now
        self.deadline = edge.reactor.seconds() + edge.limits.head_time

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        stream = cast("asyncio.Transport", transport)
        if self._edge.enter(self, stream):
            self._transport = stream

    def data_received(self, data: bytes) -> None:
        """Answer the first piece."""
        transport = self._transport
        if transport is None or self._answered:
            return
        self._answered = True
        name = transport.get_extra_info("sockname")
        response = Problem(400, advice(data, name[1] if isinstance(name, tuple) else 0)).response()
        self._edge.ledger.refused(b"", host_of(transport), response.status, response.length)
        transport.write(self._edge.last_words(response, data.partition(b" ")[0], plain=True))
        # Closed at once, the answer could be lost with a reset: the other end may be sending.
        self.deadline = self._edge.reactor.seconds() + LINGER
        with suppress(OSError):
            transport.write_eof()

    def eof_received(self) -> bool:
        """Close: all was said."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        del exc
        self._edge.leave(self)

    # See :class:`couchpages.web.connections.Connected`.

    def overdue(self, now: float) -> None:
        """Cut it: it said nothing, or does not close."""
        del now
        self.abort()

    def finish(self) -> None:
        """Cut it: the daemon stops."""
        self.abort()

    def abort(self) -> None:
        """Cut it."""
        if self._transport is not None:
            self._transport.abort()
