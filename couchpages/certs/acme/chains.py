"""A chain that was downloaded, looked at before anybody keeps it (pure). What is wrong is an AcmeError of the cause nonsense."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from couchpages.certs.acme.errors import nonsense
from couchpages.certs.names import names_of
from couchpages.certs.pem import called, certificates_in, check_order, public_bytes
from couchpages.certs.pem_blocks import blocks_in
from couchpages.quoting import quoted

#: Bytes: four certificates have some 8,000, and those with a hundred names 4,000 each.
LARGEST = 2**17
#: Seconds that our clock and the authority's may differ.
SKEW = 3600.0


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain that is in order, the leaf first; *pem* holds nothing but its certificates."""

    certificates: tuple[x509.Certificate, ...]

    @property
    def pem(self) -> bytes:
        """The chain in PEM."""
        return b"".join(each.public_bytes(Encoding.PEM) for each in self.certificates)

    @property
    def leads_to(self) -> str:
        """What the issuer of its topmost certificate is called: the root that clients have to know."""
        return called(self.certificates[-1].issuer)


def read_chain(pem: bytes, csr: bytes, names: Sequence[str], now: float) -> Chain:
    """Read a chain that has to be for the key of the request *csr*, for exactly *names*, and valid *now* (seconds since 1970)."""
    try:
        certificates = _certificates(pem)
        _check_key(certificates[0], csr)
        _check_names(certificates[0], names)
        for number, each in enumerate(certificates[:2], 1):
            # What is above them may have ended: clients that know what signed it need not look so far.
            _check_dates(each, number, now)
        check_order(certificates)
    except ValueError as error:
        raise nonsense(f"what came is not the certificate that was ordered: {error}") from None
    return Chain(certificates)


def preferred(chains: Sequence[Chain], root: str | None) -> Chain:
    """Give the first chain that leads to *root*, by its common name; where none does, the first, which is the authority's default."""
    return next((chain for chain in chains if root is not None and chain.leads_to == root), chains[0])


def _certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    if len(pem) > LARGEST:
        raise ValueError(f"it has {len(pem):,} bytes; a chain of more than {LARGEST:,} is not read")
    if any(block.is_key for block in blocks_in(pem)):
        raise ValueError("there is a private key in it")
    return certificates_in(pem)


def _check_key(leaf: x509.Certificate, csr: bytes) -> None:
    ours = public_bytes(x509.load_der_x509_csr(csr).public_key())
    if public_bytes(leaf.public_key()) != ours:
        raise ValueError(f"its first certificate ({quoted(called(leaf.subject))}) is for another key than ours")


def _check_names(leaf: x509.Certificate, names: Sequence[str]) -> None:
    there, wanted = set(names_of(leaf)), set(names)
    if missing := sorted(wanted - there):
        raise ValueError(f"it is not for {', '.join(missing[:5])}")
    if more := sorted(there - wanted):
        raise ValueError(f"it is also for {', '.join(more[:5])}, which nobody ordered")


def _check_dates(certificate: x509.Certificate, number: int, now: float) -> None:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if ends.timestamp() <= now:
        raise ValueError(
            f"certificate {number} of it ended at {ends:%Y-%m-%d %H:%M} UTC; is the clock of this machine right?"
        )
    if begins.timestamp() > now + SKEW:
        raise ValueError(
            f"certificate {number} of it begins at {begins:%Y-%m-%d %H:%M} UTC only; is the clock of this machine right?"
        )
