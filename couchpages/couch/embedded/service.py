"""The embedded store as a Twisted service on a loopback endpoint (does)."""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet import defer
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IAddress, IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from couchpages.couch.embedded.application import CouchApplication
from couchpages.couch.embedded.authorization import Credentials
from couchpages.couch.embedded.databases import create_database, list_databases
from couchpages.couch.embedded.errors import StoreFileError
from couchpages.couch.embedded.exchange import Channel
from couchpages.couch.embedded.schema import not_writable
from couchpages.couch.embedded.store import Store
from couchpages.couch.embedded.writer import Transaction

STOP_SECONDS = 3.0  # that a stop waits for answers which are under way
CLOSE_SECONDS = 1.0  # and then for what was written to be sent


class StoreFactory(Factory):
    """Makes a channel for each connection, and knows those that are open."""

    noisy = False

    def __init__(self, application: CouchApplication, reactor: Any) -> None:
        self._application = application
        self._reactor = reactor
        self._open: set[Channel] = set()
        self._closed: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:  # noqa: N802, ARG002  # Twisted's name
        """Make the channel of a new connection."""
        channel = Channel(self._application, self._reactor.callLater, self._lost)
        channel.factory = None  # no access log
        self._open.add(channel)
        return channel

    async def close_all(self, seconds: float) -> None:
        """Close the connections that are open, once what was written to them is sent, or after so many seconds."""
        for channel in tuple(self._open):
            channel.loseConnection()
        self._closed = Deferred()
        if self._open:
            self._closed.addTimeout(seconds, self._reactor)
            with suppress(defer.TimeoutError):
                await self._closed
        for channel in tuple(self._open):
            channel.abort()

    def _lost(self, channel: Channel) -> None:
        self._open.discard(channel)
        if self._closed is not None and not self._open and not self._closed.called:
            self._closed.callback(None)


class EmbeddedStore(Service):
    """A CouchDB of our own: opens the SQLite file `path`, and speaks CouchDB's HTTP API on `endpoint`.

    `startService` blocks while it opens the file, and raises StoreFileError when that cannot be; when listening fails
    at once (the port is taken), it raises that too. `whenListening` errbacks in both cases. `stopService` stops
    listening, lets answers that are under way finish, ends the feeds, and closes the file. `reactor` provides
    IReactorTime and IReactorFromThreads; the endpoint should be on loopback, since nothing is encrypted.
    """

    def __init__(
        self,
        *,
        reactor: Any,
        endpoint: IStreamServerEndpoint,
        path: Path,
        username: str,
        password: str,
        databases: Sequence[str] = (),
    ) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._path = path
        self._databases = tuple(databases)
        self._store = Store(reactor=reactor, path=path)
        self._application = CouchApplication(self._store, Credentials(username, password))
        self._factory = StoreFactory(self._application, reactor)
        self._lock: int | None = None
        self._port: IListeningPort | None = None
        self._outcome: IListeningPort | Failure | None = None
        self._waiting: list[Deferred[IListeningPort]] = []

    def startService(self) -> None:  # noqa: N802  # Twisted's name
        """Open the file, make the databases that are missing, and listen."""
        super().startService()
        try:
            self._open()
        except BaseException:
            self._settle(Failure())
            raise
        listening = maybeDeferred(self._endpoint.listen, self._factory)
        listening.addCallbacks(self._listens, self._settle)
        if isinstance(self._outcome, Failure):
            self._outcome.raiseException()

    def _open(self) -> None:
        lock = _lock(self._path)
        try:
            self._store.open(self._make_databases)
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock

    def _make_databases(self, transaction: Transaction) -> None:
        there = list_databases(transaction.connection)
        for name in self._databases:
            if name not in there:
                created = self._store.microseconds()
                create_database(transaction, name, uuid=self._store.new_uuid(), created=created)

    def _listens(self, port: IListeningPort) -> None:
        self._port = port
        self._settle(port)

    def _settle(self, outcome: IListeningPort | Failure) -> None:
        self._outcome = outcome
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(outcome)

    def whenListening(self) -> "Deferred[IListeningPort]":  # noqa: N802  # beside Twisted's names
        """Fire with the listening port, now or later; fail with what hindered it."""
        answer: Deferred[IListeningPort] = Deferred()
        if self._outcome is None:
            self._waiting.append(answer)
        else:
            answer.callback(self._outcome)
        return answer

    def stopService(self) -> "Deferred[None]":  # noqa: N802  # Twisted's name
        """Stop listening, finish, close; fires when the file is closed."""
        super().stopService()
        if self._lock is None:
            return succeed(None)
        lock, self._lock = self._lock, None
        return Deferred.fromCoroutine(self._stop(lock))

    async def _stop(self, lock: int) -> None:
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
            self._port = None
        self._store.notifier.close()
        idle = self._application.when_idle()
        idle.addTimeout(STOP_SECONDS, self._reactor)
        with suppress(defer.TimeoutError):
            await idle
        await self._factory.close_all(CLOSE_SECONDS)
        await self._store.close()
        os.close(lock)


def _lock(path: Path) -> int:
    """Keep a second daemon away from the file; the lock goes with the process, however it ends."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise not_writable(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StoreFileError(f"{path}: is in use by another process; stop that daemon, or name another path") from None
    return descriptor
