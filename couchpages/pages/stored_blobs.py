"""The blobs that CouchDB holds: which ones, and storing more (does I/O)."""

from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

from couchpages.metrics import Metrics
from couchpages.pages.blobs import ATTACHMENT
from couchpages.pages.lru import SizedCache
from couchpages.ports import Conflict, Database, Json
from couchpages.web.problem import Problem

#: CouchDB holds compressible types gzipped, and then answers no ranges; visitors get the type from the path.
BLOB_TYPE = "application/octet-stream"
#: The empty blob is an exception: CouchDB (3.5.2) waits for ever when it replicates an attachment without a byte, unless that is gzipped.
EMPTY_TYPE = "text/plain"
#: Keys asked for in one call: some 350 kB of request.
BATCH = 5000
MISSING_SHOWN = 100
#: Hashes of blobs that CouchDB is known to have, some 150 bytes each: CouchDB takes more than 0.1 ms to look one up, a second for a
#: large site, and `couchpages deploy` has asked for all of them a moment before it makes the deployment.
REMEMBERED = 50_000


def holds_blob(doc: Json) -> bool:
    """Whether a document of the database of blobs has the attachment that is the blob's content."""
    attachments = doc.get("_attachments")
    return isinstance(attachments, dict) and ATTACHMENT in attachments


class StoredBlobs:
    """The database of blobs, *files*. Methods that ask raise :class:`couchpages.ports.StoreError`.

    What CouchDB had once is not asked for again until :meth:`forget` tells that it is gone: whoever follows the database says so.
    """

    def __init__(self, files: Database, metrics: Metrics) -> None:
        self._files = files
        self._metrics = metrics
        self._here: SizedCache[str, bool] = SizedCache(REMEMBERED, lambda _: 1)
        self._damaged: set[str] = set()

    async def missing(self, hashes: Sequence[str]) -> list[str]:
        """Ask CouchDB which of *hashes* are not stored, or not as they should be; give them sorted."""
        missing: list[str] = []
        for start in range(0, len(hashes), BATCH):
            for row in await self._files.rows(hashes[start : start + BATCH], include_docs=True):
                if row.doc is None or not holds_blob(row.doc) or row.doc_id in self._damaged:
                    missing.append(row.doc_id)
                else:
                    self.remember(row.doc_id)
        return sorted(missing)

    async def require(self, hashes: Iterable[str]) -> None:
        """Raise the problem of blobs that are not stored; what is known to be is not asked for again."""
        missing = await self.missing(sorted(self.unknown(hashes)))
        if missing:
            detail = f"{len(missing):,} of the files' blobs are not stored; upload them first"
            raise Problem(409, detail, field="files", more={"missing": missing[:MISSING_SHOWN]})

    async def store(self, sha256: str, open_content: Callable[[], BinaryIO], size: int) -> bool:
        """Store content whose hash was checked; tell whether it was new. What is stored and damaged is replaced."""
        new = await self._put(sha256, open_content, size)
        self.remember(sha256)
        self._damaged.discard(sha256)
        self._metrics.uploads.labels("stored" if new else "known").inc()
        return new

    def unknown(self, hashes: Iterable[str]) -> set[str]:
        """Give those of *hashes* that are not known to be here."""
        return {sha256 for sha256 in hashes if self._here.get(sha256) is None}

    def remember(self, sha256: str) -> None:
        """Note that a blob is here."""
        self._here.put(sha256, True)

    def forget(self, sha256: str) -> None:
        """Note that a blob is here no longer."""
        self._here.discard(sha256)

    def forget_all(self) -> None:
        """Note that nothing is known any more."""
        self._here = SizedCache(REMEMBERED, lambda _: 1)

    def distrust(self, sha256: str) -> None:
        """Note that what is stored under this name is something else, so that whoever deploys it is asked for it again."""
        self._damaged.add(sha256)
        self.forget(sha256)

    async def _put(self, sha256: str, open_content: Callable[[], BinaryIO], size: int) -> bool:
        kind = BLOB_TYPE if size else EMPTY_TYPE
        try:
            await self._files.put_attachment(sha256, ATTACHMENT, open_content, size, kind)
        except Conflict:
            (row,) = await self._files.rows([sha256], include_docs=True)
            if row.doc is None or row.rev is None or (holds_blob(row.doc) and sha256 not in self._damaged):
                return False
            await self._files.put_attachment(sha256, ATTACHMENT, open_content, size, kind, row.rev)
        return True
