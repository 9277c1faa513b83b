"""Answers about attachments, streamed in and out in pieces of bounded size (does)."""

from functools import partial
from http import HTTPStatus

from couchpages.couch.embedded.attachments import Stored, names_tag, part_of
from couchpages.couch.embedded.bodies import UploadBody
from couchpages.couch.embedded.contents import CHUNK, is_readable, read_chunk
from couchpages.couch.embedded.documents import DEFAULT_TYPE, agreed_revision, check_attachment_name, check_id
from couchpages.couch.embedded.errors import bad_content_type, bad_request, missing, not_implemented
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.locations import location
from couchpages.couch.embedded.lookups import find_attachment
from couchpages.couch.embedded.revisions import Revision, parse_revision
from couchpages.couch.embedded.routes import Attachment
from couchpages.couch.embedded.store import Store
from couchpages.couch.embedded.updates import NewAttachment, remove_attachment, save_attachment


async def attachment(store: Store, exchange: Exchange, about: Attachment) -> None:
    """Answer `/{database}/{document}/{attachment}`."""
    match exchange.verb:
        case "PUT":
            await _put(store, exchange, about)
        case "DELETE":
            await _delete(store, exchange, about)
        case _:
            await _get(store, exchange, about)


def check_upload(exchange: Exchange, about: Attachment) -> Revision | None:
    """Refuse what can be refused before the body comes; return the revision that is claimed."""
    check_id(about.document)
    check_attachment_name(about.attachment)
    encoding = (exchange.header("content-encoding") or "identity").lower()
    if encoding == "gzip":
        raise not_implemented("Attachments with Content-Encoding: gzip are not part of the embedded store.")
    if encoding != "identity":
        raise bad_content_type("Only gzip and identity content-encodings are supported")
    return _claimed(exchange)


def _claimed(exchange: Exchange) -> Revision | None:
    return agreed_revision(None, exchange.parameters.get("rev"), exchange.header("if-match"))


async def _put(store: Store, exchange: Exchange, about: Attachment) -> None:
    claimed = check_upload(exchange, about)
    body = exchange.body
    if not isinstance(body, UploadBody):
        raise bad_request("Missing request body")
    new = NewAttachment(about.attachment, exchange.header("content-type") or DEFAULT_TYPE, body.received())
    try:
        revision = await store.write(lambda t: save_attachment(t, about.database, about.document, claimed, new))
    except Exception:
        body.abandon()
        body.check()  # what went wrong first
        raise
    _send(exchange, HTTPStatus.CREATED, about, revision)


def _send(exchange: Exchange, status: HTTPStatus, about: Attachment, revision: Revision) -> None:
    where = location(exchange.address, about.database, about.document, about.attachment)
    headers = {"Location": where} if status == HTTPStatus.CREATED else {}
    exchange.send_json(status, {"ok": True, "id": about.document, "rev": str(revision)}, headers)


async def _delete(store: Store, exchange: Exchange, about: Attachment) -> None:
    claimed = _claimed(exchange)
    job = remove_attachment
    revision = await store.write(lambda t: job(t, about.database, about.document, claimed, about.attachment))
    _send(exchange, HTTPStatus.OK, about, revision)


async def _get(store: Store, exchange: Exchange, about: Attachment) -> None:
    asked = parse_revision(exchange.parameters["rev"]) if "rev" in exchange.parameters else None
    stored = await _held(store, about, asked)
    try:
        await _send_content(store, exchange, stored)
    finally:
        store.pins.release(stored.content)


async def _held(store: Store, about: Attachment, asked: Revision | None) -> Stored:
    """Find the attachment, and hold its content so that the sweep leaves it alone."""
    for _ in range(3):
        stored = await store.read(lambda c: find_attachment(c, about.database, about.document, asked, about.attachment))
        store.pins.hold(stored.content)
        try:
            readable = await store.read(partial(is_readable, key=stored.content))
        except BaseException:
            store.pins.release(stored.content)
            raise
        if readable:
            return stored
        store.pins.release(stored.content)
    raise missing()


async def _send_content(store: Store, exchange: Exchange, stored: Stored) -> None:
    ranged = stored.accepts_ranges
    headers = {
        "ETag": f'"{stored.md5}"',
        "Content-Type": stored.content_type,
        "Content-Security-Policy": "sandbox",
        "Accept-Ranges": "bytes" if ranged else "none",
    }
    if names_tag(exchange.header("if-none-match"), stored.md5):
        exchange.send_not_modified(stored.md5)
        return
    part = part_of(exchange.header("range"), stored.length) if ranged else None
    status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
    if part is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{stored.length}"
    await _send_part(store, exchange, stored, part or range(stored.length), status, headers)


async def _send_part(
    store: Store, exchange: Exchange, stored: Stored, part: range, status: HTTPStatus, headers: dict[str, str]
) -> None:
    headers["Content-Length"] = str(len(part))
    starts = range(part.start - part.start % CHUNK, part.stop, CHUNK) if exchange.verb == "GET" else range(0)
    first = await _piece(store, stored, starts[0], part) if starts else b""
    exchange.stream(status, headers)
    exchange.write(first)
    for start in starts[1:]:
        await exchange.ready()
        exchange.write(await _piece(store, stored, start, part))
    exchange.end()


async def _piece(store: Store, stored: Stored, start: int, part: range) -> bytes:
    chunk = await store.read(lambda connection: read_chunk(connection, stored.content, start))
    return chunk[max(0, part.start - start) : part.stop - start]
