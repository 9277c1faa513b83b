"""Bodies that go to disk as they come, hashed on the way (does I/O)."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from couchpages.folders import clear, make_folder
from couchpages.web.exchange import too_long

MODE = 0o600


class Spool:
    """The folder that bodies go to. Whatever a killed process left in it is removed when it is opened.

    A folder of our own, on the disk that the configuration names: ``/tmp`` is memory on many machines.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> None:
        """Make the folder, and empty it. Raises OSError."""
        make_folder(self._folder)
        for left in self._folder.iterdir():
            clear(left)

    def body(self, limit: int) -> "Spooled":
        """Give a body of at most *limit* bytes. Raises OSError."""
        # Whoever removed the folder while the daemon runs shall not have to start it again.
        make_folder(self._folder)
        return Spooled(self._folder, limit)


class Spooled:
    """A body in a file that has no name but :attr:`path`, and is gone after :meth:`close`."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._limit = limit
        self._hash = hashlib.sha256()
        self.size = 0
        descriptor, name = tempfile.mkstemp(dir=folder)
        self.path = Path(name)
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=65536)

    def write(self, data: bytes) -> None:
        """Append *data*."""
        self.size += len(data)
        if self.size > self._limit:
            raise too_long(self._limit)
        self._hash.update(data)
        self._file.write(data)

    def finish(self) -> str:
        """Write out what is buffered, and give the SHA-256 of everything, in hex."""
        self._file.flush()
        return self._hash.hexdigest()

    def open(self) -> BinaryIO:
        """Open what came for reading. Whoever calls closes it."""
        return self.path.open("rb")

    def close(self) -> None:
        """Remove the file, unless somebody moved it away."""
        # What is still buffered may not fit on a full disk; nobody wants it any more. The descriptor is closed all the same.
        with contextlib.suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)
