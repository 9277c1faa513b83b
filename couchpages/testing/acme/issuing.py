"""How the authority in memory makes certificates, right and wrong ones (makes keys; for tests)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from couchpages.certs.certificates import Kind
from couchpages.testing.acme.faults import CertificateFault
from couchpages.testing.authority import Authority, Issuer, new_key

#: Seconds that certificates begin before they are issued, as Let's Encrypt's do.
BACKDATED = 3600.0


@dataclass(frozen=True, slots=True)
class PublicHalf:
    """Stands for a key whose private half is the client's."""

    public: Any

    def public_key(self) -> Any:
        """Give the public half."""
        return self.public


@dataclass(slots=True)
class Press:
    """Signs with *authority*. *alternates* are roots that signed the same intermediate, by their common names."""

    authority: Authority
    alternates: Sequence[str] = ()
    _crossed: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        """Have the intermediate signed by the alternate roots."""
        self._crossed = [_crossed(self.authority.intermediate, name) for name in self.alternates]

    def chains(
        self, csr: x509.CertificateSigningRequest, names: Sequence[str], now: float, validity: float, fault: str | None
    ) -> tuple[x509.Certificate, tuple[bytes, ...]]:
        """Give the leaf, and the chains in PEM: the default one, and the alternates."""
        key: Any = PublicHalf(csr.public_key())
        begins, ends = now - BACKDATED, now + validity
        match fault:
            case CertificateFault.OTHER_KEY:
                key = new_key(Kind.ECDSA)
            case CertificateFault.OTHER_NAMES:
                names = ["other.example"]
            case CertificateFault.MORE_NAMES:
                names = [*names, "other.example"]
            case CertificateFault.EXPIRED:
                begins, ends = now - 2 * validity, now - validity
            case CertificateFault.NOT_YET:
                begins, ends = now + validity, now + 2 * validity
        leaf = self.authority.leaf(*names, key=key, not_before=begins, not_after=ends)
        above = [self.authority.intermediate.pem, *self._crossed]
        if fault == CertificateFault.BROKEN:
            above = [Authority(self.authority.now).intermediate.pem]
        pem = b"no certificate\n" if fault == CertificateFault.NO_PEM else leaf.public_bytes(Encoding.PEM)
        return leaf, tuple(pem + each for each in above)


def _crossed(intermediate: Issuer, root: str) -> bytes:
    """Have an intermediate signed by another root too."""
    key = new_key(Kind.ECDSA)
    made = intermediate.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(made.subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, root)]))
        .public_key(intermediate.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made.not_valid_before_utc)
        .not_valid_after(made.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
