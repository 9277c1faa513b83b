"""Reads zone files from disk (I/O). ``$INCLUDE`` reaches nothing outside the folder of the file that it begins with."""

import os
import stat
import sys
from pathlib import Path

from couchpages.dns.names import Name
from couchpages.dns.zone_files import Line, ZoneFileError, ZoneFileReader

#: Bytes of a file with all that it includes. A million records take about that much.
LARGEST = 128 * 2**20
STDIN = "-"


class ZoneFolder:
    """The files below *folder*, of which at most *left* bytes are read in all."""

    def __init__(self, folder: Path, left: int = LARGEST) -> None:
        self._folder = folder.resolve()
        self._left = left

    def included(self, name: str) -> str:
        """Give the text of a file below the folder. Raises ValueError for every other."""
        try:
            # What links lead to counts: resolve() follows them.
            path = (self._folder / name).resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            raise ValueError(f"$INCLUDE {name[:255]}: {_why(error)}") from None
        if not path.is_relative_to(self._folder):
            raise ValueError(f"$INCLUDE {name[:255]}: it lies outside {self._folder}, the zone file's folder")
        return self.text(path, regular=True)

    def text(self, path: Path, *, regular: bool) -> str:
        """Give the text of a file. Raises ValueError."""
        try:
            # Without waiting for a writer, should somebody have made it a pipe.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (os.O_NONBLOCK | os.O_NOFOLLOW if regular else 0))
            with open(descriptor, "rb") as file:  # noqa: PTH123 -- a descriptor has no path
                if regular and not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise ValueError(f"{path}: is no plain file")
                content = file.read(self._left + 1)
        except OSError as error:
            raise ValueError(f"{path}: cannot be read: {_why(error)}") from None
        return self._decoded(content, str(path))

    def stdin(self) -> str:
        """Give what comes on stdin."""
        return self._decoded(sys.stdin.buffer.read(self._left + 1), "stdin")

    def _decoded(self, content: bytes, name: str) -> str:
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(f"{name}: with what it includes, it has more than {LARGEST:,} bytes")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise ZoneFileError(name, line, "it is not UTF-8; write other octets as \\DDD") from None


def read_zone_file(name: str, apex: Name) -> list[Line]:
    """Read the zone file *name* (``-``: stdin). Raises ValueError with file, line and reason."""
    if name == STDIN:
        folder = ZoneFolder(Path())
        return ZoneFileReader(apex, folder.included).read("stdin", folder.stdin())
    path = Path(name)
    folder = ZoneFolder(path.parent)
    return ZoneFileReader(apex, folder.included).read(name, folder.text(path, regular=False))


def _why(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
