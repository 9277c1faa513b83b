"""What is wanted, what is there, and what is due, as this node sees it now (does I/O; what follows from it is decided in ``plan``)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing.delegations import Delegations
from couchpages.certs.issuing.order_book import OrderBook
from couchpages.certs.issuing.plan import Certificates, Plan, Situation, outdated, plan
from couchpages.certs.issuing.wanted import Wanted, is_excluded, is_possible, own, wanted
from couchpages.certs.issuing.windows import Windows
from couchpages.ports import LiveSites, Unavailable


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the configuration says: whether *sites* get certificates, which are *excluded*, what is wanted beside, and kinds of keys."""

    sites: bool
    excluded: tuple[str, ...]
    configured: tuple[tuple[str, ...], ...]
    kinds: tuple[Kind, ...]


class Survey:
    """Makes plans. *is_loaded* tells whether all certificates are known, *delete* removes one by name and kind."""

    def __init__(
        self,
        wishes: Wishes,
        directory: str,
        sites: LiveSites,
        delegations: Delegations,
        certificates: Certificates,
        is_loaded: Callable[[], bool],
        book: OrderBook,
        windows: Windows,
        delete: Callable[[str, Sequence[Kind]], Awaitable[object]],
    ) -> None:
        self._wishes = wishes
        self._directory = directory
        self._sites = sites
        self._delegations = delegations
        self._certificates = certificates
        self._is_loaded = is_loaded
        self._book = book
        self._windows = windows
        self._delete = delete
        #: What we have to issue, by name, as it was found last.
        self.wanted: dict[str, Wanted] = {}
        self._instead: dict[str, str] = {}
        self._is_surveyed = False

    async def plan(self, now: float) -> Plan:
        """Say what is due *now*, in seconds since 1970. Raises :class:`Unavailable` until everything was read (law 3)."""
        if not self._is_loaded():
            raise Unavailable("the certificates are not read from CouchDB yet")
        sites = self._candidates()
        await self._delegations.refresh(sites)
        known = [site for site in sites if self._delegations.is_known(site)]
        asked = [order.names for order in self._book.orders.values() if order.by_hand]
        every = wanted(known, self._wishes.configured, asked, self._wishes.excluded, self._delegations.zone_above)
        self.wanted, self._instead = own(every, self._certificates.values(), now)
        self._is_surveyed = len(known) == len(sites)
        self._windows.refresh(self._ours())
        situation = Situation(self._certificates, self._book.of, self._wishes.kinds, self._directory, self._windows.of)
        return plan(self.wanted.values(), situation, now)

    async def tidy(self, now: float) -> None:
        """Remove certificates that ended and that nobody wants any more. Raises a :class:`~couchpages.ports.StoreError`."""
        if self._is_surveyed:
            for name, kind in outdated(self._certificates.values(), self.wanted, self._wishes.kinds, now):
                await self._delete(name, [kind])

    def why_not(self, name: str) -> str:
        """Say why a certificate is not ours to issue."""
        instead = self._instead.get(name)
        if instead is None:
            return "nothing wants it: there is no such site here, nor is it configured; 'couchpages certs issue' asks for it"
        return f"the imported certificate {instead} stands for it, and imported certificates are not renewed here"

    def forsaken(self) -> list[str]:
        """Give the names of orders that nobody wants any more and of which there is no certificate."""
        if not self._is_surveyed:
            return []
        there = {name for name, _ in self._certificates}
        return [
            name
            for name, order in self._book.orders.items()
            if name not in self.wanted and name not in there and not order.is_asked_for
        ]

    def stop(self) -> None:
        """Leave what is under way."""
        self._windows.stop()

    def _candidates(self) -> list[str]:
        """Give the sites that may get a certificate."""
        if not self._wishes.sites:
            return []
        return [
            each for each in self._sites.live() if is_possible(each) and not is_excluded(each, self._wishes.excluded)
        ]

    def _ours(self) -> list[Certificate]:
        return [
            each
            for (name, _), each in self._certificates.items()
            if name in self.wanted and each.issued_by == self._directory
        ]
