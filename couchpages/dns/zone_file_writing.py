"""Zone files and the API's record sets, the one made of the other (pure)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from couchpages.dns import codes, rdata
from couchpages.dns.findings import Finding
from couchpages.dns.names import Name, canonical, from_text, order, shown, to_text
from couchpages.dns.records import Record, with_serial
from couchpages.dns.zone_files import Line


def written(apex: Name, sets: Iterable[Mapping[str, Any]], serial: int | None) -> Iterator[str]:
    """Write a zone file, line by line: the SOA first, with *serial*, then by name in canonical order (RFC 4034 section 6.1).

    Every name is absolute and every record has its TTL, so that no program can take a line for another.
    """
    yield f"; zone {shown(apex)}\n"
    for record in sorted(_records(sets), key=lambda each: _place(apex, each)):
        data = record.rdata
        if record.type == codes.SOA and serial is not None:
            data = with_serial(data, serial)
        kind = rdata.type_to_text(record.type)
        yield f"{to_text(record.name)}\t{record.ttl}\tIN\t{kind}\t{rdata.to_text(record.type, data)}\n"


def _records(sets: Iterable[Mapping[str, Any]]) -> Iterator[Record]:
    for each in sets:
        type_ = rdata.type_from_text(each["type"])
        name = from_text(each["name"])
        for content in each["records"]:
            yield Record(0, name, type_, each["ttl"], rdata.parse(type_, content))


def _place(apex: Name, record: Record) -> tuple[bool, tuple[bytes, ...], bool, int, bytes]:
    is_apex = record.owner == apex
    return not is_apex, order(record.name), record.type != codes.SOA, record.type, record.rdata


def as_sets(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Give the records of a zone file as the API takes them: sets with the least TTL of their records (RFC 2181 section 5.2)."""
    found: dict[tuple[Name, int], list[Record]] = {}
    for line in lines:
        found.setdefault((line.record.owner, line.record.type), []).append(line.record)
    return [
        {
            "name": to_text(records[0].name),
            "type": rdata.type_to_text(type_),
            "ttl": min(each.ttl for each in records),
            "records": [rdata.to_text(type_, each) for each in dict.fromkeys(each.rdata for each in records)],
        }
        for (_, type_), records in found.items()
    ]


def places(lines: Sequence[Line], findings: Sequence[Finding]) -> list[str]:
    """Give each finding with the file and line of the first record that it is about, if there is one."""
    at: dict[tuple[Name, int | None], Line] = {}
    for line in lines:
        owner = canonical(line.record.name)
        at.setdefault((owner, line.record.type), line)
        at.setdefault((owner, None), line)
    return [_placed(at.get((each.name, each.type)), each) for each in findings]


def _placed(line: Line | None, finding: Finding) -> str:
    where = "" if line is None else f"{line.file}:{line.line}: "
    return f"{finding.severity.value}: {where}{finding}"
