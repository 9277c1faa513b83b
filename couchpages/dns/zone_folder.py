"""The folder that keeps zones on disk (does I/O; every method blocks, and may be called from any thread, for one file by one at a time)."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from couchpages.dns.journal import Damaged, Entry, Written, read
from couchpages.folders import UNFINISHED, clear, make_folder, open_plain, refuse


@dataclass(slots=True)
class Kept:
    """What is in the folder: by the files' names their entries and where they end; by theirs, why others were refused."""

    files: dict[str, tuple[list[Entry], Written]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class ZoneFolder:
    """The files. Nothing is synced: after a power cut a file may be refused, which costs what :mod:`couchpages.pages` says of manifests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> Kept:
        """Make the folder and give what is in it; what is refused, or was left unfinished, is removed. Raises OSError."""
        make_folder(self._folder)
        kept = Kept()
        for file in self._folder.iterdir():
            if file.name.startswith(UNFINISHED):
                clear(file)
                continue
            try:
                with open_plain(file) as opened:
                    content = opened.read()
                kept.files[file.name] = read(file.name, content)
                _cut(file, kept.files[file.name][1].length, len(content))
            except (Damaged, OSError) as error:
                kept.refused[file.name] = refuse(file, error)
        return kept

    def append(self, name: str, at: int, block: bytes) -> None:
        """Write behind what is written, which ends *at*. Raises OSError, also when the file is another than it was."""
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            if os.fstat(descriptor).st_size != at:
                raise OSError("somebody else wrote to it")
            _write(file, block)

    def begin(self, name: str) -> BinaryIO:
        """Begin to write a file anew, beside the one that there is. Raises OSError."""
        make_folder(self._folder)
        path = self._folder / (UNFINISHED + name)
        clear(path)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb", buffering=0)

    def write(self, file: BinaryIO, block: bytes) -> None:
        """Write more of a file that was begun. Raises OSError."""
        _write(file, block)

    def finish(self, name: str, file: BinaryIO) -> None:
        """Let what was begun take its place. Raises OSError."""
        file.close()
        path = self._folder / name
        if path.is_dir():
            clear(path)
        (self._folder / (UNFINISHED + name)).replace(path)

    def abandon(self, name: str, file: BinaryIO) -> None:
        """Leave what was begun. Raises OSError."""
        file.close()
        clear(self._folder / (UNFINISHED + name))

    def remove(self, name: str) -> None:
        """Keep a file no longer. Raises OSError."""
        clear(self._folder / name)


def _write(file: BinaryIO, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]


def _cut(file: Path, length: int, found: int) -> None:
    """Leave away what broke off at the end."""
    if length < found:
        os.truncate(file, length)
