"""Blobs for visitors: from memory, else from disk, else from CouchDB, always with the hash that they are named by (does I/O)."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, NamedTuple, TypeAlias, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from couchpages.metrics import Metrics
from couchpages.pages.disk_cache import DamagedBlob, DiskCache, Incoming
from couchpages.pages.lru import SizedCache
from couchpages.pages.single_flight import SingleFlight
from couchpages.ports import Database, NotFound, Unavailable
from couchpages.web.sending import DIRECT

Content: TypeAlias = bytes | BinaryIO
"""A blob's bytes, or a file with them, which whoever asked for it closes."""

T = TypeVar("T")


class Found(NamedTuple):
    """A blob, and where it was: memory, disk or couchdb."""

    content: Content
    where: str


ATTACHMENT = "data"
#: A blob that would take more than this part of the memory cache is served from disk, so that one large file does not push out a site.
LARGEST_PART = 16


class Arriving:
    """A blob on its way from CouchDB: hashed, written to disk, and kept in memory while it has at most *most* bytes.

    One that neither memory nor the *room* on disk can hold is not taken to its end: it would be written for nothing.
    """

    def __init__(self, most: int, room: int, incoming: Incoming | None) -> None:
        self.most = most
        self.room = max(most, room)
        self.incoming = incoming
        self.failure: OSError | None = None
        self.hash = hashlib.sha256()
        self.size = 0
        self.parts: list[bytes] = []

    def receive(self, data: bytes) -> None:
        """Take the next piece."""
        self.size += len(data)
        if self.size > self.room:
            raise Unavailable(f"it has more than {self.room:,} bytes, for which the disk cache is too small")
        self.hash.update(data)
        if self.size <= self.most:
            self.parts.append(data)
        else:
            self.parts.clear()
        if self.incoming is not None:
            self._write(self.incoming, data)
        if self.incoming is None and self.size > self.most:
            raise Unavailable(f"no room on disk for a blob that is too large for memory: {self.failure}")

    def _write(self, incoming: Incoming, data: bytes) -> None:
        try:
            incoming.file.write(data)
        except OSError as error:
            self.failure, self.incoming = error, None
            _abandon(incoming)


