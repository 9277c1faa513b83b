"""Makes the next zone from what a node holds, name by name, so that whoever drives it may pause after each (pure)."""

from collections.abc import Collection, Generator
from dataclasses import dataclass

from couchpages.dns import codes
from couchpages.dns.holdings import Holdings, outside
from couchpages.dns.names import Name
from couchpages.dns.rrsets import RRset, RRsets, compile_name
from couchpages.dns.zone import Draft, Zone, with_serial


@dataclass(frozen=True, slots=True)
class Drafted:
    """A zone that lacks its serial. *touched* are the names that were looked at, None for all.

    *changed* tells whether it answers otherwise than the one before; *misplaced* has the documents whose record is in no zone, with what
    there is to say.
    """

    draft: Draft
    touched: Collection[Name] | None
    changed: bool
    misplaced: dict[str, str]


def compiled(
    holdings: Holdings, apex: Name, before: Zone | None, touched: Collection[Name] | None, substitute: RRset
) -> Generator[None, None, Drafted]:
    """Compile the zone *apex*, which must be there: from *before* and the names *touched*, or with None for either, all of it anew."""
    zone = holdings.register.named(apex)
    if zone is None:
        raise KeyError(apex)
    if before is None or touched is None:
        return (yield from _anew(holdings, zone.zone_id, apex, before, substitute))
    # Copying takes a large zone's dicts some milliseconds.
    draft = Draft.of(before)
    yield
    looked_at, changed = [], False
    for name in touched:
        if holdings.register.zone_for(zone.zone_id, name) == apex:
            rrsets = _at(holdings, zone.zone_id, apex, name)
            looked_at.append(name)
            changed = changed or not _same(before, name, rrsets, substitute)
            draft.put(name, rrsets)
            yield
    # A draft takes the SOA that it finds for one that is written, though it may be an earlier substitute.
    rrsets = _at(holdings, zone.zone_id, apex, apex)
    if apex not in looked_at and not _same(before, apex, rrsets, substitute):
        looked_at.append(apex)
        changed = True
        draft.put(apex, rrsets)
    return Drafted(draft, looked_at, changed, {})


def _anew(
    holdings: Holdings, number: int, apex: Name, before: Zone | None, substitute: RRset
) -> Generator[None, None, Drafted]:
    draft = Draft(apex)
    changed, stand = before is None, 0
    misplaced: dict[str, str] = {}
    for name in list(holdings.shelf(number).owners):
        if holdings.register.zone_for(number, name) == apex:
            rrsets = _at(holdings, number, apex, name)
            stand += bool(rrsets) and name != apex
            changed = changed or (before is not None and not _same(before, name, rrsets, substitute))
            draft.put(name, rrsets)
        elif holdings.is_outside(number, name):
            misplaced.update((doc_id, outside(record, apex)) for doc_id, record in holdings.records_at(number, name))
        yield
    if before is not None and not changed:
        # What is there is as it was. Is something gone?
        apex_rrsets = _at(holdings, number, apex, apex)
        gone = stand != sum(1 for rrsets in before.nodes.values() if rrsets) - 1
        changed = gone or not _same(before, apex, apex_rrsets, substitute)
    return Drafted(draft, None, changed, misplaced)


def at_once(work: Generator[None, None, Drafted]) -> Drafted:
    """Compile without a pause."""
    try:
        while True:
            next(work)
    except StopIteration as ended:
        drafted: Drafted = ended.value
        return drafted


def _at(holdings: Holdings, number: int, apex: Name, name: Name) -> dict[int, RRset]:
    return compile_name(apex, (record for _, record in holdings.records_at(number, name)))


def _same(before: Zone, name: Name, rrsets: RRsets, substitute: RRset) -> bool:
    """Whether a name answers as before, but for the serial."""
    known = before.nodes.get(name, {})
    if name != before.apex:
        return known == rrsets
    soa = with_serial(rrsets.get(codes.SOA) or substitute, before.serial)
    return known == {**rrsets, codes.SOA: soa}
