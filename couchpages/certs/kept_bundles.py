"""Sealed certificates on disk, so that a node has them after a restart while its CouchDB is away (law 1; does I/O).

One file for each document, as JSON: the document as it came, still sealed, and how new the newest certificate was, which is remembered
of a deleted one too. A file is written beside and renamed, with mode 0600. Nothing is synced: after a power cut a file may be broken,
and is refused then; CouchDB has what was in it.
"""

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
from couchpages.quoting import named

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
                kept.refused[doc_id] = refuse(file, error)
        return kept

    def write(self, doc_id: str, record: Json) -> None:
        """Keep a record. Raises OSError, ValueError and RecursionError for what cannot be kept."""
        replace(self._path(doc_id), json.dumps(record).encode())

    def remove(self, doc_id: str) -> None:
        """Keep a record no longer. Raises OSError."""
        clear(self._path(doc_id))

    def _path(self, doc_id: str) -> Path:
        return self._folder / file_name(doc_id)


def _read(file: Path) -> Json:
    with open_plain(file) as opened:
        content = opened.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError("it is larger than any that is written here")
    record = json.loads(content)
    if not isinstance(record, dict):
        raise ValueError("it is none of ours")
    return record


class BundleKeeper(Keeping):
    """Keeps records in *folder*; see :class:`couchpages.keeping.Keeping`."""

    log = Logger()

    def __init__(self, reactor: Any, threads: ThreadPool, folder: BundleFolder, metrics: Metrics) -> None:
        super().__init__(reactor, threads, folder, metrics.cache_faults.labels("certificates_disk"))
        self._folder = folder

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
