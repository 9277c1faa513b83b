"""Blobs from memory, disk and CouchDB."""

import errno
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.pages.blobs import ATTACHMENT, BlobReader, Content
from couchpages.pages.disk_cache import DiskCache, Incoming
from couchpages.ports import Denied, Unavailable
from couchpages.testing.memory_database import MemoryDatabase, Turns
from couchpages.testing.node import MemoryReactor, NoThreads

FULL = OSError(errno.ENOSPC, "no space left on device")
SMALL, LARGE = b"small", b"large" * 100
MEMORY = 16 * len(SMALL)


class FullFile:
    """A file on a full disk: what is written, or closed, fails as *where* says."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self._file = file
        self._where = where

    def write(self, data: bytes) -> int:
        """Write, or fail."""
        if self._where == "write":
            raise FULL
        return self._file.write(data)

    def close(self) -> None:
        """Close, and fail: what was buffered is lost."""
        self._file.close()
        if self._where in ("write", "close"):
            raise FULL


class BlobReaderTests(SynchronousTestCase):
    """``BlobReader``."""

    def setUp(self) -> None:
        """Make a reader whose memory takes small blobs and whose disk takes all."""
        self.database = MemoryDatabase("files", piece=7)
        self.folder = Path(self.mktemp())
        self.metrics = Metrics()
        self.restart()

    def restart(self, disk: int = 2000) -> None:
        """Make a reader with nothing in memory."""
        self.disk = DiskCache(self.folder, disk)
        self.disk.open()
        threads: Any = NoThreads()
        self.blobs = BlobReader(MemoryReactor(), threads, self.database, self.disk, MEMORY, self.metrics)

    def store(self, content: bytes, name: str | None = None) -> str:
        """Put a blob into CouchDB."""
        name = name or sha256(content).hexdigest()
        self.database.seed_attachment(name, ATTACHMENT, content)
        return name

    def ask(self, name: str) -> "Deferred[Content]":
        """Begin to get a blob."""

        async def found() -> Content:
            return (await self.blobs.find(name)).content

        return Deferred.fromCoroutine(found())

    def get(self, name: str) -> bytes:
        """Get a blob's bytes, from a file too."""
        content = self.successResultOf(self.ask(name))
        if isinstance(content, bytes):
            return content
        with content:
            return content.read()

    def refused(self, name: str) -> str:
        """Check that a blob cannot be had now, and give why."""
        return str(self.failureResultOf(self.ask(name), Unavailable).value)

    def count(self, family: str, **labels: str) -> float:
        """Give a metric."""
        return self.metrics.registry.get_sample_value(f"couchpages_{family}_total", labels) or 0.0

    def leftovers(self) -> list[str]:
        """Give the names of unfinished files."""
        return [path.name for path in self.folder.glob("incoming-*")]

    def test_small(self) -> None:
        """A small blob is fetched once and then given from memory; after a restart from disk, without CouchDB (law 1)."""
        name = self.store(SMALL)
        self.assertIsNone(self.blobs.in_memory(name))
        self.assertEqual((self.get(name), self.get(name)), (SMALL, SMALL))
        self.assertEqual(self.blobs.in_memory(name), SMALL)
        self.assertEqual(len(self.database.calls), 1)
        self.restart()
        self.database.fail("read_attachment", Unavailable("away"), times=9)
        self.assertEqual(self.get(name), SMALL)
        self.assertEqual(len(self.database.calls), 1)
        self.assertEqual([self.count("blob_reads", found=each) for each in ("couchdb", "memory", "disk")], [1, 2, 1])

    def test_large(self) -> None:
        """A large blob is given as a file, one for each visitor, and never stands in memory."""
        name = self.store(LARGE)
        first, second = (self.successResultOf(self.ask(name)) for _ in range(2))
        assert not isinstance(first, bytes)
        assert not isinstance(second, bytes)
        with first, second:
            self.assertIsNot(first, second)
            self.assertEqual((first.read(), second.read()), (LARGE, LARGE))
        self.assertEqual(len(self.database.calls), 1)
        self.assertIsNone(self.blobs.in_memory(name))

    def test_empty(self) -> None:
        """A blob of no bytes is a blob."""
        name = self.store(b"")
        self.assertEqual((self.get(name), self.get(name)), (b"", b""))
        self.assertEqual(len(self.database.calls), 1)

    def test_one_fetch(self) -> None:
        """Many misses of one blob make one request, small or large."""
        turns = Turns()
        self.database.pause = turns.wait
        for content in (SMALL, LARGE):
            name = self.store(content)
            waiting = [self.ask(name) for _ in range(5)]
            self.assertEqual(len(turns.waiting), 1)
            turns.go()
            turns.go()
            for each in waiting:
                found = self.successResultOf(each)
                if not isinstance(found, bytes):
                    found.close()

    def test_nowhere(self) -> None:
        """A blob that CouchDB does not have (yet) is unavailable, not absent, and is looked for again (law 3)."""
        name = sha256(SMALL).hexdigest()
        self.assertIn("not in CouchDB", self.refused(name))
        self.assertEqual(self.leftovers(), [])
        self.store(SMALL)
        self.assertEqual(self.get(name), SMALL)

    def test_couchdb_away(self) -> None:
        """An error reaches everybody who waits, leaves nothing behind, also after half of the content, and is not remembered."""
        for content in (SMALL, LARGE):
            name = self.store(content)
            for happened in (False, True):
                self.database.fail("read_attachment", Unavailable("away"), happened=happened)
                self.refused(name)
                self.assertEqual(self.leftovers(), [])
            self.assertEqual(self.get(name), content)

    def test_other_errors(self) -> None:
        """What CouchDB does not let us read is its own error."""
        name = self.store(SMALL)
        self.database.fail("read_attachment", Denied("no"))
        self.failureResultOf(self.ask(name), Denied)

    def test_wrong_hash(self) -> None:
        """Content that has not the hash of its name is neither given nor kept, in memory or on disk (law 5)."""
        for wrong, right in ((b"smalx", SMALL), (b"x" + LARGE[1:], LARGE), (b"", SMALL), (SMALL + b"x", SMALL)):
            name = self.store(wrong, sha256(right).hexdigest())
            self.assertIn("damaged", self.refused(name))
            self.assertEqual((self.leftovers(), self.disk.held, self.blobs.in_memory(name)), ([], 0, None))
        self.assertEqual(self.count("cache_faults", cache="couchdb"), 4)

    def test_damaged_on_disk(self) -> None:
        """A damaged file is counted, removed and fetched again, small or large."""
        for number, content in enumerate((SMALL, LARGE), 1):
            name = self.store(content)
            self.get(name)
            self.restart()
            path = self.folder / name[:2] / name
            path.write_bytes(b"x" * len(content))
            self.assertEqual(self.get(name), content)
            self.assertEqual(path.read_bytes(), content)
            self.assertEqual(self.count("cache_faults", cache="blobs_disk"), number)

    def test_unreadable_disk(self) -> None:
        """A disk that cannot be read is passed by."""
        name = self.store(SMALL)
        self.get(name)
        self.restart()
        with patch.object(self.disk, "read", side_effect=OSError(errno.EIO, "broken")):
            self.assertEqual(self.get(name), SMALL)

    def full(self, where: str) -> Any:
        """Make the disk full, at *where* of the way of a blob onto it."""
        if where == "incoming":
            return patch.object(self.disk, "incoming", side_effect=FULL)
        if where == "rename":
            return patch.object(Path, "replace", side_effect=FULL)
        make = self.disk.incoming

        def incoming() -> Incoming:
            made = make()
            file: Any = FullFile(made.file, where)
            return Incoming(file, made.path)

        return patch.object(self.disk, "incoming", incoming)

    def test_full_disk(self) -> None:
        """On a full disk small blobs are given from memory, large ones are unavailable, and both come again when there is room."""
        for where in ("incoming", "write", "close", "rename"):
            self.folder = Path(self.mktemp())
            self.restart()
            small, large = self.store(SMALL), self.store(LARGE)
            before = self.count("cache_faults", cache="blobs_disk")
            with self.full(where):
                self.assertEqual((self.get(small), self.get(small)), (SMALL, SMALL), where)
                self.assertIn("no room", self.refused(large))
            self.assertEqual((self.leftovers(), self.disk.held), ([], 0), where)
            self.assertGreater(self.count("cache_faults", cache="blobs_disk"), before, where)
            self.assertEqual(self.get(large), LARGE, where)
            self.assertEqual(self.get(small), SMALL, where)

    def test_broken_folder(self) -> None:
        """Where not even a leftover can be removed, a small blob is given all the same."""
        name = self.store(SMALL)
        with self.full("write"), patch.object(Path, "unlink", side_effect=OSError(errno.EROFS, "read-only")):
            self.assertEqual(self.get(name), SMALL)

    def test_cache_smaller_than_a_blob(self) -> None:
        """A blob for which both caches are too small is unavailable, and says why."""
        self.restart(disk=10)
        self.assertIn("too small", self.refused(self.store(LARGE)))
        self.assertEqual(self.leftovers(), [])

    def test_gauges(self) -> None:
        """The gauges tell what is held."""
        self.get(self.store(SMALL))
        for cache in ("blobs_memory", "blobs_disk"):
            self.assertEqual(self.metrics.registry.get_sample_value("couchpages_cache_bytes", {"cache": cache}), 5)
