"""The first system's certificates: files encrypted one by one, which certificate and key they are is found by what is in them (pure).

Each is a document ``secrets/FILE NAME`` whose ``Secret`` is the base64 of a nonce of 24 bytes, and whose attachment ``data`` is the
file, encrypted with XChaCha20-Poly1305 without associated data; the key is one of ours. So whoever writes to CouchDB may pass a file off
for another, and bring an old one back: what is sealed as ours beats them.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from couchpages.certs.boxes import NONCE_BYTES, Cause, Refused, SealingKey
from couchpages.certs.certificates import Certificate
from couchpages.certs.pem import certificates_in, check_order, private_key, public_bytes, read_certificate
from couchpages.certs.pem_blocks import blocks_in
from couchpages.certs.sealing import is_sealed
from couchpages.ports import Json

ATTACHMENT = "data"
CONTENT_TYPE = "application/octet-stream"
CHAIN, KEY = "fullchain.pem", "privkey.pem"
#: Bytes of an attachment that are read at most.
LARGEST = 2**20
_API_KEYS = ("ApiKey", "apikey-")


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A file as it lies in CouchDB: *content* ends with the tag. *doc* is its document."""

    doc: Json
    nonce: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """A file that was opened: a chain, a key, both, or neither; for each its public key, to find the other by."""

    chain: bytes = field(default=b"", repr=False)
    chain_for: bytes = b""
    key: bytes = field(default=b"", repr=False)
    key_for: bytes = b""


@dataclass(frozen=True, slots=True)
class Paired:
    """A certificate, and the documents that it was made of."""

    certificate: Certificate
    chain_id: str
    key_id: str


def is_first_systems(doc_id: str) -> bool:
    """Whether a document of ``secrets`` may be one of its files."""
    return not is_sealed(doc_id) and not doc_id.startswith(("_", *_API_KEYS))


def nonce_of(doc: Json) -> bytes | None:
    """Give the nonce of a document that has a file, None for every other document. Raises :class:`Refused` for one that has too much."""
    secret, attachments = doc.get("Secret"), doc.get("_attachments")
    stub = attachments.get(ATTACHMENT) if isinstance(attachments, dict) else None
    if not isinstance(secret, str) or not isinstance(stub, dict):
        return None
    try:
        nonce = b64decode(secret, validate=True)
    except (Base64Error, ValueError):
        return None
    if len(nonce) != NONCE_BYTES:
        return None
    length = stub.get("length")
    if isinstance(length, int) and length > LARGEST:
        raise Refused(Cause.MALFORMED, f"its attachment has {length:,} bytes; more than {LARGEST:,} are not read")
    return nonce


def opened(encrypted: Encrypted, keys: Iterable[SealingKey]) -> Part:
    """Open a file with whichever of *keys* does, and find out what it is. Raises :class:`Refused`, and nothing else."""
    have = list(keys)
    for key in have:
        try:
            content = crypto_aead_xchacha20poly1305_ietf_decrypt(encrypted.content, None, encrypted.nonce, key.secret)
        except (CryptoError, ValueError):
            continue
        return _part(content)
    if not have:
        raise Refused(Cause.NO_KEY, "it is the first system's, and this node has no key: [certs] key_files")
    names = ", ".join(key.id for key in have)
    raise Refused(
        Cause.TAMPERED, f"no key of this node opens it ({names}): another key encrypted it, or somebody altered it"
    )


def pairs(parts: Mapping[str, Part], known: Mapping[tuple[str, str], Paired]) -> tuple[list[Paired], list[str]]:
    """Give the certificates that *parts*, by their documents, make, and what is wrong with others. *known* are made already."""
    keys = {part.key_for: doc_id for doc_id, part in sorted(parts.items()) if part.key}
    found, wrong = list[Paired](), list[str]()
    for chain_id, part in sorted(parts.items()):
        key_id = keys.get(part.chain_for) if part.chain else None
        if key_id is None:
            continue
        try:
            found.append(known.get((chain_id, key_id)) or _paired(chain_id, part.chain, key_id, parts[key_id].key))
        except ValueError as error:
            wrong.append(f"{chain_id} with {key_id}: {error}")
    return found, wrong


def rank(paired: Paired) -> tuple[float, str, int, str]:
    """Give what the better of two certificates for the same name has more of: they do not say when they were made."""
    certificate = paired.certificate
    return certificate.not_before, certificate.fingerprint, len(certificate.chain), paired.chain_id


def compatible_documents(certificate: Certificate, key: SealingKey, nonces: tuple[bytes, bytes]) -> dict[str, Json]:
    """Give the documents that the first system reads *certificate* from; *nonces* are two, of 24 random bytes each, never used before."""
    contents = {CHAIN: certificate.chain, KEY: certificate.key}
    return {
        doc_id: _document(content, key, nonce)
        for (doc_id, content), nonce in zip(contents.items(), nonces, strict=True)
    }


def _document(content: bytes, key: SealingKey, nonce: bytes) -> Json:
    box = crypto_aead_xchacha20poly1305_ietf_encrypt(content, None, nonce, key.secret)
    attachment = {"content_type": CONTENT_TYPE, "data": b64encode(box).decode()}
    # With the nonce in one revision: neither is of use without the other.
    return {"Secret": b64encode(nonce).decode(), "_attachments": {ATTACHMENT: attachment}}


def _part(content: bytes) -> Part:
    """Find out what a file is; one that is no PEM is something else that the first system carried around."""
    try:
        blocks = blocks_in(content)
    except ValueError:
        return Part()
    # Where one file has both, each part has its own blocks only: a chain is shown to people, a key never.
    chain = b"".join(block.pem for block in blocks if block.label == "CERTIFICATE")
    key = b"".join(block.pem for block in blocks if block.is_key)
    try:
        chain_for = public_bytes(certificates_in(content)[0].public_key()) if chain else b""
        key_for = public_bytes(private_key(content, checked=True).public_key()) if key else b""
    except ValueError as error:
        raise Refused(Cause.UNREADABLE, f"what is encrypted in it cannot be served: {error}") from None
    return Part(chain=chain, chain_for=chain_for, key=key, key_for=key_for)


def _paired(chain_id: str, chain: bytes, key_id: str, key: bytes) -> Paired:
    check_order(certificates_in(chain))
    certificate = read_certificate(chain, key, from_box=True)
    return Paired(certificate, chain_id, key_id)
