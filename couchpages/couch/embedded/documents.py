"""Documents on their way in and out: special members, limits and texts, decided (pure).

Source: CouchDB documentation, "Documents"; order and wording of the refusals measured against Apache CouchDB 3.5.0.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from couchpages.couch.embedded.compression import GZIP
from couchpages.couch.embedded.errors import (
    bad_content_type,
    bad_id,
    bad_json,
    bad_member,
    bad_request,
    digest_mismatch,
    document_too_large,
)
from couchpages.couch.embedded.json_text import write_json
from couchpages.couch.embedded.query import is_text
from couchpages.couch.embedded.revisions import Revision, parse_revision

DOCUMENT_LIMIT = 8_000_000  # bytes of the body in JSON, without special members: CouchDB's max_document_size
DEFAULT_TYPE = "application/octet-stream"
_LARGEST = 2**53  # the largest number that every JSON reader can count to
_IGNORED = frozenset({"_conflicts", "_deleted_conflicts", "_local_seq", "_revs_info"})
_KNOWN = frozenset({"_attachments", "_deleted", "_id", "_rev", "_revisions"})


@dataclass(frozen=True, slots=True)
class Stub:
    """An attachment that stays as the parent has it; `generation`, when it is told, must be the one that it has there."""

    name: str
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class Inline:
    """An attachment that came as base64 inside the document."""

    name: str
    content_type: str
    data: bytes
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class Follows:
    """An attachment whose bytes follow the document in a multipart body.

    `length` counts bytes before compressing, `encoded` those that follow; None is not told. `digest` is their MD5.
    """

    name: str
    content_type: str
    generation: int | None = None
    encoding: str | None = None
    length: int | None = None
    encoded: int | None = None
    digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A document as a client wants it stored; `history` are its revision's ancestors, the newest first, itself included."""

    name: str | None
    revision: Revision | None
    history: tuple[Revision, ...]
    deleted: bool
    body: bytes
    attachments: tuple[Stub | Inline | Follows, ...]


def check_id(name: object) -> str:
    """Return a document id that CouchDB takes, or refuse it (400)."""
    if not isinstance(name, str):
        raise bad_id("Document id must be a string")
    if not name:
        raise bad_id("Document id must not be empty")
    if not is_text(name):
        raise bad_id("Document id must be valid UTF-8")
    if name.startswith("_") and not name.startswith(("_design/", "_local/")):
        raise bad_id("Only reserved document ids may start with underscore.")
    return name


def read_draft(value: object, *, multipart: bool = False) -> Draft:
    """Read a parsed document; raise 400 or 413 with CouchDB's words. Only in a multipart body attachments may follow."""
    if not isinstance(value, dict):
        raise bad_request("Document must be a JSON object")
    name = check_id(value["_id"]) if "_id" in value else None
    revision = parse_revision(value["_rev"]) if "_rev" in value else None
    deleted = value.get("_deleted", False)
    if not isinstance(deleted, bool):
        raise bad_member("_deleted")
    body = _body(value, name or "")
    return Draft(name, revision, _history(value, revision), deleted, body, _attachments(value, multipart=multipart))


def _body(value: Mapping[str, object], name: str) -> bytes:
    for member in value:
        if member.startswith("_") and member not in _KNOWN and member not in _IGNORED:
            raise bad_member(member)
    try:
        body = write_json({member: each for member, each in value.items() if not member.startswith("_")})
    except (ValueError, RecursionError):
        raise bad_json() from None
    if len(body) > DOCUMENT_LIMIT:
        raise document_too_large(name)
    return body


def _history(value: Mapping[str, object], revision: Revision | None) -> tuple[Revision, ...]:
    if "_revisions" not in value:
        return () if revision is None else (revision,)
    match value["_revisions"]:
        case {"start": 0, "ids": [*_]}:
            return ()  # of a local document, which has no tree; a replicator sends it back with its checkpoint
        case {"start": int(start), "ids": [*digests]} if start >= len(digests) > 0:
            return tuple(parse_revision(f"{start - age}-{digest}") for age, digest in enumerate(digests))
    raise bad_member("_revisions")


def _attachments(value: Mapping[str, object], *, multipart: bool) -> tuple[Stub | Inline | Follows, ...]:
    entries = value.get("_attachments", {})
    if not isinstance(entries, dict):
        raise bad_member("_attachments")
    return tuple(_attachment(name, entry, multipart) for name, entry in entries.items() if isinstance(entry, dict))


def check_attachment_name(name: str) -> str:
    """Return an attachment name that CouchDB takes, or refuse it (400)."""
    if name.startswith("_"):
        raise bad_request(f"Attachment name '{name}' starts with prohibited character '_'")
    if not is_text(name):
        raise bad_request("Attachment name is not UTF-8 encoded")
    return name


def _attachment(name: str, entry: Mapping[str, object], multipart: bool) -> Stub | Inline | Follows:
    check_attachment_name(name)
    generation = _count(entry, "revpos")
    if entry.get("stub") is True:
        return Stub(name, generation)
    told = entry.get("content_type")
    content_type = told if isinstance(told, str) else DEFAULT_TYPE
    if multipart and entry.get("follows") is True:
        return _following(Follows(name, content_type, generation), entry)
    return Inline(name, content_type, _decoded(name, entry.get("data")), generation)


def _count(entry: Mapping[str, object], member: str) -> int | None:
    value = entry.get(member)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST else None


def _following(follows: Follows, entry: Mapping[str, object]) -> Follows:
    encoding = entry.get("encoding")
    if encoding not in (None, "identity", GZIP):
        raise bad_content_type("Only gzip and identity content-encodings are supported")
    length = _count(entry, "length")
    encoded = _count(entry, "encoded_length") if encoding == GZIP else None
    return replace(
        follows,
        encoding=GZIP if encoding == GZIP else None,
        length=length,
        encoded=length if encoded is None else encoded,
        digest=_digest(entry.get("digest")),
    )


def _digest(value: object) -> bytes | None:
    if not isinstance(value, str) or not value.startswith("md5-"):
        return None
    try:
        return b64decode(value.removeprefix("md5-"), validate=True)
    except (binascii.Error, ValueError):
        raise digest_mismatch() from None


def _decoded(name: str, data: object) -> bytes:
    refusal = bad_request(f"Invalid attachment data for {name}")
    if not isinstance(data, str):
        raise refusal
    try:
        return b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise refusal from None


def agreed_revision(draft: Revision | None, query: str | None, if_match: str | None) -> Revision | None:
    """Join the three places where a client can name the parent: body, `?rev=` and If-Match; they must not differ."""
    asked = parse_revision(query) if query is not None else None
    if asked is not None and draft is not None and asked != draft:
        raise bad_request("Document rev from request body and query string have different values")
    named = draft or asked
    tag = if_match.strip().strip('"') if if_match is not None else ""
    matched = parse_revision(tag) if tag else None
    if matched is not None and named is not None and matched != named:
        raise bad_request("Document rev and etag have different values")
    return named or matched


def compose(name: str, revision: Revision, body: bytes, extras: Iterable[tuple[str, object]] = ()) -> bytes:
    """Write a stored document: its id and revision, its body as it was stored, then special members in this order."""
    head = write_json({"_id": name, "_rev": str(revision)})
    members = [head[1:-1], body[1:-1]]
    members += [write_json({member: value})[1:-1] for member, value in extras]
    return b"{" + b",".join(filter(None, members)) + b"}"
