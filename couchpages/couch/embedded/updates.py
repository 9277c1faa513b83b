"""Writes of documents: edits, replicated revisions, attachments and local documents, as jobs for the writer (does)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from sqlite3 import Connection

from couchpages.couch.embedded.attachments import Stored, merge_stubs
from couchpages.couch.embedded.contents import Received, keep_content, received_whole
from couchpages.couch.embedded.databases import DatabaseRow, find_database
from couchpages.couch.embedded.documents import Draft, Inline, Stub
from couchpages.couch.embedded.errors import (
    ApiError,
    bad_request,
    conflict,
    deleted,
    missing,
    missing_revision,
    no_attachment,
)
from couchpages.couch.embedded.revisions import Leaf, Revision, merge, next_revision, parent_for
from couchpages.couch.embedded.trees import (
    DocumentRow,
    NewRevision,
    add_attachments,
    add_document,
    add_revision,
    empty_revision,
    find_document,
    leaf_keys,
    read_attachments,
    read_leaves,
    read_tree,
    settle,
)
from couchpages.couch.embedded.writer import Transaction


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """An attachment whose content was received beside the document."""

    name: str
    content_type: str
    received: Received


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an edit goes: the document, if it is there, and its leaves with their keys."""

    database: DatabaseRow
    row: DocumentRow | None
    leaves: dict[Leaf, int]


def _place(connection: Connection, database: str, name: str) -> _Place:
    found = find_database(connection, database)
    row = find_document(connection, found, name)
    return _Place(found, row, {} if row is None else read_leaves(connection, row.key))


def save_draft(transaction: Transaction, database: str, name: str, draft: Draft) -> Revision:
    """Store an edit on top of the revision that it names, or raise 409."""
    place = _place(transaction.connection, database, name)
    parent = parent_for(list(place.leaves), draft.revision)
    known = _attachments_of(transaction.connection, place, parent)
    fresh = [each if isinstance(each, Stub) else _incoming(each) for each in draft.attachments]
    attachments = merge_stubs(name, fresh, known)
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
        _check_living(_place(connection, database, name))
    place, parent, draft, known = _attachment_edit(connection, database, name, claimed)
    kept = [each for each in known if each.name != attachment]
    if len(kept) == len(known):
        raise no_attachment()
    return _extend(transaction, place, name, parent, draft, kept)


def delete_document(transaction: Transaction, database: str, name: str, claimed: Revision | None) -> Revision:
    """Put a tombstone on top of a living leaf."""
    place = _place(transaction.connection, database, name)
    _check_living(place)
    if claimed is None:
        raise conflict()
    parent = parent_for(list(place.leaves), claimed)
    return _extend(transaction, place, name, parent, Draft(name, claimed, (), deleted=True, body=b"{}", attachments=()), [])


def _check_living(place: _Place) -> None:
    if place.row is None:
        raise missing()
    if place.row.deleted:
        raise deleted()


def _attachment_edit(
    connection: Connection, database: str, name: str, claimed: Revision | None
) -> tuple[_Place, Revision | None, Draft, Sequence[Stored]]:
    place = _place(connection, database, name)
    if claimed is not None and not _is_known(connection, place, claimed):
        raise missing_revision()
    parent = parent_for(list(place.leaves), claimed)
    living = parent is not None and place.row is not None and not place.row.deleted
    body = _body(connection, leaf_keys(place.leaves)[parent]) if parent is not None and living else b"{}"
    known = _attachments_of(connection, place, parent) if living else []
    return place, parent, Draft(name, claimed, (), deleted=False, body=body, attachments=()), known


def _is_known(connection: Connection, place: _Place, revision: Revision) -> bool:
    query = "SELECT 1 FROM revisions WHERE document = ? AND generation = ? AND digest = ?"
    values = (place.row.key if place.row else None, revision.generation, revision.digest)
    return connection.execute(query, values).fetchone() is not None


def _body(connection: Connection, key: int) -> bytes:
    (body,) = connection.execute("SELECT body FROM revisions WHERE key = ?", (key,)).fetchone()
    return body or b"{}"


def _attachments_of(connection: Connection, place: _Place, parent: Revision | None) -> list[Stored]:
    return [] if parent is None else read_attachments(connection, leaf_keys(place.leaves)[parent])


def _incoming(each: Inline) -> NewAttachment:
    return NewAttachment(each.name, each.content_type, received_whole(each.data))


def _kept(transaction: Transaction, each: Stored | NewAttachment, generation: int) -> Stored:
    if isinstance(each, Stored):
        return each
    key, received = keep_content(transaction, each.received), each.received
    return Stored(each.name, each.content_type, generation, key, received.length, received.md5)


