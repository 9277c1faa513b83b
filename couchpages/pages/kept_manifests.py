"""The live manifests on disk, so that a node serves its sites after a restart while its CouchDB is away (law 1; does I/O).

One file for each site: the SHA-256 of what follows, in hexadecimal, a line's end, and the document as JSON. It is written beside and
renamed, so that a killed process leaves whole files. Nothing is synced: after a power cut a file may be the one before, or not
have its hash, and is refused then. Losing the folder costs only what it is for, so that is a better bargain than a disk that has to write
at once for each of thousands of sites.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from couchpages.folders import UNFINISHED, clear, file_name, make_folder, open_plain, refuse, replace
from couchpages.keeping import Keeping
from couchpages.metrics import Metrics
from couchpages.ports import Json

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
                kept.refused[doc_id] = refuse(file, error)
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
        replace(self._path(doc_id), _packed(doc))

    def remove(self, doc_id: str) -> None:
        """Keep a document no longer. Raises OSError."""
        clear(self._path(doc_id))

    def _path(self, doc_id: str) -> Path:
        return self._folder / file_name(doc_id)


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


class ManifestKeeper(Keeping):
    """Keeps documents in *folder*; see :class:`couchpages.keeping.Keeping`."""

    log = Logger()

    def __init__(self, reactor: Any, threads: ThreadPool, folder: ManifestFolder, metrics: Metrics) -> None:
        super().__init__(reactor, threads, folder, metrics.cache_faults.labels("manifests_disk"))
        self._folder = folder

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

    async def recall(self, doc_id: str) -> Json | None:
        """Give a kept document, or None where there is none that is whole."""
        try:
            found: Json | None = await self.in_thread(lambda: self._folder.read(doc_id))
        except (DamagedManifest, OSError, ValueError) as error:
            self._refused(doc_id, str(error))
            return None
        return found

    def _refused(self, doc_id: str, reason: str) -> None:
        self._faults.inc()
        self.log.warn("the kept manifest {doc_id} is refused: {reason}", doc_id=doc_id, reason=reason)
