"""Writes down how the issue of each certificate goes, for people and for whoever issues next (does I/O)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from couchpages.certs.certificates import Kind
from couchpages.certs.issuing.orders import ledger
from couchpages.certs.issuing.orders.backoff import pause
from couchpages.certs.issuing.orders.book import OrderBook
from couchpages.certs.issuing.orders.limits import Sort
from couchpages.certs.issuing.orders.order import LeftOut, Order, State
from couchpages.certs.issuing.orders.outage import Outage
from couchpages.certs.issuing.plan import Certificates
from couchpages.certs.issuing.words import UNWANTED, Unproved, asked_pause, cause_of, is_of_all, is_of_authority, told
from couchpages.metrics import Metrics
from couchpages.ports import StoreError

#: Failures in a row from which a certificate that is missing is a trouble of this node.
TROUBLING = 3
#: Of these, that are told of.
MOST_TROUBLES = 20


@dataclass(frozen=True, slots=True)
class Done:
    """What was issued is to be renewed at *renews*, in seconds since 1970; what it could not be issued for was *left_out*.

    *replaced* are the fingerprints of what it was issued in the place of.
    """

    renews: float
    left_out: LeftOut | None = None
    replaced: frozenset[str] = frozenset()


class Outcomes:
    """Keeps *book*, as the node called *node*, which asks the authority of *directory*.

    *wall* gives seconds since 1970, *chance* numbers in [0, 1).
    """

    log = Logger()

    def __init__(
        self,
        book: OrderBook,
        certificates: Certificates,
        node: str,
        directory: str,
        metrics: Metrics,
        wall: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._book = book
        self._certificates = certificates
        self._node = node
        self._directory = directory
        self._metrics = metrics.acme
        self._wall = wall
        self._chance = chance
        self._outage = Outage()
        self._metrics.failing.set_function(lambda: len(self._failing()))

    async def begun(self, name: str, names: tuple[str, ...]) -> None:
        """Note that the turn of a certificate for *names* has come."""
        node, directory = self._node, self._directory
        await self._book.change(name, lambda order: ledger.begun(order, names, node, directory, self.now()))

    async def ordered(self, name: str, sort: Sort) -> None:
        """Note that the authority took an order of this *sort*."""
        self._outage.answers()
        if sort is Sort.NEW:
            await self._suppose(name, lambda order: ledger.ordered(order, self.now()))

    async def got(self, name: str, sort: Sort, left_out: LeftOut | None) -> None:
        """Note that the authority issued a certificate, whatever becomes of it here: it counts. It is without what was *left_out*."""
        self._outage.over()
        self._metrics.issued.inc()
        await self._suppose(name, lambda order: ledger.got(order, left_out, self.now(), is_new=sort is Sort.NEW))

    async def issued(self, name: str, done: Done) -> None:
        """Note that all its certificates are here."""
        left_out = done.left_out
        await self._book.change(
            name, lambda order: ledger.issued(order, done.renews, left_out, done.replaced, self.now())
        )
        if left_out is None:
            self.log.info("the certificate {name} was issued", name=name)
        else:
            names = ", ".join(left_out.names)
            self.log.warn(
                "the certificate {name} was issued without {names}: {reason}",
                name=name,
                names=names,
                reason=left_out.reason,
            )

    async def expected(self, name: str, renews: float) -> None:
        """Note that a certificate is to be renewed at another moment, in seconds since 1970."""
        await self._book.change(name, lambda order: ledger.expected(order, renews))

    async def declined(self, name: str, why: str) -> None:
        """Note that nobody can have what was asked for."""
        await self._change(name, UNWANTED, f"{name}: {why}", 0.0, refused=False, counts=False)

    async def forsaken(self, name: str) -> None:
        """Note that nobody wants a certificate any more, and that there is none."""
        now, order = self.now(), self._book.of(name)
        if ledger.is_forgettable(order, now):
            await self._book.forget(name)
        elif order.state in (State.FAILED, State.ORDERING) and order.cause != UNWANTED:
            await self._book.change(name, lambda each: ledger.forsaken(each, now))

    async def failed(self, name: str, error: Exception, *, has_order: bool) -> None:
        """Note that there is no certificate, because of *error*; whether the authority took the order before.

        What fails then is that certificate's own: if it were the authority's, its next order would fail before.
        """
        cause, reason = cause_of(error), told(name, error)
        self._metrics.failures.labels(cause).inc()
        if cause == "defect":
            self.log.failure("{name} could not be issued", Failure(error), name=name)
        # What fails for all counts for none: when the authority is back, or CouchDB, nobody shall wait for hours.
        of_authority = is_of_authority(error) and not has_order
        counts, asked = not (of_authority or (is_of_all(error) and not has_order)), asked_pause(error)
        if of_authority:
            rest = self._outage.failed(reason, self._wall(), self._chance(), asked, self._left(name))
        else:
            failures = self._book.of(name).failures + 1 if counts else 1
            rest = pause(failures, self._chance(), self._left(name), asked)
        self.log.warn("{reason}; the next try is in {rest:.0f} seconds", reason=reason, rest=rest, cause=cause)
        await self._change(name, cause, reason, rest, refused=isinstance(error, Unproved), counts=counts)

    def stands_aside(self) -> bool:
        """Whether it is time to let other nodes try; see :meth:`couchpages.certs.issuing.orders.outage.Outage.stands_aside`."""
        return self._outage.stands_aside()

    @property
    def is_outage(self) -> bool:
        """Whether the authority failed just now, for all alike, and is left alone for a while."""
        return self._outage.lasts(self._wall())

    def troubles(self) -> list[str]:
        """Give what could not be issued again and again, in words."""
        return sorted(each.reason for each in self._failing() if each.failures >= TROUBLING)[:MOST_TROUBLES]

    @property
    def outage(self) -> str:
        """Why the authority failed for all alike when it was asked last; nothing where it did not."""
        return self._outage.words

    def now(self) -> int:
        """Give the milliseconds since 1970."""
        return int(self._wall() * 1000)

    async def _change(self, name: str, cause: str, reason: str, rest: float, **how: Any) -> None:
        await self._suppose(name, lambda order: ledger.failed(order, cause, reason, rest, self.now(), **how))

    async def _suppose(self, name: str, alter: Callable[[Order], Order]) -> None:
        """Write down what happened, if that can be."""
        try:
            await self._book.change(name, alter)
        except StoreError as trouble:
            self.log.debug("how {name} ended is not written down: {trouble}", name=name, trouble=trouble)
            # Known here nevertheless, or the authority would be asked again at once.
            self._book.suppose(name, alter)

    def _failing(self) -> list[Order]:
        return [each for each in self._book.orders.values() if each.state is State.FAILED and each.cause != UNWANTED]

    def _left(self, name: str) -> float | None:
        """Give the seconds until the first of the certificates ends that are to be renewed."""
        ends = [found.not_after for kind in Kind if (found := self._certificates.get((name, kind))) is not None]
        return min(ends) - self._wall() if ends else None
