"""Adds, deletes and replaces records in CouchDB (does I/O; what is wrong with records is decided in :mod:`couchpages.dns.checks`)."""

from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from couchpages.dns import codes
from couchpages.dns.catalogue import Catalogue
from couchpages.dns.checks import of_name
from couchpages.dns.contents import Contents
from couchpages.dns.findings import Finding, Severity, Worst
from couchpages.dns.names import Name, is_within, shown
from couchpages.dns.plan import Plan, Replacement, adding, same
from couchpages.dns.rdata import type_to_text
from couchpages.dns.record_writer import RecordWriter
from couchpages.dns.records import Record
from couchpages.dns.slices import Slices
from couchpages.dns.submission import Reading, ReadSets, WantedSet, check_serial
from couchpages.dns.zone_documents import ZoneDocument
from couchpages.in_turn import InTurn
from couchpages.web.problem import Problem

#: Seconds for which an answer waits until this node answers questions with what was written.
PATIENCE = 5.0
#: Of many documents, the last that were written are waited for; the feed brings the others before them.
WAITED_FOR = 20
#: Types whose coming and going is felt at other names.
FELT_ELSEWHERE = frozenset({codes.NS, codes.DNAME, codes.CNAME})
#: How many findings a refusal tells, and how many its sentence.
TOLD = 20
IN_ONE_SENTENCE = 3


