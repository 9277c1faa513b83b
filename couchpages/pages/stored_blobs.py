"""The blobs that CouchDB holds: which ones, and storing more (does I/O)."""

from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

from couchpages.metrics import Metrics
from couchpages.pages.blobs import ATTACHMENT
from couchpages.pages.lru import SizedCache
from couchpages.ports import Conflict, Database
from couchpages.web.problem import Problem

#: CouchDB holds compressible types gzipped, and then answers no ranges; visitors get the type from the path.
BLOB_TYPE = "application/octet-stream"
#: Keys asked for in one call: some 350 kB of request.
BATCH = 5000
MISSING_SHOWN = 100
#: Milliseconds for which a blob that CouchDB had is not asked for again: CouchDB takes 0.13 ms for each key, a second for a large
#: site, and `couchpages deploy` has asked for all of them a moment before it makes the deployment. Blobs are not deleted.
TRUSTED = 120_000
REMEMBERED = 50_000


class StoredBlobs:
    """The database of blobs, *files*. *clock* gives milliseconds since 1970. Methods raise :class:`couchpages.ports.StoreError`."""

    def __init__(self, files: Database, clock: Callable[[], int], metrics: Metrics) -> None:
        self._files = files
        self._clock = clock
        self._metrics = metrics
        self._seen: SizedCache[str, int] = SizedCache(REMEMBERED, lambda _: 1)

    async def missing(self, hashes: Sequence[str]) -> list[str]:
        """Ask CouchDB which of *hashes* are not stored; give them sorted."""
        missing: list[str] = []
        for start in range(0, len(hashes), BATCH):
            for row in await self._files.rows(hashes[start : start + BATCH]):
                if row.rev is None:
                    missing.append(row.doc_id)
                else:
                    self._remember(row.doc_id)
        return sorted(missing)

    async def require(self, hashes: Iterable[str]) -> None:
        """Raise the problem of blobs that are not stored; what was seen a moment ago is not asked for again."""
        missing = await self.missing(sorted({each for each in hashes if not self._was_seen(each)}))
        if missing:
            detail = f"{len(missing):,} of the files' blobs are not stored; upload them first"
            raise Problem(409, detail, field="files", more={"missing": missing[:MISSING_SHOWN]})

    async def store(self, sha256: str, open_content: Callable[[], BinaryIO], size: int) -> bool:
        """Store content whose hash was checked; tell whether it was new."""
        try:
            await self._files.put_attachment(sha256, ATTACHMENT, open_content, size, BLOB_TYPE)
        except Conflict:
            new = False
        else:
            new = True
        self._remember(sha256)
        self._metrics.uploads.labels("stored" if new else "known").inc()
        return new

    def _remember(self, sha256: str) -> None:
        self._seen.put(sha256, self._clock())

    def _was_seen(self, sha256: str) -> bool:
        seen = self._seen.get(sha256)
        return seen is not None and 0 <= self._clock() - seen <= TRUSTED
