"""How an order changes with what happens to it (pure). Moments are milliseconds since 1970."""

from collections.abc import Collection
from dataclasses import replace

from couchpages.certs.issuing.orders.limits import DAY, HOUR
from couchpages.certs.issuing.orders.order import (
    AHEAD,
    LONGEST_PAUSE,
    LONGEST_WORDS,
    MOST_REVOKED,
    REMEMBERED,
    LeftOut,
    Order,
    State,
)

#: What is remembered for limits: no CA counts longer.
KEPT, REFUSALS_KEPT = 7 * DAY, HOUR
#: For so long, whoever asked may look at what became of it.
READ_IN = HOUR


def begun(order: Order, names: tuple[str, ...], node: str, directory: str, now: int) -> Order:
    """Give the order when a node begins to see to it, at the CA of *directory*: what another one counted counts for nothing there."""
    if order.directory != directory:
        order = replace(
            order, failures=0, left_out=(), directory=directory, ordered=(), added=(), issued=(), refused=()
        )
    return replace(order, names=names, state=State.ORDERING, by=node, next_try=0, changed=now)


def ordered(order: Order, now: int) -> Order:
    """Give the order when the CA took it, and it is the first for its names."""
    return replace(order, ordered=_with(order.ordered, now), changed=now)


def got(order: Order, left_out: LeftOut | None, now: int, *, is_new: bool) -> Order:
    """Give the order when the CA issued a certificate, of one kind of key; whether *is_new*, the first for its names.

    What it could not be issued for is known from then on, whatever becomes of it, or it would be issued again for the want of that.
    """
    if left_out is not None:
        order = replace(order, cause=left_out.cause, reason=left_out.reason[:LONGEST_WORDS])
    return replace(
        order,
        issued=_with(order.issued, now),
        added=_with(order.added, now) if is_new else order.added,
        left_out=left_out.names if left_out is not None else (),
        changed=now,
    )


def issued(order: Order, renews: float, left_out: LeftOut | None, replaced: Collection[str], now: int) -> Order:
    """Give the order when its certificate is here, which is to be renewed at *renews*, in seconds since 1970.

    *replaced* are the fingerprints of those in whose place it is. What was revoked meanwhile is still to be replaced.
    """
    left = left_out or LeftOut((), "", "")
    return replace(
        order,
        state=State.ISSUED,
        changed=now,
        failures=0,
        cause=left.cause,
        reason=left.reason[:LONGEST_WORDS],
        next_try=0,
        handled=max(order.requested, order.handled),
        renews=int(renews * 1000),
        left_out=left.names,
        revoked=tuple(each for each in order.revoked if each not in replaced),
    )


def expected(order: Order, renews: float) -> Order:
    """Give the order when its certificate is to be renewed at another moment, in seconds since 1970.

    It is no newer for that: what happened meanwhile on another side of a partition counts more.
    """
    return replace(order, renews=int(renews * 1000)) if order.state is State.ISSUED else order


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
        next_try=now + min(int(pause * 1000), LONGEST_PAUSE),
        handled=max(order.requested, order.handled),
        refused=(*refusals, now)[-REMEMBERED:] if refused else refusals,
    )


def forsaken(order: Order, now: int) -> Order:
    """Give the order of what nobody wants any more; what counts for limits stays."""
    return replace(
        order, state=State.NEW, changed=now, failures=0, cause="", reason="", next_try=0, renews=0, left_out=()
    )


def is_forgettable(order: Order, now: int) -> bool:
    """Whether nothing of an order that nobody wants any more counts: no limit, nor that somebody may be reading why it was declined."""
    counted = _recent((*order.ordered, *order.added, *order.issued), now, KEPT) or _recent(
        order.refused, now, REFUSALS_KEPT
    )
    return not counted and not order.by_hand and not now - READ_IN < order.changed <= now + AHEAD


def merged(winner: Order, loser: Order) -> Order:
    """Give an order of which two revisions compete, where two nodes wrote it: *winner*, with what must not be lost of the other.

    That is what somebody asked for, and what counts for the CA's limits. It is the same in whatever order several are merged.
    """
    newer = max(winner, loser, key=lambda order: (order.requested, order is winner))
    return replace(
        winner,
        asked=newer.asked if newer.by_hand else winner.asked,
        requested=newer.requested,
        handled=max(winner.handled, loser.handled),
        by_hand=winner.by_hand or loser.by_hand,
        revoked=tuple(sorted({*winner.revoked, *loser.revoked})[-MOST_REVOKED:]),
        ordered=_both(winner, loser, "ordered"),
        added=_both(winner, loser, "added"),
        issued=_both(winner, loser, "issued"),
        refused=_both(winner, loser, "refused"),
    )


def _both(winner: Order, loser: Order, member: str) -> tuple[int, ...]:
    ours: tuple[int, ...] = getattr(winner, member)
    theirs: tuple[int, ...] = getattr(loser, member)
    return tuple(sorted({*ours, *theirs})[-REMEMBERED:]) if winner.directory == loser.directory else ours


def _with(moments: tuple[int, ...], now: int) -> tuple[int, ...]:
    return (*_recent(moments, now, KEPT), now)[-REMEMBERED:]


def _recent(moments: tuple[int, ...], now: int, kept: int) -> tuple[int, ...]:
    return tuple(each for each in moments if now - kept < each <= now + AHEAD)