def _extend(
    transaction: Transaction,
    place: _Place,
    name: str,
    parent: Revision | None,
    draft: Draft,
    attachments: Sequence[Stored | NewAttachment],
) -> Revision:
    connection = transaction.connection
    # Apache CouchDB counts an attachment's generation from what the edit names, not from the tombstone it continues.
    generation = 1 if parent is None or draft.revision is None else parent.generation + 1
    stored = [_kept(transaction, each, generation) for each in attachments]
    described = [(each.name, each.content_type, each.digest) for each in stored]
    revision = next_revision(parent, deleted=draft.deleted, body=draft.body, attachments=described)
    document = place.row.key if place.row else add_document(connection, place.database, name)
    parent_key = None if parent is None else leaf_keys(place.leaves)[parent]
    key = add_revision(connection, document, NewRevision(revision, draft.deleted, draft.body), parent_key)
    add_attachments(connection, key, stored)
    settle(transaction, place.database, document, before=place.row)
    return revision


def replicate_drafts(transaction: Transaction, database: str, drafts: Sequence[tuple[str, Draft]]) -> None:
    """Store revisions with their own names and ancestors (`new_edits=false`); what is known already stays."""
    find_database(transaction.connection, database)
    for name, draft in drafts:
        if name.startswith("_local/"):
            save_local(transaction, database, name, draft)
        else:
            replicate_draft(transaction, database, name, draft)


def replicate_draft(transaction: Transaction, database: str, name: str, draft: Draft) -> Revision:
    """Store one revision with its own name and ancestors, and return that name."""
    if not draft.history:
        raise bad_request("When `new_edits: false`, the document needs `_rev` or `_revisions` specified")
    connection = transaction.connection
    place = _place(connection, database, name)
    document = place.row.key if place.row else add_document(connection, place.database, name)
    tree, keys = read_tree(connection, document)
    head = draft.history[0]
    if head in keys:
        return head
    merged = merge(tree, draft.history, deleted=draft.deleted)
    known = [each for key in place.leaves.values() for each in read_attachments(connection, key)]
    attachments = merge_stubs(name, draft.attachments, known)
    for revision in reversed(draft.history):
        _graft(connection, document, keys, revision, merged.parents[revision], draft)
    stored = [_replicated(transaction, each, head.generation) for each in attachments]
    add_attachments(connection, keys[head], stored)
    settle(transaction, place.database, document, before=place.row)
    return head


def _graft(
    connection: Connection,
    document: int,
    keys: dict[Revision, int],
    revision: Revision,
    parent: Revision | None,
    draft: Draft,
) -> None:
    parent_key = None if parent is None else keys[parent]
    if revision in keys:
        connection.execute("UPDATE revisions SET parent = ? WHERE key = ?", (parent_key, keys[revision]))
        if parent_key is not None:
            empty_revision(connection, parent_key)
        return
    head = revision == draft.history[0]
    new = NewRevision(revision, head and draft.deleted, draft.body if head else None, leaf=head)
    keys[revision] = add_revision(connection, document, new, parent_key)


def _replicated(transaction: Transaction, each: Stored | Inline, generation: int) -> Stored:
    if isinstance(each, Stored):
        return each
    return replace(_kept(transaction, _incoming(each), generation), generation=each.generation or generation)


def save_local(transaction: Transaction, database: str, name: str, draft: Draft) -> Revision:
    """Store or delete a local document: no tree, no conflicts; the revision only counts on from what is given."""
    row = find_database(transaction.connection, database)
    execute = transaction.connection.execute
    key = (row.key, name.encode())
    if draft.deleted:
        execute("DELETE FROM local_documents WHERE database = ? AND name = ?", key)
        return Revision(0, "0")
    claimed = draft.revision.digest if draft.revision else "0"
    if not claimed.isdecimal():
        raise bad_request("Invalid rev format")
    number = int(claimed) + 1
    execute("INSERT OR REPLACE INTO local_documents VALUES (?, ?, ?, ?)", (*key, number, draft.body))
    return Revision(0, str(number))


def delete_local(transaction: Transaction, database: str, name: str) -> Revision:
    """Delete a local document that is there, or raise 404."""
    row = find_database(transaction.connection, database)
    query = "DELETE FROM local_documents WHERE database = ? AND name = ?"
    if transaction.connection.execute(query, (row.key, name.encode())).rowcount == 0:
        raise missing()
    return Revision(0, "0")
