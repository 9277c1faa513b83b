"""How certificates are shown (pure). Never their private keys."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from couchpages.certs.administration import HANDED_OVER, Listed
from couchpages.certs.certificates import Certificate
from couchpages.certs.findings import day, days_left
from couchpages.certs.issuing.orders.order import Order
from couchpages.cli.order_shown import order_json, order_words

IMPORTED, ISSUED, FIRST_SYSTEM = "imported", "issued", "first system"
#: The source of what cannot be opened, for it is sealed too.
UNKNOWN = "unknown"
#: Imported, and to be replaced by what we have issued.
IMPORTED_BEFORE = "imported, handed over"
HEADINGS = ("name", "kind", "names", "from", "until", "days", "issuer", "source", "state", "order")


@dataclass(frozen=True, slots=True)
class Line:
    """One certificate, or one that is to be: as JSON has it, and as a *row* of the table."""

    json: dict[str, Any]
    row: tuple[str, ...]


def lines_of(listed: Iterable[Listed], orders: Mapping[str, Order], now: float) -> list[Line]:
    """Give a line for each certificate, with the order of its name, and for each order that has no certificate, by name."""
    certificates = list(listed)
    lines = [_line(each, orders.get(each.name), now) for each in certificates]
    names = {each.name for each in certificates}
    lines += [_missing(order, now) for name, order in orders.items() if name not in names]
    return sorted(lines, key=lambda line: line.row[:2])


def _line(each: Listed, order: Order | None, now: float) -> Line:
    shown = order if not each.first_system else None
    json = {**as_json_of(each, now), "order": None if shown is None else order_json(shown, now)}
    return Line(json, (*row_of(each, now), order_words(shown, each.certificate, now)))


def _missing(order: Order, now: float) -> Line:
    json = {"name": order.name, "kind": None, "source": ISSUED, "state": "missing", "order": order_json(order, now)}
    row = (order.name, "-", " ".join(order.names), "-", "-", "-", "-", ISSUED, "missing", order_words(order, None, now))
    return Line(json, row)


def as_json_of(shown: Listed | Certificate, now: float) -> dict[str, Any]:
    """Give a certificate as JSON has it; of one that is refused only what it is called, and why."""
    listed = Listed(shown.name, str(shown.kind), shown) if isinstance(shown, Certificate) else shown
    head = {
        "name": listed.name,
        "kind": listed.kind or None,
        "source": _source(listed),
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
        "issued_by": None if certificate.issued_by == HANDED_OVER else certificate.issued_by or None,
        "serial": f"{certificate.serial:x}",
        "fingerprint": certificate.fingerprint,
    }


def row_of(listed: Listed, now: float) -> tuple[str, ...]:
    """Give a row of the table."""
    source = _source(listed)
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


def _source(listed: Listed) -> str:
    if listed.first_system:
        return FIRST_SYSTEM
    if listed.certificate is None:
        return UNKNOWN
    if listed.certificate.issued_by == HANDED_OVER:
        return IMPORTED_BEFORE
    return ISSUED if listed.certificate.issued_by else IMPORTED


def _state(listed: Listed, now: float) -> str:
    certificate = listed.certificate
    if certificate is None:
        return "refused"
    if now >= certificate.not_after:
        return "expired"
    return "ok" if now >= certificate.not_before else "not valid yet"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
