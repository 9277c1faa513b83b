"""The refusals of CouchDB's HTTP API, word for word as Apache CouchDB 3.5 says them, decided (pure).

Every text here was measured against Apache CouchDB 3.5.0; the contract suite compares both.
"""

from collections.abc import Sequence
from http import HTTPStatus


class ApiError(Exception):
    """A refusal with its HTTP status, and the `error` and `reason` of the JSON body; `allow` only for 405."""

    def __init__(self, status: int, error: str, reason: str, *, allow: Sequence[str] = ()) -> None:
        super().__init__(f"{status} {error}: {reason}")
        self.status = status
        self.error = error
        self.reason = reason
        self.allow = tuple(allow)


class StoreFileError(RuntimeError):
    """The store's file cannot be used as it is; the text says what a person can do."""


class StoreClosedError(Exception):
    """The store was stopped before this work could begin, so nothing of it was done."""


def bad_request(reason: str) -> ApiError:
    """400 with CouchDB's general word for it."""
    return ApiError(HTTPStatus.BAD_REQUEST, "bad_request", reason)


def bad_json() -> ApiError:
    """400 for a body or parameter that is not JSON in UTF-8."""
    return bad_request("invalid UTF-8 JSON")


def bad_revision() -> ApiError:
    """400 for a revision that is not of the form `generation-digest`."""
    return bad_request("Invalid rev format")


def bad_parameter(reason: str) -> ApiError:
    """400 for a query parameter of `_all_docs` that does not parse."""
    return ApiError(HTTPStatus.BAD_REQUEST, "query_parse_error", reason)


def bad_id(reason: str) -> ApiError:
    """400 for a document id that CouchDB does not take."""
    return ApiError(HTTPStatus.BAD_REQUEST, "illegal_docid", reason)


def bad_member(name: str) -> ApiError:
    """400 for a member whose name begins with an underscore and means nothing, or has the wrong type."""
    return ApiError(HTTPStatus.BAD_REQUEST, "doc_validation", f"Bad special document member: {name}")


def bad_database_name(name: str) -> ApiError:
    """400 for a database name outside CouchDB's alphabet."""
    return ApiError(
        HTTPStatus.BAD_REQUEST,
        "illegal_database_name",
        f"Name: '{name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters "
        "_, $, (, ), +, -, and / are allowed. Must begin with a letter.",
    )


def unauthorized(reason: str) -> ApiError:
    """401; the reason tells which of CouchDB's checks failed."""
    return ApiError(HTTPStatus.UNAUTHORIZED, "unauthorized", reason)


def no_database() -> ApiError:
    """404 for a database that is not there."""
    return ApiError(HTTPStatus.NOT_FOUND, "not_found", "Database does not exist.")


def missing() -> ApiError:
    """404 for a document or revision that was never here, or whose body is gone."""
    return ApiError(HTTPStatus.NOT_FOUND, "not_found", "missing")


def deleted() -> ApiError:
    """404 for a document whose winning revision is a tombstone."""
    return ApiError(HTTPStatus.NOT_FOUND, "not_found", "deleted")


def no_attachment() -> ApiError:
    """404 for a document that is there, without the attachment."""
    return ApiError(HTTPStatus.NOT_FOUND, "not_found", "Document is missing attachment")


def method_not_allowed(allow: Sequence[str]) -> ApiError:
    """405 with the methods that would do, in CouchDB's order."""
    reason = f"Only {','.join(allow)} allowed"
    return ApiError(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", reason, allow=allow)


def conflict() -> ApiError:
    """409 for a write whose parent is not a living leaf of the document's tree."""
    return ApiError(HTTPStatus.CONFLICT, "conflict", "Document update conflict.")


def missing_revision() -> ApiError:
    """409 for an attachment written under a revision that was never here."""
    return ApiError(HTTPStatus.CONFLICT, "not_found", "missing_rev")


def database_exists() -> ApiError:
    """412 for a database that is already there."""
    reason = "The database could not be created, the file already exists."
    return ApiError(HTTPStatus.PRECONDITION_FAILED, "file_exists", reason)


def missing_stub(document: str, attachment: str) -> ApiError:
    """412 for a stub of an attachment that the parent revision does not have."""
    reason = f"Invalid attachment stub in {document} for {attachment}"
    return ApiError(HTTPStatus.PRECONDITION_FAILED, "missing_stub", reason)


def document_too_large(name: str) -> ApiError:
    """413 for a document whose body passes the limit; the reason is the document's id, when the body names one."""
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "document_too_large", name)


def bad_content_type(reason: str = "Content-Type must be application/json") -> ApiError:
    """415 where CouchDB insists on a content type or encoding."""
    return ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "bad_content_type", reason)


def bad_range() -> ApiError:
    """416 for a range that lies outside the attachment."""
    reason = "Requested range not satisfiable"
    return ApiError(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "requested_range_not_satisfiable", reason)


def digest_mismatch() -> ApiError:
    """400 for an attachment whose bytes are not those that its digest names."""
    return ApiError(HTTPStatus.BAD_REQUEST, "content_md5_mismatch", "Possible message corruption.")


def wrong_length(*, longer: bool) -> ApiError:
    """400 for a part of a multipart body that has more or fewer bytes than the document tells."""
    return bad_request(f"attachment {'longer' if longer else 'shorter'} than expected")


def not_implemented(reason: str) -> ApiError:
    """501 for what CouchDB has and this store has not."""
    return ApiError(HTTPStatus.NOT_IMPLEMENTED, "not_implemented", reason)


def disk_full() -> ApiError:
    """507 for a disk without room; nothing was changed."""
    return ApiError(HTTPStatus.INSUFFICIENT_STORAGE, "insufficient_storage", "enospc")


def unavailable() -> ApiError:
    """503 while the store is stopping; nothing was changed."""
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "service_unavailable", "The store is stopping.")
