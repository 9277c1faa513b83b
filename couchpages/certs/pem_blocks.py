"""Blocks of PEM (RFC 7468), taken apart (pure). What is wrong is a ValueError that shows nothing of a key, wherever that stands."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field

#: Bytes that are read at most; a chain of four certificates has some 8,000.
LARGEST = 2**20
#: Labels that messages repeat (RFC 7468, and what OpenSSL and OpenSSH write); any other may be part of a key that was damaged.
KNOWN = frozenset(
    (
        "CERTIFICATE",
        "X509 CERTIFICATE",
        "TRUSTED CERTIFICATE",
        "CERTIFICATE REQUEST",
        "NEW CERTIFICATE REQUEST",
        "X509 CRL",
        "PKCS7",
        "CMS",
        "PUBLIC KEY",
        "RSA PUBLIC KEY",
        "PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "EC PRIVATE KEY",
        "RSA PRIVATE KEY",
        "DSA PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "EC PARAMETERS",
        "DH PARAMETERS",
        "DSA PARAMETERS",
    )
)
_BOUNDARY = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----")
_DASHES = "-----"


@dataclass(frozen=True, slots=True)
class Block:
    """One block: what it says to be, and all of it."""

    label: str
    pem: bytes = field(repr=False)

    @property
    def is_key(self) -> bool:
        """Whether it says to be a private key."""
        return self.label.endswith("PRIVATE KEY")

    def content(self) -> bytes:
        """Give the bytes that the base64 between the boundaries means. Raises ValueError."""
        text = b"".join(b"".join(self.pem.splitlines()[1:-1]).split())
        try:
            return b64decode(text, validate=True)
        except Base64Error:
            raise ValueError("what stands between its boundaries is no base64") from None


def blocks_in(pem: bytes) -> list[Block]:
    """Take PEM apart. Text between the blocks, as many programs write it, is passed over (RFC 7468 section 5.2). Raises ValueError."""
    if len(pem) > LARGEST:
        raise ValueError(f"there are {len(pem):,} bytes; PEM of more than {LARGEST:,} is not read")
    found: list[Block] = []
    label, lines = "", list[str]()
    for number, line in enumerate(pem.decode("utf-8", "replace").splitlines(), 1):
        text = line.strip()
        boundary = _BOUNDARY.fullmatch(text)
        if label:
            lines.append(text)
        if boundary is None:
            if text.startswith(_DASHES):
                raise ValueError(f"line {number} is no PEM: {_why_not(text)}")
        elif boundary[1] == "BEGIN" and not label:
            label, lines = boundary[2], [text]
        elif boundary[1] == "END" and boundary[2] == label:
            found.append(Block(label, "\n".join([*lines, ""]).encode()))
            label = ""
        else:
            raise ValueError(f"line {number} is no PEM: {boundary[1]} {shown(boundary[2])} stands where it cannot")
    if label:
        raise ValueError(f"PEM ends within its last block: there is no END {shown(label)}")
    return found


def shown(label: str) -> str:
    """Write a block's label for a message: only a known one, because a key that lost its line breaks may look like one."""
    return f'"{label}"' if label in KNOWN else "of an unknown kind"


def _why_not(text: str) -> str:
    """Say what is wrong with a line that begins as a boundary does; what stands behind the boundary may be a key."""
    boundary = _BOUNDARY.match(text)
    if boundary is None:
        return f"it begins with {_DASHES} and is neither BEGIN nor END of a block"
    return (
        f"behind {boundary[1]} {shown(boundary[2])} it goes on; the line breaks seem to be lost, "
        "and belong behind each boundary and between the lines of the block"
    )
