"""Zone documents: ``dns_zones/NAME``, as the first system has them (pure).

``zoneId`` (32 bits, which ``zone_id`` of the records repeats), ``type`` (``NATIVE``), ``notified_serial``, ``last_check``, ``masters``.
A new ``zoneId`` follows from the zone's name, so that two nodes that create the same zone agree.
"""

import hashlib
from dataclasses import dataclass

from couchpages.dns.names import Name, canonical, from_text, shown
from couchpages.dns.records import LARGEST_ZONE_ID
from couchpages.ports import Json

VERSION = 1


@dataclass(frozen=True, slots=True)
class ZoneDocument:
    """A zone: its number and its (canonical) name."""

    zone_id: int
    apex: Name


def from_document(doc_id: str, doc: Json) -> ZoneDocument:
    """Read a document. Raises ValueError, and nothing else (law 4)."""
    value = doc.get("zoneId")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_ZONE_ID:
        raise ValueError("zoneId is no number of 32 bits")
    return ZoneDocument(value, canonical(from_text(doc_id)))


def to_document(zone: ZoneDocument) -> Json:
    """Write a zone as a document."""
    return {
        "zoneId": zone.zone_id,
        "type": "NATIVE",
        "notified_serial": 0,
        "last_check": 0,
        "masters": [],
        "couchpages": {"version": VERSION},
    }


def document_id(apex: Name) -> str:
    """Name the document of a zone."""
    return shown(canonical(apex))


def zone_id_for(apex: Name, attempt: int = 0) -> int:
    """Give the number of a new zone; *attempt* counts the numbers before it that other zones have."""
    salt = b"" if attempt == 0 else attempt.to_bytes(4, "big")
    return int.from_bytes(hashlib.sha256(canonical(apex) + salt).digest()[:4], "big")
