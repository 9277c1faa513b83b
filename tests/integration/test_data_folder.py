"""A data folder in which files were altered, cut short or replaced: the daemon starts and serves, or says in one line what to do."""

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.node import Node, lines, wait_until, write_files
from tests.integration.versions import PAGES, Version
from tests.integration.visitor import fetch


class DataFolder(NodeCase):
    """A node with a site whose pages lie in the disk cache, and whose manifest is kept."""

    def setUp(self) -> None:
        """Start it, deploy, and visit every page."""
        super().setUp()
        self.damaged = self.new_node({"cache": {"memory": 400_000}}).start()
        self.version = Version(self.damaged, self.site, 1)
        self.damaged.deploy(write_files(self.folder / "site", self.version.contents()), self.site)
        self.assert_whole()
        self.kept = self.damaged.data / "manifests" / self.site
        wait_until(self.kept.exists, "the kept manifest")

    def assert_whole(self) -> None:
        """See that every page is what it should be."""
        for path, content in self.version.contents().items():
            answer = fetch(self.damaged.http, self.site, f"/{path}")
            self.assertEqual((answer.status, answer.body == content), (200, True), path)

    def cached(self) -> list[Path]:
        """Give the files of the disk cache."""
        return sorted((self.damaged.data / "blobs").glob("??/*"))

    def restarted_with(self, *changes: Callable[[], object]) -> str:
        """Kill the node, make changes, start it, see that the site is whole, and give what it logged."""
        self.damaged.kill()
        since = self.damaged.log_size()
        for change in changes:
            change()
        self.damaged.start()
        self.assert_whole()
        log = self.damaged.log(since)
        self.assertNotIn("Traceback", log)
        return log

    def test_cache(self) -> None:
        """Blobs that were altered, cut short, emptied or replaced are refused and brought again, each with a line of the log."""
        files = self.cached()
        self.assertEqual(len(files), PAGES)
        ways = (_alter, _cut, _empty, _folder, _link, _pipe, _garbage) * 4

        def damage() -> None:
            for file, way in zip(files, ways, strict=False):
                way(file)
            _put_file(files[-1].parent)

        log = self.restarted_with(damage)
        unnamed = [file for file in files if file.name not in log]
        # Of blobs that share the folder that is none any more, the first that is read is named, and the folder mended with it.
        self.assertEqual([file.name for file in unnamed if file.parent != files[-1].parent], [])
        self.assertNotEqual({file for file in files if file.parent == files[-1].parent}, set(unnamed))
        self.assertEqual({file.name: file.is_file() for file in self.cached()}, {file.name: True for file in files})

    def test_cache_while_it_runs(self) -> None:
        """The same without a restart, and also when the whole cache is removed; a large page that was altered is never sent."""
        large = self.version.contents()[f"{PAGES - 1}.html"]
        (file,) = (each for each in self.cached() if each.stat().st_size == len(large))
        for way in (_alter, _cut, _folder, _link, _pipe):
            way(file)
            self.assertEqual(fetch(self.damaged.http, self.site, f"/{PAGES - 1}.html").body, large, way.__name__)
        shutil.rmtree(self.damaged.data / "blobs")
        shutil.rmtree(self.damaged.data / "spool")
        shutil.rmtree(self.damaged.data / "manifests")
        self.assert_whole()
        new = Version(self.damaged, self.site, 2)
        self.damaged.deploy(write_files(self.folder / "new", new.contents()), self.site)
        self.version = new
        self.assert_whole()
        self.assertNotIn("Traceback", self.damaged.log())

    def test_manifests(self) -> None:
        """A kept manifest that is not what was written is refused by name and brought again from CouchDB."""
        for way in (_alter, _cut, _empty, _folder, _link, _pipe, _garbage):
            log = self.restarted_with(partial(way, self.kept))
            self.assertIn(f"the kept manifest {self.site} is refused", log, way.__name__)
            wait_until(self.kept.is_file, f"the manifest kept again after {way.__name__}")
        metrics = fetch(self.damaged.api, "127.0.0.1", "/metrics").body.decode()
        self.assertIn('couchpages_cache_faults_total{cache="manifests_disk"} 1.0', metrics)

    def test_what_others_left(self) -> None:
        """Leftovers in the spool and the cache are removed, a lock with anything in it is a lock, and other files stay."""
        data = self.damaged.data
        left = {
            "spool/garbage": b"x" * 1000,
            "spool/folder/within": b"x",
            "blobs/incoming-abc": b"x",
            "manifests/~x": b"{",
            "lock": b"garbage" * 1000,
        }
        others = {"README": b"x", "blobs/README": b"x", "blobs/ab/README": b"x"}

        def leave() -> None:
            write_files(data, {**left, **others})
            (data / "spool" / "link").symlink_to("/etc/passwd")
            os.mkfifo(data / "spool" / "pipe")

        self.restarted_with(leave)
        self.assertEqual(list((data / "spool").iterdir()), [])
        self.assertEqual([path for path in left if (data / path).exists()], ["lock"])
        self.assertEqual([path for path in others if not (data / path).exists()], [])
        self.assertTrue(Path("/etc/passwd").exists())

    def test_no_start(self) -> None:
        """Where there is a file instead of a folder, it ends with 1 and one line that names it; mended, it starts."""
        for name, to_do in {"blobs": "move it away", "spool": "move it away", "lock": "lock"}.items():
            self.damaged.kill()
            path = self.damaged.data / name
            moved = path.with_name("moved")
            path.rename(moved)
            path.mkdir() if moved.is_file() else path.write_bytes(b"x")
            said = [line for line in lines(self.start_in_vain(self.damaged)) if "couchpages: " in line]
            self.assertEqual(len(said), 1, said)
            self.assertIn(str(path), said[0])
            self.assertIn(to_do, said[0])
            self.assertNotIn("Traceback", self.damaged.log())
            path.rmdir() if path.is_dir() else path.unlink()
            moved.rename(path)
            self.damaged.start()
            self.assert_whole()

    def test_manifests_is_a_file(self) -> None:
        """Without a folder for kept manifests the daemon starts and serves, and says so."""
        folder = self.damaged.data / "manifests"
        log = self.restarted_with(lambda: _put_file(folder))
        self.assertIn(f"{folder} is no folder; move it away", log)

    def start_in_vain(self, node: Node) -> str:
        """Start a daemon that ends by itself with 1; give what it wrote."""
        since = node.log_size()
        with self.assertRaises(AssertionError) as caught:
            node.start()
        self.assertIn("the daemon ended with 1", str(caught.exception))
        node.kill()
        return node.log(since)


