"""Law 1: a node goes on answering while its CouchDB is away, with what it has, in memory or on disk, also after a restart."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.kept_zones import Restored
from couchpages.dns.swaps import Swaps
from couchpages.dns.zone_keeper import ZoneKeeper
from couchpages.pages.blobs import BlobReader
from couchpages.pages.disk_cache import DiskCache
from couchpages.pages.kept_manifests import ManifestKeeper
from couchpages.pages.lru import SizedCache
from couchpages.testing.node import MemoryNode
from couchpages.testing.zones import MemoryZones
from tests.laws.taken_out import NeedsItsCode, Without
from tests.laws.zones_of_a_node import ZONE, serving

HOST = "a.example"


class Law1(SynchronousTestCase):
    """The law for visitors."""

    def setUp(self) -> None:
        """Serve a site, one page of which was visited."""
        self.folder = Path(self.mktemp())
        self.node = MemoryNode(self.folder)
        self.node.deploy(HOST, {"index.html": b"home", "large.bin": b"x" * 100_000})
        for path in ("/", "/large.bin"):
            self.node.visit(HOST, path)

    def test_from_memory(self) -> None:
        """What is in memory is served though CouchDB refuses everything and the disk is gone."""
        self.node.cut_off()
        for file in (self.folder / "blobs").rglob("*"):
            if file.is_file():
                file.unlink()
        self.assertEqual(self.node.visit(HOST, "/").body, b"home")

    def test_from_disk(self) -> None:
        """What is only on disk is served as well."""
        self.node.cut_off()
        self.assertEqual(len(self.node.visit(HOST, "/large.bin").body), 100_000)

    def test_after_a_restart(self) -> None:
        """A node that is started while its CouchDB is away serves what it served, from the disk."""
        self.node.cut_off()
        again = self.node.restarted(self.folder, couchdb_away=True)
        self.assertEqual(again.visit(HOST, "/").body, b"home")
        self.assertEqual(len(again.visit(HOST, "/large.bin").body), 100_000)


class Law1NeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: the caches, and the manifests on disk."""

    law = Law1
    without = (
        Without("test_from_memory", BlobReader, "in_memory", lambda self, sha256: None),  # noqa: ARG005 -- as the method has them
        Without("test_from_memory", SizedCache, "get", lambda self, key: None),  # noqa: ARG005
        Without("test_from_disk", DiskCache, "read", lambda self, sha256, most: None),  # noqa: ARG005
        Without("test_after_a_restart", DiskCache, "read", lambda self, sha256, most: None),  # noqa: ARG005
        Without("test_after_a_restart", ManifestKeeper, "keep", lambda self, doc_id, doc: None),  # noqa: ARG005
        Without("test_after_a_restart", ManifestKeeper, "restore", lambda self: {}),  # noqa: ARG005
    )


class Law1OfZones(SynchronousTestCase):
    """The law for resolvers: what the data decide."""

    def setUp(self) -> None:
        """Serve a zone, and stop."""
        self.folder = Path(self.mktemp())
        self.node = serving(self.folder)
        self.node.add(ZONE, "ftp.example.org", "A", "192.0.2.2")
        self.node.publish()
        self.node.stop()

    def test_after_a_restart(self) -> None:
        """A node that is started while its CouchDB is away publishes the zones that it had, with their serials."""
        self.assertEqual(MemoryZones(self.folder).published.zones, self.node.published.zones)


class Law1OfZonesNeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: the zones on disk, to which is written what is due."""

    law = Law1OfZones
    without = (
        Without("test_after_a_restart", ZoneKeeper, "restore", lambda self: Restored()),  # noqa: ARG005
        Without("test_after_a_restart", ZoneKeeper, "note", lambda self, doc_id, *numbers: None),  # noqa: ARG005
        Without("test_after_a_restart", Swaps, "restore", lambda self, numbers: None),  # noqa: ARG005
    )
