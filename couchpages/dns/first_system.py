"""The first system's DNS calls, ``/v1/dnsapi``, with a key (thin).

Answers are ``{"data": …}`` with documents as CouchDB has them; writes are answered 202. The names of members are matched without
regard to case.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from couchpages.dns.administration import Administration
from couchpages.dns.admission import json_body, read_members, require_reach
from couchpages.dns.catalogue import Catalogue
from couchpages.dns.names import Name, canonical, from_text, is_within, shown
from couchpages.dns.rdata import type_from_text
from couchpages.dns.reach import reaches
from couchpages.dns.record_writer import in_batches
from couchpages.dns.records import LARGEST_ZONE_ID
from couchpages.dns.submission import read_record, read_zone
from couchpages.dns.zone_documents import ZoneDocument
from couchpages.dns.zone_documents import document_id as zone_document_id
from couchpages.ports import Authority, Database, Grant, Json
from couchpages.web.credentials import api_key
from couchpages.web.exchange import Discarded, Exchange
from couchpages.web.message import RequestHead, Response
from couchpages.web.problem import Problem, json_response, to_json, written_json_response
from couchpages.web.routes import Endpoint, Route

Values: TypeAlias = Mapping[str, str]
LONGEST_BODY = 2**18
#: What PowerDNS asks for all types with.
ANY_TYPE = "ANY"


@dataclass(frozen=True, slots=True)
class FirstSystemDns:
    """``/v1/dnsapi``."""

    authority: Authority
    administration: Administration

    @property
    def catalogue(self) -> Catalogue:
        """What this node knows."""
        return self.administration.records.catalogue

    def routes(self) -> tuple[Route, ...]:
        """Give the calls."""
        record, zone = "/v1/dnsapi/Record", "/v1/dnsapi/Zone"
        return (
            Route("GET", f"{record}/ID/{{id}}", self._asking(self._record_by_id)),
            Route("GET", f"{record}/{{name}}/{{type}}", self._asking(self._records_by_name)),
            Route("GET", f"{record}/{{zoneId}}", self._asking(self._records_of_zone)),
            Route("POST", record, self._writing(self._post_record)),
            Route("DELETE", record, self._writing(self._delete_record)),
            Route("GET", f"{zone}/List", self._asking(self._list_zones)),
            Route("GET", f"{zone}/{{zone}}", self._asking(self._zone_by_name)),
            Route("POST", zone, self._writing(self._post_zone)),
            Route("DELETE", zone, self._writing(self._delete_zone)),
        )

    def _asking(self, call: Callable[[Grant, Values], Coroutine[Any, Any, Any]]) -> Endpoint:
        def admit(head: RequestHead, values: Values) -> Exchange:
            grant = self.authority.identify(api_key(head))

            async def respond() -> Response:
                self.catalogue.require_loaded()
                found = await call(grant, values)
                if not isinstance(found, list):
                    return json_response(200, {"data": found})
                # A zone may have a hundred thousand records.
                written: list[bytes] = []
                await self.administration.records.slices.each(found, lambda each: written.append(to_json(each)))
                return written_json_response(200, b'{"data":[%b]}\n' % b",".join(written))

            return Exchange(respond, Discarded())

        return admit

    def _writing(self, call: Callable[[Grant, Json], Coroutine[Any, Any, Any]]) -> Endpoint:
        def admit(head: RequestHead, values: Values) -> Exchange:
            del values
            grant = self.authority.identify(api_key(head))
            body = json_body(head, LONGEST_BODY)

            async def respond() -> Response:
                self.catalogue.require_loaded()
                members = {name.lower(): value for name, value in read_members(body.content()).items()}
                return json_response(202, {"data": await call(grant, members)})

            return Exchange(respond, body)

        return admit

    # Records.

    async def _record_by_id(self, grant: Grant, values: Values) -> Json:
        zone, _ = self.administration.records.known_record(values["id"])
        require_reach(grant, zone.apex)
        return await self._stored_record(values["id"])

    async def _records_by_name(self, grant: Grant, values: Values) -> list[Json]:
        name = _name(values["name"])
        wanted = None if values["type"].upper() == ANY_TYPE else _type(values["type"])
        zone = self.catalogue.zone_of(name)
        if zone is None:
            return []
        require_reach(grant, zone.apex)
        found = self.catalogue.records_at(zone.apex, name)
        return await _documents(
            self.administration.stored_records, [doc_id for doc_id, each in found if wanted in (None, each.type)]
        )

    async def _records_of_zone(self, grant: Grant, values: Values) -> list[Json]:
        zone = self._numbered(values["zoneId"])
        require_reach(grant, zone.apex)
        owners = self.catalogue.owners(zone.apex)
        doc_ids = (doc_id for owner in owners for doc_id, _ in self.catalogue.records_at(zone.apex, owner))
        return await _documents(self.administration.stored_records, doc_ids)

    async def _post_record(self, grant: Grant, members: Json) -> Json:
        zone = self._zone_for(members)
        require_reach(grant, zone.apex)
        record = read_record({**members, "name": _absolute(members.get("name"), zone.apex)}, zone.apex, zone.zone_id)
        doc_id, _ = await self.administration.records.add(zone, record)
        return await self._stored_record(doc_id)

    async def _delete_record(self, grant: Grant, members: Json) -> Json:
        doc_id = _id(members)
        zone, _ = self.administration.records.known_record(doc_id)
        require_reach(grant, zone.apex)
        doc = await self._stored_record(doc_id)
        await self.administration.records.delete(zone, [doc_id])
        return doc

    async def _stored_record(self, doc_id: str) -> Json:
        found = await _documents(self.administration.stored_records, [doc_id])
        if not found:
            raise Problem(404, f"there is no record {doc_id}", field="id")
        return found[0]

    # Zones.

    async def _list_zones(self, grant: Grant, values: Values) -> list[Json]:
        del values
        reached = [each.apex for each in self.catalogue.zones() if reaches(grant, each.apex)]
        return await _documents(self.administration.zones, map(zone_document_id, reached))

    async def _zone_by_name(self, grant: Grant, values: Values) -> Json:
        apex = read_zone(values["zone"])
        require_reach(grant, apex)
        self.administration.records.known_zone(apex)
        return await self._stored_zone(apex)

    async def _post_zone(self, grant: Grant, members: Json) -> Json:
        apex = read_zone(_id(members))
        require_reach(grant, apex)
        # The first system's clients choose the number, and give it to the records that they write next.
        number = _number(members["zoneid"], "zoneId") if members.get("zoneid") else None
        if self.administration.defaults.nameservers:
            await self.administration.create(apex, zone_id=number)
        else:
            await self.administration.create_empty(apex, number)
        return await self._stored_zone(apex)

    async def _delete_zone(self, grant: Grant, members: Json) -> Json:
        apex = read_zone(_id(members))
        require_reach(grant, apex)
        found = await _documents(self.administration.zones, [zone_document_id(apex)])
        await self.administration.delete(apex)
        return found[0] if found else {"_id": zone_document_id(apex)}

    async def _stored_zone(self, apex: Name) -> Json:
        found = await _documents(self.administration.zones, [zone_document_id(apex)])
        if not found:
            raise Problem(404, f"there is no zone {shown(apex)}", field="zone")
        return found[0]

    def _zone_for(self, members: Json) -> ZoneDocument:
        """Give the zone that a record is for: by its number, or where it has none, by its name."""
        number = members.get("zone_id") or members.get("zoneid")
        if number is not None:
            return self._numbered(number)
        zone = self.catalogue.zone_of(_name(members.get("name")))
        if zone is None:
            raise Problem(422, f"name: {str(members.get('name'))[:255]!r} is in no zone of ours", field="name")
        return zone

    def _numbered(self, value: Any) -> ZoneDocument:
        number = _number(value, "zone_id")
        zones = self.catalogue.numbered(number)
        if not zones:
            raise Problem(404, f"there is no zone with the number {number}", field="zone_id")
        return zones[0]


async def _documents(database: Database, doc_ids: Iterable[str]) -> list[Json]:
    found: list[Json] = []
    for batch in in_batches(doc_ids):
        rows = await database.rows(batch, include_docs=True)
        found += [row.doc for row in rows if row.doc is not None]
    return found


def _id(members: Mapping[str, Any]) -> str:
    for name in ("_id", "id", "zone", "name"):
        value = members.get(name)
        if isinstance(value, str) and value:
            return value
    raise Problem(400, "_id is missing, or not a text", field="_id")


def _number(value: Any, field: str) -> int:
    digits = value if isinstance(value, str) else str(value) if type(value) is int else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(LARGEST_ZONE_ID))):
        raise Problem(422, f"{field}: {str(value)[:20]!r} is no number of a zone", field=field)
    number = int(digits)
    if number > LARGEST_ZONE_ID:
        raise Problem(422, f"{field}: {number} has more than 32 bits", field=field)
    return number


def _name(text: Any) -> Name:
    if not isinstance(text, str) or not text:
        raise Problem(400, "name is missing, or not a text", field="name")
    try:
        return canonical(from_text(text))
    except ValueError as error:
        raise Problem(422, f"name: {error}", field="name") from None


def _absolute(text: Any, apex: Name) -> str:
    """Give a name as one that is absolute: the first system knows no relative ones, but ``@``."""
    if text == "@":
        return "@"
    if not is_within(_name(text), apex):
        raise Problem(422, f"name: {text[:255]!r} lies outside the zone {shown(apex)}", field="name")
    return str(text)


def _type(text: str) -> int:
    try:
        return type_from_text(text)
    except ValueError as error:
        raise Problem(422, f"type: {error}", field="type") from None
