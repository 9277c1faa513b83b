"""Listens for TLS (does I/O): natively where an asyncio loop accepts, else with Twisted's transports."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory

from couchpages.services import Closes, Drains, Listener

Native: TypeAlias = Callable[[asyncio.AbstractEventLoop, socket.socket], Closes]
"""Begins to accept on a socket that listens, which it closes in the end."""


class SecureListener(Listener):
    """The same for TLS: *factory* makes the protocols of Twisted's connections; *native* begins with those that an asyncio loop accepts.

    Without *native*, they are Twisted's on every reactor.
    """

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamServerEndpoint,
        description: str,
        drains: Drains,
        factory: Factory,
        native: Native | None = None,
    ) -> None:
        super().__init__(reactor, endpoint, description, drains, asyncio.Protocol)
        self._made = factory
        self._native = native

    def _factory(self) -> Factory:
        return self._made

    def _listens(self, port: IListeningPort) -> None:
        super()._listens(port)
        if self._native is not None:
            # Who comes before the loop runs waits for it.
            self._port.stopReading()

    def _accept(self) -> None:
        if self._native is not None:
            super()._accept()

    def _serve(
        self, loop: asyncio.AbstractEventLoop, listening: socket.socket, backlog: int
    ) -> Coroutine[Any, Any, Closes]:
        return self._begin(loop, listening, backlog)

    async def _begin(self, loop: asyncio.AbstractEventLoop, listening: socket.socket, backlog: int) -> Closes:
        listening.listen(backlog)
        assert self._native is not None  # noqa: S101 -- see _accept
        return self._native(loop, listening)
