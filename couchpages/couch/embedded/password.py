"""The embedded store's password, made once and kept beside its data (does)."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe
from tempfile import mkstemp

BYTES = 32  # of randomness: 256 bits


class PasswordFileError(RuntimeError):
    """The password file cannot be used; the text says what a person can do."""


def load_or_create_password(path: Path) -> str:
    """Return the password in this file, making the file (mode 0600) when it is missing; blocks for one fsync.

    Whoever makes it writes a whole file under another name and links it into place, so that of two processes that race
    both return the same password, and a crash leaves no half one. Raises PasswordFileError for a file that others can
    read, or that holds nothing.
    """
    with suppress(FileNotFoundError):
        return _load(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _create(path)
    return _load(path)


def _load(path: Path) -> str:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        text = file.read(4096).decode("ascii", "replace").strip()
    if mode & 0o077:
        raise PasswordFileError(f"{path}: others may read it (mode {mode:04o}); run: chmod 600 {path}")
    if not text:
        raise PasswordFileError(f"{path}: is empty; remove it, and a new password is made at the next start")
    return text


def _create(path: Path) -> None:
    descriptor, name = mkstemp(prefix=f".{path.name}.", dir=path.parent)  # O_EXCL, mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(token_urlsafe(BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its password counts
            os.link(name, path)
    finally:
        Path(name).unlink()
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