class BlobReader:
    """Gives blobs; many misses of one make one request. Used in *reactor*'s thread; files are read in *threads*.

    *distrust* is told the name of a blob that is not what it should be in CouchDB.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        threads: ThreadPool,
        database: Database,
        disk: DiskCache,
        memory: int,
        metrics: Metrics,
        distrust: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._reactor = reactor
        self._threads = threads
        self._database = database
        self._disk = disk
        self._memory: SizedCache[str, bytes] = SizedCache(memory, len)
        self._most = max(memory // LARGEST_PART, 1)
        self._flights: SingleFlight[str, tuple[bytes | None, str]] = SingleFlight()
        self._metrics = metrics
        self._reads = metrics.blob_reads.counts
        self._reads.setdefault("memory", 0)
        self._distrust = distrust
        metrics.cache_bytes.labels("blobs_memory").set_function(lambda: self._memory.held)
        metrics.cache_bytes.labels("blobs_disk").set_function(lambda: disk.held)

    def in_memory(self, sha256: str) -> bytes | None:
        """Give a blob that is in memory."""
        content = self._memory.get(sha256)
        if content is not None:
            self._reads["memory"] += 1
        return content

    def held(self, sha256: str) -> bytes | None:
        """Give a blob that is in memory to somebody who is no visitor, and is not counted."""
        return self._memory.get(sha256)

    def size(self, sha256: str) -> int | None:
        """Give the bytes of a blob that is in memory or on disk; None for one that is not, or cannot be checked at once."""
        content = self._memory.get(sha256)
        if content is not None:
            return len(content)
        size = self._disk.size(sha256)
        if size is None:
            checked = self._at_once(sha256)
            size = len(checked) if checked is not None else None
        return size

    def near(self, sha256: str) -> bytes | None:
        """Give a blob of moderate size that is on disk and in the kernel's memory, and hold it in ours. Does not wait."""
        content = self._at_once(sha256)
        if content is not None:
            self._metrics.blob_reads.inc("disk")
            self._memory.put(sha256, content)
        return content

    def _at_once(self, sha256: str) -> bytes | None:
        try:
            return self._disk.read_at_once(sha256, min(self._most, DIRECT))
        except (DamagedBlob, OSError) as error:
            self._damaged(sha256, error)
            return None

    async def find(self, sha256: str) -> Found:
        """Give a blob. Raises :class:`Unavailable` when it cannot be had now, also when CouchDB has none of that name (law 3)."""
        content = self.in_memory(sha256)
        if content is not None:
            return Found(content, "memory")
        fetched, where = await self._flights.get(sha256, lambda: self._load(sha256))
        if fetched is not None:
            return Found(fetched, where)
        # Too large for memory: each visitor has a file of its own to read from.
        file = await self._from_disk(sha256)
        if file is None:
            raise Unavailable(f"blob {sha256} left the disk cache before it was read; the cache is too small for it")
        return Found(file, where)

    async def _load(self, sha256: str) -> tuple[bytes | None, str]:
        """Bring a blob into memory and give it, or onto disk and give None; and tell where it was."""
        content = await self._from_disk(sha256)
        if content is None:
            content = await self._from_couchdb(sha256)
            found = "couchdb"
        else:
            found = "disk"
        self._metrics.blob_reads.inc(found)
        if isinstance(content, bytes):
            self._memory.put(sha256, content)
            return content, found
        if content is not None:
            content.close()
        return None, found

    async def _from_disk(self, sha256: str) -> Content | None:
        try:
            return await self._in_thread(lambda: self._disk.read(sha256, self._most))
        except (DamagedBlob, OSError) as error:
            self._damaged(sha256, error)
            return None

    def _damaged(self, sha256: str, error: Exception) -> None:
        self._metrics.cache_faults.labels("blobs_disk").inc()
        self.log.warn("blob {sha256} cannot be used from disk: {error}", sha256=sha256, error=error)

    async def _from_couchdb(self, sha256: str) -> bytes | None:
        arriving = Arriving(self._most, self._disk.limit, self._incoming())
        try:
            await self._receive(sha256, arriving)
        except BaseException:
            if arriving.incoming is not None:
                _abandon(arriving.incoming)
            raise
        await self._keep(sha256, arriving)
        return b"".join(arriving.parts) if arriving.size <= self._most else None

    async def _receive(self, sha256: str, arriving: Arriving) -> None:
        try:
            await self._database.read_attachment(sha256, ATTACHMENT, arriving.receive)
        except NotFound as error:
            self._metrics.blob_reads.inc("nowhere")
            self.log.warn("a manifest names blob {sha256}, which CouchDB does not have (yet)", sha256=sha256)
            raise Unavailable(f"blob {sha256} is not in CouchDB (yet)") from error
        except Unavailable as error:
            if arriving.size:
                self._broke_off(sha256, arriving, error)
            raise
        found = arriving.hash.hexdigest()
        if found != sha256:
            self._metrics.cache_faults.labels("couchdb").inc()
            self._distrust(sha256)
            self.log.error(
                "{database}/{sha256} has the SHA-256 {found}", database=self._database.name, sha256=sha256, found=found
            )
            raise Unavailable(f"blob {sha256} is damaged in CouchDB")

    def _broke_off(self, sha256: str, arriving: Arriving, error: Unavailable) -> None:
        # A CouchDB that is away altogether is told of by whoever follows it.
        self._metrics.cache_faults.labels("couchdb").inc()
        self.log.warn(
            "{database}/{sha256} broke off after {size} bytes: {error}",
            database=self._database.name,
            sha256=sha256,
            size=arriving.size,
            error=str(error),
        )

    def _incoming(self) -> Incoming | None:
        try:
            return self._disk.incoming()
        except OSError as error:
            self._metrics.cache_faults.labels("blobs_disk").inc()
            self.log.warn("the disk cache cannot be written to: {error}", error=error)
            return None

    async def _keep(self, sha256: str, arriving: Arriving) -> None:
        incoming = arriving.incoming
        if incoming is None:
            if arriving.failure is not None:
                self._not_kept(sha256, arriving.failure)
            return
        try:
            incoming.file.close()
            await self._in_thread(lambda: self._disk.adopt(incoming.path, sha256, arriving.size))
        except OSError as error:
            _abandon(incoming)
            self._not_kept(sha256, error)
            if arriving.size > self._most:
                raise Unavailable(f"no room on disk for blob {sha256}, which is too large for memory") from error

    def _not_kept(self, sha256: str, error: OSError) -> None:
        self._metrics.cache_faults.labels("blobs_disk").inc()
        self.log.warn("blob {sha256} could not be kept on disk: {error}", sha256=sha256, error=error)

    def _in_thread(self, work: Callable[[], T]) -> "Deferred[T]":
        return deferToThreadPool(self._reactor, self._threads, work)


def _abandon(incoming: Incoming) -> None:
    # On a full disk closing writes what is buffered, and fails again; a file that stays is removed at the next start.
    with suppress(OSError):
        incoming.abandon()
    with suppress(OSError):
        incoming.path.unlink(missing_ok=True)
