"""A node whose CouchDB goes away and comes back (a relay in between is closed and opened again)."""

from urllib.parse import urlsplit

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.node import lines, wait_until, write_files
from tests.integration.relay import Relay
from tests.integration.requirements import COUCHDB
from tests.integration.visitor import call_api, fetch


class CouchDBAway(OnApacheCouchDB, NodeCase):
    """What the laws say of it."""

    def test_away_and_back(self) -> None:
        """Away: what was seen is served, what was not is 503, never 404, as is deploying. Back: changes arrive, deploying works."""
        port = urlsplit(COUCHDB or "").port or 5984
        relay = Relay(port)
        self.addCleanup(relay.close)
        node = self.new_node({"couchdb": {"url": f"http://127.0.0.1:{relay.port}"}}).start()
        other = self.new_node({"couchdb": dict(node.store.databases)}).start()
        other.key = node.key
        old = write_files(self.folder / "old", {"index.html": f"old {self.site}", "unseen.html": f"unseen {self.site}"})
        other.deploy(old, self.site)
        wait_until(lambda: fetch(node.http, self.site, "/").status == 200, "the site on the node")
        relay.close()
        self.assertEqual(fetch(node.http, self.site, "/").body, f"old {self.site}".encode())
        unseen = fetch(node.http, self.site, "/unseen.html")
        self.assertEqual((unseen.status, "retry-after" in unseen.headers), (503, True))
        self.assertEqual(fetch(node.http, self.site, "/missing").status, 404)
        refused = call_api(node.api, node.key, "POST", f"/api/v2/sites/{self.site}/missing", {"hashes": ["0" * 64]})
        self.assertEqual((refused.status, "retry-after" in refused.headers), (503, True))
        other.deploy(write_files(self.folder / "new", {"index.html": f"new {self.site}"}), self.site)
        self.assertEqual(fetch(node.http, self.site, "/").body, f"old {self.site}".encode())
        again = Relay(port, port=relay.port)
        self.addCleanup(again.close)
        wait_until(lambda: fetch(node.http, self.site, "/").body == f"new {self.site}".encode(), "the change")
        self.assertEqual(node.deploy(old, self.site)["uploaded"]["files"], 0)
        self.assertEqual(fetch(other.http, self.site, "/unseen.html").status, 200)
        self.assertNotIn("Traceback", node.log())
        self.assertTrue(lines(node.log()))

    def test_restarted_while_away(self) -> None:
        """Restarted while CouchDB is away: what lies on disk is served, what does not is 503; back, everything is as it was."""
        relay = Relay(urlsplit(COUCHDB or "").port or 5984)
        self.addCleanup(relay.close)
        node = self.new_node({"couchdb": {"url": f"http://127.0.0.1:{relay.port}"}}).start()
        node.deploy(write_files(self.folder / "site", {"index.html": f"kept {self.site}"}), self.site)
        wait_until(lambda: list((node.data / "manifests").iterdir()), "the manifest on disk")
        node.stop()
        relay.close()
        node.start(ready=False)
        wait_until(lambda: fetch(node.http, self.site, "/").body == f"kept {self.site}".encode(), "the site from disk")
        self.assertEqual(fetch(node.http, "unknown.example", "/").status, 503)
        again = Relay(urlsplit(COUCHDB or "").port or 5984, port=relay.port)
        self.addCleanup(again.close)
        wait_until(lambda: fetch(node.http, "unknown.example", "/").status == 404, "CouchDB's return")
        self.assertEqual(fetch(node.http, self.site, "/").status, 200)
        self.assertNotIn("Traceback", node.log())
