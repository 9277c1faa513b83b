"""Revision trees in SQLite: reading leaves and whole trees, adding revisions, choosing the winner anew (does)."""

from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Connection

from couchpages.couch.embedded.attachments import Stored
from couchpages.couch.embedded.databases import DatabaseRow
from couchpages.couch.embedded.revisions import REVISION_LIMIT, Leaf, Revision, Tree, stem, winner
from couchpages.couch.embedded.writer import Transaction

STEM_EVERY = 50  # generations: a path may pass the limit by that much before it is cut


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document's row; `deleted` tells whether its winner is a tombstone."""

    key: int
    deleted: bool


def find_document(connection: Connection, database: DatabaseRow, name: str) -> DocumentRow | None:
    """Return a document's row, also a deleted one's, or None."""
    query = "SELECT key, deleted FROM documents WHERE database = ? AND name = ?"
    row = connection.execute(query, (database.key, name.encode("utf-8", "surrogatepass"))).fetchone()
    return None if row is None else DocumentRow(row[0], bool(row[1]))


def read_leaves(connection: Connection, document: int) -> dict[Leaf, int]:
    """Return the leaves of a document with their keys."""
    query = "SELECT generation, digest, deleted, key FROM revisions WHERE document = ? AND leaf"
    rows = connection.execute(query, (document,))
    return {Leaf(Revision(generation, digest), bool(dead)): key for generation, digest, dead, key in rows}


def read_tree(connection: Connection, document: int) -> tuple[Tree, dict[Revision, int]]:
    """Return a document's whole tree, and the keys of its revisions."""
    query = "SELECT key, generation, digest, parent, deleted, leaf FROM revisions WHERE document = ?"
    rows = connection.execute(query, (document,)).fetchall()
    names = {key: Revision(generation, digest) for key, generation, digest, *_ in rows}
    parents = {names[key]: names.get(parent) for key, _, _, parent, _, _ in rows}
    dead = frozenset(names[key] for key, *_, deleted, leaf in rows if deleted and leaf)
    return Tree(parents, dead), {revision: key for key, revision in names.items()}


def read_attachments(connection: Connection, revision: int) -> list[Stored]:
    """Return a revision's attachments, sorted by name."""
    query = (
        "SELECT name, content_type, generation, content, length, md5, encoding, identity FROM attachments "
        "JOIN contents ON contents.key = content WHERE revision = ? ORDER BY name"
    )
    return [Stored(*row) for row in connection.execute(query, (revision,))]


def add_document(connection: Connection, database: DatabaseRow, name: str) -> int:
    """Make a document's row, which `settle` has to complete in the same transaction."""
    query = "INSERT INTO documents (database, name, seq, deleted) VALUES (?, ?, -1, 1) RETURNING key"
    key: int = connection.execute(query, (database.key, name.encode())).fetchone()[0]
    return key


@dataclass(frozen=True, slots=True)
class NewRevision:
    """A revision to add to a document's tree, with what it holds."""

    revision: Revision
    deleted: bool
    body: bytes | None
    leaf: bool = True


def add_revision(connection: Connection, document: int, new: NewRevision, parent: int | None) -> int:
    """Insert a revision; what its parent held goes, because it is no longer a leaf."""
    if parent is not None:
        empty_revision(connection, parent)
    query = (
        "INSERT INTO revisions (document, generation, digest, parent, deleted, leaf, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING key"
    )
    name = new.revision
    values = (document, name.generation, name.digest, parent, new.deleted, new.leaf, new.body)
    key: int = connection.execute(query, values).fetchone()[0]
    return key


def empty_revision(connection: Connection, key: int) -> None:
    """Make a revision an inner one: no body, no attachments."""
    connection.execute("UPDATE revisions SET leaf = 0, body = NULL WHERE key = ?", (key,))
    contents = "SELECT content FROM attachments WHERE revision = ?"
    connection.execute(f"INSERT OR IGNORE INTO abandoned {contents}", (key,))
    connection.execute("DELETE FROM attachments WHERE revision = ?", (key,))


def add_attachments(connection: Connection, revision: int, attachments: Iterable[Stored]) -> None:
    """Attach stored contents to a revision."""
    connection.executemany(
        "INSERT INTO attachments (revision, name, content_type, generation, content, encoding, identity) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (revision, each.name, each.content_type, each.generation, each.content, each.encoding, each.identity)
            for each in attachments
        ],
    )


def settle(transaction: Transaction, database: DatabaseRow, document: int, *, before: DocumentRow | None) -> None:
    """After a change to a tree: choose the winner, give the document the next sequence, and count it."""
    execute = transaction.connection.execute
    leaves = read_leaves(transaction.connection, document)
    best = winner(leaves)
    was = (before is not None and not before.deleted, before is not None and before.deleted)
    living, dead = int(not best.deleted) - was[0], int(best.deleted) - was[1]
    query = (
        "UPDATE databases SET update_seq = update_seq + 1, living = living + ?, tombstones = tombstones + ? "
        "WHERE key = ? RETURNING update_seq"
    )
    (seq,) = execute(query, (living, dead, database.key)).fetchone()
    query = "UPDATE documents SET seq = ?, winner = ?, deleted = ? WHERE key = ?"
    execute(query, (seq, leaves[best], best.deleted, document))
    transaction.touched.add(database.uuid)
    if best.revision.generation > REVISION_LIMIT and best.revision.generation % STEM_EVERY == 0:
        stem_document(transaction.connection, document)


def stem_document(connection: Connection, document: int) -> None:
    """Forget a document's ancestors beyond the limit."""
    tree, keys = read_tree(connection, document)
    kept = stem(tree).parents
    gone = [(key,) for revision, key in keys.items() if revision not in kept]
    connection.executemany("DELETE FROM revisions WHERE key = ?", gone)


def leaf_keys(leaves: dict[Leaf, int]) -> dict[Revision, int]:
    """Return the leaves' keys by revision."""
    return {leaf.revision: key for leaf, key in leaves.items()}
