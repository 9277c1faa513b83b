"""Writes of revisions that were made elsewhere (`new_edits=false`), as jobs for the writer (does)."""

from collections.abc import Sequence
from sqlite3 import Connection

from couchpages.couch.embedded.attachments import Stored, merge_stubs
from couchpages.couch.embedded.contents import give_up
from couchpages.couch.embedded.databases import find_database
from couchpages.couch.embedded.documents import Draft
from couchpages.couch.embedded.errors import bad_request
from couchpages.couch.embedded.local_documents import save_local
from couchpages.couch.embedded.new_attachments import NewAttachment
from couchpages.couch.embedded.revisions import Revision, merge
from couchpages.couch.embedded.trees import (
    NewRevision,
    add_attachments,
    add_document,
    add_revision,
    empty_revision,
    read_attachments,
    read_tree,
    settle,
)
from couchpages.couch.embedded.updates import Place, arrived, kept, place_of
from couchpages.couch.embedded.writer import Transaction


def replicate_drafts(transaction: Transaction, database: str, drafts: Sequence[tuple[str, Draft]]) -> None:
    """Store revisions with their own names and ancestors (`new_edits=false`); what is known already stays."""
    find_database(transaction.connection, database)
    for name, draft in drafts:
        if name.startswith("_local/"):
            save_local(transaction, database, name, draft)
        else:
            replicate_draft(transaction, database, name, draft)


def replicate_draft(
    transaction: Transaction, database: str, name: str, draft: Draft, beside: Sequence[NewAttachment] = ()
) -> Revision:
    """Store one revision with its own name and ancestors, and return that name.

    Of a revision that is here already, only ancestors that were not known are taken: they may join two branches.
    """
    if not draft.history:
        raise bad_request("When `new_edits: false`, the document needs `_rev` or `_revisions` specified")
    connection = transaction.connection
    place = place_of(connection, database, name)
    document = place.row.key if place.row else add_document(connection, place.database, name)
    tree, keys = read_tree(connection, document)
    head = draft.history[0]
    merged = merge(tree, draft.history, deleted=draft.deleted)
    if head in keys:
        for each in beside:
            give_up(transaction, each.received)
    if merged == tree:
        return head
    attachments = [] if head in keys else merge_stubs(name, arrived(draft, beside), _known(connection, place, draft))
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


def _known(connection: Connection, place: Place, draft: Draft) -> list[Stored]:
    """List what stubs may stand for: the attachments of leaves that the revision continues."""
    continued = [key for leaf, key in place.leaves.items() if leaf.revision in draft.history]
    return [each for key in continued for each in read_attachments(connection, key)]


def _replicated(transaction: Transaction, each: Stored | NewAttachment, generation: int) -> Stored:
    told = each.generation if isinstance(each, NewAttachment) else None
    return kept(transaction, each, told or generation)
