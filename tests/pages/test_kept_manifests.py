"""Live manifests kept on disk, and sites restored from them."""

import errno
import hashlib
import os
import shutil
import stat
from pathlib import Path
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.pages.arrivals import Arrivals
from couchpages.pages.kept_manifests import DamagedManifest, Kept, ManifestFolder, ManifestKeeper
from couchpages.pages.manifest import Activation, Deployment, Manifest, to_document
from couchpages.pages.sites import Sites, UnknownHost
from couchpages.pages.stored_blobs import StoredBlobs
from couchpages.ports import Change, Json, Unavailable
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.node import MemoryReactor, NoThreads
from tests.pages.parts import files_with

HOST = "a.example"
HASH = "ab" * 32


def document(path: str, *, live: bool = True) -> Json:
    """Give a manifest of one file."""
    deployment = Deployment(HOST, "one", None, "main", 5, 1, 1, preview=False)
    return to_document(Manifest(Activation(deployment, 6) if live else deployment, {path: HASH}))


class FolderTests(SynchronousTestCase):
    """``ManifestFolder``."""

    def setUp(self) -> None:
        """Make a folder."""
        self.path = Path(self.mktemp())
        self.folder = ManifestFolder(self.path)
        self.assertEqual(self.folder.open(), Kept())

    def test_kept(self) -> None:
        """What was written is there when the folder is opened again, and only its owner can read it; what was removed is not."""
        self.folder.write("a.example", {"_id": "a.example", "x": "é"})
        self.folder.write("b.example", {"_id": "b.example"})
        self.folder.remove("b.example")
        self.folder.remove("b.example")
        self.assertEqual(ManifestFolder(self.path).open().documents, {"a.example": {"_id": "a.example", "x": "é"}})
        self.assertEqual([stat.S_IMODE(file.stat().st_mode) for file in self.path.iterdir()], [0o600])

    def test_damaged(self) -> None:
        """What somebody altered, cut or put there is refused with its name and removed, and the rest is given."""
        self.folder.write("a.example", {"_id": "a.example"})
        self.folder.write("b.example", {"_id": "b.example", "x": 1})
        good = (self.path / "b.example").read_bytes()
        self.assertIn(b'"x": 1', good)
        strange = {
            "b.example": good.replace(b'"x": 1', b'"x": 2'),
            "c.example": good,
            "d.example": good[:-1],
            "e.example": b"",
            "f.example": good[64:],
            "g.example": hashlib.sha256(b"[]").hexdigest().encode() + b"\n[]",
            "h.example": hashlib.sha256(b"[" * 100_000).hexdigest().encode() + b"\n" + b"[" * 100_000,
        }
        for name, content in strange.items():
            (self.path / name).write_bytes(content)
            with self.assertRaises(DamagedManifest, msg=name):
                self.folder.read(name)
        (self.path / "folder" / "within").mkdir(parents=True)
        (self.path / "link").symlink_to(self.path / "a.example")
        os.mkfifo(self.path / "pipe")
        kept = self.folder.open()
        self.assertEqual(list(kept.documents), ["a.example"])
        self.assertEqual(set(kept.refused), {*strange, "folder", "link", "pipe"})
        self.assertEqual([file.name for file in self.path.iterdir()], ["a.example"])

    def test_left_over(self) -> None:
        """What a killed process left unfinished, and files from before there was a hash, are removed without a word."""
        (self.path / "a.example").write_text('{"_id": "a.example"}')
        (self.path / "~b.example").write_text("x")
        self.assertIsNone(self.folder.read("a.example"))
        self.assertEqual(self.folder.open(), Kept())
        self.assertEqual(list(self.path.iterdir()), [])

    def test_unreadable(self) -> None:
        """What may not be read is refused by name; where it may not be removed either, that is said, and the rest is given."""
        self.folder.write("a.example", {"_id": "a.example"})
        denied = PermissionError(errno.EACCES, "permission denied")
        with (
            patch("couchpages.pages.kept_manifests.open_plain", side_effect=denied),
            patch("couchpages.folders.clear", side_effect=denied),
        ):
            self.assertIn("cannot be removed either", self.folder.open().refused["a.example"])
        self.assertEqual(list(self.folder.open().documents), ["a.example"])

    def test_in_the_way(self) -> None:
        """A folder where a document's file should be, or no folder at all, is no hindrance."""
        (self.path / "a.example" / "within").mkdir(parents=True)
        self.folder.write("a.example", {"_id": "a.example"})
        self.assertEqual(self.folder.read("a.example"), {"_id": "a.example"})
        shutil.rmtree(self.path)
        self.folder.write("a.example", {"_id": "a.example"})
        self.assertEqual(self.folder.read("a.example"), {"_id": "a.example"})

    @settings(deadline=None, max_examples=200)
    @given(
        st.one_of(
            st.sampled_from(["..", ".", "/", "../x", "", "%", "%2E", "a/b", "-x", "~x", "%7Ex"]), st.text(max_size=40)
        )
    )
    def test_any_name(self, doc_id: str) -> None:
        """Whatever a document is called, it lands in the folder under a name of its own, or nowhere."""
        try:
            self.folder.write(doc_id, {"_id": doc_id})
        except ValueError:
            return
        except OSError as error:
            # Nothing that is a host is as long as that.
            self.assertEqual(error.errno, errno.ENAMETOOLONG)
            return
        self.assertEqual(self.folder.read(doc_id), {"_id": doc_id})
        self.assertEqual(list(self.folder.open().documents), [doc_id])
        self.folder.remove(doc_id)
        self.assertEqual(list(self.path.iterdir()), [])


