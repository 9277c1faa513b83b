"""Which of our zones the public DNS knows as ours: only there a challenge in DNS is found (does I/O)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from couchpages.certs.issuing.awaiting import together
from couchpages.certs.issuing.lookups.resolving import Resolving
from couchpages.certs.issuing.obstacles import LookupFailed
from couchpages.ports import OwnZones, Unavailable
from couchpages.sightings import Sightings

#: Seconds after which it is asked again: of one that is ours, of one that is not (yet), and of one that could not be found out.
OURS, NOT_OURS, UNKNOWN = 3600.0, 300.0, 60.0
#: Questions at a time.
AT_ONCE = 8
#: Seconds that are waited for all of them: where the public DNS does not answer, what is known must be enough.
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Known:
    """What was found out, None for nothing yet, and for how long that is believed, by the reactor's clock."""

    is_ours: bool | None
    at: float
    lasts: float


class Delegations:
    """Tells which zones are delegated to us, by the name servers that the public DNS and the zone itself name.

    Methods raise :class:`~couchpages.ports.Unavailable` until our zones are known.
    """

    def __init__(self, reactor: Any, resolving: Resolving, zones: OwnZones) -> None:
        self._reactor = reactor
        self._resolving = resolving
        self._zones = zones
        self._known: dict[str, Known] = {}
        self._asking: Deferred[None] | None = None
        self._ended = Sightings(reactor)

    def zone_of(self, name: str) -> str | None:
        """Give the zone of ours that *name* is in, delegated or not; none for what is no name of DNS."""
        try:
            return self._zones.zone_above(name)
        except ValueError:
            return None

    def is_alias(self, name: str) -> bool:
        """Whether a CNAME stands at *name* itself in a zone of ours; where it is in none, it may be one."""
        try:
            return self._zones.is_alias(name)
        except ValueError:
            return True

    def is_ours(self, zone: str) -> bool | None:
        """Whether a zone is delegated to us; None where that is not known: a fault must not look like a zone of others (law 3)."""
        known = self._known.get(zone)
        return known.is_ours if known is not None else None

    async def refresh(self, zones: Iterable[str]) -> None:
        """Ask about those of *zones* that were not asked about for long; what cannot be found out stays as it was.

        Returns when all of it is known, or after some seconds; the rest goes on.
        """
        due = sorted(zone for zone in zones if self._is_due(zone))
        if due and self._asking is None:
            asking = Deferred.fromCoroutine(self._ask_all(due))
            self._asking = None if asking.called else asking
            asking.addBoth(self._done)
        await self._ended.when(lambda: self._asking is None, PATIENCE)

    async def refresh_one(self, zone: str) -> None:
        """Ask about *zone*, if that was not done for long."""
        if self._is_due(zone):
            await self._ask(zone)

    def stop(self) -> None:
        """Leave what is under way."""
        if self._asking is not None:
            self._asking.cancel()

    def _is_due(self, zone: str) -> bool:
        known = self._known.get(zone)
        # A clock that was set back is no reason to believe anything for longer.
        return known is None or not 0 <= self._reactor.seconds() - known.at < known.lasts

    async def _ask_all(self, zones: list[str]) -> None:
        for first in range(0, len(zones), AT_ONCE):
            await together(self._ask(zone) for zone in zones[first : first + AT_ONCE])

    async def _ask(self, zone: str) -> None:
        before = self.is_ours(zone)
        try:
            public = await self._resolving.nameservers(zone)
            is_ours = not set(public).isdisjoint(self._zones.nameservers(zone))
        except (LookupFailed, Unavailable):
            self._known[zone] = Known(before, self._reactor.seconds(), UNKNOWN)
        else:
            self._known[zone] = Known(is_ours, self._reactor.seconds(), OURS if is_ours else NOT_OURS)

    def _done(self, result: object) -> None:
        # It is cancelled, or went as far as it could: whatever a lookup raises is noted, zone by zone.
        del result
        self._asking = None
        self._ended.wake()
