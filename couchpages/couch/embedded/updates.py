"""Writes of documents and of their attachments, as jobs for the writer (does)."""

from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from couchpages.couch.embedded.attachments import Stored, merge_stubs
from couchpages.couch.embedded.contents import keep_content
from couchpages.couch.embedded.databases import DatabaseRow, find_database
from couchpages.couch.embedded.documents import Draft, Inline, Stub
from couchpages.couch.embedded.errors import (
    ApiError,
    conflict,
    deleted,
    missing,
    missing_revision,
    no_attachment,
)
from couchpages.couch.embedded.local_documents import save_local
from couchpages.couch.embedded.new_attachments import NewAttachment, incoming
from couchpages.couch.embedded.revisions import Leaf, Revision, next_revision, parent_for
from couchpages.couch.embedded.trees import (
    DocumentRow,
    NewRevision,
    add_attachments,
    add_document,
    add_revision,
    find_document,
    leaf_keys,
    read_attachments,
    read_leaves,
    settle,
)
from couchpages.couch.embedded.writer import Transaction


@dataclass(frozen=True, slots=True)
class Place:
    """Where an edit goes: the document, if it is there, and its leaves with their keys."""

    database: DatabaseRow
    row: DocumentRow | None
    leaves: dict[Leaf, int]


def place_of(connection: Connection, database: str, name: str) -> Place:
    """Look where an edit of this document goes."""
    found = find_database(connection, database)
    row = find_document(connection, found, name)
    return Place(found, row, {} if row is None else read_leaves(connection, row.key))


def save_draft(
    transaction: Transaction, database: str, name: str, draft: Draft, beside: Sequence[NewAttachment] = ()
) -> Revision:
    """Store an edit on top of the revision that it names, or raise 409; `beside` are attachments that came with it."""
    place = place_of(transaction.connection, database, name)
    parent = parent_for(list(place.leaves), draft.revision, deleted=draft.deleted)
    known = _attachments_of(transaction.connection, place, parent)
    attachments = merge_stubs(name, arrived(draft, beside), known)
    return _extend(transaction, place, name, parent, draft, attachments)


def save_drafts(
    transaction: Transaction, database: str, drafts: Sequence[tuple[str, Draft]]
) -> list[tuple[str, Revision | ApiError]]:
    """Store many edits: a conflict refuses one of them, everything else refuses all."""
    find_database(transaction.connection, database)
    results: list[tuple[str, Revision | ApiError]] = []
    for name, draft in drafts:
        if name.startswith("_local/"):
            results.append((name, save_local(transaction, database, name, draft)))
            continue
        try:
            results.append((name, save_draft(transaction, database, name, draft)))
        except ApiError as error:
            if error.error != "conflict":
                raise
            results.append((name, error))
    return results


def save_attachment(
    transaction: Transaction, database: str, name: str, claimed: Revision | None, new: NewAttachment
) -> Revision:
    """Add or replace one attachment of a document, which is made when it is not there."""
    place, parent, draft, known = _attachment_edit(transaction.connection, database, name, claimed)
    kept = [each for each in known if each.name != new.name]
    return _extend(transaction, place, name, parent, draft, [*kept, new])


def remove_attachment(
    transaction: Transaction, database: str, name: str, claimed: Revision | None, attachment: str
) -> Revision:
    """Take one attachment away from a document."""
    connection = transaction.connection
    if claimed is None:
        _check_living(place_of(connection, database, name))
    place, parent, draft, known = _attachment_edit(connection, database, name, claimed)
    kept = [each for each in known if each.name != attachment]
    if len(kept) == len(known):
        raise no_attachment()
    return _extend(transaction, place, name, parent, draft, kept)


def delete_document(transaction: Transaction, database: str, name: str, claimed: Revision | None) -> Revision:
    """Put a tombstone on top of a living leaf."""
    place = place_of(transaction.connection, database, name)
    _check_living(place)
    if claimed is None:
        raise conflict()
    parent = parent_for(list(place.leaves), claimed, deleted=True)
    return _extend(
        transaction, place, name, parent, Draft(name, claimed, (), deleted=True, body=b"{}", attachments=()), []
    )


def _check_living(place: Place) -> None:
    if place.row is None:
        raise missing()
    if place.row.deleted:
        raise deleted()


def _attachment_edit(
    connection: Connection, database: str, name: str, claimed: Revision | None
) -> tuple[Place, Revision | None, Draft, Sequence[Stored]]:
    place = place_of(connection, database, name)
    if claimed is not None and not _is_known(connection, place, claimed):
        raise missing_revision()
    parent = parent_for(list(place.leaves), claimed, deleted=False)
    living = parent is not None and place.row is not None and not place.row.deleted
    body = _body(connection, leaf_keys(place.leaves)[parent]) if parent is not None and living else b"{}"
    known = _attachments_of(connection, place, parent) if living else []
    dead = living and any(leaf.deleted and leaf.revision == parent for leaf in place.leaves)  # it stays a tombstone
    return place, parent, Draft(name, claimed, (), deleted=dead, body=body, attachments=()), known


def _is_known(connection: Connection, place: Place, revision: Revision) -> bool:
    query = "SELECT 1 FROM revisions WHERE document = ? AND generation = ? AND digest = ?"
    values = (place.row.key if place.row else None, revision.generation, revision.digest)
    return connection.execute(query, values).fetchone() is not None


def _body(connection: Connection, key: int) -> bytes:
    (body,) = connection.execute("SELECT body FROM revisions WHERE key = ?", (key,)).fetchone()
    return body or b"{}"


def _attachments_of(connection: Connection, place: Place, parent: Revision | None) -> list[Stored]:
    return [] if parent is None else read_attachments(connection, leaf_keys(place.leaves)[parent])


def arrived(draft: Draft, beside: Sequence[NewAttachment]) -> list[Stub | NewAttachment]:
    """Give a draft's attachments: stubs, those that came inside it, and those that came beside it."""
    inside = [incoming(each) for each in draft.attachments if isinstance(each, Inline)]
    return [*(each for each in draft.attachments if isinstance(each, Stub)), *inside, *beside]


def kept(transaction: Transaction, each: Stored | NewAttachment, generation: int) -> Stored:
    """Store an attachment's content if it is new."""
    if isinstance(each, Stored):
        return each
    key, received = keep_content(transaction, each.received), each.received
    return Stored(
        each.name,
        each.content_type,
        generation,
        key,
        received.length,
        received.md5,
        received.encoding,
        received.identity,
    )


def _extend(
    transaction: Transaction,
    place: Place,
    name: str,
    parent: Revision | None,
    draft: Draft,
    attachments: Sequence[Stored | NewAttachment],
) -> Revision:
    connection = transaction.connection
    # Apache CouchDB counts an attachment's generation from what the edit names, not from the tombstone it continues.
    generation = 1 if parent is None or draft.revision is None else parent.generation + 1
    stored = [kept(transaction, each, generation) for each in attachments]
    described = [(each.name, each.content_type, each.digest) for each in stored]
    revision = next_revision(parent, deleted=draft.deleted, body=draft.body, attachments=described)
    document = place.row.key if place.row else add_document(connection, place.database, name)
    parent_key = None if parent is None else leaf_keys(place.leaves)[parent]
    key = add_revision(connection, document, NewRevision(revision, draft.deleted, draft.body), parent_key)
    add_attachments(connection, key, stored)
    settle(transaction, place.database, document, before=place.row)
    return revision
