"""Requests signed as RFC 8555 wants them, and what is made of the account's key (pure)."""

import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from acme import jws  # type: ignore[import-untyped]  # it is not annotated
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from josepy.json_util import Field
from josepy.jwa import ES256, ES384, ES512, HS256, RS256, JWASignature
from josepy.jwk import JWK, JWKEC, JWKRSA, JWKOct

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_OF_CURVES = {"secp256r1": ES256, "secp384r1": ES384, "secp521r1": ES512}


class _Header(jws.Header):
    """A header that gives a nonce back letter by letter: reading and writing base64url again may alter its last one."""

    nonce = Field("nonce", omitempty=True)


class _Signature(jws.Signature):
    __slots__ = jws.Signature._orig_slots  # noqa: SLF001 -- as acme does it
    header_cls = _Header
    header = Field("header", omitempty=True, default=_Header(), decoder=_Header.from_json)


class JWS(jws.JWS):
    """A JSON Web Signature with the members that ACME puts into its header (RFC 8555 section 6.2)."""

    __slots__ = jws.JWS._orig_slots  # noqa: SLF001 -- as acme does it
    signature_cls = _Signature


@dataclass(frozen=True, slots=True)
class ExternalAccount:
    """What ties an account to a customer of the authority (RFC 8555 section 7.3.4). *secret* is the MAC's key, no base64 any more."""

    key_id: str
    secret: bytes = field(repr=False)

    @classmethod
    def from_text(cls, key_id: str, secret: str) -> "ExternalAccount":
        """Read the key as authorities hand it out: in base64url, or base64, padded or not. Raises ValueError, which does not show it."""
        text = secret.strip().rstrip("=").translate(str.maketrans("+/", "-_"))
        try:
            decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if _BASE64URL.fullmatch(text) else b""
        except Base64Error:
            decoded = b""
        if not decoded:
            raise ValueError("the key for external account binding is no base64url, in which authorities give it")
        return cls(key_id, decoded)


def jwk_of(key: PrivateKey) -> JWK:
    """Give a private key as a JWK."""
    return JWKRSA(key=key) if isinstance(key, rsa.RSAPrivateKey) else JWKEC(key=key)


def algorithm_of(key: JWK) -> JWASignature:
    """Give the algorithm that a key signs with. Raises ValueError for a key that none is known for."""
    if isinstance(key, JWKRSA):
        return RS256
    curve = getattr(getattr(key.key, "curve", None), "name", "")
    if isinstance(key, JWKEC) and curve in _OF_CURVES:
        return _OF_CURVES[curve]
    raise ValueError("accounts have keys of the kinds RSA and ECDSA on P-256, P-384 or P-521")


def signed(payload: bytes, key: JWK, *, nonce: str, url: str, kid: str | None) -> bytes:
    """Sign a request's body. With a *kid*, the account's address, else the key itself stands in it. An empty *payload* is POST-as-GET."""
    made = JWS.sign(payload, key=key, alg=algorithm_of(key), nonce=nonce, url=url, kid=kid)
    return _bytes(made)


def external_binding(external: ExternalAccount, key: JWK, url: str) -> dict[str, Any]:
    """Give the binding for a new account: the account's public *key*, signed with the customer's (HS256)."""
    public = json.dumps(key.public_key().to_json()).encode()
    mac = JWKOct(key=external.secret)
    made = JWS.sign(public, key=mac, alg=HS256, nonce=None, url=url, kid=external.key_id)
    return _object(made)


def thumbprint(key: JWK) -> str:
    """Give a key's thumbprint (RFC 7638)."""
    return base64url(key.public_key().thumbprint())


def key_authorization(token: str, key: JWK) -> str:
    """Give what answers a challenge (RFC 8555 section 8.1)."""
    return f"{token}.{thumbprint(key)}"


def dns_value(authorization: str) -> str:
    """Give the TXT record's value for a key authorization (RFC 8555 section 8.4)."""
    return base64url(hashlib.sha256(authorization.encode()).digest())


def base64url(data: bytes) -> str:
    """Encode without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _object(made: JWS) -> dict[str, Any]:
    members: Mapping[str, Any] = made.to_json()
    return dict(members)


def _bytes(made: JWS) -> bytes:
    return json.dumps(_object(made)).encode()
