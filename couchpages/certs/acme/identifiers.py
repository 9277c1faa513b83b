"""What certificates are ordered for: names of hosts and IP addresses (RFC 8555 section 9.7.7, RFC 8738) (pure)."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from couchpages.certs.names import canonical


@dataclass(frozen=True, slots=True)
class Identifier:
    """*type* is ``dns`` or ``ip``; *value* is a name in lower case, with its ``*.`` in an order, or an address as text."""

    type: str
    value: str

    def to_json(self) -> dict[str, str]:
        """Write it as an order has it."""
        return {"type": self.type, "value": self.value}


Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(name: str) -> Address | None:
    """Give the IP address that a name is, or None."""
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def identifiers_of(names: Sequence[str]) -> tuple[Identifier, ...]:
    """Give the identifiers for names, each once, in their order. Raises ValueError for none, and for what is no name."""
    found = tuple(dict.fromkeys(canonical(name) for name in names))
    if not found:
        raise ValueError("a certificate is for one name at least")
    return tuple(Identifier("ip" if address_of(name) else "dns", name) for name in found)
