"""Writes down how the issue of each certificate goes, for people and for whoever issues next (does I/O)."""

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from couchpages.certs.certificates import Kind
from couchpages.certs.issuing import ledger
from couchpages.certs.issuing.backoff import pause
from couchpages.certs.issuing.order_book import OrderBook
from couchpages.certs.issuing.orders import Order, State
from couchpages.certs.issuing.plan import Certificates
from couchpages.certs.issuing.words import Unproved, cause_of, is_of_authority, told
from couchpages.metrics import Metrics
from couchpages.ports import StoreError

#: Failures in a row from which a certificate that is missing is a trouble of this node.
TROUBLING = 3
#: The cause of what was asked for and is not ours to issue.
UNWANTED = "unwanted"


class Outcomes:
    """Keeps *book*, as the node called *node*. *wall* gives seconds since 1970, *chance* numbers in [0, 1)."""

    log = Logger()

    def __init__(
        self,
        book: OrderBook,
        certificates: Certificates,
        node: str,
        metrics: Metrics,
        wall: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._book = book
        self._certificates = certificates
        self._node = node
        self._metrics = metrics.acme
        self._wall = wall
        self._chance = chance
        self._authority_failures = 0
        self._metrics.failing.set_function(lambda: len(self._failing()))

    async def begun(self, name: str, names: tuple[str, ...]) -> None:
        """Note that the turn of a certificate for *names* has come."""
        await self._book.change(name, lambda order: ledger.begun(order, names, self._node, self.now()))

    async def ordered(self, name: str) -> None:
        """Note that the authority took the order."""
        await self._book.change(name, lambda order: ledger.ordered(order, self.now()))

    async def issued(self, name: str, renews: float) -> None:
        """Note that the certificate is here; it is to be renewed at *renews*, in seconds since 1970."""
        self._authority_failures = 0
        self._metrics.issued.inc()
        await self._book.change(name, lambda order: ledger.issued(order, renews, self.now()))
        self.log.info("the certificate {name} was issued", name=name)

    async def declined(self, name: str, why: str) -> None:
        """Note that nobody can have what was asked for."""
        await self._change(name, UNWANTED, f"{name}: {why}", 0.0, refused=False, counts=False)

    async def forsaken(self, name: str) -> None:
        """Note that nobody wants a certificate any more, and that there is none."""
        now, order = self.now(), self._book.of(name)
        if ledger.is_forgettable(order, now):
            await self._book.delete(name)
        elif order.state is State.FAILED and order.cause != UNWANTED:
            await self._book.change(name, lambda each: ledger.forsaken(each, now))

    async def failed(self, name: str, error: Exception) -> None:
        """Note that there is no certificate, because of *error*."""
        cause, reason = cause_of(error), told(name, error)
        self._metrics.failures.labels(cause).inc()
        if cause == "defect":
            self.log.failure("{name} could not be issued", Failure(error), name=name)
        of_authority = is_of_authority(error)
        # What fails for all counts for none: when the authority is back, nobody shall wait for hours.
        self._authority_failures = self._authority_failures + 1 if of_authority else 0
        failures = self._authority_failures if of_authority else self._book.of(name).failures + 1
        rest = pause(failures, self._chance(), self._left(name), getattr(error, "retry_after", None))
        self.log.warn("{reason}; the next try is in {rest:.0f} seconds", reason=reason, rest=rest, cause=cause)
        try:
            await self._change(name, cause, reason, rest, refused=isinstance(error, Unproved), counts=not of_authority)
        except StoreError as trouble:
            self.log.debug("how {name} ended is not written down: {trouble}", name=name, trouble=trouble)

    def troubles(self) -> list[str]:
        """Give what could not be issued again and again, in words."""
        return sorted(each.reason for each in self._failing() if each.failures >= TROUBLING and each.cause != UNWANTED)

    def now(self) -> int:
        """Give the milliseconds since 1970."""
        return int(self._wall() * 1000)

    async def _change(self, name: str, cause: str, reason: str, rest: float, **how: Any) -> None:
        await self._book.change(name, lambda order: ledger.failed(order, cause, reason, rest, self.now(), **how))

    def _failing(self) -> list[Order]:
        return [each for each in self._book.orders.values() if each.state is State.FAILED]

    def _left(self, name: str) -> float | None:
        """Give the seconds until the first of the certificates ends that are to be renewed."""
        ends = [found.not_after for kind in Kind if (found := self._certificates.get((name, kind))) is not None]
        return min(ends) - self._wall() if ends else None
