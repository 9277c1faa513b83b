"""Answers about many documents at once: `_bulk_docs`, `_revs_diff` (does)."""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus

from couchpages.couch.embedded.databases import find_database
from couchpages.couch.embedded.documents import Draft, read_draft
from couchpages.couch.embedded.errors import ApiError, bad_request
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.json_request import json_object, require_json, sent_json
from couchpages.couch.embedded.lookups import missing_revisions
from couchpages.couch.embedded.replicas import replicate_drafts
from couchpages.couch.embedded.revisions import Revision, parse_revision
from couchpages.couch.embedded.store import Store
from couchpages.couch.embedded.updates import save_drafts


def _drafts(value: object) -> tuple[bool, list[Draft]]:
    body = json_object(value)
    if "docs" not in body:
        raise bad_request("POST body must include `docs` parameter.")
    if not isinstance(body["docs"], list):
        raise bad_request("`docs` parameter must be an array.")
    return body.get("new_edits") is not False, [read_draft(each) for each in body["docs"]]


async def bulk_documents(store: Store, exchange: Exchange, database: str) -> None:
    """Answer `_bulk_docs`: one result for each document; with `new_edits` false, none."""
    await _begin(store, exchange, database)
    new_edits, drafts = await sent_json(store, exchange, _drafts)
    named = [(draft.name or store.new_uuid(), draft) for draft in drafts]
    if not new_edits:
        await store.write(lambda transaction: replicate_drafts(transaction, database, named))
        exchange.send_json(HTTPStatus.CREATED, [])
        return
    results = await store.write(lambda transaction: save_drafts(transaction, database, named))
    exchange.send_json(HTTPStatus.CREATED, [_result(name, result) for name, result in results])


async def _begin(store: Store, exchange: Exchange, database: str) -> None:
    await store.read(lambda connection: find_database(connection, database))
    require_json(exchange)


def _result(name: str, result: Revision | ApiError) -> dict[str, object]:
    if isinstance(result, ApiError):
        return {"id": name, "error": result.error, "reason": result.reason}
    return {"ok": True, "id": name, "rev": str(result)}


def _revisions(value: object) -> dict[str, Sequence[Revision]]:
    asked: dict[str, Sequence[Revision]] = {}
    for name, revisions in json_object(value).items():
        if not isinstance(revisions, list):
            raise bad_request("Invalid list of revisions")
        asked[name] = [parse_revision(each) for each in revisions]
    return asked


async def revisions_difference(store: Store, exchange: Exchange, database: str) -> None:
    """Answer `_revs_diff`."""
    await _begin(store, exchange, database)
    asked = await sent_json(store, exchange, _revisions)
    missing = await store.read(partial(missing_revisions, database=database, asked=asked))
    exchange.send_json(HTTPStatus.OK, missing)
