"""Sealed certificates on disk, so that a node has them after a restart while its CouchDB is away (law 1; does I/O).

One file for each document, as JSON: the document as it came, still sealed, and how new the newest certificate was, which is remembered
of a deleted one too. A file is written beside and renamed, with mode 0600. Nothing is synced: after a power cut a file may be broken,
and is refused then; CouchDB has what was in it.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from couchpages.folders import clear, make_folder, open_plain
from couchpages.metrics import Metrics
from couchpages.ports import Json
from couchpages.quoting import named

#: Begins the name of a file that is being written; no document's file begins so.
UNFINISHED = "~"
#: Bytes of a file that are read at most: twice what a document may have.
LARGEST = 2**22


@dataclass(frozen=True, slots=True)
class Kept:
    """What is in the folder: records by their documents' ids, and by theirs why others were refused."""

    records: dict[str, Json] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class BundleFolder:
    """The files. Every method blocks and may be called from any thread, for one document by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> Kept:
        """Make the folder and give what is in it; what is refused, or was left unfinished, is removed. Raises OSError."""
        make_folder(self._folder)
        kept = Kept()
        for file in sorted(self._folder.iterdir()):
            doc_id = unquote(file.name)
            try:
                if file.name.startswith(UNFINISHED):
                    clear(file)
                else:
                    kept.records[doc_id] = _read(file)
            except (OSError, ValueError, RecursionError) as error:
                kept.refused[doc_id] = _removed(file, error)
        return kept

    def write(self, doc_id: str, record: Json) -> None:
        """Keep a record. Raises OSError, ValueError and RecursionError for what cannot be kept."""
        path = self._path(doc_id)
        unfinished = path.with_name(UNFINISHED + path.name)
        content = json.dumps(record).encode()
        make_folder(self._folder)
        clear(unfinished)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as file:
                file.write(content)
            if path.is_dir():
                clear(path)
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def remove(self, doc_id: str) -> None:
        """Keep a record no longer. Raises OSError."""
        clear(self._path(doc_id))

    def _path(self, doc_id: str) -> Path:
        if not doc_id:
            raise ValueError("a document without a name")
        name = quote(doc_id, safe="")
        return self._folder / (f"%{ord(name[0]):02X}{name[1:]}" if name[0] in "._-~" else name)


def _read(file: Path) -> Json:
    with open_plain(file) as opened:
        content = opened.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError("it is larger than any that is written here")
    record = json.loads(content)
    if not isinstance(record, dict):
        raise ValueError("it is none of ours")
    return record


def _removed(file: Path, why: Exception) -> str:
    """Remove a file that is refused; give what there is to say."""
    try:
        clear(file)
    except OSError as error:
        return f"{why}; it cannot be removed either: {error}"
    return f"{why}; it was removed"


class BundleKeeper:
    """Keeps records in *folder*, one after the other in a thread, only the newest of each. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(self, reactor: Any, threads: ThreadPool, folder: BundleFolder, metrics: Metrics) -> None:
        self._reactor = reactor
        self._threads = threads
        self._folder = folder
        self._faults = metrics.cache_faults.labels("certificates_disk")
        self._due: dict[str, Json | None] = {}
        self._working: Deferred[None] | None = None
        self._busy = False

    def restore(self) -> dict[str, Json]:
        """Give what was kept, or nothing when the folder cannot be used. Blocks."""
        try:
            kept = self._folder.open()
        except OSError as error:
            self._faults.inc()
            self.log.warn("the kept certificates cannot be read: {error}", error=error)
            return {}
        for doc_id, reason in kept.refused.items():
            self._faults.inc()
            self.log.warn("the kept certificate {doc_id} is refused: {reason}", doc_id=named(doc_id), reason=reason)
        return kept.records

    def keep(self, doc_id: str, record: Json | None) -> None:
        """Keep a record, or with None no longer, as soon as a thread gets to it."""
        self._due.pop(doc_id, None)
        self._due[doc_id] = record
        if not self._busy:
            self._busy = True
            self._working = Deferred.fromCoroutine(self._work())

    def finish(self) -> "Deferred[None] | None":
        """Fire when everything is kept, or give None when nothing ever was. Called once, at the end."""
        return self._working

    async def _work(self) -> None:
        try:
            while self._due:
                doc_id = next(iter(self._due))
                await self._change(doc_id, self._due.pop(doc_id))
        finally:
            self._busy = False

    async def _change(self, doc_id: str, record: Json | None) -> None:
        try:
            if record is None:
                await self._in_thread(lambda: self._folder.remove(doc_id))
            else:
                await self._in_thread(lambda: self._folder.write(doc_id, record))
        except (OSError, ValueError, RecursionError) as error:
            self._faults.inc()
            self.log.warn("{doc_id} could not be kept on disk: {error}", doc_id=named(doc_id), error=error)

    def _in_thread(self, work: Callable[[], object]) -> "Deferred[Any]":
        return deferToThreadPool(self._reactor, self._threads, work)
