"""What is wanted, what is there, and what is due, as this node sees it now (does I/O; what follows from it is decided in ``plan``)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from twisted.logger import Logger

from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing.lookups.delegations import Delegations
from couchpages.certs.issuing.orders.book import OrderBook
from couchpages.certs.issuing.plan import Certificates, Due, Plan, Planning, Situation, outdated
from couchpages.certs.issuing.slices import Slices
from couchpages.certs.issuing.wanted import Imported, Wanted, Wanting, is_candidate
from couchpages.certs.issuing.windows import Windows
from couchpages.ports import LiveSites, Unavailable

#: Certificates that are removed in one go; the rest has time.
AT_A_TIME = 50


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the configuration says: whether *sites* get certificates, which are *excluded*, what is wanted beside, and kinds of keys."""

    sites: bool
    excluded: tuple[str, ...]
    configured: tuple[tuple[str, ...], ...]
    kinds: tuple[Kind, ...]


class Survey:
    """Makes plans, in *slices*. *is_loaded* tells whether all certificates are known, *delete* removes one, unless it was replaced."""

    log = Logger()

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
        delete: Callable[[Certificate], Awaitable[object]],
        slices: Slices,
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
        self._slices = slices
        #: What we have to issue, by name, as it was found last.
        self.wanted: dict[str, Wanted] = {}
        #: Whether that is all, because the zones of every site could be judged.
        self.is_complete = False
        self._instead: dict[str, str] = {}
        self._open: set[str] = set()
        self._unknown_zones: set[str] = set()

    async def plan(self, now: float) -> Plan:
        """Say what is due *now*, in seconds since 1970. Raises :class:`Unavailable` until everything was read (law 3)."""
        if not self._is_loaded():
            raise Unavailable("the certificates are not read from CouchDB yet")
        self.is_complete = False
        every = await self._every()
        await self._sort_out(every, now)
        self._windows.refresh(self._ours())
        await self._slices.rest()
        planning = Planning(self._situation(), now)
        await self._slices.each(list(self.wanted.values()), planning.take)
        return planning.plan()

    def again(self, name: str, now: float) -> Due | None:
        """Give what is due of a certificate *now*: it or an imported one may have come meanwhile, or nobody wants it any more."""
        each = self.wanted.get(name)
        if each is None or self.imported(name) is not None:
            return None
        planning = Planning(self._situation(), now)
        planning.take(each)
        return next(iter(planning.plan().due), None)

    def imported(self, name: str) -> Certificate | None:
        """Give a certificate of this name that was imported, of whatever kind."""
        found = (self._certificates.get((name, kind)) for kind in Kind)
        return next((each for each in found if each is not None and not each.issued_by), None)

    async def tidy(self, now: float) -> None:
        """Remove certificates that ended and that nobody wants any more. Raises a :class:`~couchpages.ports.StoreError`."""
        if self.is_complete:
            ended = outdated(self._certificates.values(), self.wanted, self._wishes.kinds, now)
            for which in ended[:AT_A_TIME]:
                found = self._certificates.get(which)
                if found is not None:
                    await self._delete(found)

    def is_open(self, name: str) -> bool:
        """Whether it could not be judged yet what is wanted of a site."""
        return name in self._open

    def why_not(self, name: str) -> str:
        """Say why a certificate is not ours to issue."""
        instead = self._instead.get(name)
        if instead is None:
            return "nothing wants it: there is no such site here, nor is it configured; 'couchpages certs issue' asks for it"
        return f"the imported certificate {instead} stands for it, and imported certificates are not renewed here"

    def troubles(self) -> list[str]:
        """Give what keeps sites from being judged, a sentence for each zone."""
        return [
            f"the name servers of {zone} cannot be found out; until they are, its sites get no certificates, nor new ones for old"
            for zone in sorted(self._unknown_zones)
        ]

    def forsaken(self) -> list[str]:
        """Give the names of orders that nobody wants any more."""
        orders = self._book.orders.values() if self.is_complete else ()
        return [each.name for each in orders if each.name not in self.wanted and not each.is_asked_for]

    def stop(self) -> None:
        """Leave what is under way."""
        self._windows.stop()
        self._delegations.stop()

    async def _every(self) -> dict[str, Wanted]:
        """Give all that is wanted, by name."""
        asked = [each.asked for each in self._book.orders.values() if each.by_hand and each.asked[:1] == (each.name,)]
        wanting = Wanting(asked, self._wishes.configured)
        zones = await self._zones()
        await self._delegations.refresh({zone for zone in zones.values() if zone is not None})
        self._open.clear()
        unknown: set[str] = set()

        def take(site: str) -> None:
            zone = zones[site]
            is_ours = zone is not None and self._delegations.is_ours(zone)
            if is_ours is None:
                # Whether its wildcard is wanted is not known: what is there stays, and what was asked for is issued.
                self._open.add(site)
                unknown.add(str(zone))
            else:
                wanting.take(site, has_zone=is_ours)

        await self._slices.each(zones, take)
        self.is_complete = not self._open
        self._tell_unknown(unknown)
        return wanting.wanted()

    def _tell_unknown(self, zones: set[str]) -> None:
        for zone in sorted(zones - self._unknown_zones):
            self.log.warn("the name servers of {zone} cannot be found out: do the resolvers answer?", zone=zone)
        self._unknown_zones = zones

    async def _zones(self) -> dict[str, str | None]:
        """Give the sites that may get a certificate, each with the zone of ours that it is in."""
        found: dict[str, str | None] = {}

        def take(site: str) -> None:
            if is_candidate(site, self._wishes.excluded):
                found[site] = self._delegations.zone_of(site)

        await self._slices.each(list(self._sites.live()) if self._wishes.sites else [], take)
        return found

    async def _sort_out(self, every: dict[str, Wanted], now: float) -> None:
        """Keep in mind what is ours to issue, and what stands in the place of the rest."""
        imported = Imported(self._certificates.values(), now)
        ours, others = dict[str, Wanted](), dict[str, str]()

        def take(each: Wanted) -> None:
            instead = imported.instead_of(each)
            if instead is None:
                ours[each.name] = each
            else:
                others[each.name] = instead

        await self._slices.each(every.values(), take)
        self.wanted, self._instead = ours, others

    def _situation(self) -> Situation:
        return Situation(self._certificates, self._book.of, self._wishes.kinds, self._directory, self._windows.of)

    def _ours(self) -> list[Certificate]:
        return [
            each
            for (name, _), each in self._certificates.items()
            if name in self.wanted and each.issued_by == self._directory
        ]
