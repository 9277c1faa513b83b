"""Law 5: every content is checked against its sha256 when it is written and when it is read from CouchDB."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages import blobs
from couchpages.pages.disk_cache import DiskCache
from couchpages.testing.node import MemoryNode
from couchpages.web.spool import Spooled
from tests.laws.taken_out import NeedsItsCode, Without

HOST = "a.example"
NAME = sha256(b"content").hexdigest()


class Law5(SynchronousTestCase):
    """Content that is not what its name says, wherever it comes from."""

    def setUp(self) -> None:
        """Make a node."""
        self.folder = Path(self.mktemp())
        self.node = MemoryNode(self.folder)

    def test_written(self) -> None:
        """A blob whose content does not have its hash is refused, and stored nowhere."""
        answer = self.node.call("PUT", f"/api/v2/blobs/{NAME}", b"something else")
        self.assertEqual((answer.status, answer.json["field"]), (422, "sha256"))
        self.assertEqual(self.node.files.stored, {})
        self.assertEqual([file for file in self.folder.rglob("*") if file.is_file()], [])

    def test_written_by_the_first_systems_call(self) -> None:
        """So is a file of the first system's uploader."""
        body = {"Hash": NAME, "FileName": "x", "Base64EncodedFile": b64encode(b"something else").decode()}
        self.assertEqual(self.node.call("POST", "/api/v1/Upload/File", body).status, 422)
        self.assertEqual(self.node.files.stored, {})

    def test_read_from_couchdb(self) -> None:
        """What CouchDB gives instead is not shown, nor kept, and counted; the right content is shown when it is there."""
        self.node.deploy(HOST, {"index.html": b"content"})
        fresh = self.node.restarted(self.folder / "2")
        for wrong in (b"c0ntent", b"conten", b"content.", b""):
            fresh.files.seed_attachment(NAME, "data", wrong)
            self.assertEqual(fresh.visit(HOST, "/").status, 503, wrong)
        faults = fresh.metrics.registry.get_sample_value("couchpages_cache_faults_total", {"cache": "couchdb"})
        self.assertEqual((faults, fresh.disk.held), (4, 0))
        fresh.files.seed_attachment(NAME, "data", b"content")
        self.assertEqual(fresh.visit(HOST, "/").body, b"content")

    def test_read_from_disk(self) -> None:
        """A file of the cache that was altered is not shown, but read from CouchDB anew."""
        self.node.deploy(HOST, {"index.html": b"content"})
        (file,) = [each for each in (self.folder / "blobs").rglob("*") if each.is_file()]
        file.write_bytes(b"altered")
        self.assertEqual(self.node.visit(HOST, "/").body, b"content")


class Anything(str):
    """A hash that is whatever it is compared with."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


class Unhashed:
    """Stands for hashlib."""

    def sha256(self, *_: Any) -> "Unhashed":
        """Give something that takes bytes."""
        return self

    def update(self, data: bytes) -> None:
        """Take bytes."""

    def hexdigest(self) -> str:
        """Give any hash."""
        return Anything("any")


class Law5NeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: that hashes are made, and compared."""

    law = Law5
    without = (
        Without("test_written", Spooled, "finish", lambda self: Anything(self._file.flush())),
        Without("test_written_by_the_first_systems_call", Spooled, "finish", lambda self: Anything(self._file.flush())),
        Without("test_read_from_couchdb", blobs, "hashlib", Unhashed()),
        Without("test_read_from_disk", DiskCache, "_check", lambda self, sha256, found: None),  # noqa: ARG005
    )
