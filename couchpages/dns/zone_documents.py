"""Zone documents: ``dns_zones/NAME``, as the first system has them (pure).

``zoneId`` (32 bits, which ``zone_id`` of the records repeats), ``type`` (``NATIVE``), ``notified_serial``, ``last_check``, ``masters``.
A new ``zoneId`` follows from the zone's name, so that two nodes that create the same zone agree. Ours have ``couchpages`` too, whose
``records`` tells how many records the zone was made with.
"""

import hashlib
from dataclasses import dataclass

from couchpages.dns.names import Name, canonical, from_text, shown
from couchpages.dns.records import LARGEST_ZONE_ID
from couchpages.ports import Json

VERSION = 1
#: An SOA and an NS: what every zone of ours has that does not say how many.
LEAST = 2
#: As RFC 1035 section 5.1 has any octet, by its number.
UNDERSCORE = r"\095"


@dataclass(frozen=True, slots=True)
class ZoneDocument:
    """A zone: its number and its (canonical) name, and how many records are *promised*: it was written as a whole with so many."""

    zone_id: int
    apex: Name
    promised: int = 0


def from_document(doc_id: str, doc: Json) -> ZoneDocument:
    """Read a document. Raises ValueError, and nothing else (law 4)."""
    value = doc.get("zoneId")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_ZONE_ID:
        raise ValueError("zoneId is no number of 32 bits")
    return ZoneDocument(value, canonical(from_text(doc_id)), _promised(doc.get("couchpages")))


def _promised(ours: object) -> int:
    """Give how many records are promised: none by the first system, which writes a zone before its records."""
    if not isinstance(ours, dict):
        return 0
    records = ours.get("records")
    return records if isinstance(records, int) and not isinstance(records, bool) and records >= 0 else LEAST


def to_document(zone: ZoneDocument) -> Json:
    """Write a zone as a document."""
    return {
        "zoneId": zone.zone_id,
        "type": "NATIVE",
        "notified_serial": 0,
        "last_check": 0,
        "masters": [],
        "couchpages": {"version": VERSION, "records": zone.promised},
    }


def document_id(apex: Name) -> str:
    """Name the document of a zone. CouchDB keeps ids that begin with an underscore for itself, so that a first one is escaped."""
    name = shown(canonical(apex))
    return UNDERSCORE + name[1:] if name.startswith("_") else name


def zone_id_for(apex: Name, attempt: int = 0) -> int:
    """Give the number of a new zone; *attempt* counts the numbers before it that other zones have."""
    salt = b"" if attempt == 0 else attempt.to_bytes(4, "big")
    return int.from_bytes(hashlib.sha256(canonical(apex) + salt).digest()[:4], "big")
