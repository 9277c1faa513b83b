"""Answers about the server and its databases (does)."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from couchpages.couch.embedded.databases import create_database, drop_database, find_database, list_databases
from couchpages.couch.embedded.documents import read_draft
from couchpages.couch.embedded.errors import bad_request, missing
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.json_request import require_json, sent_json
from couchpages.couch.embedded.local_documents import save_local
from couchpages.couch.embedded.locations import location
from couchpages.couch.embedded.replicas import replicate_draft
from couchpages.couch.embedded.store import Store
from couchpages.couch.embedded.updates import save_draft

WELCOME: Mapping[str, object] = {
    "couchdb": "Welcome",
    "version": "3.5.0",  # whose behaviour this store imitates
    "features": [],
    "vendor": {"name": "CouchDB Pages, embedded store"},
}
OK = {"ok": True}


async def welcome(exchange: Exchange) -> None:
    """Answer `/`."""
    exchange.send_json(HTTPStatus.OK, WELCOME)


async def up(exchange: Exchange) -> None:
    """Answer `/_up`."""
    exchange.send_json(HTTPStatus.OK, {"status": "ok", "seeds": {}})


async def session() -> None:
    """Answer `/_session`: there are no sessions. A replicator that hears so sends name and password with each request."""
    raise missing()


async def all_databases(store: Store, exchange: Exchange) -> None:
    """Answer `/_all_dbs`."""
    exchange.send_json(HTTPStatus.OK, await store.read(list_databases))


async def database(store: Store, exchange: Exchange, name: str) -> None:
    """Answer `/{database}`."""
    match exchange.verb:
        case "PUT":
            job = partial(create_database, name=name, uuid=store.new_uuid(), created=store.microseconds())
            await store.write(job)
            exchange.send_json(HTTPStatus.CREATED, OK, {"Location": location(exchange.address, name)})
        case "DELETE":
            if "rev" in exchange.parameters:
                raise bad_request(
                    "You tried to DELETE a database with a ?=rev parameter. Did you mean to DELETE a document instead?"
                )
            await store.write(partial(drop_database, name=name))
            exchange.send_json(HTTPStatus.OK, OK)
        case "POST":
            await _new_document(store, exchange, name)
        case _:
            row = await store.read(partial(find_database, name=name))
            exchange.send_json(HTTPStatus.OK, row.described())


async def _new_document(store: Store, exchange: Exchange, name: str) -> None:
    await store.read(partial(find_database, name=name))
    require_json(exchange)
    draft = await sent_json(store, exchange, read_draft)
    document = draft.name or store.new_uuid()
    save = save_local if document.startswith("_local/") else save_draft
    if exchange.parameters.get("new_edits") == "false":
        save = replicate_draft
    revision = await store.write(lambda transaction: save(transaction, name, document, draft))
    answer = {"ok": True, "id": document, "rev": str(revision)}
    exchange.send_json(HTTPStatus.CREATED, answer, {"Location": location(exchange.address, name, document)})


async def full_commit(store: Store, exchange: Exchange, name: str) -> None:
    """Answer `/{database}/_ensure_full_commit`: every commit is full here."""
    row = await store.read(partial(find_database, name=name))
    require_json(exchange)
    exchange.send_json(HTTPStatus.CREATED, {"ok": True, "instance_start_time": str(row.created)})
