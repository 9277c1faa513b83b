"""Files on their way to a site, as values (pure)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file: its path in the site, and where it lies, with symbolic links resolved."""

    path: str
    source: str


@dataclass(frozen=True, slots=True)
class Version:
    """By what a file is known to be unchanged: size in bytes, times in nanoseconds, inode."""

    size: int
    modified: int
    changed: int
    inode: int


@dataclass(frozen=True, slots=True)
class HashedFile:
    """A file whose content is known: path in the site, where it lies, SHA-256 in hex, and which version was read."""

    path: str
    source: str
    sha256: str
    version: Version

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return self.version.size
