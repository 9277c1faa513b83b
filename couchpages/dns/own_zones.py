"""What other rooms ask of the zones of ours, by names as text (does no I/O)."""

from collections.abc import Sequence

from couchpages.dns import codes
from couchpages.dns.names import canonical, from_text, shown
from couchpages.dns.swaps import Swaps
from couchpages.dns.zone_register import ZoneRegister, apex_of
from couchpages.ports import Unavailable


class OwnZones:
    """A :class:`couchpages.ports.OwnZones`.

    What is known from an earlier run is not enough: which zones there are may have changed, and whoever asks can wait. What was known when
    CouchDB went away while the node ran is (law 1).
    """

    def __init__(self, register: ZoneRegister, swaps: Swaps) -> None:
        self._register = register
        self._swaps = swaps

    def zone_above(self, name: str) -> str | None:
        """See :class:`couchpages.ports.OwnZones`."""
        owner = canonical(from_text(name))
        self._require_loaded()
        zone = self._register.above(owner)
        return shown(zone.apex) if zone is not None else None

    def is_alias(self, name: str) -> bool:
        """See :class:`couchpages.ports.OwnZones`. Raises :class:`Unavailable` also for a zone that is not answered yet."""
        owner = canonical(from_text(name))
        self._require_loaded()
        zone = self._register.above(owner)
        if zone is None:
            return True
        served = self._swaps.zones.get(zone.apex)
        if served is None:
            raise Unavailable(f"the records of {shown(zone.apex)} are not all here yet")
        return codes.CNAME in served.nodes.get(owner, {})

    def nameservers(self, zone: str) -> Sequence[str]:
        """See :class:`couchpages.ports.OwnZones`. Raises :class:`Unavailable` also for a zone that is not answered yet."""
        apex = apex_of(zone)
        self._require_loaded()
        if apex is None or self._register.named(apex) is None:
            return ()
        served = self._swaps.zones.get(apex)
        if served is None:
            raise Unavailable(f"the records of {shown(apex)} are not all here yet")
        rrset = served.nodes[apex].get(codes.NS)
        return [shown(canonical(each)) for each in rrset.rdatas] if rrset is not None else ()

    def _require_loaded(self) -> None:
        if not self._swaps.is_complete:
            raise Unavailable("the zones are not read from CouchDB yet")
