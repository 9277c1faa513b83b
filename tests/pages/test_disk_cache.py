"""Blobs on disk."""

import errno
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.disk_cache import DamagedBlob, DiskCache


def name_of(content: bytes) -> str:
    """Give a content's hash."""
    return sha256(content).hexdigest()


def keep(cache: DiskCache, content: bytes) -> str:
    """Bring a blob into the cache."""
    incoming = cache.incoming()
    incoming.file.write(content)
    incoming.file.close()
    cache.adopt(incoming.path, name_of(content), len(content))
    return name_of(content)


def read(cache: DiskCache, name: str, most: int = 0) -> bytes | None:
    """Read a blob, whether it comes as bytes or as a file."""
    found = cache.read(name, most)
    if found is None or isinstance(found, bytes):
        return found
    with found:
        return found.read()


class DiskCacheTests(SynchronousTestCase):
    """``DiskCache``."""

    def setUp(self) -> None:
        """Make an empty cache of 100 bytes."""
        self.folder = Path(self.mktemp()) / "blobs"
        self.cache = self.opened()

    def opened(self, limit: int = 100) -> DiskCache:
        """Open the folder as after a restart."""
        cache = DiskCache(self.folder, limit)
        cache.open()
        return cache

    def files(self) -> set[str]:
        """Give the names of all files in the folder."""
        return {path.name for path in self.folder.rglob("*") if path.is_file()}

    def test_read(self) -> None:
        """Bytes up to *most*, an open file above, None for what is not here."""
        name = keep(self.cache, b"12345")
        self.assertEqual(self.cache.read(name, 5), b"12345")
        file = self.cache.read(name, 4)
        assert not isinstance(file, bytes)
        assert file is not None
        with file:
            self.assertEqual(file.read(), b"12345")
        self.assertIsNone(self.cache.read(name_of(b"other"), 5))

    def test_private(self) -> None:
        """Nobody else on the machine reads the folder or the files."""
        name = keep(self.cache, b"12345")
        for path in (self.folder, self.folder / name[:2], self.folder / name[:2] / name):
            self.assertEqual(path.stat().st_mode & 0o077, 0)

    def test_limit(self) -> None:
        """The oldest leave first, and with what was read meanwhile stays."""
        names = [keep(self.cache, bytes([number]) * 30) for number in range(3)]
        self.cache.read(names[0], 100)
        newest = keep(self.cache, b"x" * 40)
        self.assertEqual(self.files(), {names[0], names[2], newest})
        self.assertEqual(self.cache.held, 100)

    def test_too_large(self) -> None:
        """A blob above the limit is not kept, and nothing leaves for it."""
        name = keep(self.cache, b"small")
        keep(self.cache, b"x" * 101)
        self.assertEqual((self.files(), self.cache.held), ({name}, 5))

    @given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=30), st.integers(0, 60))
    @settings(deadline=None, max_examples=50)
    def test_limit_is_kept(self, steps: list[tuple[int, int]], limit: int) -> None:
        """After any blobs came, left, were read and were damaged, the count is what lies on disk, and below the limit."""
        self.folder = Path(mkdtemp(dir=self.mktemp_root()))
        cache = self.opened(limit)
        for number, action in steps:
            content = b"%d" % number * number
            path = self.folder / name_of(content)[:2] / name_of(content)
            if action == 0 and path.exists():
                path.write_bytes(b"?" * number)
            elif action == 1:
                path.unlink(missing_ok=True)
                read(cache, name_of(content))
            elif action == 2:
                try:
                    self.assertIn(read(cache, name_of(content), number), (None, content))
                except DamagedBlob:
                    self.assertFalse(path.exists())
            else:
                keep(cache, content)
            on_disk = sum(each.stat().st_size for each in self.folder.rglob("*") if each.is_file())
            self.assertLessEqual(cache.held, limit)
            self.assertLessEqual(on_disk, cache.held)
        self.assertEqual(self.opened(limit).held, on_disk if steps else 0)

    def mktemp_root(self) -> str:
        """Make a folder that trial leaves alone."""
        root = Path(self.mktemp())
        root.mkdir(parents=True)
        return str(root)

    def test_damaged(self) -> None:
        """A damaged file is told, removed and forgotten, as bytes and as a file, shorter and of the same length."""
        for most in (0, 100):
            for damage in (b"12x45", b"123", b"", b"123456"):
                name = keep(self.cache, b"12345")
                (self.folder / name[:2] / name).write_bytes(damage)
                with self.assertRaises(DamagedBlob):
                    self.cache.read(name, min(most, len(damage) - 1) if most == 0 else most)
                self.assertEqual((self.files(), self.cache.held), (set(), 0))
                self.assertIsNone(self.cache.read(name, most))

    def test_damaged_after_it_was_checked(self) -> None:
        """A large file is hashed once, and again when it is no longer the file that was checked."""
        name = keep(self.cache, b"12345")
        with patch(
            "couchpages.pages.disk_cache.hashlib.file_digest", wraps=__import__("hashlib").file_digest
        ) as digest:
            self.assertEqual((read(self.cache, name), read(self.cache, name)), (b"12345", b"12345"))
            self.assertEqual(digest.call_count, 1)
            path = self.folder / name[:2] / name
            path.write_bytes(b"54321")
            os.utime(path, ns=(1, 1))
            with self.assertRaises(DamagedBlob):
                self.cache.read(name, 0)

    def test_damaged_file_is_closed(self) -> None:
        """No descriptor stays open on a damaged file."""
        name = keep(self.cache, b"12345")
        (self.folder / name[:2] / name).write_bytes(b"54321")
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- what counts are the descriptors
        with self.assertRaises(DamagedBlob):
            self.cache.read(name, 0)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)  # noqa: PTH208 -- as above

    def test_restart(self) -> None:
        """What was kept is found, the oldest leaves first, and what a crash left unfinished is gone."""
        names = [keep(self.cache, bytes([number]) * 30) for number in range(3)]
        for age, name in enumerate(names):
            os.utime(self.folder / name[:2] / name, ns=(10 - age, 10 - age))
        left = self.cache.incoming()
        left.file.write(b"half")
        left.file.flush()
        cache = self.opened(60)
        self.assertEqual((self.files(), cache.held), ({names[0], names[1]}, 60))
        left.file.close()

    def test_strange_files(self) -> None:
        """Files of others stay where they are and are not counted, also with a hash's name in the wrong place."""
        self.folder.joinpath("README").write_bytes(b"hello")
        self.folder.joinpath(name_of(b"x")).write_bytes(b"x")
        cache = self.opened()
        self.assertEqual((self.files(), cache.held), ({"README", name_of(b"x")}, 0))

    def test_file_gone(self) -> None:
        """A blob whose file somebody removed is not here, and takes no room."""
        name = keep(self.cache, b"12345")
        (self.folder / name[:2] / name).unlink()
        self.assertIsNone(self.cache.read(name, 10))
        self.assertEqual(self.cache.held, 0)

    def test_no_room(self) -> None:
        """A full disk at any step is an OSError, and nothing half is taken."""
        full = OSError(errno.ENOSPC, "no space left")
        with patch("couchpages.pages.disk_cache.tempfile.mkstemp", side_effect=full), self.assertRaises(OSError):
            self.cache.incoming()
        incoming = self.cache.incoming()
        incoming.file.write(b"12345")
        incoming.file.close()
        with patch.object(Path, "replace", side_effect=full), self.assertRaises(OSError):
            self.cache.adopt(incoming.path, name_of(b"12345"), 5)
        self.assertIsNone(self.cache.read(name_of(b"12345"), 5))
        incoming.abandon()
        self.assertEqual((self.files(), self.cache.held), (set(), 0))

    def test_file_in_hand_outlives_eviction(self) -> None:
        """A visitor reads to the end from a blob that leaves the cache meanwhile."""
        name = keep(self.cache, b"12345")
        file = self.cache.read(name, 0)
        keep(self.cache, b"x" * 100)
        assert file is not None
        assert not isinstance(file, bytes)
        with file:
            self.assertEqual(file.read(), b"12345")
        self.assertEqual(self.cache.read(name, 0), None)

    def test_threads(self) -> None:
        """Many threads that bring and read the same blobs never get a wrong one, and the count stays right."""
        contents = [bytes([number]) * 30 for number in range(6)]
        wrong: list[object] = []

        def work() -> None:
            for _ in range(30):
                for content in contents:
                    keep(self.cache, content)
                    found = read(self.cache, name_of(content), 10)
                    if found not in (None, content):
                        wrong.append(found)

        run_all([work] * 4)
        self.assertEqual(wrong, [])
        self.assertEqual(sum(each.stat().st_size for each in self.folder.rglob("*") if each.is_file()), self.cache.held)


def run_all(works: list[Callable[[], None]]) -> None:
    """Run *works* in threads, to their end."""
    threads = [Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
