"""While CouchDB refuses the node's password: looks whether its file has another one, and tries again (does I/O)."""

from collections.abc import Callable
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet import task
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from couchpages.couch.database import DatabaseInfo
from couchpages.couch.guard import Guard
from couchpages.couch.transport import Transport
from couchpages.ports import StoreError

#: Seconds between two looks.
PAUSE = 2.0


class Asked(Protocol):
    """What is asked to find out whether the password is taken; see :class:`couchpages.couch.database.CouchDatabase`."""

    async def info(self) -> DatabaseInfo:
        """Ask CouchDB something that needs the password."""
        ...


class PasswordWatch(Service):
    """Looks every :data:`PAUSE` seconds, but only while *guard* says that the password is refused, and so never while all is well.

    *read* gives the password in the file and blocks; it runs in *threads*, and raises ValueError when there is none. Whether CouchDB is
    really asked is *guard*'s to say: wrong passwords are rationed.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        threads: ThreadPool,
        guard: Guard,
        transport: Transport,
        asked: Asked,
        read: Callable[[], str] | None,
    ) -> None:
        self.setName("watch on the password")
        self._reactor = reactor
        self._threads = threads
        self._guard = guard
        self._transport = transport
        self._asked = asked
        self._read = read
        self._running: Deferred[None] | None = None

    def startService(self) -> None:  # noqa: N802 -- Twisted's name
        """Begin to look."""
        super().startService()
        self._running = Deferred.fromCoroutine(self._run())

    def stopService(self) -> Deferred[None] | None:  # noqa: N802 -- Twisted's name
        """Look no more."""
        super().stopService()
        running, self._running = self._running, None
        if running is not None:
            running.addErrback(lambda failure: failure.trap(CancelledError))
            running.cancel()
        return running

    async def _run(self) -> None:
        while True:
            await task.deferLater(self._reactor, PAUSE)
            if self._guard.is_refused:
                await self._look()

    async def _look(self) -> None:
        try:
            if self._read is not None:
                self._use(await deferToThreadPool(self._reactor, self._threads, self._read))
            await self._asked.info()
        except (StoreError, ValueError):
            # CouchDB's words stand in the guard's trouble. A file that cannot be read now is read again, and may be being written.
            return
        except Exception:  # noqa: BLE001 -- a defect must not end the looking for ever
            self.log.failure("the password could not be tried again")

    def _use(self, password: str) -> None:
        known = self._transport.credentials
        if known is None or not password or password == known[1]:
            return
        self.log.info("the password's file has another password; trying it")
        self._transport.credentials = (known[0], password)
        self._guard.renewed()
