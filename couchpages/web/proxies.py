"""Who visits, when a proxy stands in front (pure).

Only what a trusted proxy says is believed: the addresses of ``X-Forwarded-For`` are read from the right, each added by the hop to the left
of it, until one that is not a trusted proxy.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from couchpages.web.message import RequestHead

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Client:
    """The visitor's address, as text, and the scheme that the visitor used."""

    address: str
    scheme: str


def client_of(head: RequestHead, trusted: Sequence[Network]) -> Client:
    """Give who visits: the peer itself, or whom trusted proxies speak for."""
    if not trusted or not is_trusted(head.peer, trusted):
        return Client(plain_address(head.peer), head.scheme)
    return Client(_forwarded_for(head, trusted), _forwarded_proto(head))


def _forwarded_for(head: RequestHead, trusted: Sequence[Network]) -> str:
    listed = (head.headers.joined(b"x-forwarded-for") or b"").decode("latin-1")
    address = head.peer
    for hop in reversed([each.strip() for each in listed.split(",") if each.strip()]):
        parsed = _address(hop)
        if parsed is None:
            # What is left of something that no proxy writes was not written by a proxy either.
            return address
        address = str(parsed)
        if not is_trusted(address, trusted):
            return address
    return address


def _forwarded_proto(head: RequestHead) -> str:
    listed = (head.headers.joined(b"x-forwarded-proto") or b"").decode("latin-1")
    # The proxy nearest to us wrote the last one.
    scheme = listed.rsplit(",", 1)[-1].strip().lower()
    return scheme if scheme in ("http", "https") else head.scheme


def plain_address(peer: str) -> str:
    """Give an address as it is shown: one of IPv4 within IPv6, as sockets for both have it, is one of IPv4."""
    address = _address(peer) if ":" in peer else None
    return str(address) if address else peer


def is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    """Whether an address is that of a trusted proxy."""
    address = _address(text)
    return address is not None and any(address in network for network in trusted)


def _address(text: str) -> Address | None:
    """Read an address as proxies write it: bare, in brackets, with a port behind; IPv4 within IPv6 is IPv4."""
    if text.startswith("["):
        text = text[1:].split("]", 1)[0]
    elif text.count(":") == 1:
        text = text.split(":", 1)[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
