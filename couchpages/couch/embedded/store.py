"""The open store: its threads, its bell, and the sweep that runs beside them (does)."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any, TypeVar
from uuid import uuid4

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from couchpages.couch.embedded.contents import Pins, give_up_all_uploads, sweep
from couchpages.couch.embedded.notifier import Notifier
from couchpages.couch.embedded.readers import Readers
from couchpages.couch.embedded.writer import Transaction, Writer

SWEEP_SECONDS = 30.0  # between looks at what nothing needs any more
SWEEP_PAUSE = 0.01  # between its transactions while there is much to do, so that writers get their turn

T = TypeVar("T")


class Store:
    """Reads and writes for the answering coroutines. Reactor's thread only; jobs run in the store's threads.

    `reactor` provides IReactorTime and IReactorFromThreads.
    """

    log = Logger()

    def __init__(self, *, reactor: Any, path: Path) -> None:
        self.reactor = reactor
        self.notifier = Notifier(reactor)
        self.pins = Pins()
        self._writer = Writer(reactor=reactor, path=path, committed=self.notifier.notify)
        self._readers = Readers(reactor=reactor, path=path)
        self._sweeping: Deferred[None] | None = None

    @property
    def writer(self) -> Writer:
        """The writer, for bodies that arrive in pieces."""
        return self._writer

    def open(self, prepare: Callable[[Transaction], None]) -> None:
        """Open the file, prepare it in a first transaction, and start the threads.

        Blocks for that long, and raises StoreFileError or what `prepare` raises.
        """
        self._writer.start(prepare)
        self._readers.start()
        self.write(give_up_all_uploads).addErrback(self._log_failure)
        self._sweeping = Deferred.fromCoroutine(self._sweep())

    def read(self, job: Callable[[Connection], T]) -> "Deferred[T]":
        """Run a job on a snapshot in a reader's thread."""
        return self._readers.run(job)

    def write(self, job: Callable[[Transaction], T]) -> "Deferred[T]":
        """Run a job in the writer's thread; fires when it is on disk."""
        return self._writer.submit(job)

    def microseconds(self) -> int:
        """Return the time since 1970 in microseconds."""
        return int(self.reactor.seconds() * 1_000_000)

    def new_uuid(self) -> str:
        """Return 32 hexadecimal digits that nobody had before."""
        return uuid4().hex

    async def close(self) -> None:
        """Finish what is queued, and close the file."""
        self.notifier.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        await self._readers.stop()
        await self._writer.stop()

    async def _sweep(self) -> None:
        while True:
            try:
                while await self.write(partial(sweep, pins=self.pins)):
                    await self._sleep(SWEEP_PAUSE)
            except CancelledError:
                return
            except Exception:  # noqa: BLE001  # a full disk must not end the sweep for good
                self.log.failure("The embedded store could not take away what nothing needs; it tries again later")
            try:
                await self._sleep(SWEEP_SECONDS)
            except CancelledError:
                return

    def _sleep(self, seconds: float) -> "Deferred[None]":
        timer: list[Any] = []
        done: Deferred[None] = Deferred(lambda _: timer[0].cancel())
        timer.append(self.reactor.callLater(seconds, done.callback, None))
        return done

    def _log_failure(self, failure: Any) -> None:
        self.log.failure("The embedded store could not begin its sweep", failure=failure)
