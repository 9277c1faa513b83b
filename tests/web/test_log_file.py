"""A file that lines are appended to."""

import errno
import os
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.log_file import LogFile, PartlyWritten

LINE = b"0123456789\n"


class FileCase(SynchronousTestCase):
    """A test with a folder."""

    def setUp(self) -> None:
        """Make the folder."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "access.log"

    def file(self, rotate_size: int | None = None, keep: int = 10) -> LogFile:
        """Make a file."""
        file = LogFile(self.path, rotate_size, keep)
        self.addCleanup(file.close)
        return file

    def contents(self) -> dict[str, bytes]:
        """Give what the folder's files hold."""
        return {each.name: each.read_bytes() for each in self.folder.iterdir()}


class Appending(FileCase):
    """Without rotation."""

    def test_appends(self) -> None:
        """Lines are appended to what is there."""
        self.path.write_bytes(b"old\n")
        file = self.file()
        file.write(LINE)
        file.close()
        file.write(LINE)
        self.assertEqual(self.contents(), {"access.log": b"old\n" + LINE * 2})

    def test_mode(self) -> None:
        """A file that is made can be read by its group, whatever the umask; one that is there keeps its mode."""
        self.addCleanup(os.umask, os.umask(0o077))
        self.file().write(LINE)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)
        self.path.chmod(0o600)
        self.file().write(LINE)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_moved_or_removed(self) -> None:
        """When somebody moved or removed the file, or put another in its place, the next write goes to the one at the path."""
        file = self.file()
        file.write(b"1\n")
        self.path.rename(self.folder / "moved")
        file.write(b"2\n")
        self.path.unlink()
        file.write(b"3\n")
        (self.folder / "other").write_bytes(b"")
        (self.folder / "other").replace(self.path)
        file.write(b"4\n")
        self.assertEqual(self.contents(), {"moved": b"1\n", "access.log": b"4\n"})

    def test_truncated(self) -> None:
        """A file that logrotate copied and truncated goes on at its beginning."""
        file = self.file()
        file.write(LINE)
        os.truncate(self.path, 0)
        file.write(LINE)
        self.assertEqual(self.path.read_bytes(), LINE)

    def test_working_folder_changes(self) -> None:
        """A path that is relative stays what it was."""
        here = Path.cwd()
        file = LogFile(self.path.relative_to(here))
        self.addCleanup(file.close)
        os.chdir(self.folder.parent)
        self.addCleanup(os.chdir, here)
        file.write(LINE)
        self.assertEqual(self.path.read_bytes(), LINE)

    def test_links_and_devices(self) -> None:
        """A link is followed, also to a device; a pipe that nobody reads holds nobody."""
        self.path.symlink_to("/dev/null")
        self.file(rotate_size=1).write(LINE)
        self.assertTrue(self.path.is_symlink())
        self.path.unlink()
        os.mkfifo(self.path)
        self.assertRaises(OSError, self.file().write, LINE)

    def test_full_disk(self) -> None:
        """On a full disk nothing is written, and said so; afterwards the file is written to again."""
        self.path.symlink_to("/dev/full")
        file = self.file()
        self.assertEqual(self.assertRaises(OSError, file.write, LINE).errno, errno.ENOSPC)
        self.path.unlink()
        file.write(LINE)
        self.assertEqual(self.path.read_bytes(), LINE)

    def test_disk_gets_full(self) -> None:
        """Of what a disk took when it got full, whole lines stay, and are counted; the next line does not stand behind a torn one."""
        file = self.file()
        file.write(LINE)
        takes = [25]
        real = os.write

        def write(descriptor: int, data: bytes) -> int:
            if not takes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(descriptor, data[: takes.pop()])

        with patch("os.write", write):
            error = self.assertRaises(PartlyWritten, file.write, LINE * 5)
        self.assertEqual((error.lines, error.errno), (2, errno.ENOSPC))
        file.write(b"next\n")
        self.assertEqual(self.path.read_bytes(), LINE * 3 + b"next\n")


class Rotating(FileCase):
    """With rotation by size."""

    def test_rotates(self) -> None:
        """No file gets larger than its limit; as many old ones stay as were asked for, each with its mode."""
        file = self.file(rotate_size=25, keep=2)
        for number in range(9):
            file.write(b"%010d\n" % number)
        self.assertEqual(
            self.contents(),
            {
                "access.log": b"0000000008\n",
                "access.log.1": b"0000000006\n0000000007\n",
                "access.log.2": b"0000000004\n0000000005\n",
            },
        )
        self.assertEqual({each.stat().st_mode & 0o777 for each in self.folder.iterdir()}, {0o640})

    def test_more_than_the_limit(self) -> None:
        """What is larger than the limit by itself is written, into a file of its own."""
        file = self.file(rotate_size=5, keep=1)
        file.write(LINE)
        file.write(LINE * 2)
        self.assertEqual(self.contents(), {"access.log": LINE * 2, "access.log.1": LINE})

    def test_fewer_are_kept(self) -> None:
        """Old ones that were kept before the configuration said less are removed; files of other names stay."""
        for name in ("1", "2", "3", "4", "5", "old", "7.gz"):
            (self.folder / f"access.log.{name}").write_bytes(name.encode())
        file = self.file(rotate_size=5, keep=2)
        file.write(LINE)
        file.write(LINE)
        self.assertEqual(
            set(self.contents()), {"access.log", "access.log.1", "access.log.2", "access.log.old", "access.log.7.gz"}
        )

    def test_cannot_rotate(self) -> None:
        """A file that cannot be rotated grows, and the reason is told until it can."""
        (self.folder / "access.log.1" / "within").mkdir(parents=True)
        (self.folder / "access.log.2").write_bytes(b"")
        file = self.file(rotate_size=5, keep=1)
        file.write(LINE)
        file.write(LINE)
        self.assertEqual(self.path.read_bytes(), LINE * 2)
        self.assertIsNotNone(file.rotation_failure)
        (self.folder / "access.log.1" / "within").rmdir()
        (self.folder / "access.log.1").rmdir()
        file.write(LINE)
        self.assertIsNone(file.rotation_failure)
        self.assertEqual(self.contents(), {"access.log": LINE, "access.log.1": LINE * 2})
