"""What this node knows of zones, as the API's answers (thin). Long answers are made in slices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import merge

from couchpages.dns import rdata
from couchpages.dns.catalogue import Catalogue
from couchpages.dns.checks import of_name
from couchpages.dns.contents import Contents
from couchpages.dns.findings import Worst
from couchpages.dns.names import Name, canonical, order, shown, within_zone
from couchpages.dns.presentation import shown_finding, shown_record, shown_sets
from couchpages.dns.record_writer import in_batches
from couchpages.dns.slices import Slices
from couchpages.web.message import Response
from couchpages.web.problem import Problem, json_response, to_json, written_json_response


@dataclass(frozen=True, slots=True)
class Listings:
    """Tells of zones that are there."""

    catalogue: Catalogue
    slices: Slices

    async def zone(self, apex: Name, status: int) -> Response:
        """Tell of a zone: how large it is, and what is wrong with it."""
        contents = Contents(apex)
        names = {apex}
        counts = {True: 0, False: 0}

        def take(owner: Name) -> None:
            names.add(owner)
            for _, record in self.catalogue.records_at(apex, owner):
                counts[record.disabled] += 1
                contents.add(record)

        worst = Worst()

        def look(owner: Name) -> None:
            for each in of_name(contents, owner):
                worst.take(each)

        await self.slices.each(self.catalogue.owners(apex), take)
        await self.slices.each(names, look)
        return json_response(
            status,
            {
                "zone": shown(apex),
                "serial": self.catalogue.serial(apex),
                "names": len(names),
                "records": counts[False],
                "disabled": counts[True],
                "findings": [shown_finding(each) for each in worst.found],
            },
        )

    async def sets(self, apex: Name, asked: Mapping[str, str]) -> Response:
        """Give the record sets of a zone; *asked* may have a ``name`` and a ``type``."""
        type_ = _type(asked)
        written: list[bytes] = []

        def write(owner: Name) -> None:
            found = (record for _, record in self.catalogue.records_at(apex, owner) if type_ in (None, record.type))
            written.extend(map(to_json, shown_sets(found)))

        await self.slices.each(await self._owners(apex, asked), write)
        return self._listed(apex, "rrsets", written)

    async def records(self, apex: Name, asked: Mapping[str, str]) -> Response:
        """Give the records of a zone with the ids of their documents; *asked* as for :meth:`sets`."""
        type_ = _type(asked)
        written: list[bytes] = []

        def write(owner: Name) -> None:
            for doc_id, record in self.catalogue.records_at(apex, owner):
                if type_ in (None, record.type):
                    written.append(to_json(shown_record(doc_id, record)))

        await self.slices.each(await self._owners(apex, asked), write)
        return self._listed(apex, "records", written)

    async def _owners(self, apex: Name, asked: Mapping[str, str]) -> Iterable[Name]:
        if "name" not in asked:
            return await self._in_order(self.catalogue.owners(apex))
        try:
            return [canonical(within_zone(asked["name"], apex))]
        except ValueError as error:
            raise Problem(422, f"name: {error}", field="name") from None

    async def _in_order(self, names: Iterable[Name]) -> Iterable[Name]:
        """Sort names (RFC 4034 section 6.1), a few at a time; the rest of the work is done as they are taken."""
        some: list[list[Name]] = []
        await self.slices.each(in_batches(names), lambda batch: some.append(sorted(batch, key=order)))
        return merge(*some, key=order)

    def _listed(self, apex: Name, name: str, written: list[bytes]) -> Response:
        start = to_json({"zone": shown(apex), "serial": self.catalogue.serial(apex)})
        return written_json_response(200, b'%b,"%b":[%b]}\n' % (start[:-1], name.encode(), b",".join(written)))


def _type(asked: Mapping[str, str]) -> int | None:
    try:
        return rdata.type_from_text(asked["type"]) if "type" in asked else None
    except ValueError as error:
        raise Problem(422, f"type: {error}", field="type") from None
