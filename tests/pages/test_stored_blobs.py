"""The blobs that CouchDB holds."""

from hashlib import sha256
from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.pages.stored_blobs import BLOB_TYPE, TRUSTED, StoredBlobs
from couchpages.ports import NoRoom, Unavailable
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.web.problem import Problem

NAME = sha256(b"new").hexdigest()


class StoredBlobsTests(SynchronousTestCase):
    """``StoredBlobs``."""

    def setUp(self) -> None:
        """Begin with an empty database."""
        self.now = 1_000_000
        self.files = MemoryDatabase("files")
        self.blobs = StoredBlobs(self.files, lambda: self.now, Metrics())

    def done(self, work: Any) -> Any:
        """Give what a coroutine gives at once."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def store(self) -> bool:
        """Store the blob."""
        return bool(self.done(self.blobs.store(NAME, lambda: BytesIO(b"new"), 3)))

    def test_missing(self) -> None:
        """Those that are not stored, sorted; none is asked for one by one."""
        self.store()
        hashes = [f"{number:064x}" for number in range(12_000)]
        self.files.calls.clear()
        self.assertEqual(self.done(self.blobs.missing([*reversed(hashes), NAME])), hashes)
        self.assertEqual(len(self.files.calls), 3)

    def test_store(self) -> None:
        """A blob is stored as octets, once; the second time it is known. An error is no blob."""
        self.files.fail("put_attachment", NoRoom("full"))
        self.failureResultOf(Deferred.fromCoroutine(self.blobs.store(NAME, lambda: BytesIO(b"new"), 3)), NoRoom)
        self.assertNotIn(NAME, self.files.stored)
        self.files.fail("put_attachment", Unavailable("lost"), happened=True)
        self.failureResultOf(Deferred.fromCoroutine(self.blobs.store(NAME, lambda: BytesIO(b"new"), 3)), Unavailable)
        self.assertFalse(self.store())
        self.assertEqual(self.files.stored[NAME].attachments, {"data": b"new"})
        self.assertEqual(BLOB_TYPE, "application/octet-stream")

    def test_require(self) -> None:
        """What is not stored is a problem, each time; it is not remembered as missing either."""
        for _ in range(2):
            problem = self.failureResultOf(Deferred.fromCoroutine(self.blobs.require([NAME]))).value
            assert isinstance(problem, Problem)
            self.assertEqual((problem.status, problem.more["missing"]), (409, [NAME]))
        self.store()
        self.done(self.blobs.require([NAME]))

    def test_seen_a_moment_ago(self) -> None:
        """What was seen or stored a moment ago is not asked for again; after that, and with the clock set back, it is."""
        self.store()
        self.files.calls.clear()
        self.done(self.blobs.require([NAME, NAME]))
        self.now += TRUSTED
        self.done(self.blobs.require([NAME]))
        self.assertEqual(self.files.calls, [])
        for step in (1, -TRUSTED - 2):
            self.now += step
            self.done(self.blobs.require([NAME]))
        self.assertEqual(len(self.files.calls), 2)
