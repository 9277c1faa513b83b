"""Two nodes, of which the second does not reach its CouchDB for a while, or has the embedded store."""

from urllib.parse import urlsplit

from tests.integration.node import wait_until
from tests.integration.relay import Relay
from tests.integration.requirements import COUCHDB, COUCHDB_2
from tests.integration.stores import EmbeddedStore
from tests.integration.two_nodes import TwoNodes
from tests.integration.two_nodes_case import TwoNodesCase


class SecondCouchDBAway(TwoNodesCase):
    """A pair of its own, whose second node reaches its CouchDB by way of a relay."""

    def setUp(self) -> None:
        """Put the relay in."""
        super().setUp()
        self.port = urlsplit(COUCHDB_2 or COUCHDB or "").port or 5984
        self.relay = Relay(self.port)
        self.addCleanup(self._close_relay)
        settings = {"couchdb": {"url": f"http://127.0.0.1:{self.relay.port}"}}
        self.pair = TwoNodes(self.new_folder(), settings)
        self.addCleanup(self.pair.remove)
        self.first, self.second = self.pair.sides

    def _close_relay(self) -> None:
        self.relay.close()

    def test_deployed_meanwhile(self) -> None:
        """The second node's CouchDB away: the node serves what it has. Back: it catches up with the first by itself."""
        self.start_with(1)
        self.pair.cut()
        self.relay.close()
        ids = [self.deploy(self.first, version) for version in (2, 3)]
        self.assert_serves(self.second, 1)
        self.relay = Relay(self.port, port=self.relay.port)
        self.pair.heal()
        self.wait_for(self.second, 3)
        self.assertEqual(self.second.listed(self.site)["live"], ids[1])
        self.assertNotIn("Traceback", self.second.node.log())

    def test_replicated_meanwhile(self) -> None:
        """The same when only the node does not reach its CouchDB, which goes on replicating."""
        self.start_with(1)
        self.relay.close()
        following = self.deploy(self.first, 2)
        self.assert_serves(self.second, 1)
        wait_until(
            lambda: self.second.document("manifests", f"{following}.{self.site}") is not None,
            "the manifest in the second CouchDB",
        )
        self.assert_serves(self.second, 1)
        self.relay = Relay(self.port, port=self.relay.port)
        self.wait_for(self.second, 2)


class SecondOnEmbeddedStore(TwoNodesCase):
    """A pair of its own, whose second node has the embedded store, with which the first one's CouchDB replicates."""

    def setUp(self) -> None:
        """Make the pair."""
        super().setUp()
        self.pair = TwoNodes(self.new_folder(), store=EmbeddedStore())
        self.addCleanup(self.pair.remove)
        self.first, self.second = self.pair.sides

    def test_deployments_and_conflicts(self) -> None:
        """Deployments arrive in both directions, and what both take while they are cut off is brought together."""
        original = self.start_with(1)
        second = self.deploy(self.second, 2)
        self.wait_for(self.first, 2)
        self.pair.cut()
        earlier = self.deploy(self.second, 3)
        later = self.deploy(self.first, 4)
        self.pair.heal()
        self.wait_for(self.second, 4)
        self.assert_converged(later, [original, second, earlier, later])
