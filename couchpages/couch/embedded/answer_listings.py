"""Answers of `_all_docs`, streamed page by page (does)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from couchpages.couch.embedded.databases import DatabaseRow, find_database
from couchpages.couch.embedded.errors import bad_request
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.json_request import json_object, require_json, sent_json
from couchpages.couch.embedded.json_text import write_json
from couchpages.couch.embedded.listings import count_before, read_keys, read_page
from couchpages.couch.embedded.query import Parameters, count, flag, json_value, strict_flag
from couchpages.couch.embedded.store import Store
from couchpages.couch.embedded.views import Bounds, View

JSON_TYPE = {"Content-Type": "application/json"}
KEYS_AT_ONCE = 500
_UNLIMITED = 2**62


@dataclass(frozen=True, slots=True)
class Listing:
    """What `_all_docs` is asked for; `keys` is None when all documents within the bounds are meant."""

    bounds: Bounds
    keys: Sequence[object] | None
    skip: int
    limit: int
    view: View | None
    update_seq: bool


def read_listing(parameters: Parameters) -> Listing:
    """Read the query parameters (pure)."""
    has_keys, keys = json_value(parameters, "keys")
    if has_keys and not isinstance(keys, list):
        raise bad_request("`keys` parameter must be an array.")
    shown = View(conflicts=flag(parameters, "conflicts"), attachments=flag(parameters, "attachments"))
    limit = count(parameters, "limit")
    return Listing(
        _bounds(parameters),
        keys if isinstance(keys, list) else None,
        count(parameters, "skip") or 0,
        _UNLIMITED if limit is None else limit,
        shown if strict_flag(parameters, "include_docs") else None,
        strict_flag(parameters, "update_seq"),
    )


def _bounds(parameters: Parameters) -> Bounds:
    descending = strict_flag(parameters, "descending")
    inclusive = strict_flag(parameters, "inclusive_end", default=True)
    has_key, key = json_value(parameters, "key")
    first = (True, key) if has_key else json_value(parameters, "startkey", "start_key")
    last = (True, key) if has_key else json_value(parameters, "endkey", "end_key")
    # Measured: Apache CouchDB takes a start that is no string for none, and an end or key that is none for nothing.
    empty = last[0] and not isinstance(last[1], str)
    return Bounds(_bytes(first[1]), _bytes(last[1]), inclusive or has_key, descending, empty)


def _bytes(key: object) -> bytes | None:
    return key.encode() if isinstance(key, str) else None


def _with_body(parameters: Parameters, value: object) -> Parameters:
    """Let the members of a POST's body count as parameters (pure)."""
    body = json_object(value)
    if "keys" in body and not isinstance(body["keys"], list):
        raise bad_request("`keys` body member must be an array.")
    return {**parameters, **{name: write_json(each).decode() for name, each in body.items()}}


async def all_documents(store: Store, exchange: Exchange, database: str) -> None:
    """Answer `_all_docs`."""
    row = await store.read(partial(find_database, name=database))
    parameters = exchange.parameters
    if exchange.verb == "POST":
        require_json(exchange)
        parameters = await sent_json(store, exchange, partial(_with_body, parameters))
    listing = read_listing(parameters)
    if exchange.verb == "HEAD":
        exchange.send(HTTPStatus.OK, b"", JSON_TYPE)
    elif listing.keys is not None:
        await _send_keys(store, exchange, row, listing, listing.keys)
    else:
        await _send_range(store, exchange, listing, row.name)


def _head(row: DatabaseRow, offset: int | None, listing: Listing) -> bytes:
    told: dict[str, object] = {"total_rows": row.living, "offset": offset}
    if listing.update_seq:
        told["update_seq"] = row.sequence
    return write_json(told)[:-1] + b',"rows":[\n'


async def _send_keys(
    store: Store, exchange: Exchange, row: DatabaseRow, listing: Listing, keys: Sequence[object]
) -> None:
    wanted = keys[listing.skip : listing.skip + listing.limit]
    exchange.stream(HTTPStatus.OK, JSON_TYPE)
    exchange.write(_head(row, None, listing))
    done = 0
    while done < len(wanted):
        some = wanted[done : done + KEYS_AT_ONCE]
        rows = await store.read(partial(read_keys, database=row.name, keys=some, view=listing.view))
        exchange.write(_joined(rows, first=done == 0))
        done += len(rows)
        await exchange.ready()
    exchange.write(b"\n]}\n")
    exchange.end()


def _joined(rows: Iterable[bytes], *, first: bool) -> bytes:
    text = b",\n".join(rows)
    return text if first or not text else b",\n" + text


async def _send_range(store: Store, exchange: Exchange, listing: Listing, database: str) -> None:
    row, before = await store.read(partial(count_before, database=database, bounds=listing.bounds))
    offset = 0 if listing.bounds.empty else min(before + listing.skip, row.living)
    exchange.stream(HTTPStatus.OK, JSON_TYPE)
    exchange.write(_head(row, offset, listing))
    left = 0 if listing.bounds.empty else listing.limit
    skip, first = listing.skip, True
    after: bytes | None = None
    while left > 0:
        job = partial(read_page, bounds=listing.bounds, after=after, skip=skip, limit=left, view=listing.view)
        page = await store.read(partial(job, database=database))
        exchange.write(_joined(page.rows, first=first))
        left, skip, after, first = left - len(page.rows), 0, page.cursor, False
        if not page.more:
            break
        await exchange.ready()
    exchange.write(b"\n]}\n")
    exchange.end()
