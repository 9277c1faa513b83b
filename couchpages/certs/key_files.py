"""The files that hold the keys which seal certificates (does I/O)."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from couchpages.certs.boxes import KEY_BYTES, SealingKey

#: Permissions that nobody but the owner may have.
OTHERS = stat.S_IRWXG | stat.S_IRWXO
ROOT = 0


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys in the order of their files, of which the first seals; *missing* are files that are not there, *unusable* says what is wrong.

    *obstacle* is why the first file gives no key: nobody seals with an old key because the new one is missing.
    """

    keys: tuple[SealingKey, ...] = ()
    missing: tuple[Path, ...] = ()
    unusable: tuple[str, ...] = ()
    obstacle: str = ""

    @property
    def sealing(self) -> SealingKey:
        """The key that seals. Raises ValueError, with what to do, where the first file gives none."""
        if self.obstacle or not self.keys:
            raise ValueError(self.obstacle or "no file of a key is configured: [certs] key_files")
        return self.keys[0]


def read_keys(files: Sequence[Path]) -> Keys:
    """Read every file that is there. Blocks, for as long as it takes to read 32 bytes of each; never raises."""
    keys, missing, unusable, obstacles = list[SealingKey](), list[Path](), list[str](), list[str]()
    for file in files:
        obstacle = ""
        try:
            keys.append(read_key(file))
        except FileNotFoundError:
            missing.append(file)
            obstacle = (
                f"there is no key in {file}: 'couchpages certs key new' makes one, for all nodes; "
                "or copy it from another node"
            )
        except (OSError, ValueError) as error:
            unusable.append(str(error))
            obstacle = str(error)
        obstacles.append(obstacle)
    return Keys(tuple(dict.fromkeys(keys)), tuple(missing), tuple(unusable), obstacles[0] if obstacles else "")


def read_key(file: Path) -> SealingKey:
    """Read one key. Raises OSError, and ValueError, with what to do, for a file that others can read, or that is something else."""
    # A link is followed: /etc may be made of them. What counts is the file that was opened.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check(file, os.fstat(descriptor))
        secret = os.read(descriptor, KEY_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(secret) != KEY_BYTES:
        raise ValueError(_wrong_size(file, "more" if len(secret) > KEY_BYTES else str(len(secret))))
    return SealingKey(secret)


def new_key(file: Path, secret: bytes) -> SealingKey:
    """Keep a new key, 32 random bytes, in a file that only its owner can read. Raises OSError, FileExistsError for what is there."""
    key = SealingKey(secret)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        # Whatever the umask leaves of it.
        os.fchmod(descriptor, 0o600)
        opened.write(secret)
        opened.flush()
        os.fsync(descriptor)
    _sync_folder(file.parent)
    return key


def _check(file: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{file} is no plain file, which a key is kept in")
    if found.st_uid not in (os.geteuid(), ROOT):
        raise ValueError(
            f"{file} belongs to the user {found.st_uid}, who could change it: it must belong to the daemon's user "
            f"({os.geteuid()}) or root; chown it"
        )
    if found.st_mode & OTHERS:
        raise ValueError(
            f"{file} is open to others (mode {stat.S_IMODE(found.st_mode):04o}): chmod 600 {file}, and if somebody may have "
            'read it, make another: docs/https.md, "The key file"'
        )
    if found.st_size != KEY_BYTES:
        raise ValueError(_wrong_size(file, str(found.st_size)))


def _wrong_size(file: Path, found: str) -> str:
    return f"{file} has {found} bytes; a key has {KEY_BYTES}, as 'couchpages certs key new' makes it"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
