"""What people must know of a certificate before it is served (pure)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509

from couchpages.certs.certificates import Certificate

DAY = 86400
#: Days before its end from which it is said that a certificate ends soon: those of Let's Encrypt are renewed a month before.
SOON = 21


@dataclass(frozen=True, slots=True)
class Findings:
    """*errors* keep clients from taking it now, *warnings* may; a sentence each."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def findings(certificate: Certificate, now: float) -> Findings:
    """Look at a certificate at the time *now*, in seconds since 1970."""
    errors, warnings = [], []
    if now >= certificate.not_after:
        errors.append(f"the certificate has expired, on {day(certificate.not_after)}")
    elif now < certificate.not_before:
        errors.append(f"the certificate is not valid before {day(certificate.not_before)}")
    elif days_left(certificate, now) < SOON:
        warnings.append(
            f"the certificate expires in {days_left(certificate, now)} days, on {day(certificate.not_after)}"
        )
    chain = x509.load_pem_x509_certificates(certificate.chain)
    if len(chain) == 1:
        alone = chain[0].issuer == chain[0].subject
        warnings.append(
            "the certificate signed itself: clients take it only where they were told to"
            if alone
            else "the chain has no intermediate certificates: many clients cannot find them by themselves"
        )
    return Findings(tuple(errors), tuple(warnings))


def days_left(certificate: Certificate, now: float) -> int:
    """Give whole days until it expires; below 0 when it has."""
    return int((certificate.not_after - now) // DAY)


def day(seconds: float) -> str:
    """Write a date."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
