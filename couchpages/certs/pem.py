"""Chain and key in PEM (RFC 7468), read and checked (pure). What is wrong is a ValueError that says so in a sentence, and shows no key."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.names import names_of
from couchpages.certs.pem_blocks import Block, blocks_in, shown
from couchpages.quoting import quoted

#: Certificates in a chain at most: OpenSSL's clients follow 100, and nobody has ten.
LONGEST_CHAIN = 10
SMALLEST_RSA = 2048  # CA/Browser Forum, Baseline Requirements 6.1.5
#: Those that browsers take: the same section.
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
#: What programs write beside a key or a certificate; it means nothing here.
PASSED_OVER = ("EC PARAMETERS", "DH PARAMETERS")
#: What the library raises for a certificate that cannot be read; some of it is no ValueError.
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Certificates and keys as they stand in what was read."""

    certificates: tuple[x509.Certificate, ...]
    keys: tuple[Block, ...]


def read_certificate(
    chain: bytes, key: bytes, *, made: int = 0, name: str | None = None, from_box: bool = False
) -> Certificate:
    """Check that a *chain* and a *key*, both PEM, belong together, and give them normalised. Raises ValueError.

    Both may be one and the same text that holds both. *made* is in milliseconds since 1970; *name* is one of the certificate's names,
    without it the first. A root at the chain's end is left away, because clients have it or do not. What comes *from_box* was checked
    when it was sealed: the arithmetic of RSA keys and the signatures within the chain, which take longest, are not looked at again.
    """
    certificates = certificates_in(chain)
    private = private_key(key, checked=from_box)
    leaf = certificates[0]
    _check_belongs(certificates, private)
    if not from_box:
        check_order(certificates)
    names = names_of(leaf)
    if name is not None and name not in names:
        raise ValueError(f"the certificate is not for {quoted(name)}; it is for {', '.join(names)}")
    served = certificates[:-1] if len(certificates) > 1 and is_self_signed(certificates[-1]) else certificates
    return Certificate(
        name=names[0] if name is None else name,
        kind=kind_of(private),
        names=names,
        not_before=leaf.not_valid_before_utc.timestamp(),
        not_after=leaf.not_valid_after_utc.timestamp(),
        issuer=called(leaf.issuer),
        serial=leaf.serial_number,
        fingerprint=leaf.fingerprint(SHA256()).hex(),
        chain=b"".join(each.public_bytes(Encoding.PEM) for each in served),
        key=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        made=made,
    )


def certificates_in(chain: bytes) -> tuple[x509.Certificate, ...]:
    """Give the certificates of a chain, at least one. Raises ValueError."""
    blocks = [block for block in _relevant(chain) if not block.is_key]
    if not blocks:
        raise ValueError("there is no certificate in the chain; it begins with -----BEGIN CERTIFICATE-----")
    if len(blocks) > LONGEST_CHAIN:
        raise ValueError(f"there are {len(blocks)} certificates in the chain; more than {LONGEST_CHAIN} are no chain")
    return tuple(_certificate(block, number) for number, block in enumerate(blocks, 1))


