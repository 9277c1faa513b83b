"""The folder of certificates for other programs (does I/O; every method blocks, and may be called from any thread, by one at a time).

The folder of a name is a link to a version of it, all of whose files belong together, in a hidden folder beside; a newer version takes
its place at once. What is no such link was put there by somebody else, and is left alone.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from couchpages.certs.certificates import Certificate
from couchpages.certs.export_layout import Files, by_name, files_of, folder_name, named_after
from couchpages.folders import clear, make_folder

#: The hidden folder; that a link leads there marks it as ours.
VERSIONS = ".couchpages"
#: In it, the names of which the command was not told yet.
UNTOLD = "untold"
UNFINISHED = "~"


@dataclass(slots=True)
class Written:
    """What was done: *changed* are names of certificates whose files are others now, or gone; *problems* keep some from being written."""

    changed: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


class ExportFolder:
    """The files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions = folder / VERSIONS

    def write(self, certificates: Iterable[Certificate], *, remove: bool) -> Written:
        """Write what is not there yet, and if asked to *remove* the folders of all other names. Raises OSError."""
        make_folder(self._folder)
        make_folder(self._versions)
        written = Written()
        wanted = set[str]()
        for name, kinds in by_name(certificates).items():
            try:
                wanted.add(folder_name(name))
                if self._write(folder_name(name), files_of(kinds)):
                    written.changed.add(name)
            except (OSError, ValueError) as error:
                written.problems.append(str(error))
        for link in self._links() if remove else ():
            if link.name not in wanted:
                self._note_untold({named_after(link.name)})
                link.unlink()
                written.changed.add(named_after(link.name))
        self._tidy()
        return written

    def untold(self) -> set[str]:
        """Give the names whose change the command was not told of. Raises OSError."""
        try:
            return set((self._versions / UNTOLD).read_text("utf-8").split())
        except FileNotFoundError:
            return set()

    def told(self) -> None:
        """Note that the command was told of everything. Raises OSError."""
        clear(self._versions / UNTOLD)

    def _write(self, folder: str, files: Files) -> bool:
        """Write a folder, unless it is there as it should be; tell whether it was written."""
        link = self._folder / folder
        if self._is_ours(link):
            if _is_intact(link, files):
                return False
        elif os.path.lexists(link):
            raise FileExistsError(f"{link} was not made by couchpages, and is left alone; move it away")
        version = next(
            each for number in count(1) if not os.path.lexists(each := self._versions / f"{folder}.{number}")
        )
        unfinished = self._versions / (UNFINISHED + folder)
        clear(unfinished)
        unfinished.mkdir(mode=0o700)
        for path, content in files.items():
            _write_file(unfinished / path, content)
        unfinished.rename(version)
        # Told of twice is better than never.
        self._note_untold({named_after(folder)})
        beside = self._versions / f"{UNFINISHED}link"
        clear(beside)
        beside.symlink_to(f"{VERSIONS}/{version.name}")
        beside.replace(link)
        return True

    def _note_untold(self, names: set[str]) -> None:
        unfinished = self._versions / (UNFINISHED + UNTOLD)
        clear(unfinished)
        _write_file(unfinished, "\n".join(sorted(self.untold() | names)).encode())
        unfinished.replace(self._versions / UNTOLD)

    def _links(self) -> list[Path]:
        return [each for each in sorted(self._folder.iterdir()) if self._is_ours(each)]

    def _is_ours(self, link: Path) -> bool:
        return link.is_symlink() and str(link.readlink()).startswith(f"{VERSIONS}/")

    def _tidy(self) -> None:
        """Remove what nothing leads to any more."""
        used = {link.readlink().name for link in self._links()}
        for each in self._versions.iterdir():
            if each.name not in used and each.name != UNTOLD:
                clear(each)


def write_files(folder: Path, files: Files) -> None:
    """Write files into a folder that is there, each in place of what was there at once, with mode 0600. Raises OSError."""
    for path, content in files.items():
        unfinished = folder / f"{UNFINISHED}{path}"
        unfinished.unlink(missing_ok=True)
        _write_file(unfinished, content)
        unfinished.replace(folder / path)


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _is_intact(folder: Path, files: Files) -> bool:
    """Whether a folder has these files, and no others, as they were written."""
    try:
        there = {str(each.relative_to(folder)) for each in folder.rglob("*") if not each.is_dir()}
        return there == set(files) and all(
            (folder / path).read_bytes() == content and (folder / path).stat().st_mode & 0o777 == 0o600  # noqa: PLR2004 -- a mode
            for path, content in files.items()
        )
    except OSError:
        return False
