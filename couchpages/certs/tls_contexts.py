"""The contexts that a node serves with, swapped when certificates change (does no I/O; timers only; the index decides).

One base context lives as long as the daemon: clients resume their sessions whatever was swapped meanwhile. Connections keep the context
that they began with. What is good is offered from the moment that it is known: a context is made when a client first asks for it, and the
others a few at a time, because a thousand take seconds.
"""

import time
from collections.abc import Callable, Collection, Generator, Sequence
from typing import Any, Generic, TypeVar

from twisted.internet.task import Cooperator
from twisted.logger import Logger

from couchpages.certs.certificates import Certificate
from couchpages.certs.contexts import Library
from couchpages.certs.sni import Index, Offer, index, is_valid, next_change
from couchpages.certs.tls_policy import Policy
from couchpages.metrics import Metrics

#: Seconds of building between two turns of the reactor; a context takes one or two milliseconds.
SLICE = 0.004
#: Seconds between two looks at what changed: of a thousand certificates, each makes an index outdated, and one takes milliseconds.
PAUSE = 0.1
#: The longest sleep until dates are looked at again, and the shortest, in seconds.
LONGEST_SLEEP, SHORTEST_SLEEP = 3600.0, 1.0
C = TypeVar("C")


class Contexts(Generic[C]):
    """Contexts of *library*. *wall* gives seconds since 1970; *default* and *development* are as in :func:`index`.

    Used in *reactor*'s thread.

    :ivar base: what every connection begins with.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        library: Library[C],
        policy: Policy,
        metrics: Metrics,
        wall: Callable[[], float],
        default: str = "",
        development: Sequence[Certificate] = (),
    ) -> None:
        self._reactor = reactor
        self._library = library
        self._policy = policy
        self._refused = metrics.tls.contexts_refused
        self._wall = wall
        self._default = default
        self._development = development
        self._certificates: Collection[Certificate] = ()
        self._made: dict[tuple[str, ...], C | None] = {}
        self._last_good: dict[str, C] = {}
        self._told: list[Callable[[], object]] = []
        self._timer: Any = None
        self._looked = -PAUSE
        self._index = Index()
        self._cooperator = Cooperator(_slices, lambda turn: reactor.callLater(0, turn))
        self.base: C = library.base(policy, self.choose)
        self._look()

    # What is asked.

    def choose(self, host: str | None) -> C | None:
        """Give the context for a client that asks for *host*, or names none; None where there is nothing for it."""
        offer = self._index.offer(host)
        return self._context(offer) if offer else None

    def is_served(self, host: str) -> bool:
        """Whether a certificate that others may trust, this node's own for development not among them, is good for *host* now."""
        offer = self._index.offer(host)
        return is_valid(offer, self._wall()) and not any(each in self._development for each in offer)

    def tell(self, told: Callable[[], object]) -> None:
        """Call *told* whenever it may be another certificate that answers for a name."""
        self._told.append(told)

    # What it is told.

    def serve(self, certificates: Collection[Certificate]) -> None:
        """Serve these from the reactor's next turns on; called again after each change. The collection may change by itself."""
        self._certificates = certificates
        self._sleep(max(0.0, self._looked + PAUSE - self._reactor.seconds()))

    def stop(self) -> None:
        """Look at dates no more, and make nothing more."""
        self._cancel()
        if self._cooperator.running:
            self._cooperator.stop()

    # How.

    def _look(self) -> None:
        """Find out who answers for which name now, and make what is new in the reactor's next turns."""
        self._timer = None
        self._looked = self._reactor.seconds()
        now = self._wall()
        self._index = index(self._certificates, self._default, self._development, now)
        offers = {_key(offer): offer for offer in (*self._index.offers.values(), self._index.default) if offer}
        self._made = {key: made for key, made in self._made.items() if key in offers}
        names = {each.name for offer in offers.values() for each in offer}
        self._last_good = {name: made for name, made in self._last_good.items() if name in names}
        self._cooperator.cooperate(self._make(list(offers.values())))
        moment = next_change((*self._certificates, *self._development), now)
        self._sleep(LONGEST_SLEEP if moment is None else min(max(moment - now, SHORTEST_SLEEP), LONGEST_SLEEP))
        for told in self._told:
            told()

    def _sleep(self, seconds: float) -> None:
        self._cancel()
        self._timer = self._reactor.callLater(seconds, self._look)

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _make(self, offers: Sequence[Offer]) -> Generator[None, None, None]:
        began = self._index
        for offer in offers:
            if self._index is not began:
                return
            self._context(offer)
            yield

    def _context(self, offer: Offer) -> C | None:
        """Give the context for an offer, the last good one of that name where it cannot be made."""
        key, name = _key(offer), offer[0].name
        if key not in self._made:
            self._made[key] = self._new(offer)
        made = self._made[key]
        if made is None:
            return self._last_good.get(name)
        self._last_good[name] = made
        return made

    def _new(self, offer: Offer) -> C | None:
        try:
            return self._library.context(self._policy, offer)
        except ValueError as error:
            self._refused.inc()
            self.log.warn("the last good certificate goes on: {error}", error=error)
            return None


def _key(offer: Offer) -> tuple[str, ...]:
    return tuple(each.fingerprint for each in offer)


def _slices() -> Callable[[], bool]:
    end = time.perf_counter() + SLICE
    return lambda: time.perf_counter() >= end
