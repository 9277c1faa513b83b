"""How orders of certificates are shown (pure)."""

from datetime import UTC, datetime
from typing import Any

from couchpages.certs.administration import HANDED_OVER
from couchpages.certs.certificates import Certificate
from couchpages.certs.issuing.orders.order import Order, State, waits
from couchpages.certs.issuing.renewal import renewal
from couchpages.certs.issuing.words import UNWANTED


def order_json(order: Order, now: float) -> dict[str, Any]:
    """Give an order as JSON has it; *now* is in seconds since 1970."""
    return {
        "names": list(order.names),
        "state": str(order.state),
        "asked_for": order.is_asked_for,
        "by_hand": order.by_hand,
        "node": order.by or None,
        "changed": _moment(order.changed),
        "failures": order.failures,
        "cause": order.cause or None,
        "reason": order.reason or None,
        "next_try": _moment(order.next_try) if waits(order, int(now * 1000)) else None,
        "renews": _moment(order.renews),
        "left_out": list(order.left_out),
    }


def order_words(order: Order | None, certificate: Certificate | None, now: float) -> str:
    """Say in a few words how the issue of a certificate stands."""
    if order is not None and order.state is State.FAILED:
        return f"{_how_it_failed(order, now)}: {order.reason}"
    if order is not None and order.state is State.ORDERING:
        return f"being ordered by {order.by}"
    if order is not None and order.is_asked_for:
        return "asked for"
    if certificate is not None and certificate.issued_by:
        return _until_renewal(order, certificate)
    return "-" if order is None else str(order.state)


def _until_renewal(order: Order | None, certificate: Certificate) -> str:
    if certificate.issued_by == HANDED_OVER:
        return "not asked for; it stays until one is issued"
    words = f"renewed from {_day(_renews(order, certificate))} on"
    return f"{words}; {without_words(order)}" if order is not None and order.left_out else words


def without_words(order: Order) -> str:
    """Say what a certificate was issued without, and why."""
    return f"without {' '.join(order.left_out)}: {order.reason}"


def _renews(order: Order | None, certificate: Certificate) -> float:
    """Give the seconds since 1970 at which a certificate is renewed: its issuer knows what the authority advises, and wrote it down."""
    return order.renews / 1000 if order is not None and order.renews else renewal(certificate, None)


def _how_it_failed(order: Order, now: float) -> str:
    if order.cause == UNWANTED:
        return "declined"
    if not waits(order, int(now * 1000)):
        return "failed, tried again soon"
    return f"failed, tried again {_moment(order.next_try)}"


def _moment(milliseconds: int) -> str | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if milliseconds else None


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
