"""A certificate for this machine alone, for development (makes a key; pure otherwise)."""

import ipaddress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from couchpages.certs.certificates import Certificate
from couchpages.certs.pem import read_certificate

NAMES = ("localhost", "*.localhost")
ADDRESSES = ("127.0.0.1", "::1")
#: It is made anew whenever the daemon starts, which is once a year at least.
DAYS = 397


def self_signed(now: float) -> Certificate:
    """Make a certificate that signs itself, good from a day before *now*, in seconds since 1970; it lies in memory only."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CouchDB Pages for development")])
    moment = datetime.fromtimestamp(now, UTC)
    names = [*map(x509.DNSName, NAMES), *(x509.IPAddress(ipaddress.ip_address(each)) for each in ADDRESSES)]
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return read_certificate(signed.public_bytes(Encoding.PEM), pem)
