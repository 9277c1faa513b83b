"""How an order changes with what happens to it (pure). Moments are milliseconds since 1970."""

from dataclasses import replace

from couchpages.certs.issuing.limits import DAY, HOUR
from couchpages.certs.issuing.orders import LONGEST_WORDS, Order, State

#: What is remembered for limits: no CA counts longer.
ORDERS_KEPT, REFUSALS_KEPT = 7 * DAY, HOUR
#: For so long, whoever asked may look at what became of it.
READ_IN = HOUR


def begun(order: Order, names: tuple[str, ...], node: str, now: int) -> Order:
    """Give the order when a node begins to see to it."""
    return replace(order, names=names, state=State.ORDERING, by=node, changed=now)


def ordered(order: Order, now: int) -> Order:
    """Give the order when the CA took it."""
    return replace(order, ordered=(*_recent(order.ordered, now, ORDERS_KEPT), now), changed=now)


def issued(order: Order, renews: float, now: int) -> Order:
    """Give the order when its certificate is here, which is to be renewed at *renews*, in seconds since 1970."""
    return replace(
        order,
        state=State.ISSUED,
        changed=now,
        failures=0,
        cause="",
        reason="",
        next_try=0,
        handled=max(order.requested, order.handled),
        renews=int(renews * 1000),
    )


def failed(order: Order, cause: str, reason: str, pause: float, now: int, *, refused: bool, counts: bool) -> Order:
    """Give the order when it failed; the next try is in *pause* seconds.

    *refused* tells whether the CA looked and did not accept what it saw; *counts* whether it counts as a failure of this order.
    """
    refusals = _recent(order.refused, now, REFUSALS_KEPT)
    return replace(
        order,
        state=State.FAILED,
        changed=now,
        failures=order.failures + (1 if counts else 0),
        cause=cause,
        reason=reason[:LONGEST_WORDS],
        next_try=now + int(pause * 1000),
        handled=max(order.requested, order.handled),
        refused=(*refusals, now) if refused else refusals,
    )


def forsaken(order: Order, now: int) -> Order:
    """Give the order of what nobody wants any more; what counts for limits stays."""
    return replace(order, state=State.NEW, changed=now, failures=0, cause="", reason="", next_try=0, renews=0)


def is_forgettable(order: Order, now: int) -> bool:
    """Whether nothing of an order that nobody wants any more counts: no limit, nor that somebody may be reading why it was declined."""
    return not _recent(order.ordered, now, ORDERS_KEPT) and now - order.changed >= READ_IN


def _recent(moments: tuple[int, ...], now: int, kept: int) -> tuple[int, ...]:
    return tuple(each for each in moments if now - kept < each <= now)
