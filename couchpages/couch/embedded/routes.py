"""What a request is about: path and method to a target, decided (pure).

Source: CouchDB documentation, "API Reference". Database and document names may come percent-encoded, also their slashes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from couchpages.couch.embedded.errors import bad_request, method_not_allowed
from couchpages.couch.embedded.query import decode

READ = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Welcome:
    """`/`."""

    allow = READ


@dataclass(frozen=True, slots=True)
class Up:
    """`/_up`."""

    allow = READ


@dataclass(frozen=True, slots=True)
class Session:
    """`/_session`."""

    allow = ("DELETE", "GET", "HEAD", "POST")


@dataclass(frozen=True, slots=True)
class AllDatabases:
    """`/_all_dbs`."""

    allow = READ


@dataclass(frozen=True, slots=True)
class Database:
    """`/{database}`."""

    database: str
    allow = ("DELETE", "GET", "HEAD", "POST")


@dataclass(frozen=True, slots=True)
class AllDocuments:
    """`/{database}/_all_docs`."""

    database: str
    allow = ("GET", "HEAD", "POST")


@dataclass(frozen=True, slots=True)
class Changes:
    """`/{database}/_changes`."""

    database: str
    allow = ("GET", "POST", "HEAD")


@dataclass(frozen=True, slots=True)
class BulkDocuments:
    """`/{database}/_bulk_docs`."""

    database: str
    allow = ("POST",)


@dataclass(frozen=True, slots=True)
class BulkGet:
    """`/{database}/_bulk_get`."""

    database: str
    allow = ("POST",)


@dataclass(frozen=True, slots=True)
class RevisionsDifference:
    """`/{database}/_revs_diff`."""

    database: str
    allow = ("POST",)


@dataclass(frozen=True, slots=True)
class FullCommit:
    """`/{database}/_ensure_full_commit`."""

    database: str
    allow = ("POST",)


@dataclass(frozen=True, slots=True)
class Document:
    """`/{database}/{document}`, also `_design/{name}`."""

    database: str
    document: str
    allow = ("DELETE", "GET", "HEAD", "POST", "PUT", "COPY")


@dataclass(frozen=True, slots=True)
class LocalDocument:
    """`/{database}/_local/{name}`: not replicated, without a tree; `document` has the prefix."""

    database: str
    document: str
    allow = ("DELETE", "GET", "HEAD", "POST", "PUT", "COPY")


@dataclass(frozen=True, slots=True)
class Attachment:
    """`/{database}/{document}/{attachment}`; an attachment's name may hold slashes."""

    database: str
    document: str
    attachment: str
    allow = ("DELETE", "GET", "HEAD", "PUT")


OfDatabase = AllDocuments | Changes | BulkDocuments | BulkGet | RevisionsDifference | FullCommit
Target = Welcome | Up | Session | AllDatabases | Database | OfDatabase | Document | LocalDocument | Attachment

_SERVER: Mapping[str, Target] = {"": Welcome(), "_up": Up(), "_session": Session(), "_all_dbs": AllDatabases()}
_IN_DATABASE: Mapping[str, type[OfDatabase]] = {
    "_all_docs": AllDocuments,
    "_changes": Changes,
    "_bulk_docs": BulkDocuments,
    "_bulk_get": BulkGet,
    "_revs_diff": RevisionsDifference,
    "_ensure_full_commit": FullCommit,
}


def target(path: bytes) -> Target:
    """Read a path; a slash at the end or a second one in a row changes nothing."""
    first, *rest = [decode(word) for word in path.split(b"/") if word] or [""]
    if not rest:
        return _SERVER.get(first, Database(first))
    if len(rest) == 1 and rest[0] in _IN_DATABASE:
        return _IN_DATABASE[rest[0]](first)
    return _in_database(first, rest)


def _in_database(database: str, rest: Sequence[str]) -> Target:
    document, names = rest[0], rest[1:]
    if document in ("_design", "_local") and names:
        document, names = f"{document}/{names[0]}", names[1:]
    if document in ("_local", "_local/"):
        raise bad_request("Invalid _local document id.")
    if document.startswith("_local/"):
        if names:
            raise bad_request("_local documents do not accept attachments.")
        return LocalDocument(database, document)
    if names:
        return Attachment(database, document, "/".join(names))
    return Document(database, document)


def check_method(about: Target, method: str) -> None:
    """Raise 405 for a method that the target does not have."""
    if method in about.allow or (method == "PUT" and isinstance(about, Database)):
        return
    raise method_not_allowed(about.allow)
