"""The files that ``couchpages certs`` reads and writes (I/O)."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from couchpages.cli.errors import CommandError, WrongCallError

if TYPE_CHECKING:
    from couchpages.certs.certificates import Certificate
    from couchpages.settings import Settings


def read_pem(file: str) -> bytes:
    """Read a file, not more of it than PEM has."""
    from couchpages.certs.pem_blocks import LARGEST

    try:
        with Path(file).open("rb") as opened:
            return opened.read(LARGEST + 1)
    except OSError as error:
        raise WrongCallError(f"{file}: {error.strerror}") from None


def checked(chain: bytes, key: bytes, name: str | None, *, expired_too: bool) -> "tuple[Certificate, tuple[str, ...]]":
    """Give the certificate of a chain and a key, and what to warn of; ends with one line that says what is wrong."""
    from couchpages.certs.findings import findings
    from couchpages.certs.names import canonical
    from couchpages.certs.pem import read_certificate

    try:
        certificate = read_certificate(chain, key, name=canonical(name) if name is not None else None)
    except ValueError as error:
        raise WrongCallError(str(error)) from None
    found = findings(certificate, time.time())
    if found.errors and not expired_too:
        raise WrongCallError(f"{'; '.join(found.errors)} (--expired-too takes it)")
    return certificate, (*found.errors, *found.warnings)


def write_pem(directory: Path, certificate: "Certificate") -> list[str]:
    """Write chain and key, each at once in place of what was there, with mode 0600; give their paths."""
    from couchpages.certs.export_folder import write_files

    files = {"fullchain.pem": certificate.chain, "privkey.pem": certificate.key}
    try:
        write_files(directory, files)
    except OSError as error:
        raise CommandError(f"{error.filename or directory}: {error.strerror or error}") from None
    return [str(directory / each) for each in files]


def make_key(settings: "Settings", file: Path | None) -> tuple[Path, str]:
    """Make a key; give where it is, and its id."""
    from couchpages.certs.boxes import KEY_BYTES
    from couchpages.certs.key_files import new_key
    from couchpages.config import key_files

    path = file or key_files(settings)[0]
    try:
        if file is None and not settings.certs.key_files:
            settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path, new_key(path, os.urandom(KEY_BYTES)).id
    except FileExistsError:
        raise CommandError(
            f"{path} is there already, and is not overwritten: what it sealed could never be opened again"
        ) from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
