"""The node's own folders."""

import os
from pathlib import Path
from urllib.parse import unquote

from twisted.trial.unittest import SynchronousTestCase

from couchpages.folders import UNFINISHED, clear, file_name, make_folder, open_plain, replace


class FolderTests(SynchronousTestCase):
    """What lies where our files should be."""

    def setUp(self) -> None:
        """Make a folder with one of everything in it."""
        self.folder = Path(self.mktemp()).absolute()
        make_folder(self.folder)
        (self.folder / "file").write_bytes(b"content")
        (self.folder / "full").mkdir()
        (self.folder / "full" / "within").write_bytes(b"x")
        (self.folder / "link").symlink_to(self.folder / "full")
        (self.folder / "dangling").symlink_to(self.folder / "nothing")
        os.mkfifo(self.folder / "pipe")

    def test_made_once(self) -> None:
        """A folder is private, and stays as it is when it is there; a file in its place, or above it, is named with what to do."""
        self.assertEqual(self.folder.stat().st_mode & 0o777, 0o700)
        make_folder(self.folder)
        for path in (self.folder / "file", self.folder / "file" / "below"):
            with self.assertRaises(OSError) as caught:
                make_folder(path)
            self.assertIn(f"{self.folder / 'file'}", str(caught.exception))
            self.assertIn("is no folder; move it away", str(caught.exception))

    def test_opened(self) -> None:
        """Only a plain file is opened; nothing else keeps its reader waiting, and no descriptor stays open."""
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- what counts are the descriptors
        with open_plain(self.folder / "file") as file:
            self.assertEqual(file.read(), b"content")
        for name in ("full", "link", "dangling", "pipe"):
            with self.assertRaises(OSError):
                open_plain(self.folder / name)
        with self.assertRaises(FileNotFoundError):
            open_plain(self.folder / "nothing")
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)  # noqa: PTH208 -- as above

    def test_cleared(self) -> None:
        """Whatever it is, it goes; what a link points to stays, and what is not there is no error."""
        for name in ("link", "dangling", "pipe", "nothing", "file/below"):
            clear(self.folder / name)
        self.assertEqual({each.name for each in self.folder.iterdir()}, {"file", "full"})
        self.assertEqual((self.folder / "full" / "within").read_bytes(), b"x")
        clear(self.folder / "full")
        clear(self.folder / "file")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_replaced(self) -> None:
        """What is written takes the place of anything, for its owner alone, also where a write broke off before; nothing is left beside."""
        for name in ("file", "full", "link", "dangling", "pipe", "new"):
            (self.folder / (UNFINISHED + name)).write_bytes(b"half")
            replace(self.folder / name, b"whole")
            self.assertEqual((self.folder / name).read_bytes(), b"whole")
            self.assertEqual((self.folder / name).lstat().st_mode & 0o777, 0o600)
        self.assertEqual([each.name for each in self.folder.iterdir() if each.name.startswith(UNFINISHED)], [])

    def test_named(self) -> None:
        """Any document has a file within its folder, whose name tells the document's."""
        for doc_id in ("a.example", "..", ".", "~x", "a/b", "certificate-rsa-*.example", "_design/x", "ü"):
            name = file_name(doc_id)
            self.assertEqual(unquote(name), doc_id)
            self.assertFalse("/" in name or name.startswith((".", UNFINISHED)))
        self.assertRaises(ValueError, file_name, "")
