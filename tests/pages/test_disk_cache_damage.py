"""A disk cache in which somebody put other things than blobs, or which was altered while it is used."""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.disk_cache import DamagedBlob, DiskCache

CONTENT = b"a blob's content"
NAME = hashlib.sha256(CONTENT).hexdigest()


def keep(cache: DiskCache) -> None:
    """Bring the blob into the cache."""
    incoming = cache.incoming()
    incoming.file.write(CONTENT)
    incoming.file.close()
    cache.adopt(incoming.path, NAME, len(CONTENT))


class InTheWayTests(SynchronousTestCase):
    """Start-up needs no repair by hand, and nor does a cache that is used."""

    def setUp(self) -> None:
        """Make a cache with one blob."""
        self.folder = Path(self.mktemp()).absolute() / "blobs"
        self.cache = self.opened()
        keep(self.cache)
        self.path = self.folder / NAME[:2] / NAME

    def opened(self) -> DiskCache:
        """Open the folder as after a restart."""
        cache = DiskCache(self.folder, 1000)
        cache.open()
        return cache

    def strange(self) -> dict[str, Callable[[], object]]:
        """Give what may be done to the blob's file or its folder, when both are gone."""
        parent = self.path.parent

        def in_folder(put: Callable[[], None]) -> Callable[[], None]:
            def both() -> None:
                parent.mkdir()
                put()

            return both

        def link_to_a_copy() -> None:
            (self.folder / "right").write_bytes(CONTENT)
            self.path.symlink_to(self.folder / "right")

        return {
            "a folder": in_folder(lambda: (self.path / "within").mkdir(parents=True)),
            "a link": in_folder(lambda: self.path.symlink_to("/etc/passwd")),
            "a link to itself": in_folder(lambda: self.path.symlink_to(self.path)),
            "a link to a right blob": in_folder(link_to_a_copy),
            "a pipe": in_folder(lambda: os.mkfifo(self.path)),
            "a file for a folder": lambda: parent.write_bytes(b"x"),
            "a dangling link for a folder": lambda: parent.symlink_to(self.folder / "nowhere"),
            "nothing": lambda: None,
            "no cache at all": lambda: shutil.rmtree(self.folder),
        }

    def test_met_while_it_runs(self) -> None:
        """What is there instead of a blob is never given, is told, and makes way for the blob when that comes again."""
        for what, put in self.strange().items():
            shutil.rmtree(self.path.parent)
            put()
            with self.subTest(what):
                with contextlib.suppress(OSError, DamagedBlob):
                    self.assertIsNone(self.cache.read(NAME, 100))
                keep(self.cache)
                self.assertEqual(self.cache.read(NAME, 100), CONTENT)

    def test_met_at_the_start(self) -> None:
        """A cache with such things in it opens, counts none of them, and takes the blob."""
        for what, put in self.strange().items():
            shutil.rmtree(self.path.parent)
            put()
            with self.subTest(what):
                cache = self.opened()
                self.assertEqual(cache.held, 0)
                keep(cache)
                self.assertEqual((cache.read(NAME, 100), cache.held), (CONTENT, len(CONTENT)))

    def test_unfinished(self) -> None:
        """What is called as blobs are while they come is removed at the start, whatever it is."""
        (self.folder / "incoming-folder" / "within").mkdir(parents=True)
        (self.folder / "incoming-link").symlink_to("/etc/passwd")
        self.opened()
        self.assertEqual([each.name for each in self.folder.iterdir()], [NAME[:2]])

    def test_unreadable(self) -> None:
        """A folder that may not be read is passed by at the start, and a blob that may not be read is told as an OSError."""
        denied = PermissionError(errno.EACCES, "permission denied")
        scan = os.scandir

        def scandir(path: str | Path) -> Any:
            if Path(path).name == NAME[:2]:
                raise denied
            return scan(path)

        with patch("couchpages.pages.disk_cache.os.scandir", scandir):
            self.assertEqual(self.opened().held, 0)
        with patch("couchpages.folders.os.open", side_effect=denied), self.assertRaises(PermissionError):
            self.cache.read(NAME, 100)

    def test_folder_is_a_file(self) -> None:
        """Where the cache's folder should be there is a file: the error says what to do."""
        shutil.rmtree(self.folder)
        self.folder.write_bytes(b"x")
        with self.assertRaises(OSError) as caught:
            self.opened()
        self.assertIn("blobs is no folder; move it away", str(caught.exception))


class AlteredTests(SynchronousTestCase):
    """A file that is altered after it was checked."""

    def setUp(self) -> None:
        """Make a cache with one blob."""
        self.folder = Path(self.mktemp()) / "blobs"
        self.cache = DiskCache(self.folder, 1000)
        self.cache.open()
        keep(self.cache)
        self.path = self.folder / NAME[:2] / NAME

    def test_moments_set_back(self) -> None:
        """It is noticed although its size and its moment of modification are as before."""
        file = self.cache.read(NAME, 0)
        assert file is not None
        assert not isinstance(file, bytes)
        file.close()
        status = self.path.stat()
        with self.path.open("r+b") as altered:
            altered.write(b"A")
        os.utime(self.path, ns=(status.st_atime_ns, status.st_mtime_ns))
        with self.assertRaises(DamagedBlob):
            self.cache.read(NAME, 0)

    def test_in_a_readers_hand(self) -> None:
        """Who has begun to read gets an error instead of the other bytes, for a byte that differs and for a shorter file."""
        for alter in (lambda file: file.write(b"A"), lambda file: file.truncate(3)):
            keep(self.cache)
            file = self.cache.read(NAME, 0)
            assert file is not None
            assert not isinstance(file, bytes)
            with file:
                self.assertEqual(file.read(2), CONTENT[:2])
                with self.path.open("r+b") as altered:
                    alter(altered)
                    os.utime(altered.fileno(), ns=(1, 1))
                file.seek(0)
                with self.assertRaises(OSError):
                    file.read(2)
