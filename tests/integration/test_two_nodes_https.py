"""HTTPS on two nodes with databases of their own: a certificate that is imported on one is served by the other at once."""

import time
from base64 import b64decode
from pathlib import Path
from typing import Any

from couchpages.testing.authority import Authority
from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.node import Ended, wait_until
from tests.integration.secure_traffic import SecureTraffic
from tests.integration.two_nodes import Side, TwoNodes
from tests.integration.visitor import fetch

#: Seconds from the end of the command on one node until the other serves what it wrote.
AT_MOST = 1.0
PAGE = b"<!doctype html><title>secure</title>"


class HttpsOnTwoNodes(OnApacheCouchDB, NodeCase):
    """Two nodes that share a key file, and a site on both."""

    def setUp(self) -> None:
        """Start both, with the site on both."""
        super().setUp()
        self.host = "www.site.example"
        self.authority = Authority()
        self.private: list[bytes] = []
        self.said: list[str] = []
        key_file = self.new_folder() / "certs.key"
        self.pair = TwoNodes(self.folder, shared={"certs": {"key_files": [str(key_file)]}})
        self.addCleanup(self.pair.remove)
        self.first, self.second = self.pair.sides
        self.certs(self.first, "key", "new")
        for side in self.pair.sides:
            side.node.stop()
            side.node.start()
        self.first.deploy(self.host, {"index.html": PAGE})
        wait_until(lambda: self.second.get(self.host).body == PAGE, "the site on the second node")

    def certs(self, side: Side, *arguments: str) -> Ended:
        """Run ``couchpages certs`` on the machine of a node."""
        ended = side.node.run("certs", *arguments, "--config", str(side.node.config))
        self.assertEqual(ended.code, 0, ended.err)
        self.said.append(ended.out + ended.err)
        return ended

    def bring(self, side: Side) -> float:
        """Import a new certificate for the host on a node; give the moment at which that was done."""
        chain, key = self.authority.issue(self.host, f"*.{self.host}")
        self.private.append(key)
        file = self.folder / "both.pem"
        file.write_bytes(chain + key)
        self.certs(side, "import", str(file))
        file.unlink()
        return time.monotonic()

    def traffic(self, side: Side) -> SecureTraffic:
        """Give visitors of a node."""
        return SecureTraffic(side.node.https, self.host, self.authority.root.pem)

    def is_served(self, traffic: SecureTraffic) -> bool:
        """Try a visit."""
        try:
            return traffic.visit() == 200
        except OSError:
            return False

    def test_imported_and_replaced(self) -> None:
        """It is served on both within a second, a newer one takes its place on either side likewise, and no handshake fails."""
        first, second = (self.traffic(side) for side in self.pair.sides)
        written = self.bring(self.first)
        wait_until(lambda: self.is_served(second), "HTTPS on the second node")
        self.assertLess(min(second.seen.values()) - written, AT_MOST)
        wait_until(lambda: self.is_served(first), "HTTPS on the first node")
        with first, second:
            for number, (here, there) in enumerate(((self.first, second), (self.second, first), (self.first, second))):
                moment = self.bring(here)
                wait_until(lambda there=there, number=number: len(there.seen) == number + 2, "the newer certificate")
                self.assertLess(max(there.seen.values()) - moment, AT_MOST)
                self.pair.settle("secrets")
                newest = max(there.seen, key=there.seen.__getitem__)
                # Nobody goes back to an older one.
                self.assertTrue(all(there.last[each] <= there.seen[newest] for each in there.seen if each != newest))
        self.assertEqual((first.failures, second.failures), ([], []))
        self.assertGreater(min(first.answers, second.answers), 50)
        self.assert_nowhere_in_clear()
        for side in self.pair.sides:
            self.assert_serving(side.node)

    def test_imported_on_both_sides(self) -> None:
        """Of two that were imported while the nodes were cut off from each other, the later one is served by both, without conflicts."""
        self.pair.cut()
        first, second = (self.traffic(side) for side in self.pair.sides)
        for side, traffic in zip(self.pair.sides, (first, second), strict=True):
            self.bring(side)
            wait_until(lambda traffic=traffic: self.is_served(traffic), "HTTPS on each side")
        later = max(second.seen, key=second.seen.__getitem__)
        self.pair.heal()
        self.pair.settle("secrets")
        for traffic in (first, second):
            wait_until(lambda traffic=traffic: traffic.visit() == 200 and later in traffic.seen, "the later one")
        (doc_id,) = (each for each in self.first.leaves("secrets") if each.startswith("certificate-"))
        for side in self.pair.sides:
            self.assertNotIn("_conflicts", side.document("secrets", doc_id))
        self.assert_nowhere_in_clear()

    def assert_nowhere_in_clear(self) -> None:
        """Assert that no private key is in a file of the nodes, in a document, in what a page or a command said."""
        texts = {str(path): path.read_bytes() for path in Path(self.folder).rglob("*") if path.is_file()}
        for side in self.pair.sides:
            for database in ("secrets", "manifests", "files"):
                rows = side.access.call(
                    "GET", f"{side.node.store.databases[database]}/_all_docs?include_docs=true&attachments=true"
                )
                texts[f"{side.node.folder}: {database}"] = str(rows).encode()
                for place, content in enumerate(attachments_in(rows)):
                    texts[f"{side.node.folder}: {database}, attachment {place}"] = content
            for path in ("/metrics", "/readyz", "/api/v2/sites"):
                texts[f"{side.node.folder}: {path}"] = fetch(side.node.api, "127.0.0.1", path).body
        texts["commands"] = "".join(self.said).encode()
        for key in self.private:
            lines = key.splitlines()[1:-1]
            der = b64decode(b"".join(lines))
            # The numbers that are the secret lie near the beginning of PKCS #8.
            for needle in (lines[0], der[36:68]):
                found = [name for name, text in texts.items() if needle in text]
                self.assertEqual(found, [])


def attachments_in(rows: Any) -> list[bytes]:
    """Give the contents of all attachments in rows of documents, which have them as base64."""
    attachments = [each for row in rows["rows"] for each in row["doc"].get("_attachments", {}).values()]
    return [b64decode(each["data"], validate=True) for each in attachments]
