"""Makes the next zone of the records that a node holds, name by name, so that whoever drives it may pause after each (pure).

That is the zone as it is written. What challenges add to it comes afterwards: :mod:`couchpages.dns.additions`.
"""

from collections.abc import Collection, Generator
from dataclasses import dataclass, field
from typing import TypeVar

from couchpages.dns import codes
from couchpages.dns.holdings import Holdings, outside
from couchpages.dns.names import Name, is_within
from couchpages.dns.rrsets import RRset, RRsets, compile_name
from couchpages.dns.zone import Draft, Zone, with_serial
from couchpages.dns.zone_documents import ZoneDocument

T = TypeVar("T")


@dataclass(slots=True)
class Drafted:
    """A zone that lacks its serial. *touched* are the names that were looked at, None for all.

    *changed* tells whether it is another than the one before, but for the serial. *misplaced* has the documents whose record is in no zone,
    with what there is to say.
    """

    draft: Draft
    touched: list[Name] | None
    changed: bool = False
    misplaced: dict[str, str] = field(default_factory=dict)


def compiled(
    holdings: Holdings, apex: Name, before: Zone | None, touched: Collection[Name] | None, substitute: RRset
) -> Generator[None, None, Drafted]:
    """Compile the zone *apex*, which is there: from what was written *before* and the names *touched*, or with None for either anew."""
    zone = holdings.register.named(apex)
    if zone is None:
        raise KeyError(apex)
    if before is None or touched is None:
        return (yield from _anew(_Names(holdings, zone, before, substitute, Drafted(Draft(apex), None))))
    # Copying takes a large zone's dicts some milliseconds.
    names = _Names(holdings, zone, before, substitute, Drafted(Draft.of(before), []))
    yield
    return (yield from _renewed(names, touched))


class _Names:
    """Puts the names of *zone* into what is *drafted*, one by one, and compares them with the zone *before*."""

    def __init__(
        self, holdings: Holdings, zone: ZoneDocument, before: Zone | None, substitute: RRset, drafted: Drafted
    ) -> None:
        self.holdings = holdings
        self.number, self.apex = zone.zone_id, zone.apex
        self.before = before
        self.drafted = drafted
        self._substitute = substitute

    def has_records(self, name: Name) -> bool:
        """Whether records of this name that have the zone's number are the zone's."""
        return self.holdings.register.zone_for(self.number, name) == self.apex

    def at(self, name: Name) -> RRsets:
        """Give what is written at a name."""
        records = self.holdings.records_at(self.number, name) if self.has_records(name) else ()
        return compile_name(self.apex, (record for _, record in records))

    def put(self, name: Name, rrsets: RRsets) -> None:
        """Put in what stands at a name."""
        self.compare(name, rrsets)
        self.drafted.draft.put(name, rrsets)

    def compare(self, name: Name, rrsets: RRsets) -> None:
        """Note whether a name answers otherwise than before."""
        if self.before is not None and not _same(self.before, name, rrsets, self._substitute):
            self.drafted.changed = True


def _renewed(names: _Names, touched: Collection[Name]) -> Generator[None, None, Drafted]:
    """Put in the names *touched* that are the zone's."""
    looked_at: list[Name] = []
    for name in touched:
        if is_within(name, names.apex):
            looked_at.append(name)
            names.put(name, names.at(name))
            yield
    # A draft takes the SOA that it finds for one that is written, though it may be an earlier substitute.
    if names.apex not in looked_at:
        had_changed, names.drafted.changed = names.drafted.changed, False
        rrsets = names.at(names.apex)
        names.compare(names.apex, rrsets)
        if names.drafted.changed:
            looked_at.append(names.apex)
            names.drafted.draft.put(names.apex, rrsets)
        names.drafted.changed |= had_changed
    names.drafted.touched = looked_at
    return names.drafted


def _anew(names: _Names) -> Generator[None, None, Drafted]:
    holdings, before, drafted = names.holdings, names.before, names.drafted
    stand = 0
    for name in list(holdings.shelf(names.number).owners):
        if names.has_records(name):
            rrsets = names.at(name)
            stand += bool(rrsets) and name != names.apex
            names.put(name, rrsets)
        elif holdings.is_outside(names.number, name):
            records = holdings.records_at(names.number, name)
            drafted.misplaced.update((doc_id, outside(record, names.apex)) for doc_id, record in records)
        yield
    if before is None:
        drafted.changed = True
    elif not drafted.changed:
        # What is there is as it was. Is something gone?
        names.compare(names.apex, names.at(names.apex))
        if stand != sum(1 for rrsets in before.nodes.values() if rrsets) - 1:
            drafted.changed = True
    return drafted


def at_once(work: Generator[None, None, T]) -> T:
    """Do such work without a pause."""
    try:
        while True:
            next(work)
    except StopIteration as ended:
        result: T = ended.value
        return result


def _same(before: Zone, name: Name, rrsets: RRsets, substitute: RRset) -> bool:
    """Whether a name answers as before, but for the serial."""
    known = before.nodes.get(name, {})
    if name != before.apex:
        return known == rrsets
    soa = with_serial(rrsets.get(codes.SOA) or substitute, before.serial)
    return known == {**rrsets, codes.SOA: soa}