def private_key(key: bytes, *, checked: bool = False) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    """Give the one private key, of a kind that is served. One that was *checked* is believed to be sound. Raises ValueError."""
    blocks = [block for block in _relevant(key) if block.is_key]
    if not blocks:
        raise ValueError("there is no private key; it begins with -----BEGIN PRIVATE KEY-----")
    if len(blocks) > 1:
        raise ValueError(f"there are {len(blocks)} private keys; one is needed")
    return _supported(_loaded(blocks[0], checked))


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether a certificate says that it signed itself, as roots do."""
    return certificate.issuer == certificate.subject


def kind_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> Kind:
    """Give the kind of a key."""
    return Kind.RSA if isinstance(key, rsa.RSAPrivateKey) else Kind.ECDSA


def public_bytes(key: object) -> bytes:
    """Give a public key as SubjectPublicKeyInfo, to compare it. Raises ValueError for a kind that has none."""
    try:
        encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    except (AttributeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"its public key is of a kind that is not known here: {error}") from None
    return encoded


def called(name: x509.Name) -> str:
    """Give what people call whoever has this name."""
    for oid in (x509.OID_COMMON_NAME, x509.OID_ORGANIZATION_NAME):
        for attribute in name.get_attributes_for_oid(oid):
            return str(attribute.value)
    return name.rfc4514_string()


def _relevant(pem: bytes) -> list[Block]:
    blocks = [block for block in blocks_in(pem) if block.label not in PASSED_OVER]
    for block in blocks:
        if block.label != "CERTIFICATE" and not block.is_key:
            raise ValueError(f"there is a block {shown(block.label)}, which is neither a certificate nor a private key")
    return blocks


def _certificate(block: Block, number: int) -> x509.Certificate:
    try:
        # What the library says of PEM that it cannot take apart quotes it, which may be a key; of DER it quotes nothing.
        certificate = x509.load_der_x509_certificate(block.content())
        # Some of what a certificate says is read only when it is asked for.
        _ = certificate.subject, certificate.issuer, certificate.extensions, public_bytes(certificate.public_key())
    except _UNREADABLE as error:
        raise ValueError(f"certificate {number} of the chain cannot be read: {error}") from None
    return certificate


def _loaded(block: Block, checked: bool) -> object:
    encrypted = "the private key is encrypted; a daemon has nobody to ask: take the password off (openssl pkey)"
    if block.label.startswith("ENCRYPTED"):
        raise ValueError(encrypted)
    try:
        return load_pem_private_key(block.pem, None, unsafe_skip_rsa_key_validation=checked)
    except TypeError:
        raise ValueError(encrypted) from None
    except (ValueError, UnsupportedAlgorithm):
        # What the library says of a key may show some of it.
        raise ValueError("the private key cannot be read") from None


def _supported(key: object) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < SMALLEST_RSA:
            raise ValueError(f"the RSA key has {key.key_size} bits; below {SMALLEST_RSA} it is not served")
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if not isinstance(key.curve, CURVES):
            raise ValueError(f"the key is on the curve {key.curve.name}; P-256, P-384 and P-521 are served")
        return key
    kind = type(key).__name__.removesuffix("PrivateKey").strip("_")
    raise ValueError(f"the key is of the kind {kind}; ECDSA and RSA are served, which clients know")


def _check_belongs(
    certificates: Sequence[x509.Certificate], key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
) -> None:
    ours = public_bytes(key.public_key())
    holders = [number for number, each in enumerate(certificates, 1) if public_bytes(each.public_key()) == ours]
    if 1 in holders:
        return
    leaf = called(certificates[0].subject) or "without a name"
    if holders:
        raise ValueError(
            f"the chain is in the wrong order: the key belongs to certificate {holders[0]} of it, which must come first"
        )
    raise ValueError(f"the key does not belong to the chain's first certificate ({quoted(leaf)})")


def check_order(certificates: Sequence[x509.Certificate]) -> None:
    """Each certificate is signed by the one behind it (RFC 8446 section 4.4.2). Raises ValueError that says which one is out of place."""
    for place, (signed, behind) in enumerate(pairwise(certificates), 1):
        if _signed_by(signed, behind):
            continue
        right = [number for number, each in enumerate(certificates, 1) if number != place and _signed_by(signed, each)]
        words = (
            f"certificate {place + 1} of the chain ({quoted(called(behind.subject))}) did not sign certificate {place}"
        )
        if right:
            raise ValueError(
                f"the chain is in the wrong order: {words}; certificate {right[0]} did, and must come next"
            )
        raise ValueError(f"{words}, which {quoted(called(signed.issuer))} signed")


def _signed_by(certificate: x509.Certificate, other: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(other)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
