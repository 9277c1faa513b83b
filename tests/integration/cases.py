"""Test cases with a node (start processes)."""

import atexit
import itertools
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.node import Node
from tests.integration.requirements import lacking
from tests.integration.stores import ApacheCouchDB, EmbeddedStore, Settings, Store

_shared: dict[type[Store], Node] = {}
_numbers = itertools.count(1)


class NodeCase(SynchronousTestCase):
    """Tests on a node with the embedded store; their subclasses ``…OnApacheCouchDB`` run them again on a real one.

    The node is shared by all tests of the run: each test uses sites of its own. Blocking is no harm: nothing here has the
    reactor do anything.
    """

    store: ClassVar[type[Store]] = EmbeddedStore
    #: Programs, and files with their whole paths, without which the tests are skipped.
    needs: ClassVar[tuple[str, ...]] = ()
    #: Whether the tests run without COUCHPAGES_TEST_PEERS.
    always: ClassVar[bool] = False
    skip: str | None = None

    def __init_subclass__(cls) -> None:
        """Find out whether the tests can run here."""
        super().__init_subclass__()
        cls.skip = None if cls.always else lacking(*cls.needs, couchdb=cls.store is ApacheCouchDB)

    def setUp(self) -> None:
        """Make a folder, and a name for a site."""
        self.folder = self.new_folder()
        self.site = f"site{next(_numbers)}.localhost"

    def new_folder(self) -> Path:
        """Make a folder that is removed after the test."""
        folder = Path(tempfile.mkdtemp(prefix="couchpages-test-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    @property
    def node(self) -> Node:
        """The shared node."""
        if self.store not in _shared:
            folder = Path(tempfile.mkdtemp(prefix="couchpages-test-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            node = Node(folder / "node", self.store())
            atexit.register(node.remove)
            node.init()
            _shared[self.store] = node.start()
        return _shared[self.store]

    def new_node(self, settings: Settings | None = None, folder: Path | None = None) -> Node:
        """Make a node of this test's own, with databases and a key, not started."""
        node = Node(folder or self.new_folder() / "node", self.store(), settings)
        self.addCleanup(node.remove)
        node.init()
        return node

    def assert_serving(self, node: Node, since: int = 0) -> None:
        """Assert that *node* lives and is ready, holds no spooled upload, and wrote no traceback after byte *since* of its log."""
        self.assertTrue(node.is_ready(), node.log(since))
        self.assertEqual(node.spooled(), [])
        self.assertNotIn("Traceback", node.log(since))


class OnApacheCouchDB:
    """Mixed in before a case, runs it on the Apache CouchDB that COUCHPAGES_TEST_COUCHDB names."""

    store: ClassVar[type[Store]] = ApacheCouchDB
