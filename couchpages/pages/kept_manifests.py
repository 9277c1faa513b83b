"""The live manifests on disk, so that a node serves its sites after a restart while its CouchDB is away (law 1; does I/O).

One file for each site, written beside and renamed, so that a killed process leaves whole files. Losing the folder costs only that.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from couchpages.ports import Json

#: Begins the name of a file that is being written; no document's file begins so.
UNFINISHED = "~"


class ManifestFolder:
    """The files. Every method blocks and may be called from any thread, for one document by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> dict[str, Json]:
        """Make the folder and give the documents in it by their ids; what is not whole is removed. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = {}
        for file in self._folder.iterdir():
            doc_id = unquote(file.name)
            doc = None if file.name.startswith(UNFINISHED) else self.read(doc_id)
            if doc is None:
                file.unlink()
            else:
                found[doc_id] = doc
        return found

    def read(self, doc_id: str) -> Json | None:
        """Give a document, or None where there is none that can be read."""
        try:
            doc = json.loads(self._path(doc_id).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        return doc if isinstance(doc, dict) and doc.get("_id") == doc_id else None

    def write(self, doc_id: str, doc: Json) -> None:
        """Keep a document. Raises OSError."""
        path = self._path(doc_id)
        unfinished = path.with_name(UNFINISHED + path.name)
        try:
            unfinished.touch(mode=0o600)
            unfinished.write_text(json.dumps(doc))
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def remove(self, doc_id: str) -> None:
        """Keep a document no longer. Raises OSError."""
        self._path(doc_id).unlink(missing_ok=True)

    def _path(self, doc_id: str) -> Path:
        if not doc_id:
            raise ValueError("a document without a name")
        # Host names stay readable; a first character that means something to file systems, or to us, is encoded too.
        name = quote(doc_id, safe="")
        return self._folder / (f"%{ord(name[0]):02X}{name[1:]}" if name[0] in "._-~" else name)


class ManifestKeeper:
    """Keeps documents in *folder*, one after the other in a thread, only the newest of each. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(self, reactor: Any, threads: ThreadPool, folder: ManifestFolder) -> None:
        self._reactor = reactor
        self._threads = threads
        self._folder = folder
        self._due: dict[str, Json | None] = {}
        self._busy = False
        self._working: Deferred[None] | None = None

    def restore(self) -> dict[str, Json]:
        """Give what was kept, or nothing when the folder cannot be used. Blocks."""
        try:
            return self._folder.open()
        except OSError as error:
            self.log.warn("the kept manifests cannot be read: {error}", error=error)
            return {}

    def keep(self, doc_id: str, doc: Json | None) -> None:
        """Keep a document, or with None no longer, as soon as a thread gets to it."""
        self._due.pop(doc_id, None)
        self._due[doc_id] = doc
        if not self._busy:
            self._busy = True
            self._working = Deferred.fromCoroutine(self._work())

    def recall(self, doc_id: str) -> "Deferred[Json | None]":
        """Give a kept document."""
        return self._in_thread(lambda: self._folder.read(doc_id))

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

    async def _change(self, doc_id: str, doc: Json | None) -> None:
        try:
            if doc is None:
                await self._in_thread(lambda: self._folder.remove(doc_id))
            else:
                await self._in_thread(lambda: self._folder.write(doc_id, doc))
        except (OSError, ValueError) as error:
            self.log.warn("the manifest {doc_id} could not be kept on disk: {error}", doc_id=doc_id, error=error)

    def _in_thread(self, work: Callable[..., Any]) -> "Deferred[Any]":
        return deferToThreadPool(self._reactor, self._threads, work)
