"""API keys and their documents, decided (pure).

A key is ``cpk_ID_SECRET``: the id is public and names the document ``secrets/apikey-ID``, the secret is 256 random bits in URL-safe
base64. The document holds only the key's SHA-256. A slow password hash would add nothing: nobody guesses 256 random bits (NIST SP 800-63B
section 5.1.1.2 speaks of secrets that people choose).
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace

from couchpages.ports import Json

PREFIX = "cpk"
DOCUMENT_PREFIX = "apikey-"
#: The first system's only key, in clear text.
FIRST_SYSTEM_DOCUMENT = "ApiKey"
#: The id of that key once it is sealed: it keeps its text, in which there is no id, and only its hash is kept.
SEALED_FIRST_SYSTEM_ID = "first-system"
EVERY_SITE = "*"
VERSION = 1
#: Characters of a key's name that are kept.
LONGEST_SHOWN = 255
ID_BYTES = 5
SECRET_BYTES = 32
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is kept of a key. *digest* is the SHA-256 of the whole key's text; *sites* are patterns, see :func:`matches`.

    So are *zones*, but of names of the DNS, which are compared as such there.
    """

    key_id: str
    digest: bytes
    name: str
    sites: tuple[str, ...]
    zones: tuple[str, ...] = ()
    created: str = ""
    clear: bool = False

    def opens(self, text: str) -> bool:
        """Whether *text* is this key, compared in constant time."""
        return hmac.compare_digest(self.digest, digest_of(text))

    def reaches(self, site: str) -> bool:
        """Whether the key may act on *site*."""
        return any(matches(pattern, site) for pattern in self.sites)


def matches(pattern: str, site: str) -> bool:
    """Whether *pattern* covers *site*: ``*`` covers all, ``*.example.org`` all below it (not itself), else only the same name."""
    if pattern == EVERY_SITE:
        return True
    if pattern.startswith("*."):
        return site.endswith(pattern[1:]) and len(site) > len(pattern) - 1
    return pattern == site


def new_key(
    id_bytes: bytes, secret: bytes, *, name: str, sites: Sequence[str], zones: Sequence[str], created: str
) -> tuple[str, KeyRecord]:
    """Make a key of random bytes; give its text, which is shown once, and what is kept."""
    if len(id_bytes) < ID_BYTES or len(secret) < SECRET_BYTES:
        raise ValueError("a key takes 5 random bytes for its id and 32 for its secret")
    key_id = id_bytes.hex()
    text = f"{PREFIX}_{key_id}_{urlsafe_b64encode(secret).decode().rstrip('=')}"
    return text, KeyRecord(key_id, digest_of(text), name, tuple(sites), tuple(zones), created)


def id_of(text: str) -> str | None:
    """Give the id within a key's text, or None for what has no key's form."""
    parts = text.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX else None  # noqa: PLR2004 -- the three parts


def digest_of(text: str) -> bytes:
    """Give the SHA-256 of a key's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def is_first_system(key_id: str) -> bool:
    """Whether this is a key of the first system, whose text has no id: in clear text, sealed, or sealed and in conflict with that."""
    return key_id == FIRST_SYSTEM_DOCUMENT or key_id.startswith(SEALED_FIRST_SYSTEM_ID)


def document_id(key_id: str) -> str:
    """Name the document of a key."""
    return DOCUMENT_PREFIX + key_id


def to_document(record: KeyRecord) -> Json:
    """Write what is kept of a key as a document of the database ``secrets``."""
    return {
        "type": "apikey",
        "version": VERSION,
        "sha256": record.digest.hex(),
        "name": record.name,
        "sites": list(record.sites),
        "zones": list(record.zones),
        "created": record.created,
    }


def is_key(doc_id: str) -> bool:
    """Whether a document of ``secrets`` is a key; certificates live there too."""
    # No document of ours has the name that would make its key pass for the first system's.
    return doc_id == FIRST_SYSTEM_DOCUMENT or (
        doc_id.startswith(DOCUMENT_PREFIX) and doc_id != document_id(FIRST_SYSTEM_DOCUMENT)
    )


def key_id_of(doc_id: str) -> str:
    """Give the id of the key that a document holds."""
    return doc_id.removeprefix(DOCUMENT_PREFIX)


def sealed(record: KeyRecord) -> KeyRecord:
    """Give what is kept of the first system's key instead of its clear text."""
    return replace(record, key_id=SEALED_FIRST_SYSTEM_ID, clear=False)


def from_document(doc_id: str, doc: Json) -> KeyRecord:
    """Read a key's document, ours or the first system's. Raises ValueError for what is neither, and nothing else (law 4)."""
    if not isinstance(doc, dict):
        raise ValueError("it is not an object")
    if doc_id == FIRST_SYSTEM_DOCUMENT:
        return _first_system_key(doc)
    version = doc.get("version")
    if version != VERSION or isinstance(version, bool):
        raise ValueError("not a key of a version that this node knows")
    sites, zones = _patterns(doc.get("sites")), _patterns(doc.get("zones", []))
    return KeyRecord(
        key_id_of(doc_id), _digest(doc.get("sha256")), _shown(doc.get("name")), sites, zones, _shown(doc.get("created"))
    )


def _first_system_key(doc: Json) -> KeyRecord:
    secret = doc.get("Secret")
    if not isinstance(secret, str) or not secret:
        raise ValueError("Secret is not a text")
    name = _shown(doc.get("Secret_Name")) or _shown(doc.get("Owner")) or FIRST_SYSTEM_DOCUMENT
    return KeyRecord(FIRST_SYSTEM_DOCUMENT, _digest_of_any(secret), name, (EVERY_SITE,), (EVERY_SITE,), clear=True)


def _digest_of_any(text: str) -> bytes:
    try:
        return digest_of(text)
    except UnicodeEncodeError:
        raise ValueError("Secret is a text that nobody can send") from None


def _digest(value: object) -> bytes:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError("sha256 is not 64 hexadecimal digits")
    return bytes.fromhex(value)


def _patterns(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("a scope is not a list of names")
    return tuple(values)


def _shown(value: object) -> str:
    """Give a text for people, shortened if need be; nothing for what is no text."""
    return value[:LONGEST_SHOWN] if isinstance(value, str) else ""
