"""Walks the folder that is to be published (I/O: blocks; called before the reactor runs).

Symbolic links inside the folder are followed, those that leave it are refused, and so is everything that is neither file nor
folder. Nothing is opened here: the files are read by ``hashing``.
"""

import os
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

from couchpages.cli.errors import WrongCallError
from couchpages.cli.files import FoundFile
from couchpages.cli.published import any_left_out, is_left_out

MOST_FILES = 1_000_000
"""Far above any server's limit: a walk that finds more has been pointed at the wrong folder."""


@dataclass(slots=True)
class Folder:
    """What a walk found: *left_out* names what is not published, a folder standing for all that is in it."""

    root: str
    included: AbstractSet[str]
    files: list[FoundFile] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Open:
    """A folder on the way: where it lies, its path in the site with a slash, and the inodes of those above it."""

    source: str
    prefix: str
    above: frozenset[tuple[int, int]]


def walk(directory: str, included: AbstractSet[str] = frozenset()) -> Folder:
    """Find the files to publish below *directory*, in order of their paths; raise WrongCallError for what cannot be.

    *included* are names that are published although a dot stands in front.
    """
    folder = Folder(_root(directory), included)
    waiting = [_Open(folder.root, "", frozenset())]
    while waiting:
        waiting.extend(_look_into(waiting.pop(), folder))
        if len(folder.files) > MOST_FILES:
            raise WrongCallError(f"{directory}: holds more than {MOST_FILES:,} files; is it the right folder?")
    if not folder.files:
        raise WrongCallError(f"{directory}: holds no file to publish; name the folder that the site was built into")
    folder.files.sort(key=lambda found: found.path)
    return folder


def _root(directory: str) -> str:
    try:
        root = os.path.realpath(directory, strict=True)
    except (OSError, ValueError) as error:
        raise WrongCallError(f"{_shown(directory)}: {_reason(error)}; name the folder with the site's files") from None
    if not Path(root).is_dir():
        raise WrongCallError(f"{_shown(directory)}: is no folder; name the folder with the site's files")
    return root


def _look_into(opened: _Open, folder: Folder) -> Iterator[_Open]:
    try:
        with os.scandir(opened.source) as entries:
            for entry in entries:
                yield from _look_at(entry, opened, folder)
    except OSError as error:
        raise WrongCallError(f"{_shown(opened.prefix or folder.root)}: cannot be read ({_reason(error)})") from None


def _look_at(entry: "os.DirEntry[str]", opened: _Open, folder: Folder) -> Iterator[_Open]:
    path = opened.prefix + entry.name
    if is_left_out(entry.name, folder.included):
        folder.left_out.append(path)
        return
    source = _linked(entry, path, folder) if entry.is_symlink() else entry.path
    if entry.is_dir():
        yield _entered(source, path, opened)
    elif entry.is_file():
        folder.files.append(FoundFile(path, source))
    else:
        raise WrongCallError(f"{_shown(path)}: is neither a file nor a folder; remove it, or deploy another folder")


def _entered(source: str, path: str, opened: _Open) -> _Open:
    """Step into a folder. A folder below itself, which only links can make, is a loop."""
    status = Path(opened.source).stat()
    above = opened.above | {(status.st_dev, status.st_ino)}
    below = Path(source).stat()
    if (below.st_dev, below.st_ino) in above:
        raise WrongCallError(f"{_shown(path)}: is a link to a folder above it, a loop; remove the link")
    return _Open(source, path + "/", above)


def _linked(entry: "os.DirEntry[str]", path: str, folder: Folder) -> str:
    """Resolve a symbolic link, which must stay inside the folder and away from what is left out."""
    try:
        target = os.path.realpath(entry.path, strict=True)
    except OSError as error:
        raise WrongCallError(f"{_shown(path)}: is a link to nothing ({_reason(error)}); remove it or mend it") from None
    inside = os.path.relpath(target, folder.root)
    if inside == os.pardir or inside.startswith(os.pardir + os.sep):
        raise WrongCallError(
            f"{_shown(path)}: is a link that leaves the folder, to {_shown(target)}; put a copy in its place"
        )
    if inside != os.curdir and any_left_out(inside, folder.included):
        raise WrongCallError(f"{_shown(path)}: is a link to {_shown(inside)}, which is not published; remove the link")
    return target


def _shown(path: str) -> str:
    """Give *path* fit to print, also one that is not UTF-8."""
    return path.encode("utf-8", "backslashreplace").decode()


def _reason(error: OSError | ValueError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
