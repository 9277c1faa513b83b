"""Answers about attachments, streamed in and out in pieces of bounded size (does)."""

from http import HTTPStatus
from sqlite3 import Connection

from couchpages.couch.embedded.answer_contents import held, write_segments
from couchpages.couch.embedded.attachments import Stored, names_tag, part_of
from couchpages.couch.embedded.bodies import UploadBody
from couchpages.couch.embedded.compression import GZIP, is_compressible
from couchpages.couch.embedded.contents import CHUNK, read_chunk
from couchpages.couch.embedded.documents import DEFAULT_TYPE, agreed_revision, check_attachment_name, check_id
from couchpages.couch.embedded.errors import bad_content_type, bad_request
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.intake import Flow, Intake
from couchpages.couch.embedded.locations import location
from couchpages.couch.embedded.lookups import find_attachment
from couchpages.couch.embedded.new_attachments import NewAttachment
from couchpages.couch.embedded.revisions import Revision, parse_revision
from couchpages.couch.embedded.routes import Attachment
from couchpages.couch.embedded.segments import Content, Form
from couchpages.couch.embedded.store import Store
from couchpages.couch.embedded.updates import remove_attachment, save_attachment


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
    if _encoding(exchange) not in ("identity", GZIP):
        raise bad_content_type("Only gzip and identity content-encodings are supported")
    return _claimed(exchange)


def upload_body(store: Store, exchange: Exchange) -> UploadBody:
    """Make the body for an attachment, which is kept compressed when it comes so or has a type for that."""
    gzipped = _encoding(exchange) == GZIP
    compress = not gzipped and is_compressible(_type(exchange))
    flow = Flow(exchange.channel.tcp)
    return UploadBody(Intake(store.writer, flow, compress=compress, encoding=GZIP if gzipped else None))


def _encoding(exchange: Exchange) -> str:
    return (exchange.header("content-encoding") or "identity").lower()


def _type(exchange: Exchange) -> str:
    return exchange.header("content-type") or DEFAULT_TYPE


def _claimed(exchange: Exchange) -> Revision | None:
    return agreed_revision(None, exchange.parameters.get("rev"), exchange.header("if-match"))


async def _put(store: Store, exchange: Exchange, about: Attachment) -> None:
    claimed = check_upload(exchange, about)
    body = exchange.body
    if not isinstance(body, UploadBody):
        raise bad_request("Missing request body")
    new = NewAttachment(about.attachment, _type(exchange), body.received())
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

    def read(connection: Connection) -> Stored:
        return find_attachment(connection, about.database, about.document, asked, about.attachment)

    async with held(store, read, lambda stored: [stored]) as stored:
        await _send_content(store, exchange, stored)


async def _send_content(store: Store, exchange: Exchange, stored: Stored) -> None:
    if names_tag(exchange.header("if-none-match"), stored.md5):
        exchange.send_not_modified(stored.md5)
        return
    headers = {
        "ETag": f'"{stored.md5}"',
        "Content-Type": stored.content_type,
        "Content-Security-Policy": "sandbox",
        "Accept-Ranges": "bytes" if stored.accepts_ranges else "none",
    }
    if stored.encoding is not None and stored.encoding not in _accepted(exchange):
        await _send_unpacked(store, exchange, stored, headers)
        return
    if stored.encoding is not None:
        headers["Content-Encoding"] = stored.encoding
    part = part_of(exchange.header("range"), stored.length) if stored.accepts_ranges else None
    status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
    if part is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{stored.length}"
    await _send_part(store, exchange, stored, part or range(stored.length), status, headers)


def _accepted(exchange: Exchange) -> list[str]:
    told = (exchange.header("accept-encoding") or "").lower()
    return [
        each.partition(";")[0].strip() for each in told.split(",") if each.replace(" ", "").endswith(";q=0") is False
    ]


async def _send_unpacked(store: Store, exchange: Exchange, stored: Stored, headers: dict[str, str]) -> None:
    """Send what is kept compressed as it was before, in chunks where its length is not known."""
    if stored.has_known_identity:
        headers["Content-Length"] = str(stored.told_length)
    exchange.stream(HTTPStatus.OK, headers)
    if exchange.verb == "GET":
        await write_segments(store, exchange, [Content(stored, Form.IDENTITY)])
    exchange.end()


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
