"""Who asks: HTTP Basic (RFC 7617), in the words of CouchDB, decided (pure)."""

import binascii
from base64 import b64decode
from dataclasses import dataclass
from hmac import compare_digest

from couchpages.couch.embedded.errors import bad_request, unauthorized


@dataclass(frozen=True, slots=True)
class Credentials:
    """The one user that this store knows."""

    username: str
    password: str


def authenticated(header: str | None, credentials: Credentials) -> bool:
    """Tell whether the header names our user; False when it names nobody, and 401 when it names somebody else."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise bad_request("Authorization header has invalid base64 value") from None
    wanted = f"{credentials.username}:{credentials.password}".encode()
    if not compare_digest(given, wanted):
        raise unauthorized("Name or password is incorrect.")
    return True
