import os
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli import folder
from couchpages.cli.errors import WrongCallError
from couchpages.cli.folder import walk


class WalkTests(SynchronousTestCase):
    """What a walk finds, and what it refuses."""

    def setUp(self) -> None:
        """Make a folder with one page in it, and another beside it."""
        self.top = Path(self.mktemp()).absolute()
        self.root = self.top / "site"
        self.write("index.html")
        (self.top / "other").mkdir()
        (self.top / "other" / "secret.txt").write_text("secret")

    def write(self, path: str) -> Path:
        """Write a file below the folder."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
        return file

    def paths(self, *included: str) -> list[str]:
        """Walk and give the paths found."""
        return [found.path for found in walk(str(self.root), frozenset(included)).files]

    def refused(self, expected: str) -> None:
        """Walk, and be refused in one line."""
        with self.assertRaisesRegex(WrongCallError, expected) as caught:
            walk(str(self.root))
        self.assertNotIn("\n", str(caught.exception))

    def test_files_in_order(self) -> None:
        """All files, also in folders, in order of their paths; empty folders are nothing."""
        for path in ("b/c/d.txt", "a.txt", "b/a.txt"):
            self.write(path)
        (self.root / "empty").mkdir()
        self.assertEqual(self.paths(), ["a.txt", "b/a.txt", "b/c/d.txt", "index.html"])

    def test_left_out(self) -> None:
        """Dotted names stay at home and are told, a folder once; .well-known is published, without dotted names in it."""
        for path in (".git/HEAD", ".git/config", ".env", "a/.env", ".well-known/acme", ".well-known/.hidden"):
            self.write(path)
        self.assertEqual(self.paths(), [".well-known/acme", "index.html"])
        left_out = walk(str(self.root)).left_out
        self.assertEqual(sorted(left_out), [".env", ".git", ".well-known/.hidden", "a/.env"])

    def test_included(self) -> None:
        """--include publishes a dotted name wherever it stands."""
        self.write("a/.buildinfo")
        self.assertEqual(self.paths(".buildinfo"), ["a/.buildinfo", "index.html"])

    def test_dotted_top(self) -> None:
        """The folder itself may be called as it likes."""
        dotted = self.top / ".output"
        self.root.rename(dotted)
        self.root = dotted
        self.assertEqual(self.paths(), ["index.html"])

    def test_link_to_the_folder(self) -> None:
        """The folder may be named by a link."""
        (self.top / "current").symlink_to(self.root)
        self.root = self.top / "current"
        self.assertEqual(self.paths(), ["index.html"])

    def test_links_inside(self) -> None:
        """Links inside are followed, to files and to folders, absolute or not."""
        self.write("a/page.html")
        (self.root / "link.html").symlink_to("a/page.html")
        (self.root / "b").symlink_to(self.root / "a")
        found = {each.path: each.source for each in walk(str(self.root)).files}
        self.assertEqual(sorted(found), ["a/page.html", "b/page.html", "index.html", "link.html"])
        real = os.path.realpath(self.root / "a" / "page.html")
        self.assertEqual({found["link.html"], found["b/page.html"]}, {real})

    def test_links_that_leave(self) -> None:
        """A link out of the folder is refused, to a file or a folder, also by way of a link inside, also to a like name."""
        (self.root / "a").mkdir()
        for target in (
            "../other/secret.txt",
            "../other",
            str(self.top / "other"),
            "/etc/passwd",
            "a/../../other",
            "..",
        ):
            link = self.root / "link"
            link.symlink_to(target)
            self.refused("link: is a link that leaves the folder")
            link.unlink()
        (self.top / "site-two").mkdir()
        (self.root / "link").symlink_to("../site-two")
        self.refused("leaves the folder")

    def test_links_to_what_is_left_out(self) -> None:
        """A link does not publish what stays at home."""
        self.write(".git/config")
        (self.root / "link").symlink_to(".git/config")
        self.refused("which is not published")

    def test_dangling_links(self) -> None:
        """Links to nothing, and links that go round, are refused."""
        (self.root / "link").symlink_to("nowhere")
        self.refused("link to nothing")
        (self.root / "link").unlink()
        (self.root / "link").symlink_to("link")
        self.refused("link to nothing")

    def test_loops(self) -> None:
        """A folder that a link puts below itself is refused."""
        self.write("a/page.html")
        for target in (".", "a", "../site"):
            link = self.root / "a" / "link"
            link.symlink_to(self.root / target)
            self.refused("a/link: is a link to a folder above it")
            link.unlink()

    def test_special_files(self) -> None:
        """FIFOs and sockets are refused, and not opened."""
        os.mkfifo(self.root / "fifo")
        self.refused("fifo: is neither a file nor a folder")
        (self.root / "fifo").unlink()
        with socket.socket(socket.AF_UNIX) as listening:
            directory = os.open(self.root, os.O_RDONLY)
            try:
                listening.bind(f"/proc/self/fd/{directory}/socket")
            finally:
                os.close(directory)
            self.refused("socket: is neither a file nor a folder")

    def test_empty(self) -> None:
        """A folder without files is refused, also if all are left out."""
        (self.root / "index.html").rename(self.root / ".hidden")
        (self.root / "empty").mkdir()
        self.refused("holds no file to publish")

    def test_no_folder(self) -> None:
        """A file, and nothing at all, are no folders."""
        self.root = self.top / "nowhere"
        self.refused("nowhere: No such file")
        self.root = self.top / "other" / "secret.txt"
        self.refused("is no folder")
        with self.assertRaises(WrongCallError):
            walk("nul\0byte")

    def test_names_that_are_not_utf_8(self) -> None:
        """Such a name can be shown; check_paths refuses it afterwards."""
        os.mkdir(os.fsencode(self.root) + b"/caf\xe9")  # noqa: PTH102 - a Path cannot hold such a name plainly
        os.symlink(b"nowhere", os.fsencode(self.root) + b"/caf\xe9/link")  # noqa: PTH211 - the same
        self.refused(r"caf\\udce9/link: is a link to nothing")

    def test_wrong_folder(self) -> None:
        """A walk does not go on for ever."""
        self.patch(folder, "MOST_FILES", 2)
        for number in range(3):
            self.write(f"{number}")
        self.refused("is it the right folder")
