"""A file that lines are appended to, and that logrotate or the file itself rotates (does I/O).

Not Twisted's LogFile: that changes the umask of the whole process, while other threads make files, and a rotation that fails half-way
leaves it closed.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

#: Only the group that reads logs may read who visited.
MODE = 0o640
#: A pipe that nobody reads must not hold a thread; for a file this means nothing.
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC


class LogFile:
    """Appends to the file *path*, which is made with mode 0640 where it is not there.

    With *rotate_size* the file is renamed to ``path.1`` before it would have more bytes, that one to ``path.2``, and so on; *keep* old
    ones stay. When somebody else moved or removed the file, a new one is made at the next write. Every method blocks; any thread may call
    them, one at a time.
    """

    def __init__(self, path: Path, rotate_size: int | None = None, keep: int = 10) -> None:
        # The working folder may change later.
        self.path = path.absolute()
        self._rotate_size = rotate_size
        self._keep = keep
        self._descriptor: int | None = None
        #: Why the file could not be rotated; it goes on growing then.
        self.rotation_failure: OSError | None = None

    def open(self) -> None:
        """Open the file, unless it is open and still the one at its path. Raises OSError."""
        if self._descriptor is not None and not self._is_in_place(self._descriptor):
            self.close()
        if self._descriptor is None:
            self._descriptor = _opened(self.path)

    def write(self, lines: bytes) -> None:
        """Append whole lines. Raises OSError after which none of them is there, or :class:`PartlyWritten` when some are."""
        self.open()
        if self._rotate_size is not None:
            self._rotate_for(len(lines), self._rotate_size)
        if self._descriptor is not None:
            _append(self._descriptor, lines)

    def close(self) -> None:
        """Close the file; a write opens it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _is_in_place(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def _rotate_for(self, more: int, limit: int) -> None:
        # What stands at the path may be a link or a device: those are not renamed.
        there = self.path.lstat()
        if not stat.S_ISREG(there.st_mode) or not there.st_size or there.st_size + more <= limit:
            return
        try:
            self._rename()
            self.rotation_failure = None
        except OSError as error:
            self.rotation_failure = error
        self.open()

    def _rename(self) -> None:
        for number in range(self._keep, 1, -1):
            with suppress(FileNotFoundError):
                self._old(number - 1).replace(self._old(number))
        self.path.replace(self._old(1))
        number = self._keep + 1
        # More were kept before, perhaps.
        while self._old(number).exists():
            self._old(number).unlink()
            number += 1

    def _old(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


class PartlyWritten(OSError):
    """The disk took only the first *lines* of what was to be written."""

    def __init__(self, error: OSError, lines: int) -> None:
        super().__init__(error.errno, error.strerror)
        self.lines = lines


def _opened(path: Path) -> int:
    try:
        descriptor = os.open(path, FLAGS | os.O_CREAT | os.O_EXCL, MODE)
    except FileExistsError:
        return os.open(path, FLAGS | os.O_CREAT, MODE)
    # The umask of a daemon takes the group's right away.
    os.fchmod(descriptor, MODE)
    return descriptor


def _append(descriptor: int, lines: bytes) -> None:
    written = 0
    try:
        while written < len(lines):
            written += os.write(descriptor, lines[written:])
    except OSError as error:
        if written:
            whole = lines.rfind(b"\n", 0, written) + 1
            _take_back(descriptor, written - whole)
            raise PartlyWritten(error, lines.count(b"\n", 0, whole)) from error
        raise


def _take_back(descriptor: int, torn: int) -> None:
    """Cut off the part of a line, so that the next one does not stand behind it; what is no file cannot be cut."""
    with suppress(OSError):
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - torn)
