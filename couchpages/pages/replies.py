"""From verdicts to the head of an answer and the slices of its body, decided (pure).

The bytes of blobs are not here: a ``Reply`` says which of them go where, and whoever has them, in memory or in a file, sends them.
Content-Length is always set, except on 304, which must not have another than the 200 would have (RFC 9110 section 8.6).
"""

import html
from dataclasses import dataclass, replace

from couchpages.pages.conditional import NotModified, PreconditionFailed, Proceed, etag, precondition
from couchpages.pages.media_types import media_type
from couchpages.pages.ranges import ByteRange, Parts, Unsatisfiable, Whole, requested_range
from couchpages.web.message import Headers, Response

Fields = tuple[tuple[bytes, bytes], ...]

REVALIDATE = (b"cache-control", b"public, max-age=0, must-revalidate")
NOT_STORED = (b"cache-control", b"no-store")
NOSNIFF = (b"x-content-type-options", b"nosniff")
_ACCEPT_RANGES = (b"accept-ranges", b"bytes")

_HTML = b"text/html; charset=utf-8"
_TEXT = b"text/plain; charset=utf-8"
_LONGEST_SHOWN_HOST = 253

Piece = bytes | ByteRange
"""What is sent as it stands, or bytes of the reply's blob."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: *body* is sent piece by piece, its ranges from the content with the SHA-256 *blob*.

    *blob* is None where no piece comes from a blob, so that nobody fetches one for 304, 416, 412 or HEAD.
    """

    status: int
    headers: Fields
    body: tuple[Piece, ...] = ()
    blob: str | None = None

    def to(self, method: bytes) -> "Reply":
        """Give the answer to *method*: for HEAD the same head without a body (RFC 9110 section 9.3.2)."""
        return replace(self, body=(), blob=None) if method == b"HEAD" else self

    def from_memory(self, content: bytes = b"") -> Response:
        """Give the response where the blob's whole *content* is in memory."""
        if self.body == (ByteRange(0, len(content)),):
            return Response(self.status, self.headers, content)
        pieces = (piece if isinstance(piece, bytes) else content[piece.start : piece.stop] for piece in self.body)
        return Response(self.status, self.headers, b"".join(pieces))


def file_reply(method: bytes, request: Headers, path: str, blob: str, size: int, status: int = 200) -> Reply:
    """Answer GET or HEAD with the file at *path*, whose content has the SHA-256 *blob* (hexadecimal) and *size* bytes.

    Conditions go before ranges (RFC 9110 section 13.2.2). With another *status* than 200, as for the site's own 404 page, the
    content is sent whole and without a validator, because conditions and ranges are about what the visitor asked for.
    """
    if status != 200:  # noqa: PLR2004 - a status code is its own name
        return _content(status, (), path, blob, size).to(method)
    tag = etag(blob)
    match precondition(method, request, tag):
        case NotModified():
            return Reply(304, ((b"etag", tag), REVALIDATE))  # section 15.4.5; Date is the server's to add
        case PreconditionFailed():
            return plain_reply(412, "The content has changed: a condition of the request does not hold.").to(method)
        case Proceed():
            return _selected(method, request, path, blob, size).to(method)


def _selected(method: bytes, request: Headers, path: str, blob: str, size: int) -> Reply:
    """Answer with the whole or with the ranges asked for; only GET has ranges (section 14.2)."""
    tag = etag(blob)
    validators = ((b"etag", tag), _ACCEPT_RANGES)
    field = request.joined(b"range") if method == b"GET" else None
    match requested_range(field, request.joined(b"if-range"), tag, size):
        case Whole():
            return _content(200, validators, path, blob, size)
        case Unsatisfiable():
            refusal = plain_reply(416, f"None of the ranges lies within the {size} bytes of this content.")
            return replace(refusal, headers=(*refusal.headers, (b"content-range", b"bytes */%d" % size)))
        case Parts((only,)):
            return _one_part(only, validators, path, blob, size)
        case Parts(ranges):
            return _several_parts(ranges, validators, path, blob, size)


