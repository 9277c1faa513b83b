"""Keeps documents on disk beside what a node does, one after the other in a thread, only the newest of each (threads)."""

from collections.abc import Callable
from typing import Any, Protocol

from prometheus_client import Counter
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from couchpages.ports import Json
from couchpages.quoting import named


class Files(Protocol):
    """A folder with a file for each document. Its methods block, and are called for one document at a time."""

    def write(self, doc_id: str, doc: Json) -> None:
        """Keep a document. Raises OSError, ValueError and RecursionError for what cannot be kept."""
        ...

    def remove(self, doc_id: str) -> None:
        """Keep a document no longer. Raises OSError and ValueError."""
        ...


class Keeping:
    """Keeps documents in *files*. What cannot be kept is logged, and counted by *faults*. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(self, reactor: Any, threads: ThreadPool, files: Files, faults: Counter) -> None:
        self._reactor = reactor
        self._threads = threads
        self._files = files
        self._faults = faults
        self._due: dict[str, Json | None] = {}
        self._busy = False
        self._working: Deferred[None] | None = None

    def keep(self, doc_id: str, doc: Json | None) -> None:
        """Keep a document, or with None no longer, as soon as a thread gets to it."""
        self._due.pop(doc_id, None)
        self._due[doc_id] = doc
        if not self._busy:
            self._busy = True
            self._working = Deferred.fromCoroutine(self._work())

    def finish(self) -> "Deferred[None] | None":
        """Fire when everything is kept, or give None when nothing ever was. Called once, at the end."""
        return self._working

    def in_thread(self, work: Callable[[], Any]) -> "Deferred[Any]":
        """Do *work*, which blocks, in a thread."""
        return deferToThreadPool(self._reactor, self._threads, work)

    async def _work(self) -> None:
        try:
            while self._due:
                doc_id = next(iter(self._due))
                await self._change(doc_id, self._due.pop(doc_id))
        finally:
            self._busy = False

    async def _change(self, doc_id: str, doc: Json | None) -> None:
        try:
            if doc is None:
                await self.in_thread(lambda: self._files.remove(doc_id))
            else:
                await self.in_thread(lambda: self._files.write(doc_id, doc))
        except (OSError, ValueError, RecursionError) as error:
            self._faults.inc()
            self.log.warn("{doc_id} could not be kept on disk: {error}", doc_id=named(doc_id), error=error)
