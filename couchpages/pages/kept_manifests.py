"""The live manifests on disk, so that a node serves its sites after a restart while its CouchDB is away (law 1; does I/O).

One file for each site: the SHA-256 of what follows, in hexadecimal, a line's end, and the document as JSON. It is written beside and
renamed, so that a killed process leaves whole files. Nothing is synced: after a power cut a file may be the one before, or not
have its hash, and is refused then. Losing the folder costs only what it is for, so that is a better bargain than a disk that has to write
at once for each of thousands of sites.
"""

import hashlib
import json
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

#: Begins the name of a file that is being written; no document's file begins so.
UNFINISHED = "~"
#: Begins a file as they were written before they had a hash; it is treated as if it were not there.
WITHOUT_HASH = b"{"
HASH_LENGTH = 64


class DamagedManifest(Exception):
    """A file that is not what was written."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is in the folder: documents by their ids, and by theirs why others were refused."""

    documents: dict[str, Json] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class ManifestFolder:
    """The files. Every method blocks and may be called from any thread, for one document by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> Kept:
        """Make the folder and give what is in it; what is refused, or was left unfinished, is removed. Raises OSError."""
        make_folder(self._folder)
        kept = Kept()
        for file in self._folder.iterdir():
            doc_id = unquote(file.name)
            try:
                doc = None if file.name.startswith(UNFINISHED) else self.read(doc_id)
                if doc is None:
                    clear(file)
                else:
                    kept.documents[doc_id] = doc
            except (DamagedManifest, OSError, ValueError) as error:
                kept.refused[doc_id] = _removed(file, error)
        return kept

    def read(self, doc_id: str) -> Json | None:
        """Give a document, or None where there is none. Raises :class:`DamagedManifest` and OSError."""
        try:
            with open_plain(self._path(doc_id)) as file:
                content = file.read()
        except FileNotFoundError:
            return None
        if content.startswith(WITHOUT_HASH):
            return None
        return _unpacked(doc_id, content)

    def write(self, doc_id: str, doc: Json) -> None:
        """Keep a document. Raises OSError, ValueError and RecursionError for what cannot be kept."""
        path = self._path(doc_id)
        unfinished = path.with_name(UNFINISHED + path.name)
        content = _packed(doc)
        make_folder(self._folder)
        try:
            unfinished.touch(mode=0o600)
            unfinished.write_bytes(content)
            if path.is_dir():
                clear(path)
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def remove(self, doc_id: str) -> None:
        """Keep a document no longer. Raises OSError."""
        clear(self._path(doc_id))

    def _path(self, doc_id: str) -> Path:
        if not doc_id:
            raise ValueError("a document without a name")
        # Host names stay readable; a first character that means something to file systems, or to us, is encoded too.
        name = quote(doc_id, safe="")
        return self._folder / (f"%{ord(name[0]):02X}{name[1:]}" if name[0] in "._-~" else name)


def _packed(doc: Json) -> bytes:
    content = json.dumps(doc).encode()
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def _unpacked(doc_id: str, packed: bytes) -> Json:
    promised, content = packed[:HASH_LENGTH], packed[HASH_LENGTH + 1 :]
    if promised != hashlib.sha256(content).hexdigest().encode():
        raise DamagedManifest("it does not have its hash")
    try:
        doc = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DamagedManifest(f"it cannot be read: {error}") from error
    if not isinstance(doc, dict) or doc.get("_id") != doc_id:
        raise DamagedManifest("it is another document's")
    return doc


def _removed(file: Path, why: Exception) -> str:
    """Remove a file that is refused; give what there is to say."""
    try:
        clear(file)
    except OSError as error:
        return f"{why}; it cannot be removed either: {error}"
    return f"{why}; it was removed"


class ManifestKeeper:
    """Keeps documents in *folder*, one after the other in a thread, only the newest of each. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(self, reactor: Any, threads: ThreadPool, folder: ManifestFolder, metrics: Metrics) -> None:
        self._reactor = reactor
        self._threads = threads
        self._folder = folder
        self._faults = metrics.cache_faults.labels("manifests_disk")
        self._due: dict[str, Json | None] = {}
        self._busy = False
        self._working: Deferred[None] | None = None

    def restore(self) -> dict[str, Json]:
        """Give what was kept, or nothing when the folder cannot be used. Blocks."""
        try:
            kept = self._folder.open()
        except OSError as error:
            self._faults.inc()
            self.log.warn("the kept manifests cannot be read: {error}", error=error)
            return {}
        for doc_id, reason in kept.refused.items():
            self._refused(doc_id, reason)
        return kept.documents

    def keep(self, doc_id: str, doc: Json | None) -> None:
        """Keep a document, or with None no longer, as soon as a thread gets to it."""
        self._due.pop(doc_id, None)
        self._due[doc_id] = doc
        if not self._busy:
            self._busy = True
            self._working = Deferred.fromCoroutine(self._work())

    async def recall(self, doc_id: str) -> Json | None:
        """Give a kept document, or None where there is none that is whole."""
        try:
            found: Json | None = await self._in_thread(lambda: self._folder.read(doc_id))
        except (DamagedManifest, OSError, ValueError) as error:
            self._refused(doc_id, str(error))
            return None
        return found

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
        except (OSError, ValueError, RecursionError) as error:
            self._faults.inc()
            self.log.warn("the manifest {doc_id} could not be kept on disk: {error}", doc_id=doc_id, error=error)

    def _refused(self, doc_id: str, reason: str) -> None:
        self._faults.inc()
        self.log.warn("the kept manifest {doc_id} is refused: {reason}", doc_id=doc_id, reason=reason)

    def _in_thread(self, work: Callable[..., Any]) -> "Deferred[Any]":
        return deferToThreadPool(self._reactor, self._threads, work)
