"""The API of zones and records (thin: what is allowed and what happens is decided elsewhere)."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from couchpages.dns.administration import Administration
from couchpages.dns.admission import (
    CREATION,
    SETS,
    all_of,
    is_dry,
    json_body,
    query,
    read_members,
    require_reach,
    servers,
)
from couchpages.dns.catalogue import Catalogue
from couchpages.dns.listings import Listings
from couchpages.dns.names import Name, shown
from couchpages.dns.presentation import shown_change, shown_record
from couchpages.dns.reach import reaches
from couchpages.dns.record_administration import Done, RecordAdministration
from couchpages.dns.sliced_json import SlicedObject
from couchpages.dns.submission import read_record, read_sets, read_zone
from couchpages.ports import Authority
from couchpages.web.credentials import api_key
from couchpages.web.exchange import Discarded, Exchange
from couchpages.web.message import RequestHead, Response
from couchpages.web.problem import json_response
from couchpages.web.routes import Endpoint, Route

Values: TypeAlias = Mapping[str, str]
Call: TypeAlias = Callable[[RequestHead, Name, bytes], Coroutine[Any, Any, Response]]
#: Bytes of JSON: a record takes about 100, so that 100,000 of them have room to spare.
LONGEST_BODY = 32 * 2**20
#: Bytes of JSON for one record, each character of whose content may be written with six and more.
LONGEST_RECORD = 2**18


@dataclass(frozen=True, slots=True)
class DnsApi:
    """The calls under ``/api/v2/zones`` and ``/api/v2/records``."""

    authority: Authority
    administration: Administration

    @property
    def records(self) -> RecordAdministration:
        """What changes records."""
        return self.administration.records

    @property
    def catalogue(self) -> Catalogue:
        """What this node knows."""
        return self.records.catalogue

    @property
    def listings(self) -> Listings:
        """What tells of zones."""
        return Listings(self.catalogue, self.records.slices)

    def routes(self) -> tuple[Route, ...]:
        """Give the calls."""
        zone, record = "/api/v2/zones/{zone}", "/api/v2/records/{id}"
        return (
            Route("GET", "/api/v2/zones", self._list_zones),
            Route("POST", "/api/v2/zones", self._create_zone),
            Route("GET", zone, self._on_zone(self._show_zone)),
            Route("DELETE", zone, self._on_zone(self._delete_zone)),
            Route("GET", f"{zone}/rrsets", self._on_zone(self._list_sets)),
            Route("PUT", f"{zone}/rrsets", self._on_zone(self._put_sets, LONGEST_BODY)),
            Route("PATCH", f"{zone}/rrsets", self._on_zone(self._patch_sets, LONGEST_BODY)),
            Route("GET", f"{zone}/records", self._on_zone(self._list_records)),
            Route("POST", f"{zone}/records", self._on_zone(self._add_record, LONGEST_RECORD)),
            Route("GET", record, self._on_record(self._show_record)),
            Route("DELETE", record, self._on_record(self._delete_record)),
        )

    # Each call: who asks, on which zone, with what body.

    def _on_zone(self, call: Call, longest: int | None = None) -> Endpoint:
        def admit(head: RequestHead, values: Values) -> Exchange:
            grant = self.authority.identify(api_key(head))
            apex = read_zone(values["zone"])
            require_reach(grant, apex)
            body = None if longest is None else json_body(head, longest)
            return Exchange(lambda: call(head, apex, body.content() if body else b""), body or Discarded())

        return admit

    def _on_record(self, call: Callable[[str], Coroutine[Any, Any, Response]]) -> Endpoint:
        def admit(head: RequestHead, values: Values) -> Exchange:
            grant = self.authority.identify(api_key(head))

            async def respond() -> Response:
                zone, _ = self.records.known_record(values["id"])
                require_reach(grant, zone.apex)
                return await call(values["id"])

            return Exchange(respond, Discarded())

        return admit

    # Zones.

    def _list_zones(self, head: RequestHead, values: Values) -> Exchange:
        del values
        grant = self.authority.identify(api_key(head))

        async def respond() -> Response:
            self.catalogue.require_loaded()
            return json_response(
                200,
                {
                    "zones": [
                        {"zone": shown(each.apex), "serial": self.catalogue.serial(each.apex)}
                        for each in self.catalogue.zones()
                        if reaches(grant, each.apex)
                    ]
                },
            )

        return Exchange(respond, Discarded())

    def _create_zone(self, head: RequestHead, values: Values) -> Exchange:
        del values
        grant = self.authority.identify(api_key(head))
        body = json_body(head, LONGEST_BODY)

        async def respond() -> Response:
            sliced = SlicedObject(body.content(), "rrsets", CREATION)
            items: list[Any] = []
            await self.records.slices.each(sliced, items.append)
            apex = read_zone(sliced.members.get("name"), "name")
            require_reach(grant, apex)
            if sliced.has_list:
                done = await self.administration.create_of(
                    apex, lambda number: read_sets(items, apex, number), dry=is_dry(head)
                )
                await self.records.slices.empty(items)
                return self._changed(apex, done, 201)
            await self.administration.create(apex, *servers(sliced.members))
            return await self.listings.zone(apex, 201)

        return Exchange(respond, body)

    async def _show_zone(self, head: RequestHead, apex: Name, content: bytes) -> Response:
        del head, content
        self.records.known_zone(apex)
        return await self.listings.zone(apex, 200)

    async def _delete_zone(self, head: RequestHead, apex: Name, content: bytes) -> Response:
        del head, content
        await self.administration.delete(apex)
        return Response(204)

    # Record sets.

    async def _list_sets(self, head: RequestHead, apex: Name, content: bytes) -> Response:
        del content
        self.records.known_zone(apex)
        return await self.listings.sets(apex, query(head))

    async def _list_records(self, head: RequestHead, apex: Name, content: bytes) -> Response:
        del content
        self.records.known_zone(apex)
        return await self.listings.records(apex, query(head))

    async def _put_sets(self, head: RequestHead, apex: Name, content: bytes) -> Response:
        return await self._write_sets(head, apex, content, everything=True)

    async def _patch_sets(self, head: RequestHead, apex: Name, content: bytes) -> Response:
        return await self._write_sets(head, apex, content, everything=False)

    async def _write_sets(self, head: RequestHead, apex: Name, content: bytes, *, everything: bool) -> Response:
        sliced = SlicedObject(content, "rrsets", SETS)
        done = await self.records.write_sets(
            apex,
            lambda number: all_of(read_sets(sliced, apex, number), sliced),
            everything=everything,
            dry=is_dry(head),
        )
        return self._changed(apex, done, 200)

    def _changed(self, apex: Name, done: Done, status: int) -> Response:
        serial = self.catalogue.serial(apex)
        return json_response(status, shown_change(apex, serial, done.counts, done.warnings))

    # Single records.

    async def _add_record(self, head: RequestHead, apex: Name, content: bytes) -> Response:
        del head
        zone = self.records.known_zone(apex)
        record = read_record(read_members(content), apex, zone.zone_id)
        doc_id, done = await self.records.add(zone, record)
        answer = {
            **shown_record(doc_id, record),
            **shown_change(apex, self.catalogue.serial(apex), done.counts, done.warnings),
        }
        return json_response(201 if doc_id in done.plan.new else 200, answer)

    async def _show_record(self, doc_id: str) -> Response:
        zone, record = self.records.known_record(doc_id)
        return json_response(200, {**shown_record(doc_id, record), "zone": shown(zone.apex)})

    async def _delete_record(self, doc_id: str) -> Response:
        zone, _ = self.records.known_record(doc_id)
        await self.records.delete(zone, [doc_id])
        return Response(204)
