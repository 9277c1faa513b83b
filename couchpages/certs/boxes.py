"""Boxes: what lies in CouchDB and only nodes may read, or may have written (pure; nonces come in as arguments).

A box is encrypted with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under a key of 32 bytes that only the nodes have. What it is
*bound* to, as associated data, nobody without the key can alter. What everybody may read is signed instead, with keyed BLAKE2b (RFC 7693).
"""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from couchpages.ports import Json

KEY_BYTES = 32
NONCE_BYTES = 24
#: Characters of a box that are read at most.
LARGEST_BOX = 2**20
#: JSON's numbers are whole up to here for everybody (RFC 8259 section 6).
LATEST = 2**53 - 1
Bound: TypeAlias = Callable[[str], bytes]
"""Gives what a box is bound to, for the id of the key that it is sealed with."""


class Cause(StrEnum):
    """Why a document is refused; the values are the metric's labels."""

    MALFORMED = "malformed"
    VERSION = "version"
    RENAMED = "renamed"
    NO_KEY = "no_key"
    TAMPERED = "tampered"
    UNREADABLE = "unreadable"
    REPLAYED = "replayed"


class Refused(ValueError):
    """A document that is not taken; the message says why, and shows no secret."""

    def __init__(self, cause: Cause, words: str) -> None:
        super().__init__(words)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A key that seals and opens. *id* is public, and tells which one it is. Raises ValueError for what is not 32 bytes."""

    secret: bytes = field(repr=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        """Name it."""
        if len(self.secret) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(self.secret)}")
        digest = hashlib.blake2b(self.secret, digest_size=8, person=b"couchpages key")
        object.__setattr__(self, "id", digest.hexdigest())


def bind(*parts: object) -> bytes:
    """Write what something is bound to: JSON without spaces, in ASCII, which is the same for everybody who writes it."""
    return json.dumps(parts, separators=(",", ":")).encode()


def encrypt(content: bytes, bound: Bound, key: SealingKey, nonce: bytes) -> Json:
    """Give the members of a document that hold a box. *nonce* is 24 bytes of the system's random source, never used before."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes")
    box = crypto_aead_xchacha20poly1305_ietf_encrypt(content, bound(key.id), nonce, key.secret)
    return {"sealed_with": key.id, "nonce": b64encode(nonce).decode(), "box": b64encode(box).decode()}


def sealed_with(doc: Json) -> str:
    """Give the id of the key that a document says it is sealed with; nothing where it says none."""
    found = doc.get("sealed_with")
    return found if isinstance(found, str) else ""


def decrypt(doc: Json, bound: Bound, keys: Iterable[SealingKey]) -> bytes:
    """Open the box of a document with whichever of *keys* sealed it. Raises :class:`Refused`."""
    nonce, box = _bytes(doc, "nonce", NONCE_BYTES), _bytes(doc, "box", None)
    key = _key(sealed_with(doc), keys)
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(box, bound(key.id), nonce, key.secret)
    except (CryptoError, ValueError):
        raise Refused(Cause.TAMPERED, f"it is not as the key {key.id} sealed it: somebody altered it") from None


def sign(parts: bytes, key: SealingKey) -> Json:
    """Give the members of a document that show that somebody with the key wrote *parts*, which anybody may read."""
    return {"sealed_with": key.id, "mark": _mark(parts, key)}


def check_signed(doc: Json, parts: bytes, keys: Iterable[SealingKey]) -> None:
    """Check that *parts* are as somebody with one of *keys* wrote them. Raises :class:`Refused`."""
    key = _key(sealed_with(doc), keys)
    mark = doc.get("mark")
    if not isinstance(mark, str) or not hmac.compare_digest(mark.encode(), _mark(parts, key).encode()):
        raise Refused(Cause.TAMPERED, f"it is not as somebody with the key {key.id} wrote it")


def _mark(parts: bytes, key: SealingKey) -> str:
    return hashlib.blake2b(parts, key=key.secret, digest_size=32, person=b"couchpages mark").hexdigest()


def _key(key_id: str, keys: Iterable[SealingKey]) -> SealingKey:
    if not key_id or not key_id.isalnum() or not key_id.isascii():
        raise Refused(Cause.MALFORMED, "sealed_with is no key's id")
    have = list(keys)
    for key in have:
        if key.id == key_id:
            return key
    ours = f"it has {', '.join(key.id for key in have)}" if have else "it has none"
    raise Refused(
        Cause.NO_KEY,
        f"it is sealed with the key {key_id[:32]}, which this node does not have ({ours}): "
        "copy the file from another node; [certs] key_files",
    )


def _bytes(doc: Json, member: str, length: int | None) -> bytes:
    """Read base64 as it is written: several texts may mean the same bytes, and only one of them is what was sealed."""
    text = doc.get(member)
    if not isinstance(text, str) or len(text) > LARGEST_BOX:
        raise Refused(Cause.MALFORMED, f"{member} is no text, or too long")
    try:
        found = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        found = b""
    if not found or b64encode(found).decode() != text:
        raise Refused(Cause.MALFORMED, f"{member} is no base64")
    if length is not None and len(found) != length:
        raise Refused(Cause.MALFORMED, f"{member} has {len(found)} bytes, not {length}")
    return found
