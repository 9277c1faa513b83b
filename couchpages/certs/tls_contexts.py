"""The contexts that a node serves with, swapped when certificates change (does no I/O; timers only; the index decides).

One base context lives for a day: clients resume their sessions whatever was swapped meanwhile, and the keys of their tickets are no older.
Connections keep the context that they began with. What is good is offered from the moment that it is known: a context is made when a client
first asks for it, and the others a few at a time, because a thousand take seconds.
"""

import time
from collections.abc import Callable, Collection, Generator, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from twisted.internet.task import Cooperator
from twisted.logger import Logger

from couchpages.certs.certificates import Certificate
from couchpages.certs.contexts import Library
from couchpages.certs.sni import Index, Offer, covers, index, indexing, is_valid, next_change
from couchpages.certs.tls_policy import Policy
from couchpages.metrics import Metrics

#: Seconds of building between two turns of the reactor; a context takes one or two milliseconds.
SLICE = 0.004
#: Seconds between two looks at what changed: of a thousand certificates, each makes an index outdated, and one takes milliseconds.
PAUSE = 0.1
#: Seconds until what could not be made for want of descriptors or memory is tried again; who asks for it has it tried at once.
RETRY = 5.0
#: Seconds for which a base context, and the keys of session tickets with it, is used: RFC 8446 section 4.6.1 bears seven days.
RENEWAL = 86_400.0
#: Names compared between two looks at the clock.
AT_ONCE = 64
#: The longest sleep until dates are looked at again, and the shortest, in seconds.
LONGEST_SLEEP, SHORTEST_SLEEP = 3600.0, 1.0
C = TypeVar("C")
Key: TypeAlias = tuple[tuple[str, bytes], ...]
"""Of an offer: the leaf of each certificate and its chain, which may be mended while the leaf stays."""


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
        self._made: dict[Key, C | None] = {}
        self._failed: set[Key] = set()
        self._last_good: dict[str, tuple[Offer, C]] = {}
        self._served: frozenset[str] = frozenset()
        self._told: list[Callable[[frozenset[str]], object]] = []
        self._timer: Any = None
        self._looks = self._stopped = False
        self._looked = self._began = reactor.seconds()
        self._lamented = -RETRY
        self._cooperator = Cooperator(_slices, lambda turn: reactor.callLater(0, turn))
        self.base: C = library.base(policy, self.choose)
        self._index = index((), default, development, wall())
        self._sleep(LONGEST_SLEEP)

    # What is asked.

    def choose(self, host: str | None) -> C | None:
        """Give the context for a client that asks for *host*, or names none; None where there is nothing for it."""
        found = self._find(host)
        return None if found is None else found[1]

    def is_served(self, host: str) -> bool:
        """Whether *host* is answered now with a certificate that others may trust, this node's own for development not among them."""
        found = self._find(host)
        return found is not None and self._is_trusted(found[0], self._wall())

    def tell(self, told: Callable[[frozenset[str]], object]) -> None:
        """Call *told* with the names, wildcards among them, for which :meth:`is_served` may answer otherwise from now on."""
        self._told.append(told)

    # What it is told.

    def serve(self, certificates: Collection[Certificate]) -> None:
        """Serve these: the first ones at once, others from the reactor's next turns on; called again after each change.

        The collection may change by itself.
        """
        if not self._certificates:
            # Who comes right after a start must not be told that there is no such name.
            self._index = index(certificates, self._default, self._development, self._wall())
        self._certificates = certificates
        self._sleep(max(0.0, self._looked + PAUSE - self._reactor.seconds()))

    def stop(self) -> None:
        """Look at dates no more, and make nothing more."""
        self._stopped = True
        self._cancel()
        if self._cooperator.running:
            self._cooperator.stop()

    # How.

    def _look(self) -> None:
        """Find out in the reactor's next turns who answers for which name now, and make what is new."""
        self._timer = None
        self._looked = now = self._reactor.seconds()
        if self._looks:
            # One that is begun is ended first: where turns are slow, none would ever be.
            self._sleep(PAUSE)
            return
        if now - self._began >= RENEWAL:
            self._began, self.base = now, self._library.base(self._policy, self.choose)
        self._sleep(LONGEST_SLEEP)
        self._looks = True
        self._cooperator.cooperate(self._find_out())

    def _find_out(self) -> Generator[None, None, None]:
        now, certificates = self._wall(), list(self._certificates)
        try:
            found = yield from indexing(certificates, self._default, self._development, now)
        finally:
            self._looks = False
        self._index = found
        offers = {_key(offer): offer for offer in (*found.offers.values(), found.default) if offer}
        yield
        self._made = {key: made for key, made in self._made.items() if key in offers}
        self._failed &= offers.keys()
        names = {each.name for offer in offers.values() for each in offer}
        self._last_good = {name: made for name, made in self._last_good.items() if name in names}
        moment = next_change((*certificates, *self._development), now)
        if moment is not None:
            self._sleep_at_most(max(moment - now, SHORTEST_SLEEP))
        yield
        yield from self._tell(found, now)
        for offer in offers.values():
            if self._index is not found:
                return
            self._context(offer)
            yield

    def _tell(self, found: Index, now: float) -> Generator[None, None, None]:
        served = set()
        for number, (name, offer) in enumerate(found.offers.items()):
            key = _key(offer)
            if key not in self._failed and self._made.get(key, offer) is not None and self._is_trusted(offer, now):
                served.add(name)
            if number % AT_ONCE == 0:
                yield
        changed, self._served = self._served ^ served, frozenset(served)
        if changed:
            for told in self._told:
                told(changed)

    def _is_trusted(self, offer: Offer, now: float) -> bool:
        return is_valid(offer, now) and not any(each in self._development for each in offer)

    def _sleep(self, seconds: float) -> None:
        self._cancel()
        if not self._stopped:
            self._timer = self._reactor.callLater(seconds, self._look)

    def _sleep_at_most(self, seconds: float) -> None:
        if self._timer is None or self._timer.getTime() > self._reactor.seconds() + seconds:
            self._sleep(seconds)

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _find(self, host: str | None) -> tuple[Offer, C] | None:
        """Give the offer for *host* with its context, or the last good one where that cannot be made, if it is for *host* too."""
        offer = self._index.offer(host)
        if not offer:
            return None
        made = self._context(offer)
        if made is not None:
            return offer, made
        last = self._last_good.get(offer[0].name)
        return last if last is not None and (host is None or covers(last[0], host)) else None

    def _context(self, offer: Offer) -> C | None:
        key = _key(offer)
        made = self._made[key] if key in self._made else self._new(key, offer)
        if made is not None:
            self._last_good[offer[0].name] = offer, made
        return made

    def _new(self, key: Key, offer: Offer) -> C | None:
        """Make a context. That OpenSSL does not take a certificate is remembered; that this node could not even try is not."""
        made = None
        try:
            made = self._made[key] = self._library.context(self._policy, offer)
            if key in self._failed:
                self._failed.discard(key)
                self._sleep_at_most(PAUSE)
        except ValueError as error:
            self._made[key] = None
            self._refused.inc()
            self.log.warn("the last good certificate goes on: {error}", error=error)
            self._sleep_at_most(PAUSE)
        except OSError as error:
            self._failed.add(key)
            self._sleep_at_most(RETRY)
            if self._reactor.seconds() - self._lamented >= RETRY:
                self._lamented = self._reactor.seconds()
                self.log.warn(
                    "{name}: no TLS context can be made for the moment: {error}", name=offer[0].name, error=error
                )
        return made


def _key(offer: Offer) -> Key:
    return tuple((each.fingerprint, each.chain) for each in offer)


def _slices() -> Callable[[], bool]:
    end = time.perf_counter() + SLICE
    return lambda: time.perf_counter() >= end
