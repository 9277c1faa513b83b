"""What is due (pure). Times are seconds since 1970."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from couchpages.certs.acme.ari import RenewalInfo
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing.enough import suffices
from couchpages.certs.issuing.orders.order import Order, State, waits
from couchpages.certs.issuing.renewal import renewal
from couchpages.certs.issuing.wanted import Wanted

#: Seconds by which a renewal has to move before that is written down.
MOVED = 3600.0
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
    """What is *due* now, and the moment of the *next* renewal, None where none is expected.

    *moved* are the certificates that the authority suggests another moment for than stands in their orders.
    """

    due: tuple[Due, ...]
    next: float | None
    moved: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Situation:
    """What a plan is made from, beside what is wanted: *window* gives what the authority at *directory* suggests for a certificate."""

    certificates: Certificates
    order_of: Callable[[str], Order]
    kinds: Sequence[Kind]
    directory: str
    window: Callable[[Certificate], RenewalInfo | None]


class Planning:
    """Makes a plan of one wanted certificate after the other, for there may be thousands."""

    def __init__(self, situation: Situation, now: float) -> None:
        self._situation = situation
        self._now = now
        self._due: list[tuple[tuple[bool, float, str], Due]] = []
        self._next: float | None = None
        self._moved: dict[str, float] = {}

    def take(self, each: Wanted) -> None:
        """Take what is wanted."""
        situation, order, kinds, ends = (
            self._situation,
            self._situation.order_of(each.name),
            list[Kind](),
            list[float](),
        )
        for kind in situation.kinds:
            there = situation.certificates.get((each.name, kind))
            if there is None:
                kinds.append(kind)
                ends.append(0.0)
                continue
            moment = renewal(there, situation.window(there))
            self._next = moment if self._next is None else min(moment, self._next)
            if order.is_asked_for or moment <= self._now or not suffices(there, each, order, situation.directory):
                kinds.append(kind)
                ends.append(there.not_after)
        self._note_moved(each, order)
        end = min(ends, default=0.0)
        if kinds and (order.is_asked_for or not self._waits(order, end)):
            # What is missing comes before all, but for what failed: of that there may be much, and what ends must not wait for it.
            self._due.append(((not end and order.failures > 0, end, each.name), Due(each, tuple(kinds))))

    def plan(self) -> Plan:
        """Give the plan: the soonest to end first."""
        return Plan(tuple(due for _, due in sorted(self._due, key=lambda pair: pair[0])), self._next, self._moved)

    def _note_moved(self, each: Wanted, order: Order) -> None:
        """Take note where the authority suggests another moment than is written."""
        there = [self._situation.certificates.get((each.name, kind)) for kind in self._situation.kinds]
        windows = [(found, self._situation.window(found)) for found in there if found is not None]
        if order.state is State.ISSUED and any(window is not None for _, window in windows):
            moment = min(renewal(found, window) for found, window in windows)
            if moment > self._now and abs(moment - order.renews / 1000) >= MOVED:
                self._moved[each.name] = moment

    def _waits(self, order: Order, end: float) -> bool:
        """Whether nothing is to be tried now for a certificate that ends at *end*, 0 for none."""
        # What another CA's refusal was waited for does not hold up this one.
        if order.directory not in ("", self._situation.directory) or not waits(order, int(self._now * 1000)):
            return False
        # Pauses of ours are a quarter of what is left at most: a longer one was written by somebody else, but for what the CA asks.
        is_ours = order.next_try / 1000 <= self._now + max(0.0, end - self._now) / 2
        return end <= self._now or is_ours or order.cause == "rate_limited"


def outdated(
    certificates: Iterable[Certificate], wanted: Mapping[str, Wanted], kinds: Sequence[Kind], now: float
) -> list[tuple[str, Kind]]:
    """Give issued certificates that have ended and that nobody wants any more."""
    return [
        (each.name, each.kind)
        for each in certificates
        if each.issued_by and now >= each.not_after and (each.name not in wanted or each.kind not in kinds)
    ]
