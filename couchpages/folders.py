"""The node's own folders, and what somebody else may have put in their files' places (does I/O)."""

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

#: Begins the name of a file that is being written; :func:`file_name` gives no such name.
UNFINISHED = "~"


def make_folder(path: Path) -> None:
    """Make a folder that only its owner can read, unless it is there. Raises OSError, with what to do when it is no folder."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise NotADirectoryError(f"{error.filename} is no folder; move it away, and a new one is made") from None


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading. Raises OSError, also for what is no plain file: a pipe would keep its reader waiting for ever."""
    return os.fdopen(open_descriptor(path), "rb")


def open_descriptor(path: Path | str) -> int:
    """Open a file as :func:`open_plain` does, and give its descriptor."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no plain file")
    return descriptor


def clear(path: Path) -> None:
    """Remove what has a name that is ours, whatever it is. Raises OSError; what is not there is gone already."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        return
    # Where a folder should be on the way to it, there is nothing of this name either.
    with suppress(NotADirectoryError):
        path.unlink(missing_ok=True)


def refuse(path: Path, why: Exception) -> str:
    """Remove a file that is not what was written; give what there is to say."""
    try:
        clear(path)
    except OSError as error:
        return f"{why}; it cannot be removed either: {error}"
    return f"{why}; it was removed"


def file_name(doc_id: str) -> str:
    """Name the file of a document: what is harmless stays readable, and :func:`urllib.parse.unquote` gives the id. Raises ValueError."""
    if not doc_id:
        raise ValueError("a document without a name")
    # A first character that means something to file systems, or to us, is encoded too.
    name = quote(doc_id, safe="")
    return f"%{ord(name[0]):02X}{name[1:]}" if name[0] in "._-~" else name


def replace(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read beside *path*, and rename it: a killed process leaves whole files. Raises OSError."""
    unfinished = path.with_name(UNFINISHED + path.name)
    make_folder(path.parent)
    clear(unfinished)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as file:
            file.write(content)
        if path.is_dir():
            clear(path)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
