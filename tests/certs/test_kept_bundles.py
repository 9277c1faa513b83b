"""Sealed certificates on disk."""

import stat
from pathlib import Path
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.kept_bundles import BundleFolder, BundleKeeper
from couchpages.metrics import Metrics
from couchpages.testing.node import MemoryReactor, NoThreads

STAR = "certificate-ecdsa-*.example.org"


class Folders(SynchronousTestCase):
    """``BundleFolder``."""

    def setUp(self) -> None:
        """Have a folder."""
        self.path = Path(self.mktemp()) / "certs"
        self.folder = BundleFolder(self.path)

    def test_comes_back(self) -> None:
        """What was written is read, whatever the document is called; only its owner can read it."""
        ids = [STAR, "..", ".", "~x", "-", "a/b", "ü", "certificate-rsa-2001:db8::1", "fullchain.pem"]
        for number, doc_id in enumerate(ids):
            self.folder.write(doc_id, {"n": number - 1})
            self.folder.write(doc_id, {"n": number})
        self.assertEqual(self.folder.open().records, {doc_id: {"n": number} for number, doc_id in enumerate(ids)})
        for file in self.path.iterdir():
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o700)
        for doc_id in (*ids, "nothing"):
            self.folder.remove(doc_id)
        self.assertEqual(self.folder.open().records, {})
        self.assertRaises(ValueError, self.folder.write, "", {})

    def test_broken(self) -> None:
        """What broke off, is something else, or was left unfinished is removed and told; the others are read."""
        self.folder.write("good", {"n": 1})
        self.folder.write("cut", {"n": 1})
        (self.path / "cut").write_bytes((self.path / "cut").read_bytes()[:-2])
        for name, content in (
            ("list", b"[]"),
            ("empty", b""),
            ("deep", b"[" * 100_000),
            ("~unfinished", b"{}"),
            ("text", b"\xff"),
        ):
            (self.path / name).write_bytes(content)
        (self.path / "large").write_bytes(b" " * (2**22 + 1))
        (self.path / "folder").mkdir()
        (self.path / "link").symlink_to("good")
        kept = self.folder.open()
        self.assertEqual(kept.records, {"good": {"n": 1}})
        self.assertEqual(set(kept.refused), {"cut", "list", "empty", "deep", "text", "large", "folder", "link"})
        self.assertEqual([file.name for file in self.path.iterdir()], ["good"])

    def test_in_the_way(self) -> None:
        """A folder where a file should be is replaced."""
        self.folder.open()
        (self.path / "x").mkdir()
        self.folder.write("x", {"n": 1})
        self.assertEqual(self.folder.open().records, {"x": {"n": 1}})


class Keepers(SynchronousTestCase):
    """``BundleKeeper``."""

    def setUp(self) -> None:
        """Have one."""
        self.path = Path(self.mktemp()) / "certs"
        self.metrics = Metrics()
        self.keeper = self.make()

    def make(self) -> BundleKeeper:
        """Make one on the folder."""
        return BundleKeeper(MemoryReactor(), cast("Any", NoThreads()), BundleFolder(self.path), self.metrics)

    def faults(self) -> float | None:
        """Give how often something went wrong."""
        return self.metrics.registry.get_sample_value("couchpages_cache_faults_total", {"cache": "certificates_disk"})

    def test_keeps(self) -> None:
        """What is kept is there for the next one, and what is not any more is not."""
        self.assertIsNone(self.keeper.finish())
        self.keeper.keep("a", {"n": 1})
        self.keeper.keep("b", {"n": 2})
        self.keeper.keep("a", None)
        done = self.keeper.finish()
        assert done is not None
        self.successResultOf(done)
        self.assertEqual(self.make().restore(), {"b": {"n": 2}})
        self.assertEqual(self.faults(), 0)

    def test_a_folder_that_cannot_be(self) -> None:
        """Where the folder cannot be used, that is logged and counted, and nothing else happens (law 4)."""
        self.path.parent.mkdir()
        self.path.write_text("a file")
        self.assertEqual(self.keeper.restore(), {})
        self.keeper.keep("a", {"n": 1})
        self.assertEqual(self.faults(), 2)
