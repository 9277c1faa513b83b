"""A small certificate authority, a root and an intermediate, that issues what a test asks for (makes keys; for tests).

>>> chain, key = Authority().issue("example.org", "*.example.org", kind=Kind.ECDSA)
"""

import ipaddress
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from couchpages.certs.certificates import Kind

DAY = 86400.0
#: What the issuers' keys may do (RFC 5280 section 4.2.1.3).
_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
SigningKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
LeafKey: TypeAlias = SigningKey | dsa.DSAPrivateKey | ed25519.Ed25519PrivateKey


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Give an RSA key; the same *number* gives the same one within a process, because making one takes long."""
    del number
    return rsa.generate_private_key(65537, bits)


def new_key(kind: Kind) -> SigningKey:
    """Give a key: of ECDSA a new one on P-256, of RSA always the same."""
    return rsa_key() if kind is Kind.RSA else ec.generate_private_key(ec.SECP256R1())


def key_pem(key: LeafKey) -> bytes:
    """Write a private key as PKCS #8."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate that signs others, and its key."""

    certificate: x509.Certificate
    key: SigningKey

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)


@dataclass(slots=True)
class Authority:
    """Issues certificates that are valid around *now*, in seconds since 1970; *intermediate* signs them, and *root* signs that one."""

    now: float = field(default_factory=time.time)
    root: Issuer = field(init=False)
    intermediate: Issuer = field(init=False)

    def __post_init__(self) -> None:
        """Make the two issuers."""
        self.root = self._issuer("Test Root", None)
        self.intermediate = self._issuer("Test Intermediate", self.root)

    def issue(
        self,
        *names: str,
        kind: Kind = Kind.ECDSA,
        not_before: float | None = None,
        not_after: float | None = None,
        key: LeafKey | None = None,
    ) -> tuple[bytes, bytes]:
        """Give chain and key, both PEM, for *names*, which may be IP addresses; the chain is leaf and intermediate.

        The dates are seconds since 1970; without them it is valid from a day ago for ninety days. *key* is used in place of a new one.
        """
        used = key if key is not None else new_key(kind)
        leaf = self.leaf(*names, key=used, not_before=not_before, not_after=not_after)
        return leaf.public_bytes(Encoding.PEM) + self.intermediate.pem, key_pem(used)

    def leaf(
        self, *names: str, key: LeafKey, not_before: float | None = None, not_after: float | None = None
    ) -> x509.Certificate:
        """Sign a certificate for *names*; with none, it has no subjectAltName."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names[:1] if len(name) <= 64])  # noqa: PLR2004 -- RFC 5280 appendix A.1, ub-common-name
        builder = (
            _builder(subject, self.intermediate.certificate.subject, key)
            .not_valid_before(_moment(self.now - DAY if not_before is None else not_before))
            .not_valid_after(_moment(self.now + 89 * DAY if not_after is None else not_after))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_identifier_of(self.intermediate.key), critical=False)
            .add_extension(x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH]), critical=False)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
            )
        return builder.sign(self.intermediate.key, SHA256())

    def self_signed(self, *names: str, key: SigningKey | None = None) -> tuple[bytes, bytes]:
        """Give a certificate that signed itself, and its key, both PEM."""
        used = key if key is not None else new_key(Kind.ECDSA)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = (
            _builder(subject, subject, used)
            .not_valid_before(_moment(self.now - DAY))
            .not_valid_after(_moment(self.now + 89 * DAY))
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .sign(used, SHA256())
        )
        return certificate.public_bytes(Encoding.PEM), key_pem(used)

    def _issuer(self, name: str, above: Issuer | None) -> Issuer:
        key = new_key(Kind.ECDSA)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(subject, above.certificate.subject if above else subject, key)
            .not_valid_before(_moment(self.now - 3650 * DAY))
            .not_valid_after(_moment(self.now + 3650 * DAY))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_USAGE, critical=True)
            .add_extension(_identifier_of(above.key if above else key), critical=False)
            .sign(above.key if above else key, SHA256())
        )
        return Issuer(certificate, key)


def _builder(subject: x509.Name, issuer: x509.Name, key: LeafKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _identifier_of(key: SigningKey) -> x509.AuthorityKeyIdentifier:
    """Say whose key signs (RFC 5280 section 4.2.1.1), on which Python insists from 3.13 on."""
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
