"""New keys, for accounts and for certificates (takes randomness from the system; no I/O)."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from josepy.jwk import JWK

from couchpages.certs.acme.signing import PrivateKey, jwk_of
from couchpages.certs.certificates import Kind
from couchpages.certs.pem import SMALLEST_RSA, private_key


def new_private_key(kind: Kind = Kind.ECDSA) -> PrivateKey:
    """Make a key for a certificate: ECDSA on P-256, or RSA of 2048 bits, which takes a good part of a second."""
    if kind is Kind.RSA:
        return rsa.generate_private_key(65537, SMALLEST_RSA)
    return ec.generate_private_key(ec.SECP256R1())


def new_account_key() -> JWK:
    """Make a key for an account: P-256, which every authority takes."""
    return jwk_of(new_private_key())


def private_key_pem(key: PrivateKey) -> bytes:
    """Write a key in PEM (PKCS #8)."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def account_key_pem(key: JWK) -> bytes:
    """Write an account's key in PEM (PKCS #8)."""
    # josepy's wrapper passes on what it does not know.
    return private_key_pem(key.key)


def account_key(pem: bytes) -> JWK:
    """Read an account's key. Raises ValueError, which does not show it."""
    return jwk_of(private_key(pem))
