"""How certificates are shown (pure). Never their private keys."""

from datetime import UTC, datetime
from typing import Any

from couchpages.certs.administration import Listed
from couchpages.certs.certificates import Certificate
from couchpages.certs.findings import day, days_left

OURS, FIRST_SYSTEM = "ours", "first system"


def as_json_of(shown: Listed | Certificate, now: float) -> dict[str, Any]:
    """Give a certificate as JSON has it; of one that is refused only what it is called, and why."""
    listed = Listed(shown.name, str(shown.kind), shown) if isinstance(shown, Certificate) else shown
    head = {
        "name": listed.name,
        "kind": listed.kind or None,
        "source": FIRST_SYSTEM if listed.first_system else OURS,
        "state": _state(listed, now),
    }
    certificate = listed.certificate
    if certificate is None:
        return {**head, "reason": listed.refused}
    return {
        **head,
        "names": list(certificate.names),
        "not_before": _moment(certificate.not_before),
        "not_after": _moment(certificate.not_after),
        "days_left": days_left(certificate, now),
        "issuer": certificate.issuer,
        "serial": f"{certificate.serial:x}",
        "fingerprint": certificate.fingerprint,
    }


def row_of(listed: Listed, now: float) -> tuple[str, ...]:
    """Give a row of the table."""
    source = FIRST_SYSTEM if listed.first_system else OURS
    certificate = listed.certificate
    if certificate is None:
        return listed.name, listed.kind or "-", "-", "-", "-", "-", "-", source, f"refused: {listed.refused}"
    return (
        certificate.name,
        str(certificate.kind),
        " ".join(certificate.names),
        day(certificate.not_before),
        day(certificate.not_after),
        str(days_left(certificate, now)),
        certificate.issuer,
        source,
        _state(listed, now),
    )


def _state(listed: Listed, now: float) -> str:
    certificate = listed.certificate
    if certificate is None:
        return "refused"
    if now >= certificate.not_after:
        return "expired"
    return "ok" if now >= certificate.not_before else "not valid yet"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
