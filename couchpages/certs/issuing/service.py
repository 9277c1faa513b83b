"""Keeps certificates for everything that is wanted (does I/O): txacme's service, with what is due, and how it is issued, of our own.

txacme's service checks every so often, and lets each certificate be issued by one at a time. Its own check knows fixed days before the
end and one name for each certificate; ours asks the plan. What fails is written down, name by name, and tried again when its time comes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import random
from typing import Any

import pem
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure
from txacme.service import AcmeIssuingService

from couchpages.certs.acme.client import Client
from couchpages.certs.certificates import Kind
from couchpages.certs.issuing import ledger
from couchpages.certs.issuing.authority import Authority
from couchpages.certs.issuing.backoff import pause
from couchpages.certs.issuing.issuer import Issuer, Request, replaced_id
from couchpages.certs.issuing.lease_keeper import LeaseKeeper
from couchpages.certs.issuing.limits import full, limits_of
from couchpages.certs.issuing.obstacles import Obstacle
from couchpages.certs.issuing.order_book import OrderBook
from couchpages.certs.issuing.orders import Order, State
from couchpages.certs.issuing.outlook import Outlook
from couchpages.certs.issuing.plan import Certificates, Due
from couchpages.certs.issuing.renewal import renewal
from couchpages.certs.issuing.survey import Survey
from couchpages.certs.issuing.words import Unproved, cause_of, is_of_authority, told
from couchpages.metrics import Metrics
from couchpages.ports import StoreError

#: Certificates that are issued at a time: one that waits for its name servers must not hold up the others.
AT_ONCE = 10
#: Failures in a row from which a certificate that is missing, or ends soon, is a trouble of this node.
TROUBLING = 3


class Full(Obstacle):
    """A rate limit is reached, by our own count, for so many *seconds*."""

    cause = "rate_limited"

    def __init__(self, words: str, seconds: float) -> None:
        super().__init__(words)
        self.retry_after = seconds


@dataclass(frozen=True, slots=True)
class Asking:
    """How certificates are asked for: kinds of keys, and the profile and the chain's root, empty for the authority's defaults."""

    kinds: tuple[Kind, ...]
    profile: str = ""
    chain: str = ""


class IssuingService(AcmeIssuingService):
    """Issues and renews while this node holds the lease. *wall* gives seconds since 1970, *chance* numbers in [0, 1)."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        store: Any,
        responders: list[Any],
        check_interval: float,
        authority: Authority,
        lease: LeaseKeeper,
        survey: Survey,
        outlook: Outlook,
        issuer: Issuer,
        book: OrderBook,
        certificates: Certificates,
        asking: Asking,
        node: str,
        metrics: Metrics,
        wall: Callable[[], float],
        chance: Callable[[], float] = random,
    ) -> None:
        super().__init__(store, authority.client, reactor, responders, check_interval=timedelta(seconds=check_interval))
        self._authority = authority
        self._lease = lease
        self._survey = survey
        self._outlook = outlook
        self._issuer = issuer
        self._book = book
        self._certificates = certificates
        self._asking = asking
        self._node = node
        self._metrics = metrics.acme
        self._wall = wall
        self._chance = chance
        self._slots = DeferredSemaphore(AT_ONCE)
        self._due: dict[str, Due] = {}
        self._authority_failures = 0
        self._trouble = ""

    # When.

    def _check_certs(self) -> "Deferred[None]":
        """Look at what is due, and begin with it. Never fails: txacme's timer would stop."""
        checking = Deferred.fromCoroutine(self._check())
        return checking.addErrback(self._could_not)

    async def _check(self) -> None:
        held = await self._lease.hold()
        self._metrics.lease.set(held)
        self._trouble = ""
        if not held:
            return
        now = self._wall()
        plan = await self._survey.plan(now)
        self._metrics.next_renewal.set(plan.next if plan.next is not None else float("nan"))
        for due in plan.due:
            if due.name not in self._issuing:
                self._due[due.name] = due
                self.issue_cert(due.name).addErrback(lambda _: None)
        await self._survey.tidy(now)

    def _could_not(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, StoreError):
            # CouchDB is away, which others tell of, or not everything was read yet.
            self._trouble = f"certificates are not looked after: {error}"
            self.log.debug("certificates are not looked after: {error}", error=error)
        elif not isinstance(error, CancelledError):
            self._trouble = "certificates are not looked after: a defect"
            self.log.failure("certificates could not be looked after", failure)

    def stopService(self) -> Any:  # noqa: N802 -- Twisted's name
        """Leave what is under way, and let another issuer take over."""
        timer = super().stopService()
        self._authority.stop()
        self._survey.stop()
        running = [issuing for issuing, _ in self._issuing.values()]
        for each in running:
            each.cancel()
        ended = gatherResults([each.addErrback(lambda _: None) for each in running])
        return ended.addCallback(lambda _: Deferred.fromCoroutine(self._lease.give_up())).addCallback(lambda _: timer)

    # What.

    def _with_client(self, work: Callable[[Client, str], Any], name: str) -> "Deferred[None]":
        """Have *work* done for a certificate in its turn, and write down how that ended."""
        return Deferred.fromCoroutine(self._tried(work, name))

    async def _tried(self, work: Callable[[Client, str], Any], name: str) -> None:
        await self._slots.acquire()
        try:
            due = self._due[name]
            await self._book.change(name, lambda order: ledger.begun(order, due.wanted.names, self._node, self._now()))
            client = await self._client_creator()
            await work(client, name)
        except CancelledError:
            raise
        except Exception as error:
            await self._note_failure(name, error)
            raise
        else:
            await self._note_success(name)
        finally:
            self._slots.release()

    def _issue_cert(self, client: Client, server_name: str) -> "Deferred[None]":
        return Deferred.fromCoroutine(self._issue(client, self._due[server_name]))

    async def _issue(self, client: Client, due: Due) -> None:
        wanted = due.wanted
        proofs = await self._outlook.proofs(wanted.names)
        await self._outlook.check(wanted, proofs, client)
        for kind in due.kinds:
            replaced = self._certificates.get((due.name, kind))
            request = Request(due.name, wanted.names, kind, replaced, self._asking.profile, self._asking.chain)
            self._check_limits(client, request)
            if not await self._lease.hold():
                raise Full(f"{due.name}: another node issues now", self.check_interval.total_seconds())
            got = await self._issuer.issue(client, request, proofs, lambda: self._note_ordered(due.name))
            await self.cert_store.store(due.name, [pem.Key(got.key), *pem.parse(got.chain)])
            self._metrics.issued.inc()

    def _check_limits(self, client: Client, request: Request) -> None:
        limits = limits_of(client.directory.url)
        if limits is None:
            return
        is_renewal = replaced_id(client, request.replaced) is not None
        found = full(limits, request.names, self._book.orders.values(), self._now(), is_renewal=is_renewal)
        if found is not None:
            raise Full(f"{request.name}: {found.words}", (found.until - self._now()) / 1000)

    # How it ended.

    async def _note_ordered(self, name: str) -> None:
        await self._book.change(name, lambda order: ledger.ordered(order, self._now()))

    async def _note_success(self, name: str) -> None:
        self._authority_failures = 0
        there = [self._certificates.get((name, kind)) for kind in self._asking.kinds]
        renews = min((renewal(each, None) for each in there if each is not None), default=0.0)
        await self._book.change(name, lambda order: ledger.issued(order, renews, self._now()))
        self.log.info("the certificate {name} was issued", name=name)

    async def _note_failure(self, name: str, error: Exception) -> None:
        cause, reason = cause_of(error), told(name, error)
        self._metrics.failures.labels(cause).inc()
        self._authority.forget(error)
        if cause == "defect":
            self.log.failure("{name} could not be issued", Failure(error), name=name)
        of_authority = is_of_authority(error)
        self._authority_failures = self._authority_failures + 1 if of_authority else 0
        failures = self._authority_failures if of_authority else self._book.of(name).failures + 1
        rest = pause(failures, self._chance(), self._left(name), getattr(error, "retry_after", None))
        self.log.warn("{reason}; the next try is in {rest:.0f} seconds", reason=reason, rest=rest, cause=cause)

        def alter(order: Order) -> Order:
            refused = isinstance(error, Unproved)
            return ledger.failed(order, cause, reason, rest, self._now(), refused=refused, counts=not of_authority)

        try:
            await self._book.change(name, alter)
        except StoreError as trouble:
            self.log.debug("how {name} ended is not written down: {trouble}", name=name, trouble=trouble)

    def _left(self, name: str) -> float | None:
        """Give the seconds until the first of the certificates ends that are to be renewed."""
        ends = [found.not_after for kind in Kind if (found := self._certificates.get((name, kind))) is not None]
        return min(ends) - self._wall() if ends else None

    # What others ask.

    def obstacles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: a node serves what it has."""
        return []

    def troubles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: what could not be issued again and again."""
        failing = [each for each in self._book.orders.values() if each.state is State.FAILED]
        found = [each.reason for each in failing if each.failures >= TROUBLING]
        return sorted(found) + ([self._trouble] if self._trouble else [])

    def _now(self) -> int:
        return int(self._wall() * 1000)
