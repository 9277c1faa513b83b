"""What CouchDB's answers mean, decided (pure)."""

import json
from typing import Any

from couchpages.couch.evidence import LockedOut, NoDatabase, PasswordRefused
from couchpages.ports import Conflict, Deleted, Denied, Json, NoRoom, NotFound, Row, StoreError, TooLarge, Unavailable

ERRORS: dict[int, type[StoreError]] = {
    401: PasswordRefused,
    403: Denied,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    413: TooLarge,
    507: NoRoom,
}
#: What CouchDB says in its 403 after too many wrong passwords; all its other 403 are about what was asked for.
LOCKED_OUT = "temporarily locked"
#: What CouchDB says in a 404 that is about the database, not about what was to be in it.
NO_DATABASE = ("Database does not exist", "no_db_file")


def error_for(status: int, body: bytes, what: str) -> StoreError:
    """Give the error that an answer of *status* means; *what* names the request, for people.

    CouchDB's error bodies are ``{"error": …, "reason": …}``; a proxy's may be anything.
    """
    message = f"{what}: {status} {_reason(body)}".rstrip()
    if status < 400:  # noqa: PLR2004 -- where HTTP's errors begin
        # CouchDB redirects nobody who asks for what we ask for.
        return Unavailable(message + " (and the answer is not CouchDB's)")
    if status == 404 and not _is_couchdb(body):  # noqa: PLR2004 -- a status code
        # A proxy in front of CouchDB, or something else on its port, must not be believed that a thing does not exist (law 3).
        return Unavailable(message + " (and the answer is not CouchDB's)")
    if status == 404 and any(words in message for words in NO_DATABASE):  # noqa: PLR2004 -- a status code
        return NoDatabase(message)
    if status == 404 and _reason(body).endswith(": deleted"):  # noqa: PLR2004 -- a status code
        return Deleted(message)
    if status == 403 and LOCKED_OUT in message:  # noqa: PLR2004 -- a status code
        return LockedOut(message)
    return ERRORS.get(status, Unavailable if status >= 500 or status in (408, 429) else StoreError)(message)  # noqa: PLR2004


def row_error(row: Json, what: str) -> StoreError:
    """Give the error of one row of ``_bulk_docs``."""
    kinds: dict[str, type[StoreError]] = {
        "conflict": Conflict,
        "forbidden": Denied,
        "unauthorized": Denied,
        "document_too_large": TooLarge,
    }
    kind = kinds.get(str(row.get("error")), StoreError)
    return kind(f"{what}: {row.get('error')}: {row.get('reason')}")


def parse_object(body: bytes, what: str) -> Json:
    """Read an answer that must be a JSON object; anything else is :class:`Unavailable`, because it is not CouchDB that spoke."""
    value = parse(body, what)
    if not isinstance(value, dict):
        raise Unavailable(f"{what}: the answer is not a JSON object")
    return value


def parse(body: bytes, what: str) -> Any:
    """Read an answer that must be JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unavailable(f"{what}: the answer is not JSON that can be read: {error}") from error


def parse_rows(body: bytes, what: str) -> list[Row]:
    """Read the rows of ``_all_docs``."""
    rows = parse_object(body, what).get("rows")
    if not isinstance(rows, list):
        raise Unavailable(f"{what}: the answer has no rows")
    return [_row(row, what) for row in rows]


def parse_leaves(body: bytes, what: str) -> list[Json]:
    """Read what ``open_revs=all`` gives of a document; deleted leaves have ``_deleted``."""
    rows = parse(body, what)
    if not isinstance(rows, list):
        raise Unavailable(f"{what}: the answer is no list of revisions")
    return [_leaf(row, what) for row in rows]


def _leaf(row: Any, what: str) -> Json:
    match row:
        case {"ok": {"_id": str(), "_rev": str()} as doc}:
            return dict(doc)
        case _:
            # A revision that is "missing" is announced and not here: whoever decides must not take it for one that does not exist (law 3).
            raise Unavailable(f"{what}: a revision that cannot be read: {str(row)[:200]}")


def _row(row: Any, what: str) -> Row:
    match row:
        case {"key": str(key), "error": "not_found"}:
            return Row(key, None, None)
        case {"id": str(doc_id), "value": {"deleted": True}}:
            return Row(doc_id, None, None)
        case {"id": str(doc_id), "value": {"rev": str(rev)}}:
            doc = row.get("doc")
            return Row(doc_id, rev, doc if isinstance(doc, dict) else None)
        case _:
            raise Unavailable(f"{what}: a row that is not understood: {str(row)[:200]}")


def _reason(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return body[:200].decode("utf-8", "replace")
    return f"{answer.get('error')}: {answer.get('reason')}" if isinstance(answer, dict) else str(answer)[:200]


def _is_couchdb(body: bytes) -> bool:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and answer.get("error") == "not_found"
