"""Answers about single documents, local ones included (does)."""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus

from couchpages.couch.embedded.attachments import names_tag
from couchpages.couch.embedded.databases import find_database
from couchpages.couch.embedded.documents import Draft, agreed_revision, check_id, read_draft
from couchpages.couch.embedded.errors import ApiError, bad_request, not_implemented
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.json_request import sent_json
from couchpages.couch.embedded.json_text import read_json
from couchpages.couch.embedded.local_documents import delete_local, save_local
from couchpages.couch.embedded.locations import location
from couchpages.couch.embedded.lookups import read_document, read_leaves_of, read_local
from couchpages.couch.embedded.replicas import replicate_draft
from couchpages.couch.embedded.revisions import Revision, parse_revision
from couchpages.couch.embedded.routes import Document, LocalDocument
from couchpages.couch.embedded.store import Store
from couchpages.couch.embedded.updates import delete_document, save_draft
from couchpages.couch.embedded.views import View, view_of


async def document(store: Store, exchange: Exchange, about: Document | LocalDocument) -> None:
    """Answer `/{database}/{document}`."""
    match exchange.verb:
        case "GET" | "HEAD":
            await (_get if isinstance(about, Document) else _get_local)(store, exchange, about)
        case "PUT":
            await _put(store, exchange, about)
        case "DELETE":
            await _delete(store, exchange, about)
        case _:
            await store.read(partial(find_database, name=about.database))
            raise not_implemented(f"{exchange.verb} of a document is not part of the embedded store.")


async def _get(store: Store, exchange: Exchange, about: Document | LocalDocument) -> None:
    parameters = exchange.parameters
    view = view_of(parameters)
    if "open_revs" in parameters:
        await _get_leaves(store, exchange, about, parameters["open_revs"], view)
        return
    asked = parse_revision(parameters["rev"]) if "rev" in parameters else None
    revision, text = await store.read(lambda c: read_document(c, about.database, about.document, asked, view))
    if not view.is_plain:
        exchange.send_json(HTTPStatus.OK, text)
        return
    _send_tagged(exchange, revision, text)


def _send_tagged(exchange: Exchange, revision: Revision, text: bytes) -> None:
    if names_tag(exchange.header("if-none-match"), str(revision)):
        exchange.send_not_modified(str(revision))
        return
    exchange.send_json(HTTPStatus.OK, text, {"ETag": f'"{revision}"'})


async def _get_leaves(
    store: Store, exchange: Exchange, about: Document | LocalDocument, asked: str, view: View
) -> None:
    name = about.document
    if asked == "all":
        revisions: Sequence[Revision] = await store.read(lambda c: read_leaves_of(c, about.database, name))
    else:
        revisions = _revision_list(asked)
    rows = [await _leaf_row(store, about, revision, view) for revision in revisions]
    exchange.send_json(HTTPStatus.OK, b"[" + b",".join(rows) + b"]")


def _revision_list(text: str) -> list[Revision]:
    value = read_json(text.encode("utf-8", "surrogateescape"))
    if not isinstance(value, list):
        raise bad_request("Invalid list of revisions")
    return [parse_revision(each) for each in value]


async def _leaf_row(store: Store, about: Document | LocalDocument, revision: Revision, view: View) -> bytes:
    try:
        _, text = await store.read(lambda c: read_document(c, about.database, about.document, revision, view))
    except ApiError as error:
        if error.reason != "missing":
            raise
        return b'{"missing":"%s"}' % str(revision).encode()
    return b'{"ok":' + text + b"}"


async def _get_local(store: Store, exchange: Exchange, about: Document | LocalDocument) -> None:
    revision, text = await store.read(lambda c: read_local(c, about.database, about.document))
    _send_tagged(exchange, revision, text)


async def _put(store: Store, exchange: Exchange, about: Document | LocalDocument) -> None:
    await store.read(partial(find_database, name=about.database))
    name = check_id(about.document)
    draft = await sent_json(store, exchange, read_draft)
    parent = agreed_revision(draft.revision, exchange.parameters.get("rev"), exchange.header("if-match"))
    draft = Draft(
        name, parent, draft.history or ((parent,) if parent else ()), draft.deleted, draft.body, draft.attachments
    )
    save = save_local if isinstance(about, LocalDocument) else save_draft
    if exchange.parameters.get("new_edits") == "false" and save is save_draft:
        save = replicate_draft
    revision = await store.write(lambda transaction: save(transaction, about.database, name, draft))
    status = HTTPStatus.OK if draft.deleted else HTTPStatus.CREATED
    where = {"Location": location(exchange.address, about.database, name)}
    _send_revision(exchange, status, name, revision, where)


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
