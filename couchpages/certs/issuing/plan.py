"""What is due (pure). Times are seconds since 1970."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from couchpages.certs.acme.ari import RenewalInfo
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing.orders import Order, waits
from couchpages.certs.issuing.renewal import renewal
from couchpages.certs.issuing.wanted import Wanted

Certificates: TypeAlias = Mapping[tuple[str, Kind], Certificate]


@dataclass(frozen=True, slots=True)
class Due:
    """A certificate that is to be issued now: those *kinds* of keys of it."""

    wanted: Wanted
    kinds: tuple[Kind, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.wanted.name


@dataclass(frozen=True, slots=True)
class Plan:
    """What is *due* now, and the moment of the *next* renewal, None where none is expected."""

    due: tuple[Due, ...]
    next: float | None


@dataclass(frozen=True, slots=True)
class Situation:
    """What a plan is made from, beside what is wanted: *window* gives what the authority at *directory* suggests for a certificate."""

    certificates: Certificates
    order_of: Callable[[str], Order]
    kinds: Sequence[Kind]
    directory: str
    window: Callable[[Certificate], RenewalInfo | None]


def plan(wanted: Iterable[Wanted], situation: Situation, now: float) -> Plan:
    """Say what is due *now*: the soonest to end first, and what is missing before all."""
    due, moments = [], list[float]()
    for each in wanted:
        order = situation.order_of(each.name)
        kinds = tuple(kind for kind in situation.kinds if _is_due(each, kind, order, situation, now))
        moments += [
            renewal(found, situation.window(found))
            for kind in situation.kinds
            if (found := situation.certificates.get((each.name, kind))) is not None
        ]
        if kinds and (order.is_asked_for or not waits(order, int(now * 1000))):
            due.append(Due(each, kinds))
    due.sort(key=lambda each: (_end(each, situation), each.name))
    return Plan(tuple(due), min(moments, default=None))


def outdated(
    certificates: Iterable[Certificate], wanted: Mapping[str, Wanted], kinds: Sequence[Kind], now: float
) -> list[tuple[str, Kind]]:
    """Give issued certificates that have ended and that nobody wants any more."""
    return [
        (each.name, each.kind)
        for each in certificates
        if each.issued_by and now >= each.not_after and (each.name not in wanted or each.kind not in kinds)
    ]


def _is_due(each: Wanted, kind: Kind, order: Order, situation: Situation, now: float) -> bool:
    there = situation.certificates.get((each.name, kind))
    if there is None or order.is_asked_for or there.issued_by != situation.directory:
        return True
    # One that is for more than is wanted is good until it is renewed.
    return not set(each.names) <= set(there.names) or renewal(there, situation.window(there)) <= now


def _end(due: Due, situation: Situation) -> float:
    found = [situation.certificates.get((due.name, kind)) for kind in due.kinds]
    return min(each.not_after if each is not None else 0.0 for each in found)
