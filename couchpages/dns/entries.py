"""What is kept of zones and records, as entries of a journal (pure). A later entry takes the place of an earlier one of the same thing.

In the file ``zones``: ``["zone", document's id, mark, generations, zoneId or null, promised]``, ``["zone", document's id]`` of what is
gone, and ``["serial", name in hexadecimal, serial, digest of the SOA where none is written, or ""]``, which remembers what was answered
last; behind that stands what challenges added to the serial, where they added anything.

In each other: ``[document's id, mark, generations, number or null, floor, alive, record or null]``, or the id alone of what is no longer
there. A record is ``[number, name, type, ttl, data, disabled, flag or null]``, name and data in wire form, in hexadecimal.
"""

import hashlib
from dataclasses import dataclass

from couchpages.dns.holdings import Held
from couchpages.dns.journal import Damaged, Entry, entry_of
from couchpages.dns.names import Name
from couchpages.dns.records import Record
from couchpages.dns.rrsets import RRset
from couchpages.dns.traces import Trace
from couchpages.dns.zone_documents import ZoneDocument
from couchpages.dns.zone_register import HeldZone, apex_of


@dataclass(frozen=True, slots=True)
class Served:
    """What a node answered last for a zone: its *serial*, and the digest of the SOA that stood in for one that is not written.

    *challenged* is what challenges added to the serial: they are not kept, and come back later than the zone.
    """

    serial: int
    substitute: str
    challenged: int = 0


def substitute_digest(soa: RRset | None) -> str:
    """Tell one stand-in for an SOA from another; give an empty text for a written one."""
    return "" if soa is None else hashlib.sha256(soa.rdatas[0] + soa.ttl.to_bytes(4, "big")).hexdigest()[:16]


def record_entry(doc_id: str, held: Held | None) -> bytes:
    """Write what is known of a document of ``dns_records``."""
    if held is None:
        return entry_of([doc_id])
    trace, record = held.trace, held.record
    told = None if record is None else _record(record)
    return entry_of([doc_id, held.mark, trace.generations, trace.number, trace.floor, trace.alive, told])


def _record(record: Record) -> list[object]:
    return [
        record.zone_id, record.name.hex(), record.type, record.ttl, record.rdata.hex(), record.disabled, record.flag
    ]  # fmt: skip


def held_in(entry: Entry) -> tuple[str, Held | None]:
    """Read what :func:`record_entry` wrote. Raises :class:`Damaged`."""
    try:
        doc_id, *rest = entry
        if not rest:
            return doc_id, None
        mark, generations, number, floor, alive, told = rest
        return doc_id, Held(mark, Trace(generations, number, floor, alive), None if told is None else _read(*told))
    except (TypeError, ValueError) as error:
        raise Damaged(f"an entry cannot be read: {error}") from error


def _read(zone_id: int, name: str, type_: int, ttl: int, rdata: str, disabled: bool, flag: str | None) -> Record:
    return Record(zone_id, bytes.fromhex(name), type_, ttl, bytes.fromhex(rdata), disabled=disabled, flag=flag)


def zone_entry(doc_id: str, held: HeldZone | None) -> bytes:
    """Write what is known of a document of ``dns_zones``."""
    if held is None:
        return entry_of(["zone", doc_id])
    number, promised = (held.zone.zone_id, held.zone.promised) if held.zone is not None else (None, 0)
    return entry_of(["zone", doc_id, held.mark, held.generations, number, promised])


def serial_entry(apex: Name, served: Served) -> bytes:
    """Write what was answered last."""
    challenged = [served.challenged] if served.challenged else []
    return entry_of(["serial", apex.hex(), served.serial, served.substitute, *challenged])


def zones_in(entries: list[Entry]) -> tuple[dict[str, HeldZone], dict[Name, Served]]:
    """Read the file ``zones``. Raises :class:`Damaged`."""
    zones: dict[str, HeldZone] = {}
    served: dict[Name, Served] = {}
    for entry in entries:
        match entry:
            case ["zone", str(doc_id), int(mark), int(generations), int() | None as number, int(promised)]:
                zones[doc_id] = HeldZone(mark, generations, _zone(doc_id, number, promised))
            case ["zone", str(doc_id)]:
                zones.pop(doc_id, None)
            case ["serial", str(apex), int(serial), str(substitute)]:
                served[_wire(apex)] = Served(serial, substitute)
            case ["serial", str(apex), int(serial), str(substitute), int(challenged)]:
                served[_wire(apex)] = Served(serial, substitute, challenged)
            case _:
                raise Damaged(f"an entry cannot be read: {entry[:1]}")
    return zones, served


def _wire(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Damaged(f"an entry cannot be read: {error}") from error


def _zone(doc_id: str, number: int | None, promised: int) -> ZoneDocument | None:
    apex = apex_of(doc_id)
    return None if number is None or apex is None else ZoneDocument(number, apex, promised)
