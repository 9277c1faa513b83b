"""The one thread that writes: queued jobs become one transaction, one fsync, and then all their answers (does).

Group commit: each job runs inside a savepoint of its own, so that one that fails leaves nothing behind and the others
stay; nobody hears of success before the commit is on disk.
"""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from couchpages.couch.embedded.errors import StoreClosedError, disk_full
from couchpages.couch.embedded.schema import open_store

BATCH_JOBS = 256
BATCH_BYTES = 8 * 1024 * 1024  # of attachment bytes in one transaction, which bounds the log's growth

T = TypeVar("T")


@dataclass(slots=True)
class Transaction:
    """What a job works on: the connection, and the uuids of databases that got new sequences."""

    connection: sqlite3.Connection
    touched: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Queued(Generic[T]):
    job: Callable[[Transaction], T]
    weight: int
    answer: "Deferred[T]"


_Outcome = tuple["Deferred[Any]", Any]


class Writer:
    """Owns the writing connection. All methods are for the reactor's thread; jobs run in the writer's."""

    def __init__(
        self, *, reactor: IReactorFromThreads, path: Path, committed: Callable[[frozenset[str]], None]
    ) -> None:
        self._reactor = reactor
        self._path = path
        self._committed = committed
        self._queue: SimpleQueue[_Queued[Any] | None] = SimpleQueue()
        self._closed: Deferred[None] = Deferred()
        self._running = False

    def start(self, prepare: Callable[[Transaction], None]) -> None:
        """Open the file, run a first job, and begin; blocks for that long, once, and raises what was wrong."""
        opened = Event()
        errors: list[BaseException] = []
        arguments = (prepare, opened, errors)
        Thread(target=self._run, args=arguments, name="couchpages-store-writer", daemon=True).start()
        opened.wait()
        if errors:
            raise errors[0]
        self._running = True

    def submit(self, job: Callable[[Transaction], T], *, weight: int = 0) -> "Deferred[T]":
        """Queue a job of so many bytes; the Deferred fires after the commit, or fails with nothing changed."""
        answer: Deferred[T] = Deferred(_forget)
        if self._running:
            self._queue.put(_Queued(job, weight, answer))
        else:
            answer.errback(Failure(StoreClosedError("the embedded store is stopped")))
        return answer

    def stop(self) -> "Deferred[None]":
        """Take no more jobs, finish those that are queued, close the file, then fire."""
        self._running = False
        self._queue.put(None)
        return self._closed

    def _run(self, prepare: Callable[[Transaction], None], opened: Event, errors: list[BaseException]) -> None:
        try:
            connection = _prepared(self._path, prepare)
        except BaseException as error:  # noqa: BLE001  # it is raised again in the thread that waits
            errors.append(error)
            return
        finally:
            opened.set()
        closing = False
        while not closing:
            batch = self._next_batch()
            closing = batch[-1] is None
            touched, outcomes = run_batch(connection, [each for each in batch if each is not None])
            self._reactor.callFromThread(self._deliver, touched, outcomes)
        connection.close()
        self._reactor.callFromThread(self._closed.callback, None)

    def _next_batch(self) -> list[_Queued[Any] | None]:
        batch = [self._queue.get()]
        weight = 0
        while (last := batch[-1]) is not None and len(batch) < BATCH_JOBS and weight < BATCH_BYTES:
            weight += last.weight
            try:
                batch.append(self._queue.get_nowait())
            except Empty:
                break
        return batch

    def _deliver(self, touched: frozenset[str], outcomes: list[_Outcome]) -> None:
        if touched:
            self._committed(touched)
        for answer, value in outcomes:
            if not answer.called:
                answer.callback(value)


def _prepared(path: Path, prepare: Callable[[Transaction], None]) -> sqlite3.Connection:
    connection = open_store(path)
    _, ((_, value),) = run_batch(connection, [_Queued(prepare, 0, Deferred())])
    if isinstance(value, Failure):
        connection.close()
        value.raiseException()
    return connection


def _forget(_answer: "Deferred[Any]") -> None:
    """Cancel by no longer listening: the job itself runs."""


def run_batch(connection: sqlite3.Connection, jobs: list[_Queued[Any]]) -> tuple[frozenset[str], list[_Outcome]]:
    """Run jobs in one transaction and commit it; an outcome is a job's value, or the Failure of what it raised."""
    transaction = Transaction(connection)
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [(each.answer, _attempt(transaction, each.job)) for each in jobs]
        connection.execute("COMMIT")
    except Exception as error:  # noqa: BLE001  # whatever it is, the thread has to live on, and everybody to hear of it
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        failure = Failure(explained(error))
        return frozenset(), [(each.answer, failure) for each in jobs]
    return frozenset(transaction.touched), outcomes


def _attempt(transaction: Transaction, job: Callable[[Transaction], T]) -> T | Failure:
    connection = transaction.connection
    connection.execute("SAVEPOINT job")
    try:
        value = job(transaction)
    except Exception as error:
        if not connection.in_transaction:
            raise  # SQLite gave up the whole transaction, as it does on a full disk
        connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")
        return Failure(explained(error))
    connection.execute("RELEASE job")
    return value


def explained(error: Exception) -> Exception:
    """Turn SQLite's full disk into CouchDB's answer to it; everything else stays what it is."""
    code = getattr(error, "sqlite_errorcode", None)
    return disk_full() if code is not None and code & 0xFF == sqlite3.SQLITE_FULL else error
