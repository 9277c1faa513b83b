"""Blobs that are too large, broken off, or not what they are named by: nothing of them is given or kept."""

from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.pages.blobs import ATTACHMENT, Arriving, BlobReader
from couchpages.pages.disk_cache import DiskCache
from couchpages.ports import Unavailable
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.node import MemoryReactor, NoThreads

ROOM = 500


class DamagedBlobTests(SynchronousTestCase):
    """``BlobReader`` with a disk cache of 500 bytes."""

    def setUp(self) -> None:
        """Make a reader."""
        self.database = MemoryDatabase("files", piece=7)
        self.folder = Path(self.mktemp())
        self.metrics = Metrics()
        disk = DiskCache(self.folder, ROOM)
        disk.open()
        threads: Any = NoThreads()
        self.distrusted: list[str] = []
        self.blobs = BlobReader(
            MemoryReactor(), threads, self.database, disk, 160, self.metrics, self.distrusted.append
        )

    def store(self, content: bytes, name: str | None = None) -> str:
        """Put a blob into CouchDB."""
        name = name or sha256(content).hexdigest()
        self.database.seed_attachment(name, ATTACHMENT, content)
        return name

    def refused(self, name: str) -> str:
        """Check that a blob cannot be had, that nothing of it stays, and give why."""
        failure = self.failureResultOf(Deferred.fromCoroutine(self.blobs.find(name)), Unavailable)
        self.assertEqual([each for each in self.folder.rglob("*") if each.is_file()], [])
        return str(failure.value)

    def faults(self) -> float:
        """Give what was counted."""
        labels = {"cache": "couchdb"}
        return self.metrics.registry.get_sample_value("couchpages_cache_faults_total", labels) or 0.0

    def test_huge(self) -> None:
        """A blob for which there is no room is not taken to its end, so that it does not fill the disk."""
        name = self.store(b"x" * (ROOM * 40))
        with patch.object(Arriving, "receive", autospec=True, side_effect=Arriving.receive) as receive:
            self.assertIn("more than 500 bytes", self.refused(name))
        self.assertEqual(sum(len(call.args[1]) for call in receive.call_args_list) // 7, ROOM // 7 + 1)
        self.assertEqual(self.faults(), 1)

    def test_broken_off(self) -> None:
        """A blob that breaks off is counted; one that does not begin, because CouchDB is away, is not."""
        name = self.store(b"x" * 300)
        self.database.fail("read_attachment", Unavailable("away"))
        self.refused(name)
        self.assertEqual(self.faults(), 0)
        self.database.fail("read_attachment", Unavailable("cut"), happened=True)
        self.refused(name)
        self.assertEqual((self.faults(), self.distrusted), (1, []))

    def test_distrusted(self) -> None:
        """Who keeps track of what is stored is told of a blob that is not what its name says."""
        name = self.store(b"altered", "ab" * 32)
        self.refused(name)
        self.assertEqual((self.distrusted, self.faults()), ([name], 1))
