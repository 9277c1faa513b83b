"""How the authority in memory looks at signed requests (RFC 8555 section 6) (for tests)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from josepy.errors import Error
from josepy.jwk import JWK, JWKOct

from couchpages.certs.acme.signing import JWS
from couchpages.testing.acme.messages import Asked, refuse
from couchpages.testing.acme.state import Account


@dataclass(frozen=True, slots=True)
class Verified:
    """A request whose signature is right. *payload* is None for POST-as-GET; *account* is None where the key stood in the request."""

    payload: dict[str, Any] | None
    key: JWK
    account: Account | None


def verified(asked: Asked, account_at: Callable[[str], Account | None], use_nonce: Callable[[str], None]) -> Verified:
    """Check a request. Raises Refused."""
    if asked.headers.get("content-type") != "application/jose+json":
        raise refuse("malformed", "the media type is not application/jose+json", 415)
    jws, protected = _read(asked.body)
    use_nonce(str(protected.get("nonce")))
    if protected.get("url") != asked.url:
        raise refuse("unauthorized", f"the url in the header is {protected.get('url')}, not {asked.url}", 401)
    account, key = _signer(protected, asked.base, account_at)
    try:
        right = jws.verify(key)
    except (Error, ValueError, TypeError, AssertionError):
        right = False
    if not right:
        raise refuse("malformed", "the signature is wrong")
    return Verified(_payload(jws.payload), key, account)


def bound(binding: dict[str, Any], key: JWK, url: str, secrets: dict[str, bytes]) -> str:
    """Check an external account binding (RFC 8555 section 7.3.4), and give the id of its key. Raises Refused."""
    jws, protected = _read(json.dumps(binding).encode())
    key_id = str(protected.get("kid"))
    if protected.get("alg") != "HS256" or protected.get("url") != url or "nonce" in protected:
        raise refuse("malformed", "the header of the external account binding is wrong")
    if key_id not in secrets or not jws.verify(JWKOct(key=secrets[key_id])):
        raise refuse("unauthorized", "the external account binding is wrong", 403)
    if JWK.from_json(json.loads(jws.payload)) != key:
        raise refuse("malformed", "the external account binding is for another key")
    return key_id


def _read(body: bytes) -> tuple[JWS, dict[str, Any]]:
    try:
        members = json.loads(body)
        if set(members) != {"protected", "payload", "signature"}:
            raise refuse("malformed", "this is no flattened JWS without an unprotected header")
        jws = JWS.from_json(members)
        return jws, json.loads(jws.signature.protected)
    except (Error, ValueError, TypeError, KeyError) as error:
        raise refuse("malformed", f"this is no JWS: {error}") from None


def _signer(
    protected: dict[str, Any], base: str, account_at: Callable[[str], Account | None]
) -> tuple[Account | None, JWK]:
    if ("jwk" in protected) == ("kid" in protected):
        raise refuse("malformed", "there must be one of jwk and kid")
    if "jwk" in protected:
        key: Any = JWK.from_json(protected["jwk"])
        return None, key
    account = account_at(str(protected["kid"]).removeprefix(base))
    if account is None:
        raise refuse("accountDoesNotExist", "there is no such account")
    if account.status != "valid":
        raise refuse("unauthorized", f"the account is {account.status}", 403)
    return account, account.key


def _payload(payload: bytes) -> dict[str, Any] | None:
    if not payload:
        return None
    read = json.loads(payload)
    if not isinstance(read, dict):
        raise refuse("malformed", "the payload is no object")
    return read