@dataclass(frozen=True, slots=True)
class Done:
    """What a change did, how many records it concerned, and what is doubtful about the names that it touched."""

    plan: Plan
    counts: Mapping[str, int]
    warnings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class RecordAdministration:
    """Changes the records of zones. Methods raise :class:`Problem`, and then nothing was changed (law 8), and :class:`StoreError`.

    After a :class:`StoreError` a part may have been written; repeating the call finishes it.
    """

    catalogue: Catalogue
    writer: RecordWriter
    slices: Slices
    in_turn: InTurn = field(default_factory=InTurn)
    log: Logger = field(default_factory=Logger)

    def known_zone(self, apex: Name) -> ZoneDocument:
        """Give a zone. Raises a 404."""
        self.catalogue.require_loaded()
        zone = self.catalogue.zone(apex)
        if zone is None:
            raise Problem(404, f"there is no zone {shown(apex)}; 'couchpages dns create-zone' makes one", field="zone")
        return zone

    async def add(self, zone: ZoneDocument, record: Record) -> tuple[str, Done]:
        """Add a record, or change its TTL; an SOA replaces the one that is there. Give its document's id."""
        return await self.in_turn.run(zone.apex, lambda: self._add(zone.apex, record))

    async def _add(self, apex: Name, record: Record) -> tuple[str, Done]:
        # Those before may have deleted the zone, or made it anew.
        zone = self.known_zone(apex)
        record = replace(record, zone_id=zone.zone_id)
        at_name = [each for each in self.catalogue.records_at(zone.apex, record.owner) if each[1].type == record.type]
        if record.type == codes.SOA and not any(same(other, record) for _, other in at_name):
            check_serial(record, self.catalogue.serial(zone.apex) or 0)
        plan = adding(at_name, record)
        done = await self._change(zone, plan)
        known = [doc_id for doc_id, other in at_name if same(other, record)]
        return next(iter([*plan.new, *known])), done

    def known_record(self, doc_id: str) -> tuple[ZoneDocument, Record]:
        """Give a record and its zone. Raises a 404."""
        self.catalogue.require_loaded()
        record = self.catalogue.record(doc_id)
        zone = _zone_of(record, self.catalogue.numbered(record.zone_id)) if record is not None else None
        if record is None or zone is None:
            raise Problem(404, f"there is no record {doc_id}; 'couchpages dns list-zone' shows the ids", field="id")
        return zone, record

    async def delete(self, zone: ZoneDocument, doc_ids: Iterable[str]) -> Done:
        """Delete records by their documents' ids."""

        async def delete() -> Done:
            plan = Plan()
            for doc_id in doc_ids:
                record = self.catalogue.record(doc_id)
                if record is not None:
                    plan.remove(doc_id, record)
            return await self._change(self.known_zone(zone.apex), plan)

        return await self.in_turn.run(zone.apex, delete)

    async def write_sets(self, apex: Name, read: ReadSets, *, everything: bool, dry: bool = False) -> Done:
        """Have record sets be as *read* gives them; with *everything*, all others are deleted. *dry* only tells what that would do."""

        async def write() -> Done:
            zone = self.known_zone(apex)
            plan = await self._planned(zone, read(zone.zone_id), everything=everything)
            done = await self._change(zone, plan, all_names=everything, dry=dry)
            await self.slices.empty(plan.put, plan.new, plan.gone, plan.before)
            return done

        return await self.in_turn.run(apex, write)

    async def plan_new(self, zone: ZoneDocument, wanted: Iterable[Reading]) -> Done:
        """Check the records of a zone that is not there yet; give what would write them."""
        plan = await self._planned(zone, wanted, everything=True)
        warnings = await self._check(zone.apex, plan, all_names=True, is_new=True)
        return Done(plan, plan.counts, warnings)

    async def _planned(self, zone: ZoneDocument, wanted: Iterable[Reading], *, everything: bool) -> Plan:
        serial = self.catalogue.serial(zone.apex) or 0
        making = Replacement(everything=everything, serial=serial)

        def want(each: Reading) -> None:
            if each is None:
                return
            if not making.want(each):
                raise Problem(422, f"rrsets: {_told(each)} is there twice", field="rrsets")
            for record in each.records:
                if record.type == codes.SOA:
                    check_serial(record, serial)

        await self.slices.each(wanted, want)
        owners = self.catalogue.owners(zone.apex) if everything else making.owners
        await self.slices.each(owners, lambda owner: self._see(making, zone.apex, owner))
        await self.slices.each(making.wanted, making.finish)
        await self.slices.empty(*making.parts)
        return making.plan

    def _see(self, making: Replacement, apex: Name, owner: Name) -> None:
        for doc_id, record in self.catalogue.records_at(apex, owner):
            making.see(doc_id, record)

    # Checked whole, then written.

    async def _change(self, zone: ZoneDocument, plan: Plan, *, all_names: bool = False, dry: bool = False) -> Done:
        warnings = await self._check(zone.apex, plan, all_names=all_names)
        done = Done(plan, plan.counts, warnings)
        if dry:
            return done
        revs = await self.writer.carry_out(plan)
        await self.when_answered(revs)
        if revs:
            self.log.info("zone {zone} was changed", zone=shown(zone.apex), **done.counts)
        return done

    async def when_answered(self, revs: Mapping[str, str]) -> None:
        """Wait until this node answers with what was written."""
        last = list(revs.items())[-WAITED_FOR:]
        waited = [self.catalogue.when_answered(doc_id, rev, PATIENCE) for doc_id, rev in last]
        await gatherResults([Deferred.fromCoroutine(_wait(each)) for each in waited])

    async def _check(self, apex: Name, plan: Plan, *, all_names: bool, is_new: bool = False) -> list[Finding]:
        """Refuse what would bring errors into a zone; give what is doubtful."""
        contents = Contents(apex, fetch=lambda owner: (record for _, record in self.catalogue.records_at(apex, owner)))
        names = await self._touched(contents, plan, all_names=all_names)
        known: set[Finding] = set()
        if not is_new:
            await self.slices.each(names, lambda name: known.update(_errors(contents, name)))
        await self.slices.each(chain(plan.gone.values(), plan.before), contents.discard)
        await self.slices.each(plan.put.values(), contents.add)
        refused, doubtful = Worst(), Worst()

        def look(name: Name) -> None:
            for each in of_name(contents, name):
                if each.severity is Severity.WARNING:
                    doubtful.take(each)
                elif each not in known:
                    # Those that were there before do not keep anybody from mending others.
                    refused.take(each)

        await self.slices.each(names, look)
        await self.slices.empty(contents.nodes, names, known)
        if refused.count:
            raise _refusal(refused)
        return doubtful.found

    async def _touched(self, contents: Contents, plan: Plan, *, all_names: bool) -> list[Name]:
        names: set[Name] = {contents.apex} if all_names else set()
        felt: set[Name] = set()

        def touch(record: Record) -> None:
            names.add(record.owner)
            if record.type in FELT_ELSEWHERE:
                felt.add(record.owner)

        await self.slices.each(chain(plan.gone.values(), plan.before, plan.put.values()), touch)
        if all_names or len(felt) > 1:
            await self.slices.each(self.catalogue.owners(contents.apex), names.add)
        elif felt:
            (owner,) = felt
            others = self.catalogue.owners(contents.apex)
            await self.slices.each(others, lambda name: names.add(name) if contents.concerns(name, owner) else None)
        return list(names)


def _zone_of(record: Record, zones: Sequence[ZoneDocument]) -> ZoneDocument | None:
    """Give the zone of a record; where several have its number by a mistake, that which its name is in."""
    within = [each for each in zones if is_within(record.owner, each.apex)]
    return max(within, key=lambda each: len(each.apex), default=zones[0] if zones else None)


async def _wait(answered: Awaitable[None]) -> None:
    await answered


def _told(wanted: WantedSet) -> str:
    return f"{shown(wanted.owner)} {type_to_text(wanted.type)}"


def _errors(contents: Contents, name: Name) -> Iterator[Finding]:
    return (each for each in of_name(contents, name) if each.severity is Severity.ERROR)


def _refusal(refused: Worst) -> Problem:
    told = [str(each) for each in refused.found[:TOLD]]
    left = refused.count - IN_ONE_SENTENCE
    more = f"; and {left:,} more" if left > 0 else ""
    return Problem(422, "; ".join(told[:IN_ONE_SENTENCE]) + more, field="records", more={"findings": told})
