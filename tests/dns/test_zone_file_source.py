import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.zone_file_source import ZoneFolder, read_zone_file
from tests.dns.zone_text import APEX


class SourceTests(SynchronousTestCase):
    """Zone files on disk."""

    def setUp(self) -> None:
        """Make a folder with a file in it, and one beside it."""
        self.outside = Path(self.mktemp()).absolute()
        self.folder = self.outside / "zones"
        (self.folder / "sub").mkdir(parents=True)
        (self.folder / "sub" / "hosts").write_text("h 5 A 192.0.2.1\n")
        (self.outside / "secret").write_text("h 5 TXT secret\n")

    def read(self, text: str) -> int:
        """Read a file with this text; give the number of its records."""
        (self.folder / "zone").write_text(text)
        return len(read_zone_file(str(self.folder / "zone"), APEX))

    def test_below_the_folder(self) -> None:
        """Files below the file's own folder are included, also by way of links that stay within it."""
        (self.folder / "link").symlink_to("sub/hosts")
        self.assertEqual(self.read("$INCLUDE sub/hosts\n$INCLUDE link\n$INCLUDE sub/../link"), 3)

    def test_outside(self) -> None:
        """No file outside is ever read: not by dots, an absolute path, or a link to a file or a folder."""
        (self.folder / "link").symlink_to("../secret")
        (self.folder / "up").symlink_to("..")
        for name in ("../secret", str(self.outside / "secret"), "link", "up/secret", "sub/../../secret", "/etc/passwd"):
            error = self.assertRaises(ValueError, self.read, f"$INCLUDE {name}")
            self.assertIn("outside", str(error))
            self.assertNotIn("TXT", str(error))

    def test_no_plain_file(self) -> None:
        """Folders, pipes and what is not there: an error with file and line, and no waiting."""
        os.mkfifo(self.folder / "pipe")
        for name in ("sub", "pipe", "nowhere", "x" * 300, "a\\000b"):
            error = self.assertRaises(ValueError, self.read, f"; \n$INCLUDE {name}")
            self.assertTrue(str(error).startswith(f"{self.folder}/zone:2: "), str(error))

    def test_octets(self) -> None:
        """What is not UTF-8 is told with its line; a byte order mark is none of the zone's."""
        (self.folder / "zone").write_bytes(b"a 5 TXT x\nb 5 TXT \xff\n")
        error = self.assertRaises(ValueError, read_zone_file, str(self.folder / "zone"), APEX)
        self.assertIn("zone:2: it is not UTF-8", str(error))
        (self.folder / "zone").write_bytes(b"\xef\xbb\xbfa 5 TXT x\n")
        self.assertEqual(len(read_zone_file(str(self.folder / "zone"), APEX)), 1)

    def test_size(self) -> None:
        """All files together have a limit."""
        (self.folder / "large").write_text("x" * 60)
        folder = ZoneFolder(self.folder, 100)
        folder.included("large")
        self.assertRaises(ValueError, folder.included, "large")