class DataFolderOnApacheCouchDB(OnApacheCouchDB, DataFolder):
    """The same without an embedded store in the folder."""


class Password(NodeCase):
    """The embedded store's password is not made anew behind the back of whoever damaged it."""

    def test_password(self) -> None:
        """Emptied, or readable by others, it keeps the daemon from starting, with a line that says what to do; mended, it starts."""
        node = self.new_node().start()
        password = node.data / "store-password"
        content = password.read_bytes()
        for damage, to_do in (
            (lambda: password.write_bytes(b""), "remove it"),
            (lambda: password.chmod(0o644), "chmod 600"),
        ):
            node.kill()
            damage()
            since = node.log_size()
            with self.assertRaises(AssertionError):
                node.start()
            said = lines(node.log(since))
            self.assertEqual(len(said), 1, said)
            self.assertIn(to_do, said[0])
            password.write_bytes(content)
            password.chmod(0o600)
            node.kill()
            node.start()


def _alter(file: Path) -> None:
    content = file.read_bytes()
    middle = len(content) // 2
    file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _empty(file: Path) -> None:
    os.truncate(file, 0)


def _garbage(file: Path) -> None:
    file.write_bytes(os.urandom(file.stat().st_size))


def _folder(file: Path) -> None:
    file.unlink()
    (file / "within").mkdir(parents=True)


def _link(file: Path) -> None:
    file.unlink()
    file.symlink_to("/etc/passwd")


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _put_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"x")
