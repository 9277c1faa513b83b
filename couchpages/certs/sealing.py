"""Certificates sealed for CouchDB, and opened again (pure; nonces come in as arguments).

A sealed certificate is a document of the database ``secrets`` with the id ``certificate-KIND-NAME``. Its ``box`` is the chain and the
private key, as JSON, encrypted with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under a key of 32 bytes that only the nodes have.
What the document is called and what it says of itself is bound to the box as associated data, so that nobody without the key can alter
it, pass one certificate off for another, or bring an old one back as a new one. ``names``, ``not_after`` and ``fingerprint`` stand there
for people, and are not believed.
"""

import hashlib
import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.names import canonical
from couchpages.certs.pem import read_certificate
from couchpages.ports import Json
from couchpages.quoting import quoted

DOCUMENT_PREFIX = "certificate-"
TYPE = "certificate"
VERSION = 1
PURPOSE = "couchpages certificate"
KEY_BYTES = 32
NONCE_BYTES = 24
#: Characters of a box that are read at most.
LARGEST_BOX = 2**20
#: JSON's numbers are whole up to here for everybody (RFC 8259 section 6).
LATEST = 2**53 - 1


class Cause(StrEnum):
    """Why a bundle is refused; the values are the metric's labels."""

    MALFORMED = "malformed"
    VERSION = "version"
    RENAMED = "renamed"
    NO_KEY = "no_key"
    TAMPERED = "tampered"
    UNREADABLE = "unreadable"
    REPLAYED = "replayed"


class Refused(ValueError):
    """A bundle that is not taken; the message says why, and shows no secret."""

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


def document_id(name: str, kind: Kind) -> str:
    """Name the document of a certificate."""
    return f"{DOCUMENT_PREFIX}{kind}-{name}"


def is_sealed(doc_id: str) -> bool:
    """Whether a document of ``secrets`` is a certificate of ours."""
    return doc_id.startswith(DOCUMENT_PREFIX)


def named_by(doc_id: str) -> tuple[str, Kind] | None:
    """Give the certificate that a document is called after; None for an id that names none."""
    kind, _, name = doc_id.removeprefix(DOCUMENT_PREFIX).partition("-")
    if not is_sealed(doc_id) or kind not in set(Kind):
        return None
    try:
        return (name, Kind(kind)) if canonical(name) == name else None
    except ValueError:
        return None


def seal(certificate: Certificate, key: SealingKey, nonce: bytes) -> Json:
    """Give the document of a certificate. *nonce* is 24 bytes of the system's random source, never used before."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes")
    bound = _bound(certificate.name, certificate.kind, certificate.made, key.id)
    content = json.dumps({"chain": certificate.chain.decode(), "key": certificate.key.decode()}).encode()
    box = crypto_aead_xchacha20poly1305_ietf_encrypt(content, bound, nonce, key.secret)
    return {
        "type": TYPE,
        "version": VERSION,
        "name": certificate.name,
        "kind": str(certificate.kind),
        "made": certificate.made,
        "sealed_with": key.id,
        "nonce": b64encode(nonce).decode(),
        "box": b64encode(box).decode(),
        "names": list(certificate.names),
        "not_after": int(certificate.not_after),
        "fingerprint": certificate.fingerprint,
    }


def sealed_with(doc: Json) -> str:
    """Give the id of the key that a document says it is sealed with; nothing where it says none."""
    found = doc.get("sealed_with")
    return found if isinstance(found, str) else ""


def open_sealed(doc_id: str, doc: Json, keys: Iterable[SealingKey]) -> Certificate:
    """Open a document with whichever of *keys* sealed it. Raises :class:`Refused`, and nothing else (law 4)."""
    name, kind, made = _checked(doc_id, doc)
    nonce, box = _bytes(doc, "nonce", NONCE_BYTES), _bytes(doc, "box", None)
    key = _key(sealed_with(doc), keys)
    try:
        content = crypto_aead_xchacha20poly1305_ietf_decrypt(box, _bound(name, kind, made, key.id), nonce, key.secret)
    except (CryptoError, ValueError):
        raise Refused(Cause.TAMPERED, f"it is not as the key {key.id} sealed it: somebody altered it") from None
    return _read(content, name, kind, made)


def _checked(doc_id: str, doc: Json) -> tuple[str, Kind, int]:
    """Give what the document says of itself, which must fit to what it is called."""
    if not isinstance(doc, dict):
        raise Refused(Cause.MALFORMED, "it is not an object")
    version = doc.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or doc.get("type") != TYPE:
        raise Refused(Cause.MALFORMED, f'it does not say type "{TYPE}" and a version')
    if version != VERSION:
        raise Refused(
            Cause.VERSION,
            f"it has version {str(version)[:20]}, and this node knows {VERSION}: a newer couchpages wrote it",
        )
    said = doc.get("name"), doc.get("kind")
    named = named_by(doc_id)
    if named is None:
        raise Refused(Cause.MALFORMED, "its id is that of no certificate: certificate-KIND-NAME")
    if said != named:
        raise Refused(
            Cause.RENAMED, f"it is the document of another certificate: {_shown(said[1])} of {_shown(said[0])}"
        )
    made = doc.get("made")
    if not isinstance(made, int) or isinstance(made, bool) or not 0 <= made <= LATEST:
        raise Refused(Cause.MALFORMED, "made is no number of milliseconds")
    return *named, made


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


def _read(content: bytes, name: str, kind: Kind, made: int) -> Certificate:
    try:
        inside = json.loads(content)
        chain, key = inside["chain"].encode(), inside["key"].encode()
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise Refused(Cause.UNREADABLE, "what is sealed in it is no chain and key") from None
    try:
        certificate = read_certificate(chain, key, made=made, name=name, from_box=True)
    except ValueError as error:
        raise Refused(Cause.UNREADABLE, f"what is sealed in it cannot be served: {error}") from None
    if certificate.kind != kind:
        raise Refused(Cause.UNREADABLE, f"what is sealed in it is a certificate of the kind {certificate.kind}")
    return certificate


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


def _bound(name: str, kind: Kind, made: int, key_id: str) -> bytes:
    """Give the associated data: JSON without spaces, in ASCII, which is the same for everybody who writes it."""
    bound = [PURPOSE, VERSION, document_id(name, kind), name, str(kind), made, key_id]
    return json.dumps(bound, separators=(",", ":")).encode()


def _shown(value: object) -> str:
    return quoted(value) if isinstance(value, str) else "nothing"
