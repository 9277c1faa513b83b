"""Which of our zones the public DNS knows as ours: only there a challenge in DNS is found (does I/O)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from couchpages.certs.issuing.awaiting import together
from couchpages.certs.issuing.obstacles import LookupFailed
from couchpages.certs.issuing.resolving import Resolving
from couchpages.ports import OwnZones

#: Seconds after which it is asked again: of one that is ours, and of one that is not (yet).
OURS, NOT_OURS = 3600.0, 300.0
#: Questions at a time.
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Known:
    """What was found at a moment of the reactor's clock."""

    is_ours: bool
    at: float


class Delegations:
    """Tells which zones are delegated to us, by the name servers that the public DNS and the zone itself name."""

    def __init__(self, reactor: Any, resolving: Resolving, zones: OwnZones) -> None:
        self._reactor = reactor
        self._resolving = resolving
        self._zones = zones
        self._known: dict[str, Known] = {}

    def zone_above(self, name: str) -> str | None:
        """Give the zone of ours that *name* is in, if it is delegated to us. See :class:`~couchpages.ports.OwnZones` for errors."""
        zone = self._zones.zone_above(name)
        known = self._known.get(zone) if zone is not None else None
        return zone if known is not None and known.is_ours else None

    def is_known(self, name: str) -> bool:
        """Whether :meth:`zone_above` can be believed: a fault must not look like a zone of others (law 3)."""
        zone = self._zones.zone_above(name)
        return zone is None or zone in self._known

    async def refresh(self, names: Iterable[str]) -> None:
        """Ask about the zones of *names* that were not asked about for long; what cannot be found out stays as it was."""
        zones = {zone for name in names if (zone := self._zones.zone_above(name)) is not None}
        due = sorted(zone for zone in zones if self._is_due(zone))
        for first in range(0, len(due), AT_ONCE):
            await together(self._ask(zone) for zone in due[first : first + AT_ONCE])

    def _is_due(self, zone: str) -> bool:
        known = self._known.get(zone)
        lasts = OURS if known is not None and known.is_ours else NOT_OURS
        return known is None or self._reactor.seconds() >= known.at + lasts

    async def _ask(self, zone: str) -> None:
        try:
            public = await self._resolving.nameservers(zone)
        except LookupFailed:
            return
        is_ours = not set(public).isdisjoint(self._zones.nameservers(zone))
        self._known[zone] = Known(is_ours, self._reactor.seconds())
