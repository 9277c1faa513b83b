"""Keeps certificates for everything that is wanted (does I/O): txacme's service, with what is due, and how it is issued, of our own.

txacme's service checks every so often, and lets each certificate be issued by one at a time. Its own check knows fixed days before the
end and one name for each certificate; ours asks the plan. What fails is written down, name by name, and tried again when its time comes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import nan
from typing import Any

import pem
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure
from txacme.service import AcmeIssuingService

from couchpages.certs.acme.client import Client
from couchpages.certs.acme.errors import AcmeError
from couchpages.certs.administration import ImportedError
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing.authority import Authority
from couchpages.certs.issuing.issuer import Issuer, Request, replaced_id
from couchpages.certs.issuing.lease_keeper import LeaseKeeper
from couchpages.certs.issuing.limits import Sort, full, limits_of
from couchpages.certs.issuing.obstacles import Obstacle
from couchpages.certs.issuing.orders import Order
from couchpages.certs.issuing.outcomes import Outcomes
from couchpages.certs.issuing.outlook import Outlook
from couchpages.certs.issuing.plan import Certificates, Due
from couchpages.certs.issuing.proofs import Proof
from couchpages.certs.issuing.renewal import renewal
from couchpages.certs.issuing.survey import Survey
from couchpages.metrics import Metrics
from couchpages.ports import StoreError
from couchpages.sightings import Sightings

#: Certificates that are issued at a time: one that waits for its name servers must not hold up the others.
AT_ONCE = 10
#: Certificates that are begun with, or wait for their turn; the others are found due again.
MOST_BEGUN = 200
#: Seconds for which what was stored is waited for, until CouchDB has told of it.
ARRIVAL = 30.0
#: The type of an error that says that our account is not there any more (RFC 8555 section 6.7).
FORGOTTEN = "accountDoesNotExist"


class NotOurTurn(Exception):
    """Another node issues now, or nobody can, or it is not due any more. Nothing is written down of that."""


class Full(Obstacle):
    """A rate limit is reached, by our own count, for *retry_after* seconds."""

    cause = "rate_limited"

    def __init__(self, words: str, retry_after: float) -> None:
        super().__init__(words)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Asking:
    """How certificates are asked for: kinds of keys, and the profile and the chain's root, empty for the authority's defaults."""

    kinds: tuple[Kind, ...]
    profile: str = ""
    chain: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service stands on: *certificates* are those that this node knows, *orders* those that it was told of.

    *unable* says what keeps this node from issuing at all, so that another should; nothing where it can.
    """

    authority: Authority
    lease: LeaseKeeper
    survey: Survey
    outlook: Outlook
    issuer: Issuer
    outcomes: Outcomes
    certificates: Certificates
    orders: Mapping[str, Order]
    unable: Callable[[], str]


