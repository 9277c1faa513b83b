"""The threads that read, each with a connection of its own, which never waits for the writer (does)."""

from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from sqlite3 import Connection
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from couchpages.couch.embedded.errors import StoreClosedError
from couchpages.couch.embedded.schema import connect

THREADS = 2

T = TypeVar("T")
_Queued = tuple[Callable[[Connection], Any], "Deferred[Any]"]


class Readers:
    """Runs short read jobs. All methods are for the reactor's thread; jobs run in one of the readers' threads."""

    def __init__(self, *, reactor: IReactorFromThreads, path: Path) -> None:
        self._reactor = reactor
        self._path = path
        self._queue: SimpleQueue[_Queued | None] = SimpleQueue()
        self._closed: list[Deferred[None]] = []
        self._running = False

    def start(self) -> None:
        """Begin; the file must be there already. Raises sqlite3.Error when it cannot be opened."""
        connections = [connect(self._path, writing=False) for _ in range(THREADS)]
        self._running = True
        for number, connection in enumerate(connections):
            closed: Deferred[None] = Deferred()
            self._closed.append(closed)
            name = f"couchpages-store-reader-{number}"
            Thread(target=self._run, args=(connection, closed), name=name, daemon=True).start()

    def run(self, job: Callable[[Connection], T]) -> "Deferred[T]":
        """Run a job, which sees everything that was committed before it began, and nothing else."""
        answer: Deferred[T] = Deferred(_forget)
        if self._running:
            self._queue.put((job, answer))
        else:
            answer.errback(Failure(StoreClosedError("the embedded store is stopped")))
        return answer

    async def stop(self) -> None:
        """Finish the jobs that are queued, and close the connections."""
        self._running = False
        for _ in self._closed:
            self._queue.put(None)
        await gatherResults(self._closed)

    def _run(self, connection: Connection, closed: "Deferred[None]") -> None:
        while (queued := self._queue.get()) is not None:
            job, answer = queued
            try:
                connection.execute("BEGIN")  # a snapshot for the whole job
                value = job(connection)
            except Exception:  # noqa: BLE001  # whoever asked gets it
                value = Failure()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._reactor.callFromThread(_deliver, answer, value)
        connection.close()
        self._reactor.callFromThread(closed.callback, None)


def _forget(_answer: "Deferred[Any]") -> None:
    """Cancel by no longer listening: the job itself runs."""


def _deliver(answer: "Deferred[Any]", value: object) -> None:
    if not answer.called:
        answer.callback(value)
