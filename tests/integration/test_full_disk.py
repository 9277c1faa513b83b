"""A disk that is full: uploads are refused, sites are served, and nothing is half done (mounts a small tmpfs, so needs root)."""

import hashlib
import os
import subprocess
from pathlib import Path

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.node import Node, lines, write_files
from tests.integration.visitor import Answer, call_api, fetch

SIZE = 24 * 2**20
PAGE = b"a page " * 3000


class FullDisk(NodeCase):
    """A node whose data folder, with the embedded store in it, is a file system of its own."""

    needs = ("mount", "umount")

    def setUp(self) -> None:
        """Mount it, and start the node with a site."""
        super().setUp()
        folder = self.new_folder() / "node"
        data = folder / "data"
        data.mkdir(parents=True)
        mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", data], capture_output=True, check=False
        ).returncode == 0  # fmt: skip
        if not mounted:
            self.skipTest("a file system cannot be mounted here: not root, or a container without the right to")
        self.addCleanup(_unmount, data)
        self.node_of_its_own = self.new_node(folder=folder).start()
        self.node_of_its_own.deploy(
            write_files(self.folder / "old", {"index.html": PAGE, "unseen.html": PAGE[::-1]}), self.site
        )
        self.filler = data / "filler"

    def fill(self, left: int) -> None:
        """Fill the disk, up to *left* bytes."""
        with self.filler.open("wb") as file:
            try:
                while True:
                    file.write(bytes(65536))
                    file.flush()
            except OSError:
                pass
        with self.filler.open("r+b") as file:
            file.truncate(max(0, file.seek(0, 2) - left))

    def put(self, node: Node, content: bytes) -> Answer:
        """Upload a blob."""
        path = f"/api/v2/blobs/{hashlib.sha256(content).hexdigest()}"
        return call_api(node.api, node.key, "PUT", path, content)

    def stored(self, node: Node, content: bytes) -> bool:
        """Ask whether a blob is stored."""
        body = {"hashes": [hashlib.sha256(content).hexdigest()]}
        answer = call_api(node.api, node.key, "POST", f"/api/v2/sites/{self.site}/missing", body)
        return bool(answer.json() == {"missing": []})

    def test_full_disk(self) -> None:
        """Uploads get 507 or 503 and are not stored; every page is served; with room again all works, also after a restart."""
        node = self.node_of_its_own
        since = node.log_size()
        content = os.urandom(2**20)
        for left in (0, 300_000):
            self.fill(left)
            answer = self.put(node, content)
            self.assertIn(answer.status, (503, 507), answer.body)
            self.assertEqual(answer.headers["content-type"], "application/problem+json")
            for target, body in (("/", PAGE), ("/unseen.html", PAGE[::-1])):
                self.assertEqual(fetch(node.http, self.site, target).body, body)
            self.assertEqual(node.spooled(), [])
        new = write_files(self.folder / "new", {"index.html": "new", "large.bin": content})
        refused = node.run("deploy", str(new), "--site", self.site, "--branch", "main")
        self.assertEqual((refused.code, refused.out), (1, ""), refused.err)
        self.assertRegex(lines(refused.err)[-1], r"no room left|503|507")
        self.assertEqual(fetch(node.http, self.site, "/").body, PAGE)
        self.filler.unlink()
        self.assertFalse(self.stored(node, content))
        self.assert_works_again(node, new)
        self.assert_serving(node, since)
        node.kill()
        node.start()
        self.assertEqual(fetch(node.http, self.site, "/large.bin").body, content)

    def assert_works_again(self, node: Node, new: Path) -> None:
        """Assert that a deployment succeeds and is served."""
        done = node.deploy(new, self.site)
        self.assertTrue(done["live"])
        self.assertEqual(fetch(node.http, self.site, "/").body, b"new")
        listed = node.run("deployments", self.site, "--json").json()["deployments"]
        self.assertEqual(len(listed), 2)


class FullDiskOnApacheCouchDB(OnApacheCouchDB, FullDisk):
    """The same with the documents elsewhere."""


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", folder], check=True)
