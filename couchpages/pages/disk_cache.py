"""Blobs on disk under a limit, named by their SHA-256 and checked against it when they are read back (does I/O; for threads).

Losing the folder costs only time, so nothing is synced: what a power cut damaged does not have its hash any more, and is removed
when it is read.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from couchpages.pages.lru import SizedCache
from couchpages.pages.manifest import is_sha256

CHUNK = 2**20
UNFINISHED = "incoming-"


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells whether a file is still the one that was checked."""

    inode: int
    modified: int
    size: int


class DamagedBlob(Exception):
    """A file that does not have the hash of its name; it was removed."""


class DiskCache:
    """Every method may be called from any thread, and blocks."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._lock = Lock()
        self._sizes: SizedCache[str, tuple[str, int]] = SizedCache(limit, lambda entry: entry[1])
        self._checked: dict[str, Identity] = {}

    @property
    def held(self) -> int:
        """Bytes on disk."""
        return self._sizes.held

    def open(self) -> None:
        """Make the folder, learn what is in it, oldest first, and remove what was left unfinished."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = []
        for entry in self._entries():
            if not is_sha256(entry.name):
                if entry.name.startswith(UNFINISHED):
                    Path(entry.path).unlink(missing_ok=True)
                continue
            if entry.path != str(self._path(entry.name)):
                continue
            status = entry.stat(follow_symlinks=False)
            found.append((status.st_mtime_ns, entry.name, status.st_size))
        with self._lock:
            for _, sha256, size in sorted(found):
                self._hold(sha256, size)

    def read(self, sha256: str, most: int) -> bytes | BinaryIO | None:
        """Give a blob's bytes, or an open file if it has more than *most*; None when it is not here.

        Raises :class:`DamagedBlob` and OSError.
        """
        try:
            file = self._path(sha256).open("rb")
        except FileNotFoundError:
            self._forget_if_gone(sha256)
            return None
        try:
            status = os.fstat(file.fileno())
            identity = Identity(status.st_ino, status.st_mtime_ns, status.st_size)
            if status.st_size <= most:
                with file:
                    content = file.read()
                self._check(sha256, hashlib.sha256(content).hexdigest())
                self._touch(sha256)
                return content
            if self._checked.get(sha256) != identity:
                self._check(sha256, hashlib.file_digest(file, "sha256").hexdigest())
                self._checked[sha256] = identity
                file.seek(0)
        except BaseException:
            file.close()
            raise
        self._touch(sha256)
        return file

    def incoming(self) -> "Incoming":
        """Begin to write a blob. Raises OSError."""
        descriptor, name = tempfile.mkstemp(prefix=UNFINISHED, dir=self._folder)
        return Incoming(os.fdopen(descriptor, "wb", buffering=65536), Path(name))

    def adopt(self, path: Path, sha256: str, size: int) -> None:
        """Take a finished file, whose hash was checked, by renaming it. Raises OSError."""
        if size > self._sizes.limit:
            path.unlink(missing_ok=True)
            return
        target = self._path(sha256)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with self._lock:
            # Under the lock, so that nobody who lets go of an older copy at this moment removes this one.
            path.replace(target)
            self._hold(sha256, size)

    def _hold(self, sha256: str, size: int) -> None:
        for let_go in self._sizes.put(sha256, (sha256, size)):
            self._remove(let_go)

    def _check(self, sha256: str, found: str) -> None:
        if found != sha256:
            with self._lock:
                self._sizes.discard(sha256)
                self._remove(sha256)
            raise DamagedBlob(f"{self._path(sha256)} has the SHA-256 {found}; it was removed")

    def _forget_if_gone(self, sha256: str) -> None:
        with self._lock:
            if sha256 in self._sizes and not self._path(sha256).exists():
                self._sizes.discard(sha256)
                self._checked.pop(sha256, None)

    def _touch(self, sha256: str) -> None:
        with self._lock:
            self._sizes.get(sha256)

    def _remove(self, sha256: str) -> None:
        self._checked.pop(sha256, None)
        self._path(sha256).unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def _entries(self) -> Iterator["os.DirEntry[str]"]:
        for entry in os.scandir(self._folder):
            if entry.is_dir(follow_symlinks=False):
                yield from os.scandir(entry.path)
            else:
                yield entry


@dataclass(slots=True)
class Incoming:
    """A blob that is being written."""

    file: BinaryIO
    path: Path

    def abandon(self) -> None:
        """Remove what was written."""
        self.file.close()
        self.path.unlink(missing_ok=True)
