"""Answers about single documents, local ones included (does)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus

from couchpages.couch.embedded.accepting import accepts
from couchpages.couch.embedded.answer_contents import held, write_segments
from couchpages.couch.embedded.answer_revisions import RELATED, new_boundary, open_revisions
from couchpages.couch.embedded.attachments import names_tag
from couchpages.couch.embedded.databases import find_database
from couchpages.couch.embedded.documents import Draft, agreed_revision, check_id, read_draft
from couchpages.couch.embedded.errors import not_implemented
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.json_request import sent_json
from couchpages.couch.embedded.local_documents import delete_local, save_local
from couchpages.couch.embedded.locations import location
from couchpages.couch.embedded.lookups import read_document, read_local, read_parts
from couchpages.couch.embedded.multipart_body import MultipartBody
from couchpages.couch.embedded.multipart_writing import related, related_type
from couchpages.couch.embedded.new_attachments import NewAttachment
from couchpages.couch.embedded.query import flag
from couchpages.couch.embedded.replicas import replicate_draft
from couchpages.couch.embedded.revisions import Revision, parse_revision
from couchpages.couch.embedded.routes import Document, LocalDocument
from couchpages.couch.embedded.segments import Segment, contents_of, length_of
from couchpages.couch.embedded.store import Store
from couchpages.couch.embedded.updates import delete_document, save_draft
from couchpages.couch.embedded.views import View, view_of
from couchpages.couch.embedded.writer import Transaction


async def document(store: Store, exchange: Exchange, about: Document | LocalDocument) -> None:
    """Answer `/{database}/{document}`."""
    match exchange.verb:
        case "GET" | "HEAD" if isinstance(about, Document):
            await _get(store, exchange, about)
        case "GET" | "HEAD" if isinstance(about, LocalDocument):
            await _get_local(store, exchange, about)
        case "PUT":
            await _put(store, exchange, about)
        case "DELETE":
            await _delete(store, exchange, about)
        case _:
            await store.read(partial(find_database, name=about.database))
            raise not_implemented(f"{exchange.verb} of a document is not part of the embedded store.")


async def _get(store: Store, exchange: Exchange, about: Document) -> None:
    parameters = exchange.parameters
    view = view_of(parameters)
    if "open_revs" in parameters:
        await open_revisions(store, exchange, about, parameters, view)
        return
    # Apache CouchDB gives the winner to whoever names a revision and wants the latest.
    named = "rev" in parameters and not flag(parameters, "latest")
    asked = parse_revision(parameters["rev"]) if named else None
    if view.attachments and accepts(exchange.header("accept"), RELATED):
        await _send_related(store, exchange, about, asked, view)
        return
    read = partial(read_document, database=about.database, name=about.document, revision=asked, view=view)
    async with held(store, read, lambda found: contents_of(found[1])) as (revision, segments):
        if is_known(exchange, revision, view):
            return
        await _send_segments(store, exchange, segments, tag(revision, view))


async def _send_segments(store: Store, exchange: Exchange, segments: Sequence[Segment], tagged: dict[str, str]) -> None:
    if len(segments) == 1 and isinstance(segments[0], bytes):
        exchange.send_json(HTTPStatus.OK, segments[0], tagged)
        return
    exchange.stream(HTTPStatus.OK, {"Content-Type": "application/json", **tagged})
    await write_segments(store, exchange, [*segments, b"\n"])
    exchange.end()


async def _send_related(store: Store, exchange: Exchange, about: Document, asked: Revision | None, view: View) -> None:
    """Send a document and its attachments as multipart; a document without any is JSON as ever."""
    read = partial(read_parts, database=about.database, name=about.document, revision=asked, view=view)
    async with held(store, read, lambda found: found[2]) as (revision, text, attachments):
        if is_known(exchange, revision, view):
            return
        if not attachments:
            exchange.send_json(HTTPStatus.OK, text, tag(revision, view))
            return
        boundary = new_boundary()
        segments = related(boundary, text, attachments)
        headers = {
            "Content-Type": related_type(boundary, attachments).decode(),
            "Content-Length": str(length_of(segments)),
            **tag(revision, view),
        }
        exchange.stream(HTTPStatus.OK, headers)
        await write_segments(store, exchange, segments if exchange.verb == "GET" else [])
        exchange.end()


def is_known(exchange: Exchange, revision: Revision, view: View) -> bool:
    """Answer 304 when the client has this revision already; tell whether that was done."""
    if view.is_plain and names_tag(exchange.header("if-none-match"), str(revision)):
        exchange.send_not_modified(str(revision))
        return True
    return False


def tag(revision: Revision, view: View) -> dict[str, str]:
    """Give the entity tag of an answer that only the revision decides."""
    return {"ETag": f'"{revision}"'} if view.is_plain else {}


async def _get_local(store: Store, exchange: Exchange, about: LocalDocument) -> None:
    revision, text = await store.read(lambda c: read_local(c, about.database, about.document))
    if not is_known(exchange, revision, View()):
        exchange.send_json(HTTPStatus.OK, text, tag(revision, View()))


async def _put(store: Store, exchange: Exchange, about: Document | LocalDocument) -> None:
    await store.read(partial(find_database, name=about.database))
    name = check_id(about.document)
    draft, beside = await _sent_document(store, exchange)
    parent = agreed_revision(draft.revision, exchange.parameters.get("rev"), exchange.header("if-match"))
    draft = replace(draft, name=name, revision=parent, history=draft.history or ((parent,) if parent else ()))
    try:
        revision = await store.write(lambda transaction: _save(transaction, exchange, about, draft, beside))
    except Exception:
        exchange.body.abandon()
        if isinstance(exchange.body, MultipartBody):
            exchange.body.check()  # what went wrong first
        raise
    status = HTTPStatus.OK if draft.deleted else HTTPStatus.CREATED
    where = {"Location": location(exchange.address, about.database, name)}
    _send_revision(exchange, status, name, revision, where)


async def _sent_document(store: Store, exchange: Exchange) -> tuple[Draft, list[NewAttachment]]:
    if isinstance(exchange.body, MultipartBody):
        return exchange.body.document()
    return await sent_json(store, exchange, read_draft), []


def _save(
    transaction: Transaction,
    exchange: Exchange,
    about: Document | LocalDocument,
    draft: Draft,
    beside: Sequence[NewAttachment],
) -> Revision:
    if isinstance(about, LocalDocument):
        return save_local(transaction, about.database, about.document, draft)
    save = replicate_draft if exchange.parameters.get("new_edits") == "false" else save_draft
    return save(transaction, about.database, about.document, draft, beside)


def _send_revision(
    exchange: Exchange, status: HTTPStatus, name: str, revision: Revision, headers: dict[str, str] | None = None
) -> None:
    answer = {"ok": True, "id": name, "rev": str(revision)}
    exchange.send_json(status, answer, {**(headers or {}), "ETag": f'"{revision}"'})


async def _delete(store: Store, exchange: Exchange, about: Document | LocalDocument) -> None:
    parent = agreed_revision(None, exchange.parameters.get("rev"), exchange.header("if-match"))
    name = about.document
    if isinstance(about, LocalDocument):
        revision = await store.write(lambda transaction: delete_local(transaction, about.database, name))
    else:
        revision = await store.write(lambda transaction: delete_document(transaction, about.database, name, parent))
    _send_revision(exchange, HTTPStatus.OK, name, revision)
