"""One try to get what is due of a certificate: looks, orders, and stores (does I/O)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pem
from twisted.logger import Logger

from couchpages.certs.acme.ari import RenewalInfo
from couchpages.certs.acme.client import Client
from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing.enough import good_enough, is_worth_keeping
from couchpages.certs.issuing.insisting import insisted
from couchpages.certs.issuing.issuer import Issued, Issuer, Request, replaced_id
from couchpages.certs.issuing.lease_keeper import LeaseKeeper
from couchpages.certs.issuing.obstacles import Obstacle
from couchpages.certs.issuing.orders.limits import Sort, full, limits_of
from couchpages.certs.issuing.orders.order import LeftOut, Order
from couchpages.certs.issuing.outcomes import Done, Outcomes
from couchpages.certs.issuing.outlook import Outlook, Scope
from couchpages.certs.issuing.plan import Certificates, Due
from couchpages.certs.issuing.proofs import Proof
from couchpages.certs.issuing.renewal import renewal
from couchpages.certs.issuing.wanted import Wanted
from couchpages.certs.issuing.words import cause_of, told
from couchpages.ports import StoreError
from couchpages.sightings import Sightings

#: Seconds for which what was stored is waited for, until CouchDB has told of it.
ARRIVAL = 30.0


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


@dataclass(slots=True)
class Progress:
    """How far a try came: whether the authority took an order. What fails afterwards is that order's."""

    has_order: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """What tries stand on: *certificates* are those that this node knows, *orders* those that it was told of.

    *window* gives what the authority suggests about renewing a certificate.
    """

    lease: LeaseKeeper
    outlook: Outlook
    issuer: Issuer
    outcomes: Outcomes
    certificates: Certificates
    orders: Mapping[str, Order]
    window: Callable[[Certificate], RenewalInfo | None]


@dataclass(frozen=True, slots=True)
class _Try:
    """One try: at whom, with which proofs, without what, and how far it came."""

    client: Client
    proofs: dict[str, Proof]
    left_out: LeftOut | None
    progress: Progress


class Attempts:
    """Makes tries. *store* is an :class:`~txacme.interfaces.ICertificateStore`. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(self, reactor: Any, parts: Parts, asking: Asking, store: Any) -> None:
        self._reactor = reactor
        self._parts = parts
        self._asking = asking
        self._store = store
        self._sightings = Sightings(reactor)

    def came(self) -> None:
        """Take note that certificates came."""
        self._sightings.wake()

    async def issue(self, client: Client, due: Due, progress: Progress) -> Done:
        """Issue what is due. Raises AcmeError, obstacles, :class:`NotOurTurn` and StoreError."""
        is_renewal = any((due.name, kind) in self._parts.certificates for kind in Kind)
        instead = self._instead(due, client.directory.url)
        scope = await self._parts.outlook.scope(due.wanted, instead, client, is_renewal=is_renewal)
        trying = _Try(client, scope.proofs, _left_out(due.wanted, scope), progress)
        requests = [self._request(due.name, scope.names, kind) for kind in due.kinds]
        stored = [await self._one(trying, each) for each in requests]
        replaced = frozenset(each.replaced.fingerprint for each in requests if each.replaced is not None)
        return Done(min(renewal(each, None) for each in stored), trying.left_out, replaced)

    def _instead(self, due: Due, directory: str) -> Wanted | None:
        """Give what is better than nothing: a site is not without a certificate because its previews are.

        Not while there is one for both, which may well be renewed before it ends.
        """
        wanted, window, now = due.wanted, self._parts.window, self._parts.outcomes.now() / 1000
        order = self._parts.orders.get(due.name, Order(due.name))
        there = [found for kind in due.kinds if (found := self._parts.certificates.get((due.name, kind))) is not None]
        are_kept = all(is_worth_keeping(each, wanted, order, directory, window(each), now) for each in there)
        return None if there and are_kept else good_enough(wanted, order)

    def _request(self, name: str, names: tuple[str, ...], kind: Kind) -> Request:
        replaced = self._parts.certificates.get((name, kind))
        return Request(name, names, kind, replaced, self._asking.profile, self._asking.chain)

    async def _one(self, trying: _Try, request: Request) -> Certificate:
        """Issue, store, and give the certificate of one kind."""
        try:
            got = await self._order(trying, request)
        except AcmeError as error:
            # Another order was said to replace it, by another issuer perhaps, or one that failed later.
            known = error.cause in (Cause.ALREADY_REPLACED, Cause.BAD_REQUEST)
            if trying.progress.has_order or not known or replaced_id(trying.client, request.replaced) is None:
                raise
            got = await self._order(trying, replace(request, replaced=None))
        stored = await self._stored(request.name, [pem.Key(got.key), *pem.parse(got.chain)])
        await self._arrival(stored)
        return stored

    async def _order(self, trying: _Try, request: Request) -> Issued:
        client, outcomes = trying.client, self._parts.outcomes
        sort = self._sort(client, request)
        self._check_limits(client, request, sort)
        await self._require_lease()

        async def ordered() -> None:
            trying.progress.has_order = True
            await outcomes.ordered(request.name, sort)

        async def issued() -> None:
            await outcomes.got(request.name, sort, trying.left_out)

        # Before the authority is asked to issue, because somebody may have held this node up, and another may have taken over.
        return await self._parts.issuer.issue(client, request, trying.proofs, ordered, self._require_lease, issued)

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

    async def _stored(self, name: str, objects: list[Any]) -> Certificate:
        """Store what was issued: it is in this node's memory alone, and a CA gives so many in a week."""

        async def store() -> Certificate:
            stored: Certificate = await self._store.store(name, objects)
            return stored

        def complain(error: StoreError) -> None:
            self.log.warn("the certificate {name} is not stored yet: {error}", name=name, error=error)

        return await insisted(self._reactor, store, complain)

    async def _arrival(self, stored: Certificate) -> None:
        """Wait until this node knows what it just stored, or something newer, so that the same is not found due again."""

        def is_here() -> bool:
            there = self._parts.certificates.get((stored.name, stored.kind))
            return there is not None and there.made >= stored.made

        await self._sightings.when(is_here, ARRIVAL)


def _left_out(wanted: Wanted, scope: Scope) -> LeftOut | None:
    if scope.left_out is None:
        return None
    names = tuple(name for name in wanted.names if name not in scope.names)
    return LeftOut(names, cause_of(scope.left_out), told(wanted.name, scope.left_out))