class RestoredSitesTests(SynchronousTestCase):
    """Law 1: a node goes on answering after a restart while its CouchDB is away."""

    def setUp(self) -> None:
        """Run a node once, with one live site."""
        self.path = Path(self.mktemp())
        self.database = MemoryDatabase("manifests")
        self.metrics = Metrics()
        self.sites = self.start()
        self.write(HOST, document("old"))

    def start(self) -> Sites:
        """Start a node on the same folder."""
        reactor = MemoryReactor()
        self.keeper = ManifestKeeper(reactor, NoThreads(), ManifestFolder(self.path), self.metrics)  # type: ignore[arg-type]  # its double
        sites = self.sites_of(reactor, 100_000)
        sites.restore()
        return sites

    def sites_of(self, reactor: MemoryReactor, memory: int) -> Sites:
        """Make sites whose blobs are all in CouchDB."""
        metrics = Metrics()
        arrivals = Arrivals(reactor, StoredBlobs(files_with(HASH), metrics), metrics)
        return Sites(reactor, self.database, memory, metrics, arrivals, lambda: 0, self.keeper)

    def write(self, doc_id: str, doc: Json | None) -> None:
        """Write or delete a document as somebody else, and let the follower bring it."""
        if doc is not None:
            self.database.seed(doc_id, doc)
        self.sites.apply(self.database.change(doc_id) if doc is not None else Change(doc_id, None))

    def files(self, sites: Sites, host: str = HOST) -> list[str]:
        """Give the paths that a host has."""

        async def paths() -> list[str]:
            return list(await sites.files_for(host))

        return self.successResultOf(Deferred.fromCoroutine(paths()))

    def fails(self, sites: Sites, host: str, error: type[Exception]) -> None:
        """Check that asking for a host fails."""
        self.failureResultOf(Deferred.fromCoroutine(sites.files_for(host)), error)

    def test_restored(self) -> None:
        """The live site is served from disk; what is not known is not said to be missing; nothing is asked of CouchDB."""
        self.write(HOST, document("new"))
        restarted = self.start()
        self.assertEqual(self.files(restarted), ["new"])
        self.fails(restarted, "b.example", Unavailable)
        self.assertEqual(list(restarted.known() or ()), [HOST])
        self.assertEqual(self.database.calls, [])
        restarted.loaded()
        self.fails(restarted, "b.example", UnknownHost)

    def test_deleted(self) -> None:
        """A site that was deleted is not kept, and neither are previews."""
        self.write(f"one.{HOST}", document("x", live=False))
        self.write(HOST, None)
        self.assertEqual(list(self.start().known() or ()), [])

    def test_deleted_meanwhile(self) -> None:
        """A site that was deleted while the node was down is gone for good once the follower says so."""
        restarted = self.start()
        restarted.apply(Change(HOST, None))
        restarted.loaded()
        self.fails(restarted, HOST, UnknownHost)
        self.assertEqual(list(self.start().known() or ()), [])

    def test_written_once(self) -> None:
        """What is kept already is not written again when the follower tells of it."""
        restarted = self.start()
        before = (self.path / HOST).stat().st_mtime_ns
        restarted.apply(self.database.change(HOST))
        self.assertEqual((self.path / HOST).stat().st_mtime_ns, before)

    def test_pushed_out_of_memory(self) -> None:
        """A manifest that left memory is read from disk while CouchDB is away, if it is the revision that is known."""
        small = self.sites_of(MemoryReactor(), 1)
        small.apply(self.database.change(HOST))
        self.database.fail("get", Unavailable("away"), times=1)
        self.assertEqual(self.files(small), ["old"])

    def test_malformed_later(self) -> None:
        """The last good state stays, also after a restart, when the document has become malformed (law 4)."""
        restarted = self.start()
        with self.assertRaises(ValueError):
            restarted.apply(Change(HOST, {"_id": HOST, "_rev": "9-x"}))
        self.assertEqual(self.files(restarted), ["old"])
        self.assertEqual(self.files(self.start()), ["old"])

    def test_altered(self) -> None:
        """A manifest that was altered on disk, though still JSON, is neither restored nor recalled, and counted each time."""
        self.alter()
        recalled = self.successResultOf(Deferred.fromCoroutine(self.keeper.recall(HOST)))
        self.assertEqual((recalled, self.faults()), (None, 1))
        self.assertEqual(list(self.start().known() or ()), [])
        self.assertEqual((self.faults(), list(self.path.iterdir())), (2, []))

    def test_altered_while_it_is_served(self) -> None:
        """A manifest that left memory and was altered on disk is read from CouchDB instead."""
        reactor = MemoryReactor()
        small = self.sites_of(reactor, 1)
        small.apply(self.database.change(HOST))
        self.alter()
        self.assertEqual(self.files(small), ["old"])

    def alter(self) -> None:
        """Have the kept manifest name another path."""
        content = (self.path / HOST).read_bytes()
        self.assertIn(b'"old"', content)
        (self.path / HOST).write_bytes(content.replace(b'"old"', b'"odd"'))

    def faults(self) -> float:
        """Give what was counted."""
        labels = {"cache": "manifests_disk"}
        return self.metrics.registry.get_sample_value("couchpages_cache_faults_total", labels) or 0.0

    def test_disk_full(self) -> None:
        """A folder that cannot be written to is logged; the site is served from memory."""
        self.path.rename(self.path.with_name("moved"))
        self.write(HOST, document("new"))
        self.assertEqual(self.files(self.sites), ["new"])
        self.assertEqual(self.flushLoggedErrors(), [])
