"""What became of a certificate that was asked for (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from couchpages.certs.certificates import Certificate
from couchpages.certs.issuing.orders.order import Order, State
from couchpages.certs.issuing.wanted import covers


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for the certificate *name*, made at *moment* (milliseconds since 1970): for *names*, where empty for those that it had."""

    name: str
    moment: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Issued:
    """It is there."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It is not, or not for all names: *reason* is a sentence, *missing* are the names that a certificate was issued without."""

    reason: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nobody knows yet; *by* is the node that sees to it, empty where none does."""

    by: str


Outcome: TypeAlias = Issued | Failed | Waiting


def is_over(asked: Asked, order: Order) -> bool:
    """Whether the request was dealt with, and nothing is under way that tells more."""
    return order.handled >= asked.moment and order.state is not State.ORDERING


def outcome(asked: Asked, order: Order, certificates: Iterable[Certificate]) -> Outcome:
    """Say what became of a request; *certificates* are those in CouchDB that are called so."""
    if not is_over(asked, order):
        return Waiting(order.by if order.state is State.ORDERING else "")
    if order.state is State.FAILED:
        return Failed(order.reason)
    if order.state is not State.ISSUED:
        return Failed(f"{order.name}: it was given up, because neither a site nor the configuration wants it")
    missing = _missing(asked, order, certificates)
    return Failed(_without(order.name, missing), missing) if missing else Issued()


def _missing(asked: Asked, order: Order, certificates: Iterable[Certificate]) -> tuple[str, ...]:
    """Give the names that neither the newest certificate is for, nor the order that was carried out."""
    newest = max((each for each in certificates if each.issued_by), key=lambda each: each.made, default=None)
    # Once somebody asks anew, the order says what he wants, not what was issued. Else it may be known here before the certificate.
    ordered = () if order.is_asked_for else order.issued_names
    return tuple(
        name for name in asked.names if name not in ordered and not (newest is not None and covers(newest, name))
    )


def _without(name: str, missing: tuple[str, ...]) -> str:
    names = ", ".join(missing)
    return (
        f"{name}: a certificate was issued, but not for {names}: the configuration or a site decides what it is for; "
        "list the names in [acme] certificates, or ask for them by a certificate of their own"
    )
