"""Zones, record sets and findings as the API shows them (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from couchpages.dns import rdata
from couchpages.dns.findings import MOST_FINDINGS, Finding
from couchpages.dns.names import Name, shown, to_text
from couchpages.dns.records import Record


def shown_record(doc_id: str, record: Record) -> dict[str, Any]:
    """Give a record as JSON."""
    return {
        "id": doc_id,
        "name": to_text(record.name),
        "type": rdata.type_to_text(record.type),
        "ttl": record.ttl,
        "content": rdata.to_text(record.type, record.rdata),
        "flag": record.flag,
        "disabled": record.disabled,
    }


def shown_sets(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    """Give the record sets of one name, which are answered with: without disabled records, and with the least TTL."""
    by_type: dict[int, list[Record]] = {}
    for record in records:
        if not record.disabled:
            by_type.setdefault(record.type, []).append(record)
    for type_, found in sorted(by_type.items()):
        yield {
            "name": to_text(min(each.name for each in found)),
            "type": rdata.type_to_text(type_),
            "ttl": min(each.ttl for each in found),
            "records": [rdata.to_text(type_, each) for each in sorted({each.rdata for each in found})],
        }


def shown_finding(finding: Finding) -> dict[str, Any]:
    """Give a finding as JSON."""
    return {
        "severity": finding.severity.value,
        "name": to_text(finding.name),
        "type": None if finding.type is None else rdata.type_to_text(finding.type),
        "reason": finding.reason,
    }


def shown_change(
    apex: Name, serial: int | None, counts: Mapping[str, int], warnings: Iterable[Finding]
) -> dict[str, Any]:
    """Give as JSON what a change did to a zone."""
    told = [shown_finding(each) for each in warnings]
    return {"zone": shown(apex), "serial": serial, **counts, "warnings": told[:MOST_FINDINGS]}
