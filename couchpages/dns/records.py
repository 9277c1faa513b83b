"""Record documents: ``dns_records/ID``, the first system's, and ours, which are the same with fields beside them (pure).

``type``, ``name`` (without a dot at its end), ``content`` (as in a zone file), ``ttl``, ``zone_id`` (the zone's ``zoneId``), ``auth``,
``flag`` (kept, not acted on yet) and ``disabled``. The id of a document of ours is a UUID of version 8 (RFC 9562 section 5.8): its first 32
bits are the zone's number, the others follow from the record, so that two nodes that add the same record write the same document.
"""

import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import Any

from couchpages.dns import codes, rdata
from couchpages.dns.names import Name, canonical, from_text, shown
from couchpages.ports import Json

VERSION = 1
#: RFC 2181 section 8: a TTL has 31 bits.
LONGEST_TTL = 2**31 - 1
LARGEST_ZONE_ID = 2**32 - 1
OURS = 8
_OUR_ID = re.compile(rf"([0-9a-f]{{8}})-[0-9a-f]{{4}}-{OURS}[0-9a-f]{{3}}-[89ab][0-9a-f]{{3}}-[0-9a-f]{{12}}")


@dataclass(frozen=True, slots=True)
class Record:
    """A record; *ttl* in seconds, *rdata* uncompressed, *name* as it was written; *flag* is the first system's, such as ``Geo=US,CA``."""

    zone_id: int
    name: Name
    type: int
    ttl: int
    rdata: bytes
    disabled: bool = False
    flag: str | None = None

    @property
    def owner(self) -> Name:
        """The canonical name."""
        return canonical(self.name)


def from_document(doc: Json) -> Record:
    """Read a document. Raises ValueError that tells which field is wrong and why, and nothing else (law 4)."""
    zone_id = zone_id_in(doc)
    if zone_id is None:
        raise ValueError("zone_id is no number of a zone")
    type_ = rdata.type_from_text(_text(doc, "type"))
    flag = doc.get("flag")
    return Record(
        zone_id,
        from_text(_text(doc, "name")),
        type_,
        read_ttl(doc.get("ttl")),
        rdata.parse(type_, _text(doc, "content")),
        disabled=doc.get("disabled") is True,
        flag=flag if isinstance(flag, str) and flag else None,
    )


def to_document(record: Record) -> Json:
    """Write a record as a document."""
    return {
        "type": rdata.type_to_text(record.type),
        "name": shown(record.name),
        "content": rdata.to_text(record.type, record.rdata),
        "ttl": record.ttl,
        "zone_id": record.zone_id,
        "auth": True,
        "disabled": record.disabled,
        **({"flag": record.flag} if record.flag else {}),
        "couchpages": {"version": VERSION},
    }


def document_id(record: Record) -> str:
    """Name the document of a record of ours. TTL and ``disabled`` are not part of it: changing them writes the same document."""
    identity = b"\0".join((record.owner, record.type.to_bytes(2, "big"), record.rdata, (record.flag or "").encode()))
    digest = bytearray(record.zone_id.to_bytes(4, "big") + hashlib.sha256(identity).digest()[:12])
    digest[6] = digest[6] & 0x0F | OURS << 4
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


def tombstone(doc: Json) -> dict[str, Any]:
    """Give what deletes a document: whose zone it was stays readable, and of an SOA its content, whose serial is a floor."""
    kept: dict[str, Any] = {name: doc[name] for name in ("zone_id", "type") if name in doc}
    if doc.get("type") == "SOA" and "content" in doc:
        kept["content"] = doc["content"]
    return {"_id": doc["_id"], "_rev": doc["_rev"], "_deleted": True, **kept}


def zone_id_in(doc: Json) -> int | None:
    """Give the number of the zone that a document, or what is left of a deleted one, belongs to."""
    value = doc.get("zone_id")
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_ZONE_ID else None


def zone_id_of(doc_id: str) -> int | None:
    """Give the number of the zone that the id of a document of ours tells; None for other ids."""
    found = _OUR_ID.fullmatch(doc_id)
    return int(found[1], 16) if found is not None else None


def floor_in(doc: Json) -> int:
    """Give the serial of an SOA's document, also of a deleted one; 0 for everything else."""
    if doc.get("type") != "SOA" or not isinstance(doc.get("content"), str):
        return 0
    try:
        return serial_in(rdata.parse(codes.SOA, doc["content"]))
    except ValueError:
        return 0


def serial_in(soa: bytes) -> int:
    """Give the serial of an SOA's data."""
    return int.from_bytes(soa[-20:-16], "big")


def with_serial(soa: bytes, serial: int) -> bytes:
    """Give an SOA's data with another serial."""
    return soa[:-20] + serial.to_bytes(4, "big") + soa[-16:]


def read_ttl(value: object) -> int:
    """Check a TTL in seconds. Raises ValueError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LONGEST_TTL:
        raise ValueError(f"ttl is no number of seconds from 0 to {LONGEST_TTL} (RFC 2181 section 8)")
    return value


def _text(doc: Json, field: str) -> str:
    value = doc.get(field)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{field} is missing, or not a text")
    return value
