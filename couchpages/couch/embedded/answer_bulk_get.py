"""Answers of `_bulk_get`: revisions of many documents, in JSON or as multipart, one after the other (does).

Source: CouchDB documentation, "POST /{db}/_bulk_get"; the forms measured against Apache CouchDB 3.5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus

from couchpages.couch.embedded.accepting import accepts
from couchpages.couch.embedded.answer_contents import held, write_segments
from couchpages.couch.embedded.answer_revisions import MIXED, RELATED, new_boundary, newest
from couchpages.couch.embedded.databases import find_database
from couchpages.couch.embedded.documents import check_id
from couchpages.couch.embedded.errors import ApiError, bad_request
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.json_request import json_object, require_json, sent_json
from couchpages.couch.embedded.json_text import write_json
from couchpages.couch.embedded.lookups import read_document, read_leaves_of, read_parts
from couchpages.couch.embedded.multipart_writing import ERROR_PART, JSON_PART, related
from couchpages.couch.embedded.query import Parameters, flag
from couchpages.couch.embedded.revisions import Revision, parse_revision
from couchpages.couch.embedded.segments import Segment, contents_of
from couchpages.couch.embedded.store import Store
from couchpages.couch.embedded.views import View, view_of

_NOT_HERE = ("open_revs", "new_edits", "w", "rev", "atts_since")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One document that is asked for; `revision` None for all leaves. With a `refusal` it cannot be looked for."""

    name: str | None
    revision: Revision | None = None
    atts_since: tuple[Revision, ...] = ()
    refusal: Mapping[str, object] | None = None


async def bulk_get(store: Store, exchange: Exchange, database: str) -> None:
    """Answer `_bulk_get`."""
    await store.read(partial(find_database, name=database))
    require_json(exchange)
    wanted = await sent_json(store, exchange, read_wanted)
    view, latest = _options(exchange.parameters)
    sender = _Sender(store, exchange, database, view, latest=latest)
    accepted = exchange.header("accept")
    if accepts(accepted, "application/json") or not (accepts(accepted, MIXED) or accepts(accepted, RELATED)):
        await sender.send_json(wanted)
    else:
        await sender.send_multipart(wanted, MIXED if accepts(accepted, MIXED) else RELATED)


def _options(parameters: Parameters) -> tuple[View, bool]:
    for name in _NOT_HERE:
        if name in parameters:
            raise bad_request(f'"{name}" query parameter is not acceptable')
    return view_of(parameters), flag(parameters, "latest")


def read_wanted(value: object) -> list[Wanted]:
    """Read the body of `_bulk_get` (pure)."""
    docs = json_object(value).get("docs")
    if not isinstance(docs, list):
        raise bad_request("Missing JSON list of 'docs'.")
    return [_wanted(each) for each in docs]


def _wanted(value: object) -> Wanted:
    if not isinstance(value, dict) or not value:
        return _refused(None, None, bad_request("document must be a JSON object"))
    if "id" not in value:
        return _refused(None, None, bad_request("document id missed"))
    name, revision, since = value["id"], value.get("rev"), value.get("atts_since", [])
    shown = None  # what is named as the revision when the next step is refused
    try:
        name = check_id(name)
        shown = revision
        asked = parse_revision(revision) if "rev" in value else None
        shown = since
        return Wanted(name, asked, _revisions(since))
    except ApiError as error:
        return _refused(name, shown, error)


def _revisions(value: object) -> tuple[Revision, ...]:
    if not isinstance(value, list):
        raise bad_request("att_since value must be array of revs.")
    return tuple(parse_revision(each) for each in value)


def _refused(name: object, revision: object, error: ApiError) -> Wanted:
    return Wanted(name if isinstance(name, str) else None, refusal=_told(name, revision, error))


def _told(name: object, revision: object, error: ApiError) -> dict[str, object]:
    return {"id": name, "rev": revision, "error": error.error, "reason": error.reason}


