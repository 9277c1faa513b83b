"""Problems: what a caller of the API is told when something is wrong, after RFC 9457 (pure)."""

import errno
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from couchpages.ports import NoRoom, StoreError, TooLarge
from couchpages.web.message import Response

#: Seconds after which asking again is sensible when CouchDB is away: the follower's longest pause between two tries.
RETRY_AFTER = 5

#: RFC 9110 renamed two of them after Python's table was written.
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


class Problem(Exception):
    """A request that gets a 4xx or 5xx: *detail* is a sentence for people, *field* the part of the input that is wrong.

    *headers* go with the response; *more* are further members of the JSON object.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        field: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = headers
        self.more = dict(more or {})

    def response(self) -> Response:
        """Give the response that tells of the problem."""
        body = {
            "type": "about:blank",
            "title": title_of(self.status),
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        if self.field is not None:
            body["field"] = self.field
        return json_response(self.status, body, b"application/problem+json").with_headers(self.headers)


def title_of(status: int) -> str:
    """Give the words that stand beside a status code."""
    return TITLES.get(status) or HTTPStatus(status).phrase


def json_response(status: int, value: Any, content_type: bytes = b"application/json") -> Response:
    """Give a response with *value* as JSON; never cached, because it tells of this moment."""
    return written_json_response(status, to_json(value) + b"\n", content_type)


def to_json(value: Any) -> bytes:
    """Write JSON. Half of a surrogate pair, which JSON can say and UTF-8 cannot, is written as the escape that it came as."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def written_json_response(status: int, body: bytes, content_type: bytes = b"application/json") -> Response:
    """Give a response with *body*, which is JSON already."""
    headers = (
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    )
    return Response(status, headers, body)


def unavailable(detail: str) -> Problem:
    """Give the problem of something that cannot be known or done now, and may be asked again (law 3)."""
    return Problem(503, detail, headers=retry_later())


def retry_later() -> tuple[tuple[bytes, bytes], ...]:
    """Give the field that goes with every 503."""
    return ((b"retry-after", b"%d" % RETRY_AFTER),)


def problem_for_store(error: StoreError) -> Problem:
    """Give what a caller is told of CouchDB's failure. CouchDB's own words go to the log, not to the caller."""
    match error:
        case NoRoom():
            return Problem(
                507, "CouchDB has no room left on its disk; nothing was changed, try again when there is room"
            )
        case TooLarge():
            return Problem(
                413, "CouchDB takes no document as large as this manifest; deploy fewer files or shorter paths"
            )
        case _:
            return unavailable("CouchDB cannot be reached or does not do what it is asked; the call may be repeated")


def problem_for_disk(error: OSError) -> Problem:
    """Give what a caller is told when this node's own disk failed."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Problem(507, "this node has no room left on its disk; nothing was changed, try again when there is room")
    return Problem(500, "this node could not write to its disk; nothing was changed; its log says why")