def _content(status: int, more: Fields, path: str, blob: str, size: int) -> Reply:
    headers = _headers(media_type(path), size, *more)
    return Reply(status, headers, (ByteRange(0, size),), blob) if size else Reply(status, headers)


def _one_part(part: ByteRange, more: Fields, path: str, blob: str, size: int) -> Reply:
    """Answer with a single range, which never is a multipart (RFC 9110 section 15.3.7.1)."""
    headers = _headers(media_type(path), part.length, *more, (b"content-range", _content_range(part, size)))
    return Reply(206, headers, (part,), blob)


def _several_parts(ranges: tuple[ByteRange, ...], more: Fields, path: str, blob: str, size: int) -> Reply:
    """Answer with multipart/byteranges (RFC 9110 sections 14.6 and 15.3.7.2)."""
    line = boundary(blob)
    pieces: list[Piece] = []
    for part in ranges:
        head = b"\r\n--%b\r\nContent-Type: %b\r\nContent-Range: %b\r\n\r\n"
        pieces += (head % (line, media_type(path), _content_range(part, size)), part)
    pieces.append(b"\r\n--%b--\r\n" % line)
    length = sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in pieces)
    return Reply(206, _headers(b"multipart/byteranges; boundary=" + line, length, *more), tuple(pieces), blob)


def boundary(blob: str) -> bytes:
    """Give the boundary for parts of the content with this SHA-256: the hash itself (RFC 2046 section 5.1.1 allows 70 characters).

    Content that contains its own boundary would contain its own SHA-256, which nobody can make; so no random number and no
    search through the content are needed, and a repeated request gets the same bytes.
    """
    return blob.encode("ascii")


def _content_range(part: ByteRange, size: int) -> bytes:
    return b"bytes %d-%d/%d" % (part.start, part.stop - 1, size)


def _headers(kind: bytes, length: int, *more: tuple[bytes, bytes]) -> Fields:
    return ((b"content-type", kind), (b"content-length", b"%d" % length), REVALIDATE, NOSNIFF, *more)


def redirect_reply(location: bytes) -> Reply:
    """Send the visitor to *location* with 308, which keeps the method (RFC 9110 section 15.4.9).

    It is permanent for whoever indexes, but a browser asks again each time, because the next deployment may have a file there.
    """
    link = html.escape(location.decode("ascii"))
    page = f'<!doctype html>\n<title>Moved</title>\n<p>This page is at <a href="{link}">{link}</a>.\n'
    return _document(308, _HTML, page, (b"location", location))


def plain_reply(status: int, text: str) -> Reply:
    """Say *text*, one line for people, with *status*."""
    return _document(status, _TEXT, f"{text}\n")


def unknown_host_reply(host: str) -> Reply:
    """Say with 404 that this node has no site named *host*, as the request wrote it."""
    shown = html.escape(host[:_LONGEST_SHOWN_HOST])
    page = (
        "<!doctype html>\n<title>No such site</title>\n<h1>No such site</h1>\n"
        f"<p>No site named <strong>{shown}</strong> is deployed here.\n"
    )
    return _document(404, _HTML, page)


def method_not_allowed() -> Reply:
    """Refuse a method that does not read; a site is changed by deploying it."""
    return _document(405, _TEXT, "This is read with GET or HEAD.\n", (b"allow", b"GET, HEAD"))


def unavailable_reply(retry_after: int) -> Reply:
    """Say with 503 that the content cannot be read now, and after how many seconds to try again."""
    reply = _document(503, _TEXT, "This cannot be read right now. Please try again in a moment.\n")
    kept = tuple(field for field in reply.headers if field != REVALIDATE)
    return replace(reply, headers=(*kept, NOT_STORED, (b"retry-after", b"%d" % retry_after)))


def _document(status: int, kind: bytes, text: str, *more: tuple[bytes, bytes]) -> Reply:
    body = text.encode("utf-8", "backslashreplace")
    return Reply(status, _headers(kind, len(body), *more), (body,))
