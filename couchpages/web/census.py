"""Who is connected, and whether one more may be (pure)."""

import ipaddress
from collections.abc import Sequence
from enum import Enum

from couchpages.web.proxies import Network, is_trusted


class Admission(Enum):
    """What becomes of a new connection."""

    WELCOME = "welcome"
    #: There are as many as there may be: another has to go first.
    FULL = "full"
    #: There are as many as there may be from that address.
    TOO_MANY = "too many"


class Census:
    """Counts connections, in all and by address; an IPv6 address stands for its network of 64 bits, which one subscriber has."""

    def __init__(self, most: int, most_per_address: int, trusted: Sequence[Network] = ()) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._trusted = trusted
        self._by_origin: dict[str, int] = {}
        self.connections = 0

    def origin(self, address: str) -> str:
        """Give whom a connection from *address* counts for: "" for a trusted proxy, which speaks for many, and for what has no address."""
        if self._trusted and is_trusted(address, self._trusted):
            return ""
        return _network_of(address) if ":" in address else address

    def admit(self, origin: str) -> Admission:
        """Decide on one more connection from *origin*."""
        if origin and self._by_origin.get(origin, 0) >= self._most_per_address:
            return Admission.TOO_MANY
        return Admission.FULL if self.connections >= self._most else Admission.WELCOME

    def enter(self, origin: str) -> None:
        """Count a connection."""
        self.connections += 1
        self._by_origin[origin] = self._by_origin.get(origin, 0) + 1

    def leave(self, origin: str) -> None:
        """Count one no longer."""
        self.connections -= 1
        left = self._by_origin[origin] - 1
        if left:
            self._by_origin[origin] = left
        else:
            del self._by_origin[origin]


def _network_of(address: str) -> str:
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.IPv6Network((parsed, 64), strict=False))
