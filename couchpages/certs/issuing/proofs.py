"""How it is proved that a name is ours (pure): in DNS where its challenges are in a zone of ours, over HTTP elsewhere."""

from dataclasses import dataclass
from enum import StrEnum

from couchpages.certs.issuing.wanted import WILDCARD


class Type(StrEnum):
    """Types of challenges that are answered here (RFC 8555 sections 8.3 and 8.4)."""

    HTTP = "http-01"
    DNS = "dns-01"


@dataclass(frozen=True, slots=True)
class Proof:
    """How *name*, which has no star, is proved: over HTTP at itself, or by a TXT record at *owner* in our *zone*."""

    name: str
    type: Type
    owner: str = ""
    zone: str = ""


def bare(name: str) -> str:
    """Give the name that is looked at for a name of a certificate: a wildcard's parent (RFC 8555 section 7.1.3)."""
    return name.removeprefix(WILDCARD)


def proof(name: str, owner: str, zone: str | None) -> Proof | None:
    """Say how *name* is proved: *owner* is where its challenge's name leads, *zone* the zone of ours that this is in, if any.

    None is for a wildcard that cannot be proved: over HTTP nobody can (RFC 8555 section 8.3).
    """
    if zone is not None:
        return Proof(bare(name), Type.DNS, owner, zone)
    return None if name.startswith(WILDCARD) else Proof(name, Type.HTTP)
