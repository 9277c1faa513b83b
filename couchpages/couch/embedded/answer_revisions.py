"""Answers with several revisions of a document, in JSON or as multipart (does).

Source: CouchDB documentation, "GET /{db}/{docid}" (`open_revs`, `latest`); the forms measured against Apache CouchDB 3.5.
"""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from secrets import token_hex
from sqlite3 import Connection

from couchpages.couch.embedded.accepting import accepts
from couchpages.couch.embedded.answer_contents import held, write_segments
from couchpages.couch.embedded.errors import ApiError
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.json_text import write_json
from couchpages.couch.embedded.lookups import newest_of, read_document, read_leaves_of, read_parts
from couchpages.couch.embedded.multipart_writing import ERROR_PART, related, related_type
from couchpages.couch.embedded.query import Parameters, flag
from couchpages.couch.embedded.revisions import Revision
from couchpages.couch.embedded.routes import Document
from couchpages.couch.embedded.segments import contents_of, joined
from couchpages.couch.embedded.store import Store
from couchpages.couch.embedded.views import View, revisions_of

MIXED, RELATED = "multipart/mixed", "multipart/related"


def new_boundary() -> bytes:
    """Give a boundary that no content is likely to have."""
    return token_hex(16).encode()


async def open_revisions(store: Store, exchange: Exchange, about: Document, parameters: Parameters, view: View) -> None:
    """Answer `open_revs`: these revisions, or all leaves."""
    revisions = await store.read(partial(wanted_revisions, about=about, parameters=parameters))
    if accepts(exchange.header("accept"), MIXED):
        await _send_mixed(store, exchange, about, revisions, view)
    else:
        await _send_json(store, exchange, about, revisions, view)


def wanted_revisions(connection: Connection, about: Document, parameters: Parameters) -> Sequence[Revision]:
    """List what is asked for; with `latest`, what has become of it."""
    asked = parameters["open_revs"]
    if asked == "all":
        return read_leaves_of(connection, about.database, about.document)
    revisions = revisions_of(asked)
    if not flag(parameters, "latest"):
        return revisions
    return newest(connection, about.database, about.document, revisions)


def newest(connection: Connection, database: str, document: str, asked: Sequence[Revision]) -> list[Revision]:
    """Put the leaves that they became in the place of revisions; one that is not known stays, once each."""
    found = [newest_of(connection, database, document, each) or [each] for each in asked]
    return list(dict.fromkeys(revision for each in found for revision in each))


async def _send_json(
    store: Store, exchange: Exchange, about: Document, revisions: Sequence[Revision], view: View
) -> None:
    exchange.stream(HTTPStatus.OK, {"Content-Type": "application/json"})
    exchange.write(b"[")
    for number, revision in enumerate(revisions):
        exchange.write(b"," if number else b"")
        read = partial(read_document, database=about.database, name=about.document, revision=revision, view=view)
        try:
            async with held(store, read, lambda found: contents_of(found[1])) as (_, segments):
                await write_segments(store, exchange, [b'{"ok":', *segments, b"}"])
        except ApiError as error:
            exchange.write(_missing(revision, error))
    exchange.write(b"]\n")
    exchange.end()


async def _send_mixed(
    store: Store, exchange: Exchange, about: Document, revisions: Sequence[Revision], view: View
) -> None:
    outer, inner = new_boundary(), new_boundary()
    exchange.stream(HTTPStatus.OK, {"Content-Type": f'{MIXED}; boundary="{outer.decode()}"'})
    exchange.write(b"--" + outer)
    # Contents always follow here, as Apache CouchDB has it.
    view = view.with_contents()
    for revision in revisions:
        read = partial(read_parts, database=about.database, name=about.document, revision=revision, view=view)
        try:
            async with held(store, read, lambda found: found[2]) as (_, text, attachments):
                head = b"\r\nContent-Type: " + related_type(inner, attachments) + b"\r\n\r\n"
                # The delimiter goes out with the end of the part, in one chunk: between the two, Apache CouchDB's replicator,
                # which reads the inner multipart by itself, may wait for a piece that nobody fetches.
                segments = [head, *related(inner, text, attachments), b"\r\n--" + outer]
                await write_segments(store, exchange, joined(segments))
        except ApiError as error:
            exchange.write(ERROR_PART + _missing(revision, error) + b"\r\n--" + outer)
    exchange.write(b"--")
    exchange.end()


def _missing(revision: Revision, error: ApiError) -> bytes:
    if error.reason != "missing":
        raise error
    return write_json({"missing": str(revision)})
