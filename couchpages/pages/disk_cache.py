"""Blobs on disk under a limit, named by their SHA-256 and checked against it when they are read back (does I/O; for threads).

Losing the folder costs only time, so nothing is synced: what a power cut damaged does not have its hash any more, and is removed
when it is read. Whatever else lies under a blob's name is removed too.
"""

import errno
import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO, NamedTuple

from twisted.logger import Logger

from couchpages.folders import clear, make_folder, open_descriptor, open_plain
from couchpages.pages.lru import SizedCache
from couchpages.pages.manifest import is_sha256

CHUNK = 2**20
UNFINISHED = "incoming-"
#: Bytes whose hash may be computed in the reactor's thread: it takes some 50 µs.
HASHED_AT_ONCE = 65_536
#: On systems that do not know it, all reads are left to threads.
RWF_NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)


class Identity(NamedTuple):
    """What tells whether a file is still the one that was checked.

    *changed* is the inode's (ctime): unlike a file's moment of modification, nobody can set it back.
    """

    inode: int
    changed: int
    size: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Identity":
        """Give a file's."""
        return cls(status.st_ino, status.st_ctime_ns, status.st_size)


class DamagedBlob(Exception):
    """A file that does not have the hash of its name; it was removed."""


class CheckedFile(io.BufferedReader):
    """A file whose content was checked, open for reading. Its reads raise OSError once somebody writes to it.

    So a visitor's transfer breaks off instead of going on with other bytes. What is not noticed is a disk that alters bytes by itself.
    """

    def __init__(self, raw: io.RawIOBase, status: os.stat_result) -> None:
        super().__init__(raw)
        self._written = status.st_mtime_ns, status.st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """See :meth:`io.BufferedReader.read`."""
        data = super().read(size)
        # Not the inode's moment, which also changes when the blob leaves the cache, and then the reader goes on.
        now = os.fstat(self.fileno())
        if (now.st_mtime_ns, now.st_size) != self._written:
            raise OSError("a blob's file was altered while it was read")
        return data