class IssuingService(AcmeIssuingService):
    """Issues and renews while this node holds the lease. *wall* gives seconds since 1970. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        store: Any,
        responders: Sequence[Any],
        check_interval: float,
        parts: Parts,
        asking: Asking,
        metrics: Metrics,
        wall: Callable[[], float],
    ) -> None:
        check_every = timedelta(seconds=check_interval)
        super().__init__(store, parts.authority.client, reactor, responders, check_interval=check_every)
        self._parts = parts
        self._asking = asking
        self._metrics = metrics.acme
        self._wall = wall
        self._slots = DeferredSemaphore(AT_ONCE)
        self._sightings = Sightings(reactor)
        self._trouble = ""
        self._checking: Deferred[None] | None = None
        self._is_stopping = False

    def came(self, changed: object) -> None:
        """Take note that certificates came."""
        del changed
        self._sightings.wake()

    # When.

    def _check_certs(self) -> "Deferred[None]":
        """Look at what is due, and begin with it. Never fails: txacme's timer would stop."""
        checking = Deferred.fromCoroutine(self._check())
        self._checking = None if checking.called else checking
        return checking.addErrback(self._could_not).addBoth(self._checked)

    async def _check(self) -> None:
        unable = self._parts.unable()
        if unable:
            # Whoever holds the lease without being able to issue would keep those that are.
            await self._parts.lease.give_up()
            self._trouble = f"no certificates are issued here: {unable}"
            return
        held = await self._parts.lease.hold()
        if held:
            await self._look()
        self._trouble = ""

    async def _look(self) -> None:
        survey, now = self._parts.survey, self._wall()
        plan = await survey.plan(now)
        self._metrics.next_renewal.set(nan if plan.next is None else plan.next)
        for due in plan.due:
            if not self._is_left_alone(due.name):
                self._begin(due.name)
        await self._tidy_orders()
        await survey.tidy(now)

    def _begin(self, name: str) -> None:
        if name not in self._issuing and len(self._issuing) < MOST_BEGUN and not self._is_stopping:
            # How that ends is written down.
            self.issue_cert(name).addErrback(lambda _: None)

    async def _tidy_orders(self) -> None:
        """See to the orders of what is not ours to issue."""
        survey, outcomes = self._parts.survey, self._parts.outcomes
        others = [each for each in self._parts.orders.values() if each.name not in survey.wanted and each.is_asked_for]
        for order in others:
            if not survey.is_open(order.name):
                await outcomes.declined(order.name, survey.why_not(order.name))
        for name in survey.forsaken():
            await outcomes.forsaken(name)

    def _could_not(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, StoreError):
            # CouchDB is away, which others tell of, or not everything was read yet.
            self._trouble = f"certificates are not looked after: {error}"
            self.log.debug("certificates are not looked after: {error}", error=error)
        elif not isinstance(error, CancelledError):
            self._trouble = "certificates are not looked after: a defect"
            self.log.failure("certificates could not be looked after", failure)

    def _checked(self, result: None) -> None:
        del result
        self._checking = None
        held = self._parts.lease.is_held
        self._metrics.lease.set(held)
        if not held:
            self._metrics.next_renewal.set(nan)

    def stopService(self) -> "Deferred[None]":  # noqa: N802 -- Twisted's name
        """Leave what is under way, and let another issuer take over."""
        return Deferred.fromCoroutine(self._stop(super().stopService()))

    async def _stop(self, finished: "Deferred[None]") -> None:
        # First what begins with others.
        self._is_stopping = True
        if self._checking is not None:
            self._checking.cancel()
        await finished
        self._parts.authority.stop()
        self._parts.survey.stop()
        # Those that wait for their turn first, or they would get it from those that are cancelled.
        running = [issuing for issuing, _ in reversed(self._issuing.values())]
        for each in running:
            each.cancel()
        await gatherResults([each.addErrback(lambda _: None) for each in running])
        await self._parts.lease.give_up()
        self._checked(None)

    # What.

    def _with_client(self, work: Callable[[Client, str], Any], name: str) -> "Deferred[None]":
        """Have *work* done for a certificate in its turn, and write down how that ended."""
        return Deferred.fromCoroutine(self._tried(work, name))

    async def _tried(self, work: Callable[[Client, str], Any], name: str) -> None:
        await self._slots.acquire()
        outcomes = self._parts.outcomes
        try:
            due = self._due_now(name)
            await outcomes.begun(name, due.wanted.names)
            await outcomes.issued(name, await self._with_account(work, name))
        except (CancelledError, NotOurTurn):
            raise
        except ImportedError:
            await outcomes.declined(name, "a certificate was imported meanwhile, and is not replaced")
        except Exception as error:
            self._parts.authority.forget(error)
            await outcomes.failed(name, error)
            raise
        finally:
            self._slots.release()

    async def _with_account(self, work: Callable[[Client, str], Any], name: str) -> float:
        """Have *work* done; once more where the authority has forgotten our account, for which another is made then."""
        try:
            renews: float = await work(await self._parts.authority.client(), name)
        except AcmeError as error:
            if error.type != FORGOTTEN:
                raise
            self._parts.authority.forget(error)
            renews = await work(await self._parts.authority.client(), name)
        return renews

    def _due_now(self, name: str) -> Due:
        """Give what is due, now that the turn has come. Raises :class:`NotOurTurn` where nothing is."""
        if self._is_left_alone(name):
            raise NotOurTurn(name)
        due = self._parts.survey.again(name, self._wall())
        if due is None:
            raise NotOurTurn(name)
        return due

    def _is_left_alone(self, name: str) -> bool:
        """Whether the authority is not asked for a certificate now; whoever asks by a command may know that it is well again."""
        order = self._parts.orders.get(name)
        return self._parts.outcomes.is_outage and not (order is not None and order.is_asked_for)

    def _issue_cert(self, client: Client, server_name: str) -> "Deferred[float]":
        return Deferred.fromCoroutine(self._issue(client, self._due_now(server_name)))

    async def _issue(self, client: Client, due: Due) -> float:
        """Issue what is due; give when it is to be renewed."""
        proofs = await self._parts.outlook.proofs(due.wanted.names)
        is_renewal = any((due.name, kind) in self._parts.certificates for kind in Kind)
        await self._parts.outlook.check(due.wanted, proofs, client, is_renewal=is_renewal)
        renewals = []
        for kind in due.kinds:
            stored = await self._issue_one(client, due, kind, proofs)
            renewals.append(renewal(stored, None))
        return min(renewals)

    async def _issue_one(self, client: Client, due: Due, kind: Kind, proofs: dict[str, Proof]) -> Certificate:
        """Issue, store, and give the certificate of one kind."""
        outcomes, name = self._parts.outcomes, due.name
        replaced = self._parts.certificates.get((name, kind))
        request = Request(name, due.wanted.names, kind, replaced, self._asking.profile, self._asking.chain)
        sort = self._sort(client, request)
        self._check_limits(client, request, sort)
        await self._require_lease()
        # Somebody may have held this node up meanwhile, and another one may have taken over.
        got = await self._parts.issuer.issue(
            client, request, proofs, lambda: outcomes.ordered(name, sort), self._require_lease
        )
        stored: Certificate = await self.cert_store.store(name, [pem.Key(got.key), *pem.parse(got.chain)])
        await outcomes.got(name, sort)
        await self._arrival(stored)
        return stored

    async def _require_lease(self) -> None:
        if not await self._parts.lease.hold():
            raise NotOurTurn("another node issues now")

    def _sort(self, client: Client, request: Request) -> Sort:
        """Say what an order is for the authority's limits."""
        if replaced_id(client, request.replaced) is not None:
            return Sort.REPLACEMENT
        there = [self._parts.certificates.get((request.name, kind)) for kind in Kind]
        issued = [each for each in there if each is not None and each.issued_by == client.directory.url]
        return Sort.SAME if any(set(each.names) == set(request.names) for each in issued) else Sort.NEW

    def _check_limits(self, client: Client, request: Request, sort: Sort) -> None:
        limits = limits_of(client.directory.url)
        if limits is None:
            return
        now = self._parts.outcomes.now()
        found = full(limits, client.directory.url, request.names, self._parts.orders.values(), now, sort)
        if found is not None:
            raise Full(f"{request.name}: {found.words}", (found.until - now) / 1000)

    async def _arrival(self, stored: Certificate) -> None:
        """Wait until this node knows what it just stored, or something newer, so that the same is not found due again."""

        def is_here() -> bool:
            there = self._parts.certificates.get((stored.name, stored.kind))
            return there is not None and there.made >= stored.made

        await self._sightings.when(is_here, ARRIVAL)

    # What others ask.

    def obstacles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: a node serves what it has."""
        return []

    def troubles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: what could not be issued again and again."""
        # What was seen while this node issued, others see otherwise.
        surveyed = self._parts.survey.troubles() if self._parts.lease.is_held else ()
        return [*self._parts.outcomes.troubles(), *surveyed, *([self._trouble] if self._trouble else [])]
