"""Creates and deletes zones in CouchDB (does I/O).

A zone's records are written before its document, and deleted after it, so that no node answers for half a zone. What was interrupted is
finished by being repeated. Two nodes that create one zone write the same documents.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace

from twisted.logger import Logger

from couchpages.dns import codes
from couchpages.dns.names import Name, shown
from couchpages.dns.new_zone import ZoneDefaults, beginning
from couchpages.dns.plan import Plan
from couchpages.dns.record_administration import PATIENCE, Done, RecordAdministration
from couchpages.dns.record_writer import TRIES
from couchpages.dns.records import from_document, tombstone
from couchpages.dns.submission import ReadSets
from couchpages.dns.zone_documents import ZoneDocument, to_document, zone_id_for
from couchpages.dns.zone_documents import document_id as zone_document_id
from couchpages.dns.zone_documents import from_document as zone_from_document
from couchpages.ports import Conflict, Database, Json, NotFound, Unavailable
from couchpages.web.problem import Problem

#: Numbers that are tried for a new zone. With a million zones, the second is needed once in 4,000 times.
ATTEMPTS = 16
#: Records of a zone in one call of CouchDB, on average.
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Administration:
    """Changes which zones there are; *databases* as in ``[couchdb]``. See :class:`RecordAdministration` for errors."""

    zones: Database
    stored_records: Database
    records: RecordAdministration
    defaults: ZoneDefaults
    unfinished: dict[Name, set[int]] = field(default_factory=dict)
    log: Logger = field(default_factory=Logger)

    async def create(
        self,
        apex: Name,
        nameservers: Sequence[Name] | None = None,
        hostmaster: Name | None = None,
        zone_id: int | None = None,
    ) -> ZoneDocument:
        """Create a zone with an SOA and NS. Raises a 409 where there is one."""
        return await self.records.in_turn.run(apex, lambda: self._create(apex, nameservers, hostmaster, zone_id))

    async def _create(
        self, apex: Name, nameservers: Sequence[Name] | None, hostmaster: Name | None, zone_id: int | None
    ) -> ZoneDocument:
        zone = await self._free(apex, zone_id)
        wanted = beginning(
            apex,
            zone.zone_id,
            self.defaults.nameservers if nameservers is None else nameservers,
            hostmaster or self.defaults.hostmaster,
        )
        plan = Plan()
        for record in wanted:
            plan.add(record)
        await self._drop_leftovers(zone, plan)
        await self.records.writer.carry_out(plan)
        await self._write(replace(zone, promised=len(plan.put)))
        self.log.info("zone {zone} was created", zone=shown(apex))
        return zone

    async def create_empty(self, apex: Name, zone_id: int | None = None) -> ZoneDocument:
        """Create a zone without records, as the first system's clients do, who write SOA and NS themselves."""

        async def create() -> ZoneDocument:
            zone = await self._free(apex, zone_id)
            await self._drop_leftovers(zone, Plan())
            await self._write(zone)
            return zone

        return await self.records.in_turn.run(apex, create)

    async def create_of(self, apex: Name, read: ReadSets, *, dry: bool) -> Done:
        """Create a zone with all its records, which *read* gives. Raises a 409 where there is one, and a 422 before anything is written."""
        return await self.records.in_turn.run(apex, lambda: self._create_of(apex, read, dry=dry))

    async def _create_of(self, apex: Name, read: ReadSets, *, dry: bool) -> Done:
        zone = await self._free(apex)
        done = await self.records.plan_new(zone, read(zone.zone_id))
        if not dry:
            await self._drop_leftovers(zone, done.plan)
            await self.records.writer.carry_out(done.plan)
            await self._write(replace(zone, promised=len(done.plan.put)))
            self.log.info("zone {zone} was created", zone=shown(zone.apex), **done.counts)
        plan = done.plan
        await self.records.slices.empty(plan.put, plan.new, plan.gone, plan.before)
        return done

    async def delete(self, apex: Name) -> None:
        """Delete a zone and all its records. Raises a 404 where there is neither."""
        await self.records.in_turn.run(apex, lambda: self._delete(apex))

    async def _delete(self, apex: Name) -> None:
        self.records.catalogue.require_loaded()
        doc_id = zone_document_id(apex)
        leaves = await self.zones.leaves(doc_id)
        numbers = {*self.unfinished.get(apex, ()), *self._derived(apex), *_numbers(doc_id, leaves)}
        known = self.records.catalogue.zone(apex)
        if known is not None:
            numbers.add(known.zone_id)
        numbers = {each for each in numbers if not self._is_of_another(each, apex)}
        # Whose records those of a number that two zones have are, nobody can tell: they stay.
        shared = known is not None and self._is_of_another(known.zone_id, apex)
        doc_ids = [] if shared else await self._record_ids(apex, numbers)
        if not leaves and not doc_ids:
            raise Problem(404, f"there is no zone {shown(apex)}", field="zone")
        self.unfinished[apex] = numbers
        rev = await self._delete_document(doc_id, leaves)
        revs: dict[str, str] = {}
        await self.records.writer.delete(doc_ids, revs)
        self.unfinished.pop(apex, None)
        if rev is not None:
            await self.records.catalogue.when_answered(doc_id, rev, PATIENCE)
        await self.records.when_answered(revs)
        self.log.info("zone {zone} was deleted with {count} records", zone=shown(apex), count=len(doc_ids))

    # Numbers.

    async def _free(self, apex: Name, zone_id: int | None = None) -> ZoneDocument:
        """Give the document of a zone to be, with the number that is wanted if there is one; refuse a zone that is there."""
        self.records.catalogue.require_loaded()
        try:
            await self.zones.get(zone_document_id(apex))
        except NotFound:
            pass
        else:
            raise _exists(apex)
        if zone_id is not None:
            if self._is_of_another(zone_id, apex):
                raise Problem(409, f"another zone has the number {zone_id}", field="zoneId")
            return ZoneDocument(zone_id, apex)
        for attempt in range(ATTEMPTS):
            derived = zone_id_for(apex, attempt)
            if not self._is_of_another(derived, apex):
                return ZoneDocument(derived, apex)
        raise Unavailable(f"no free number was found for the zone {shown(apex)}")

    def _is_of_another(self, zone_id: int, apex: Name) -> bool:
        return any(each.apex != apex for each in self.records.catalogue.numbered(zone_id))

    def _derived(self, apex: Name) -> Iterable[int]:
        """Give the numbers that we may have given to this zone."""
        for attempt in range(ATTEMPTS):
            zone_id = zone_id_for(apex, attempt)
            yield zone_id
            if not self._is_of_another(zone_id, apex):
                return

    # Documents.

    async def _write(self, zone: ZoneDocument) -> None:
        """Write a zone's document, after its records, and wait until this node answers for it."""
        doc_id = zone_document_id(zone.apex)
        try:
            rev = await self.zones.put(doc_id, to_document(zone))
        except Conflict:
            # By another node of this CouchDB, at the same time.
            doc = await self.zones.get(doc_id)
            if _numbers(doc_id, [doc]) != {zone.zone_id}:
                raise _exists(zone.apex) from None
            rev = str(doc.get("_rev"))
        await self.records.catalogue.when_answered(doc_id, rev, PATIENCE)

    async def _drop_leftovers(self, zone: ZoneDocument, plan: Plan) -> None:
        """Have what an interrupted creation left deleted; refuse where an interrupted deletion left more than that."""
        async for doc in self._stored(zone.zone_id, 0):
            doc_id = str(doc["_id"])
            if doc_id in plan.put:
                continue
            try:
                record = from_document(doc)
            except ValueError:
                continue
            # With other records, it may be a zone whose document has not come to this node yet.
            if record.owner != zone.apex or record.type not in (codes.SOA, codes.NS):
                raise Problem(
                    409,
                    f"records of an earlier zone {shown(zone.apex)} are still there; delete that zone once more, then create it, "
                    "or wait until the zone itself is replicated to this node",
                    field="name",
                )
            plan.remove(doc_id, record)

    async def _record_ids(self, apex: Name, numbers: Iterable[int]) -> list[str]:
        """Give the documents of a zone's records: those that this node knows, and those of ours that CouchDB has."""
        catalogue = self.records.catalogue
        found: dict[str, None] = {}
        await self.records.slices.each(
            catalogue.owners(apex),
            lambda owner: found.update((doc_id, None) for doc_id, _ in catalogue.records_at(apex, owner)),
        )
        for number in numbers:
            async for doc in self._stored(number, len(found)):
                found[str(doc["_id"])] = None
        return list(found)

    async def _stored(self, zone_id: int, expected: int) -> AsyncIterator[Json]:
        """Give the documents of ours of a zone that CouchDB has; those that are read at a time have a part of the ids."""
        digits = 0
        while AT_ONCE * 16**digits < expected and digits < 4:  # noqa: PLR2004 -- the UUID's second group has four digits
            digits += 1
        for part in range(16**digits):
            first = f"{zone_id:08x}-" + (f"{part:0{digits}x}" if digits else "")
            for doc in await self.stored_records.documents(first, first + "\ufff0"):
                yield doc

    async def _delete_document(self, doc_id: str, leaves: Sequence[Json]) -> str | None:
        """Delete a zone's document and what competes with it; give the last tombstone's revision."""
        rev = None
        for _ in range(TRIES):
            if not leaves:
                return rev
            kept = [{**tombstone(leaf), **({"zoneId": leaf["zoneId"]} if "zoneId" in leaf else {})} for leaf in leaves]
            for outcome in await self.zones.bulk(kept):
                if isinstance(outcome, str):
                    rev = outcome
                elif not isinstance(outcome, Conflict):
                    raise outcome
            leaves = await self.zones.leaves(doc_id)
        raise Unavailable(f"the zone {doc_id} is being changed by others all the time")


def _exists(apex: Name) -> Problem:
    return Problem(409, f"the zone {shown(apex)} exists already", field="name")


def _numbers(doc_id: str, leaves: Iterable[Json]) -> set[int]:
    found = set()
    for leaf in leaves:
        try:
            found.add(zone_from_document(doc_id, leaf).zone_id)
        except ValueError:
            continue
    return found
