"""Tokens by which a node shows that a host's address leads to it, without a document of CouchDB (pure).

Whoever checks an address makes a nonce, fetches ``/.well-known/acme-challenge/couchpages-NONCE`` there, and gets a keyed hash of the host
and the nonce under one of the keys that seal certificates, which all nodes have and nobody else has.

Anybody may have a node answer, for any host and nonce, so the answer must be worth nothing elsewhere:

- It is BLAKE2b keyed with the sealing key, under a ``person`` of its own. A keyed BLAKE2b is a pseudo-random function: answers say nothing
  about the key, nor about hashes under another ``person`` (as the key's id is), nor about what XChaCha20-Poly1305 does with the key.
- It is bound to host and nonce, so an answer for one proves nothing for another. A nonce that was just drawn has no old answer.
- It is no key authorization (RFC 8555 section 8.1), which begins with its token: this one begins with the id of a key, which are
  hexadecimal digits and then a dot. So nobody gets a certificate by having an authority ask for a token of this form.

Somebody may pass the question on to a node, and its answer back. That is what a proxy before the nodes does, and what an authority asks for
comes through it as well.
"""

import hmac
import json
import re
from collections.abc import Iterable
from hashlib import blake2b

from couchpages.certs.boxes import SealingKey

PREFIX = "couchpages-"
#: Within the 16 bytes that BLAKE2b takes (RFC 7693 has it as a parameter; libraries call it person).
PERSON = b"couchpages probe"
DIGEST_BYTES = 32
#: From 96 bits, which nobody guesses, to what no one needs; base64url (RFC 4648 section 5).
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")


def probe_token(nonce: str) -> str:
    """Give the token of a nonce: 16 to 64 characters of base64url, drawn anew for each check. Raises ValueError for another."""
    if _NONCE.fullmatch(nonce) is None:
        raise ValueError("a nonce has 16 to 64 characters of base64url")
    return PREFIX + nonce


def is_probe(token: str) -> bool:
    """Whether a token is one of these, and no authority's. What an authority's challenge documents name comes first nevertheless."""
    return token.startswith(PREFIX) and _NONCE.fullmatch(token, len(PREFIX)) is not None


def probe_answer(host: str, token: str, key: SealingKey) -> bytes:
    """Give what a node answers at *host*; nodes answer with their first key. Raises ValueError for a token that is no probe."""
    if not is_probe(token):
        raise ValueError("the token is no probe")
    # JSON keeps host and nonce apart, whatever stands in the host.
    asked = json.dumps([_canonical(host), token.removeprefix(PREFIX)], separators=(",", ":")).encode()
    digest = blake2b(asked, digest_size=DIGEST_BYTES, key=key.secret, person=PERSON).hexdigest()
    return f"{key.id}.{digest}".encode()


def proves(host: str, token: str, body: bytes, keys: Iterable[SealingKey]) -> bool:
    """Whether *body* is the answer of somebody who has one of *keys*; for a token that is no probe, nothing is."""
    # White space at the end is ignored, as authorities do (RFC 8555 section 8.3).
    said = body.rstrip()
    return is_probe(token) and any(hmac.compare_digest(said, probe_answer(host, token, key)) for key in keys)


def _canonical(host: str) -> str:
    return host.lower().removesuffix(".")
