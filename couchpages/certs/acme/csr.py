"""Requests for certificates (RFC 2986), which name hosts in subjectAltName alone (pure)."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from couchpages.certs.acme.identifiers import address_of, identifiers_of
from couchpages.certs.acme.signing import PrivateKey


def request_for(names: Sequence[str], key: PrivateKey) -> bytes:
    """Give a request in DER.

    It has no common name, which clients do not look at any more, and which has room for 64 letters only. Raises ValueError.
    """
    general = [_general_name(each.value) for each in identifiers_of(names)]
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName(general), critical=False)
        .sign(key, SHA256())
        .public_bytes(Encoding.DER)
    )


def _general_name(name: str) -> x509.GeneralName:
    address = address_of(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)
