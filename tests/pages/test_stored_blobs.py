"""The blobs that CouchDB holds."""

from functools import partial
from hashlib import sha256
from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.pages.stored_blobs import BLOB_TYPE, EMPTY_TYPE, StoredBlobs
from couchpages.ports import NoRoom, Unavailable
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.web.problem import Problem

NAME = sha256(b"new").hexdigest()


class StoredBlobsTests(SynchronousTestCase):
    """``StoredBlobs``."""

    def setUp(self) -> None:
        """Begin with an empty database."""
        self.files = MemoryDatabase("files")
        self.blobs = StoredBlobs(self.files, Metrics())

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

    def test_not_asked_twice(self) -> None:
        """What is known to be stored is not asked for again, until somebody says that it is gone, or that nothing is known."""
        self.store()
        self.files.calls.clear()
        self.done(self.blobs.require([NAME, NAME]))
        self.assertEqual(self.files.calls, [])
        for forget in (lambda: self.blobs.forget(NAME), self.blobs.forget_all):
            forget()
            self.done(self.blobs.require([NAME]))
        self.assertEqual(self.files.calls, [("rows", "")] * 2)

    def test_document_without_content(self) -> None:
        """A document of the right name without the content is no blob; storing it gives it its content (law 5)."""
        self.files.seed(NAME, {"foreign": True})
        self.files.seed_attachment(NAME, "other", b"x")
        self.assertEqual(self.done(self.blobs.missing([NAME])), [NAME])
        self.assertTrue(self.store())
        self.assertEqual(self.files.stored[NAME].attachments, {"data": b"new", "other": b"x"})
        self.assertEqual(self.done(self.blobs.missing([NAME])), [])

    def test_empty(self) -> None:
        """The empty blob has a type that CouchDB compresses, because it cannot replicate an attachment without a byte."""
        empty = sha256(b"").hexdigest()
        types: list[str] = []

        class Noting(MemoryDatabase):
            """Notes types."""

            async def put_attachment(self, *arguments: Any) -> None:
                """See MemoryDatabase."""
                types.append(arguments[4])

        blobs = StoredBlobs(Noting("files"), Metrics())
        for sha, content in ((empty, b""), (NAME, b"new")):
            self.done(blobs.store(sha, partial(BytesIO, content), len(content)))
        self.assertEqual(types, [EMPTY_TYPE, BLOB_TYPE])

    def test_damaged(self) -> None:
        """What was found to be something else is missing, and replaced when it is stored anew (law 5)."""
        self.files.seed_attachment(NAME, "data", b"altered")
        self.assertEqual(self.done(self.blobs.missing([NAME])), [])
        self.blobs.distrust(NAME)
        self.assertEqual(self.done(self.blobs.missing([NAME])), [NAME])
        self.assertTrue(self.store())
        self.assertEqual(self.files.stored[NAME].attachments, {"data": b"new"})
        self.assertEqual(self.done(self.blobs.missing([NAME])), [])
        self.assertFalse(self.store())