@dataclass(frozen=True, slots=True)
class _Sender:
    """Writes one answer; each revision is read, held and written for itself."""

    store: Store
    exchange: Exchange
    database: str
    view: View
    latest: bool

    async def send_json(self, wanted: Sequence[Wanted]) -> None:
        self.exchange.stream(HTTPStatus.OK, {"Content-Type": "application/json"})
        self.exchange.write(b'{"results":[')
        for number, each in enumerate(wanted):
            self.exchange.write((b"," if number else b"") + b'{"id":' + write_json(each.name) + b',"docs":[')
            await self._json_revisions(each)
            self.exchange.write(b"]}")
        self.exchange.write(b"]}\n")
        self.exchange.end()

    async def _json_revisions(self, wanted: Wanted) -> None:
        for number, revision in enumerate(await self._revisions(wanted)):
            self.exchange.write(b"," if number else b"")
            if isinstance(revision, Revision):
                await self._json_revision(wanted, revision)
            else:
                self.exchange.write(write_json({"error": revision}))

    async def _json_revision(self, wanted: Wanted, revision: Revision) -> None:
        read = partial(
            read_document, database=self.database, name=wanted.name or "", revision=revision, view=self._view(wanted)
        )
        try:
            async with held(self.store, read, lambda found: contents_of(found[1])) as (_, segments):
                await write_segments(self.store, self.exchange, [b'{"ok":', *segments, b"}"])
        except ApiError as error:
            self.exchange.write(write_json({"error": _told(wanted.name, str(revision), error)}))

    async def send_multipart(self, wanted: Sequence[Wanted], kind: str) -> None:
        outer, inner = b"--" + new_boundary(), b"--" + new_boundary()
        self.exchange.stream(HTTPStatus.OK, {"Content-Type": f'{kind}; boundary="{outer.decode()}"'})
        for each in wanted:
            for revision in await self._revisions(each):
                self.exchange.write(b"\r\n--" + outer)
                if isinstance(revision, Revision):
                    await self._part(each, revision, inner)
                else:
                    self.exchange.write(ERROR_PART + write_json(revision))
        self.exchange.write(b"\r\n--" + outer + b"--\r\n" if wanted else b"")
        self.exchange.end()

    async def _part(self, wanted: Wanted, revision: Revision, inner: bytes) -> None:
        view, name = self._view(wanted), wanted.name or ""
        read = partial(read_parts, database=self.database, name=name, revision=revision, view=view.with_contents())
        try:
            async with held(self.store, read, lambda found: found[2]) as (found, text, attachments):
                head = JSON_PART if not attachments else _related_head(name, found, inner)
                segments: list[Segment] = [head, *related(inner, text, attachments)]
                await write_segments(self.store, self.exchange, segments)
        except ApiError as error:
            told = _told(name, str(revision), error)
            self.exchange.write(ERROR_PART + write_json({key: told[key] for key in ("rev", "error", "reason")}))

    def _view(self, wanted: Wanted) -> View:
        if not wanted.atts_since:
            return self.view
        return replace(self.view, attachments=True, atts_since=wanted.atts_since)

    async def _revisions(self, wanted: Wanted) -> Sequence[Revision | Mapping[str, object]]:
        """Give the revisions to write, or what is told instead of them."""
        if wanted.refusal is not None:
            return [wanted.refusal]
        name = wanted.name or ""
        if wanted.revision is None:
            try:
                return await self.store.read(partial(read_leaves_of, database=self.database, name=name))
            except ApiError as error:
                return [_told(name, "undefined", error)]
        if not self.latest:
            return [wanted.revision]
        return await self.store.read(partial(newest, database=self.database, document=name, asked=[wanted.revision]))


def _related_head(name: str, revision: Revision, boundary: bytes) -> bytes:
    told = f"\r\nX-Doc-Id: {name}\r\nX-Rev-Id: {revision}\r\nContent-Type: {RELATED}; boundary="
    return told.encode() + boundary + b"\r\n\r\n"
