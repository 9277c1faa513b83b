r"""The format of the files that keep zones on disk (pure).

A file is a row of blocks, each of which holds a JSON array of entries::

    SHA-256 LENGTH CHECK\n
    payload of LENGTH octets\n

The SHA-256, in hexadecimal, is that of the digest of the block before and the payload, and for the first block of the file's name in
place of that digest. So no block can be altered, left out, or taken from another file. CHECK guards LENGTH.

A file is written beside and renamed; its last block says that it is whole (:data:`WHOLE`). What changes is appended then. A block that
breaks off at the end was being written when the process was killed, and is left away; everything else that is not as it should be
makes the file :class:`Damaged`, because a zone that lacks a record would answer that the record does not exist (law 3).
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

VERSION = 1
Entry: TypeAlias = list[Any]
#: The entry behind which a file has everything that it had when it was written anew.
WHOLE: Entry = ["whole"]
DIGEST = 64
CHECK = 8
LONGEST_HEADER = DIGEST + 1 + 20 + 1 + CHECK + 1


class Damaged(Exception):
    """A file that is not what was written."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where a file ends: the *digest* of its last block, its *length* in octets, and how many *entries* it has."""

    digest: str
    length: int = 0
    entries: int = 0


def beginning(name: str) -> Written:
    """Give how an empty file begins."""
    return Written(hashlib.sha256(f"couchpages zones {VERSION} {name}".encode()).hexdigest())


def entry_of(entry: Entry) -> bytes:
    """Write an entry."""
    return json.dumps(entry, separators=(",", ":")).encode()


def payload_of(entries: Iterable[bytes]) -> bytes:
    """Join entries, each as JSON already."""
    return b"[%b]" % b",\n".join(entries)


def append(written: Written, payload: bytes, count: int) -> tuple[bytes, Written]:
    """Give the block that adds *count* entries behind what is *written*, and what is written then."""
    digest = _digest(written.digest, payload)
    block = _header(written.digest, digest, len(payload)) + payload + b"\n"
    return block, Written(digest, written.length + len(block), written.entries + count)


def read(name: str, content: bytes) -> tuple[list[Entry], Written]:
    """Give the entries of a file, in the order in which they were written, and where it ends. Raises :class:`Damaged`."""
    written, entries, whole = beginning(name), [], False
    while written.length < len(content):
        block = _block(written, content)
        if block is None:
            break
        found, written = block
        whole = whole or WHOLE in found
        entries += [entry for entry in found if entry != WHOLE]
    if not whole:
        raise Damaged("it breaks off before everything is told")
    return entries, written


def _digest(before: str, payload: bytes) -> str:
    digest = hashlib.sha256(before.encode())
    # For long payloads this lets other threads go on.
    digest.update(payload)
    return digest.hexdigest()


def _header(before: str, digest: str, length: int) -> bytes:
    check = hashlib.sha256(f"{before} {digest} {length}".encode()).hexdigest()[:CHECK]
    return f"{digest} {length} {check}\n".encode()


def _block(written: Written, content: bytes) -> tuple[list[Entry], Written] | None:
    """Read the block that begins where *written* ends; None when it breaks off."""
    end = content.find(b"\n", written.length, written.length + LONGEST_HEADER)
    if end < 0:
        if len(content) - written.length >= LONGEST_HEADER:
            raise Damaged("a block has no header")
        return None
    try:
        digest, length_text, _ = content[written.length : end].decode("ascii").split(" ")
        length = int(length_text)
    except ValueError as error:
        raise Damaged("a header cannot be read") from error
    if content[written.length : end + 1] != _header(written.digest, digest, length):
        raise Damaged("a header is not as it was written")
    payload = content[end + 1 : end + 1 + length]
    after = end + 1 + length + 1
    if after > len(content):
        return None
    if _digest(written.digest, payload) != digest or content[after - 1 : after] != b"\n":
        raise Damaged("a block does not have its hash")
    entries = _entries(payload)
    return entries, Written(digest, after, written.entries + len(entries))


def _entries(payload: bytes) -> list[Entry]:
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"a block cannot be read: {error}") from error
    if not isinstance(found, list) or not all(isinstance(entry, list) and entry for entry in found):
        raise Damaged("a block has no entries")
    return found
