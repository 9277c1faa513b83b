"""Services that listen, and that start and stop in order (does I/O)."""

import asyncio
import fcntl
import os
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from couchpages.reactors import running_loop
from couchpages.stopping import stop_in_turn
from couchpages.web.on_twisted import AsyncioFactory

#: Seconds that responses under way get when the daemon stops: systemd kills after 90.
DRAIN = 10.0
#: Connections that wait for being accepted at a socket that somebody else began to listen on: as many as systemd has by default.
INHERITED_BACKLOG = 4096


class Closes(Protocol):
    """What accepts connections."""

    def close(self) -> None:
        """Accept no more."""
        ...


class Drains(Protocol):
    """What has connections."""

    async def drain(self, patience: float) -> None:
        """Let what is under way end for *patience* seconds, and close everything."""
        ...


class InOrder(MultiService):
    """Starts its services one after the other, and stops them the other way round, each when the one before has stopped.

    A service whose ``whenListening()`` gives a Deferred keeps the next ones waiting. What fails at once ends the process with one line;
    of what fails later, *give_up* is told.
    """

    log = Logger()

    def __init__(self, give_up: Callable[[Failure], object]) -> None:
        super().__init__()
        self._give_up = give_up
        self._started: list[Any] = []
        self._failure: Failure | None = None

    def startService(self) -> None:  # noqa: N802 -- Twisted's name
        """Start the first service; the others follow. Raises SystemExit for what fails at once."""
        Service.startService(self)
        starting = Deferred.fromCoroutine(self._start())
        starting.addErrback(self._note)
        if self._failure is not None:
            raise SystemExit(f"couchpages: cannot start: {self._failure.getErrorMessage()}")
        starting.addCallback(lambda _: self._could_not())

    async def _start(self) -> None:
        for service in list(self):
            if not self.running:
                return
            self._started.append(service)
            service.startService()
            listening = getattr(service, "whenListening", None)
            if listening is not None:
                await listening()

    def _note(self, failure: Failure) -> None:
        self._failure = failure

    def _could_not(self) -> None:
        # What was stopped before it was ready fails too, and then nobody needs to give up any more.
        if self._failure is not None and self.running:
            self._give_up(self._failure)

    def stopService(self) -> "Deferred[None]":  # noqa: N802 -- Twisted's name
        """Stop everything that was started."""
        Service.stopService(self)
        started, self._started = self._started, []
        return Deferred.fromCoroutine(stop_in_turn(reversed(started), self.log))


class Listener(Service):
    """Serves a factory's connections on one endpoint.

    It begins to listen before privileges are shed, so that port 80 may be had, and gives a sentence instead of a traceback when it cannot.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamServerEndpoint,
        description: str,
        drains: Drains,
        make: Callable[[], asyncio.Protocol],
    ) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._description = description
        self._drains = drains
        self._make = make
        self._port: Any = None
        self._server: Closes | None = None
        self._failure: Failure | None = None

    def privilegedStartService(self) -> None:  # noqa: N802 -- Twisted's name
        """Begin to listen."""
        super().privilegedStartService()
        self._endpoint.listen(self._factory()).addCallbacks(self._listens, self._cannot)
        if self._failure is not None:
            raise SystemExit(f"couchpages: cannot listen on {self._description}: {_reason(self._failure)}")

    def startService(self) -> None:  # noqa: N802 -- Twisted's name
        """Begin to listen, unless that was done with privileges."""
        if self._port is None:
            self.privilegedStartService()
        super().startService()
        # In the reactor's next turn, because its loop does not run yet while it starts.
        self._reactor.callLater(0, self._accept)

    def _accept(self) -> None:
        """Have the asyncio loop, if the reactor runs on one, accept connections, which are native to it then."""
        loop, port = running_loop(), self._port
        if loop is None or port is None:
            return
        port.stopReading()
        # Each has a descriptor of its own, so that either may be closed first.
        listening = port.socket.dup()
        # asyncio listens once more, which Twisted does not on a socket that it was given: such a port has no backlog.
        serving = self._serve(loop, listening, port.backlog or INHERITED_BACKLOG)
        Deferred.fromFuture(loop.create_task(serving)).addCallbacks(
            self._serves, self._cannot_serve, errbackArgs=(listening,)
        )

    def _factory(self) -> Factory:
        """Give what makes the protocols of Twisted's connections."""
        return AsyncioFactory(self._make)

    def _serve(
        self, loop: asyncio.AbstractEventLoop, listening: socket.socket, backlog: int
    ) -> "Coroutine[Any, Any, Closes]":
        """Begin to accept on *loop*."""
        return loop.create_server(self._make, sock=listening, backlog=backlog)

    def _serves(self, server: "Closes") -> None:
        self._server = server
        if self._port is None:
            server.close()

    def _cannot_serve(self, failure: Failure, listening: socket.socket) -> None:
        listening.close()
        self.log.failure(
            "cannot serve natively on {address}; it is served by the reactor", failure, address=self._description
        )
        if self._port is not None:
            self._port.startReading()

    async def _drain(self, port: IListeningPort) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await maybeDeferred(port.stopListening)
        await self._drains.drain(DRAIN)

    def stopService(self) -> "Deferred[None]":  # noqa: N802 -- Twisted's name
        """Take no more connections, and let responses under way end."""
        super().stopService()
        port, self._port = self._port, None
        return Deferred.fromCoroutine(self._drain(port)) if port is not None else Deferred.fromCoroutine(_nothing())

    def _listens(self, port: IListeningPort) -> None:
        self._port = port
        self.log.info("listening on {address}", address=self._description)

    def _cannot(self, failure: Failure) -> None:
        self._failure = failure


class FolderLock(Service):
    """Keeps a second daemon out of the data folder; makes the folder, which only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    def startService(self) -> None:  # noqa: N802 -- Twisted's name
        """Lock. Raises RuntimeError when somebody else has."""
        super().startService()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RuntimeError(f"another couchpages uses the data folder {self._folder}") from None

    def stopService(self) -> None:  # noqa: N802 -- Twisted's name
        """Let go."""
        super().stopService()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Prepared(Service):
    """Something that is opened when the daemon starts and closed when it stops."""

    def __init__(self, name: str, start: Callable[[], object], stop: Callable[[], object] = lambda: None) -> None:
        self.name = name
        self._start = start
        self._stop = stop

    def startService(self) -> None:  # noqa: N802 -- Twisted's name
        """Open it."""
        super().startService()
        self._start()

    def stopService(self) -> Any:  # noqa: N802 -- Twisted's name
        """Close it."""
        super().stopService()
        return self._stop()


async def _nothing() -> None:
    return


def _reason(failure: Failure) -> str:
    error = failure.value
    return str(error.socketError) if isinstance(error, CannotListenError) else str(error)