class DiskCache:
    """Every method may be called from any thread, and blocks."""

    log = Logger()

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._lock = Lock()
        self._sizes: SizedCache[str, tuple[str, int]] = SizedCache(limit, lambda entry: entry[1])
        self._checked: dict[str, Identity] = {}

    @property
    def held(self) -> int:
        """Bytes on disk."""
        return self._sizes.held

    @property
    def limit(self) -> int:
        """The most bytes on disk."""
        return self._sizes.limit

    def open(self) -> None:
        """Make the folder, learn what is in it, oldest first, and remove what was left unfinished. Raises OSError."""
        make_folder(self._folder)
        found = []
        for entry in self._entries():
            # What cannot be looked at, or is no file, is met again when somebody wants the blob of that name.
            with suppress(OSError):
                if entry.name.startswith(UNFINISHED):
                    clear(Path(entry.path))
                elif entry.path == str(self._path(entry.name)) and is_sha256(entry.name) and _is_file(entry):
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_mtime_ns, entry.name, status.st_size))
        with self._lock:
            for _, sha256, size in sorted(found):
                self._hold(sha256, size)

    def size(self, sha256: str) -> int | None:
        """Give the bytes of a blob that should be here and that had its hash in this run; None for another."""
        identity = self._checked.get(sha256)
        return identity.size if identity is not None else None

    def read(self, sha256: str, most: int) -> bytes | BinaryIO | None:
        """Give a blob's bytes, or an open file if it has more than *most*; None when it is not here.

        Raises :class:`DamagedBlob` and OSError.
        """
        try:
            file = open_plain(self._path(sha256))
        except FileNotFoundError:
            self._forget_if_gone(sha256)
            return None
        try:
            status = os.fstat(file.fileno())
            if status.st_size <= most:
                with file:
                    content = file.read()
                self._check(sha256, hashlib.sha256(content).hexdigest())
                self._checked[sha256] = Identity.of(status)
                self._touch(sha256)
                return content
            self._check_file(sha256, file, Identity.of(status))
            checked = CheckedFile(file.detach(), status)  # type: ignore[attr-defined]  # a BufferedReader, as fdopen makes them
        except BaseException:
            file.close()
            raise
        self._touch(sha256)
        return checked

    def read_at_once(self, sha256: str, most: int) -> bytes | None:
        """Give the bytes of a blob that the kernel has in memory and that has at most *most*; None where that takes longer.

        Waits for no content, so that the reactor's thread may ask (preadv2(2), RWF_NOWAIT, as nginx does before it gives a read to a
        thread); opening a file may wait for its inode, as in nginx. A file that was checked, and that nobody touched since, is not
        hashed again; one of more than :data:`HASHED_AT_ONCE` bytes that was not is left to :meth:`read`. Raises :class:`DamagedBlob`
        and OSError.
        """
        try:
            descriptor = open_descriptor(f"{self._folder}/{sha256[:2]}/{sha256}")
        except FileNotFoundError:
            return None
        try:
            return self._at_once(sha256, descriptor, most)
        finally:
            os.close(descriptor)

    def _at_once(self, sha256: str, descriptor: int, most: int) -> bytes | None:
        identity = Identity.of(os.fstat(descriptor))
        known = self._checked.get(sha256) == identity
        if identity.size > (most if known else min(most, HASHED_AT_ONCE)):
            return None
        content = _read_cached(descriptor, identity.size)
        if content is None or Identity.of(os.fstat(descriptor)) != identity:
            return None
        if not known:
            self._check(sha256, hashlib.sha256(content).hexdigest())
            self._checked[sha256] = identity
        self._touch(sha256)
        return content

    def _check_file(self, sha256: str, file: BinaryIO, identity: Identity) -> None:
        if self._checked.get(sha256) != identity:
            self._check(sha256, hashlib.file_digest(file, "sha256").hexdigest())  # type: ignore[arg-type]  # as above
            self._checked[sha256] = identity
            file.seek(0)

    def incoming(self) -> "Incoming":
        """Begin to write a blob. Raises OSError."""
        # Whoever removed the folder while the daemon runs shall not have to start it again.
        make_folder(self._folder)
        descriptor, name = tempfile.mkstemp(prefix=UNFINISHED, dir=self._folder)
        return Incoming(os.fdopen(descriptor, "wb", buffering=65536), Path(name))

    def adopt(self, path: Path, sha256: str, size: int) -> None:
        """Take a finished file, whose hash was checked, by renaming it. Raises OSError."""
        if size > self._sizes.limit:
            path.unlink(missing_ok=True)
            return
        target = self._path(sha256)
        with self._lock:
            _make_way(target)
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
        # Somebody who writes may hold the lock for as long as the disk takes; that this one was used is not worth waiting for.
        if self._lock.acquire(blocking=False):
            try:
                self._sizes.get(sha256)
            finally:
                self._lock.release()

    def _remove(self, sha256: str) -> None:
        self._checked.pop(sha256, None)
        clear(self._path(sha256))

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def _entries(self) -> Iterator["os.DirEntry[str]"]:
        for entry in os.scandir(self._folder):
            if not entry.is_dir(follow_symlinks=False) or entry.name.startswith(UNFINISHED):
                yield entry
                continue
            try:
                yield from os.scandir(entry.path)
            except OSError as error:
                self.log.warn("a folder of the disk cache cannot be read: {error}", error=error)


@dataclass(slots=True)
class Incoming:
    """A blob that is being written."""

    file: BinaryIO
    path: Path

    def abandon(self) -> None:
        """Remove what was written."""
        self.file.close()
        self.path.unlink(missing_ok=True)


def _read_cached(descriptor: int, size: int) -> bytes | None:
    if RWF_NOWAIT is None:
        return None
    content = bytearray(size)
    try:
        read = os.preadv(descriptor, [content], 0, RWF_NOWAIT) if size else 0
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EOPNOTSUPP):
            return None
        raise
    return bytes(content) if read == size else None


def _is_file(entry: "os.DirEntry[str]") -> bool:
    return entry.is_file(follow_symlinks=False)


def _make_way(target: Path) -> None:
    """Make a blob's folder, and remove what lies in its place or the blob's and is not what should be there."""
    if not target.parent.is_dir():
        clear(target.parent)
        target.parent.mkdir(mode=0o700)
    if target.is_dir():
        clear(target)
