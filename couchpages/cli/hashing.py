"""Hashes files in threads (I/O: reads files; hashlib lets go of the GIL, so that the threads share the cores).

Files go to the threads in batches, because for small files a task of its own costs more than the hashing.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

from couchpages.cli.errors import WrongCallError
from couchpages.cli.files import FoundFile, HashedFile, Version

CHUNK = 1024 * 1024
"""Bytes that a thread reads at once."""

BATCH = 64
THREADS = max(1, min(8, os.cpu_count() or 1))
OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""Links were resolved by the walk, so that one in their place now is refused; and no open waits on a FIFO."""


def version_of(descriptor: int) -> Version:
    """Ask an open file which version it is."""
    status = os.fstat(descriptor)
    return Version(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class Hashing:
    """Hashing under way: begins when made; ``results`` waits, ``stop`` gives up.

    Made, awaited and stopped in one thread, which is not the reactor's while it runs.
    """

    def __init__(self, files: Sequence[FoundFile], threads: int = THREADS) -> None:
        self._stopped = Event()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hash")
        size = max(1, min(BATCH, len(files) // (threads * 4)))
        self._batches: list[Future[list[HashedFile]]] = [
            self._pool.submit(self._hash_batch, files[start : start + size]) for start in range(0, len(files), size)
        ]

    def results(self, advance: Callable[[int], None]) -> list[HashedFile]:
        """Give all files in the order given, telling *advance* how many more are ready; raise WrongCallError."""
        try:
            return list(self._collect(advance))
        finally:
            self.stop()

    def _collect(self, advance: Callable[[int], None]) -> Iterator[HashedFile]:
        for batch in self._batches:
            done = batch.result()
            advance(len(done))
            yield from done

    def stop(self) -> None:
        """End the threads after the chunk that each is at."""
        self._stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _hash_batch(self, files: Sequence[FoundFile]) -> list[HashedFile]:
        buffer = bytearray(CHUNK)
        return [hash_file(found, buffer) for found in files if not self._stopped.is_set()]


def hash_file(found: FoundFile, buffer: bytearray) -> HashedFile:
    """Read one file by way of *buffer*; raise WrongCallError if it cannot be read, or changed meanwhile."""
    try:
        descriptor = os.open(found.source, OPEN_FLAGS)
        try:
            version = version_of(descriptor)
            digest, length = _digest(descriptor, buffer)
            unchanged = length == version.size and version_of(descriptor) == version
        finally:
            os.close(descriptor)
    except OSError as error:
        raise WrongCallError(f"{found.path}: cannot be read ({error.strerror})") from None
    if not unchanged:
        raise WrongCallError(f"{found.path}: changed while it was read; deploy again when the site's build is done")
    return HashedFile(found.path, found.source, digest, version)


def _digest(descriptor: int, buffer: bytearray) -> tuple[str, int]:
    digest = hashlib.sha256()
    length = 0
    with memoryview(buffer) as view:
        while count := os.readv(descriptor, [buffer]):
            digest.update(view[:count])
            length += count
    return digest.hexdigest(), length
