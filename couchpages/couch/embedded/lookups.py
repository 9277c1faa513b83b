"""Reads of single documents and attachments, as jobs for the readers (does)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from couchpages.couch.embedded.attachments import Stored
from couchpages.couch.embedded.contents import CHUNK, read_chunk
from couchpages.couch.embedded.databases import DatabaseRow, find_database
from couchpages.couch.embedded.documents import compose
from couchpages.couch.embedded.errors import deleted, missing, no_attachment
from couchpages.couch.embedded.json_text import write_json
from couchpages.couch.embedded.multipart_writing import fit_to_follow
from couchpages.couch.embedded.revisions import Leaf, Revision, conflicts
from couchpages.couch.embedded.segments import Content, Form, Segment, Writing, joined
from couchpages.couch.embedded.trees import read_attachments, read_leaves
from couchpages.couch.embedded.views import View


@dataclass(frozen=True, slots=True)
class Found:
    """A revision with its body."""

    database: DatabaseRow
    document: int
    seq: int
    key: int
    revision: Revision
    deleted: bool
    body: bytes


_COLUMNS = "documents.key, seq, revisions.key, generation, digest, revisions.deleted, body"


def find_revision(connection: Connection, database: str, name: str, revision: Revision | None) -> Found:
    """Return the revision that is asked for, or the winner; 404 `missing` or `deleted`."""
    row = find_database(connection, database)
    key: tuple[object, ...] = (row.key, name.encode("utf-8", "surrogatepass"))
    which = "revisions.key = winner"
    if revision is not None:
        which = "revisions.document = documents.key AND generation = ? AND digest = ?"
        key = (revision.generation, revision.digest, *key)
    query = f"SELECT {_COLUMNS} FROM documents JOIN revisions ON {which} WHERE database = ? AND name = ?"  # noqa: S608  # constants
    found = connection.execute(query, key).fetchone()
    if found is None or found[6] is None:
        raise missing()
    if revision is None and found[5]:
        raise deleted()
    document, seq, own, generation, digest, dead, body = found
    return Found(row, document, seq, own, Revision(generation, digest), bool(dead), body)


def read_document(
    connection: Connection, database: str, name: str, revision: Revision | None, view: View
) -> tuple[Revision, list[Segment]]:
    """Return a document's revision and its text, in which contents of attachments are still to be written."""
    found = find_revision(connection, database, name, revision)
    return found.revision, render(connection, name, found, view)


def read_parts(
    connection: Connection, database: str, name: str, revision: Revision | None, view: View
) -> tuple[Revision, bytes, list[Stored]]:
    """Return a document's revision, its text for a multipart body, and the attachments that follow it."""
    found = find_revision(connection, database, name, revision)
    attachments = read_attachments(connection, found.key)
    full = [fit_to_follow(each) for each in _full(connection, found, attachments, view)]
    following = {each.name: each.following() for each in full}
    told = {each.name: following.get(each.name) or each.stub(encoding=True) for each in attachments}
    extras = [*_extras(connection, found, view), *([("_attachments", told)] if told else [])]
    return found.revision, compose(name, found.revision, found.body, extras), full


def render(connection: Connection, name: str, found: Found, view: View) -> list[Segment]:
    """Write a found revision with what the view adds."""
    text = compose(name, found.revision, found.body, _extras(connection, found, view))
    attachments = read_attachments(connection, found.key)
    if not attachments:
        return [text]
    full = _full(connection, found, attachments, view)
    members = [_member(each, full=each in full, encoding=view.encoding_info) for each in attachments]
    between = [segment for member in members for segment in (b",", *member)][1:]
    return joined([text[:-1], b',"_attachments":{', *between, b"}}"])


def whole(connection: Connection, segments: Iterable[Segment]) -> bytes:
    """Write segments in memory, for answers that are put together of many documents."""
    return b"".join(each if isinstance(each, bytes) else _content(connection, each) for each in segments)


def _content(connection: Connection, content: Content) -> bytes:
    writing = Writing(content)
    starts = range(0, content.stored.length, CHUNK)
    pieces = [
        piece for start in starts for piece in writing.feed(read_chunk(connection, content.stored.content, start))
    ]
    return b"".join([*pieces, writing.finish()])


def _member(attachment: Stored, *, full: bool, encoding: bool) -> list[Segment]:
    name = write_json(attachment.name) + b":"
    if not full:
        return [name + write_json(attachment.stub(encoding=encoding))]
    described = write_json(attachment.described(encoding=encoding))
    return [name + described[:-1] + b',"data":"', Content(attachment, Form.BASE64), b'"}']


def _full(connection: Connection, found: Found, attachments: Sequence[Stored], view: View) -> list[Stored]:
    """Choose the attachments whose contents are wanted."""
    if not view.attachments:
        return []
    if view.atts_since is None:
        return list(attachments)
    path = {revision for revision, _ in ancestors(connection, found.key)}
    since = max((each.generation for each in view.atts_since if each in path), default=0)
    return [each for each in attachments if each.generation > since]


def _extras(connection: Connection, found: Found, view: View) -> Iterator[tuple[str, object]]:
    if view.revs:
        path = [revision for revision, _ in ancestors(connection, found.key)]
        yield "_revisions", {"start": found.revision.generation, "ids": [each.digest for each in path]}
    if found.deleted:
        yield "_deleted", True
    if view.revs_info:
        infos = ancestors(connection, found.key)
        yield "_revs_info", [{"rev": str(revision), "status": status} for revision, status in infos]
    yield from _conflicts(list(read_leaves(connection, found.document)) if _wants_leaves(view) else [], view)
    if view.local_seq:
        yield "_local_seq", found.seq


def _wants_leaves(view: View) -> bool:
    return view.conflicts or view.deleted_conflicts


def _conflicts(leaves: Sequence[Leaf], view: View) -> Iterator[tuple[str, object]]:
    for wanted, dead, member in (
        (view.conflicts, False, "_conflicts"),
        (view.deleted_conflicts, True, "_deleted_conflicts"),
    ):
        losers = [str(each) for each in conflicts(leaves, deleted=dead)] if wanted and leaves else []
        if losers:
            yield member, losers


def ancestors(connection: Connection, key: int) -> list[tuple[Revision, str]]:
    """List a revision and its ancestors, the newest first, each with CouchDB's word for what is left of it."""
    query = """
        WITH RECURSIVE path (key, generation, digest, parent, deleted, body) AS (
          SELECT key, generation, digest, parent, deleted, body IS NOT NULL FROM revisions WHERE key = ?
          UNION ALL
          SELECT r.key, r.generation, r.digest, r.parent, r.deleted, r.body IS NOT NULL
          FROM revisions AS r JOIN path ON r.key = path.parent
        ) SELECT generation, digest, deleted, body FROM path"""
    words = {(0, 1): "available", (1, 1): "deleted"}
    rows = connection.execute(query, (key,))
    return [
        (Revision(generation, digest), words.get((dead, there), "missing")) for generation, digest, dead, there in rows
    ]


def read_leaves_of(connection: Connection, database: str, name: str) -> list[Revision]:
    """List the leaves of a document, tombstones too, in the order of their names; 404 without the document."""
    row = find_database(connection, database)
    query = "SELECT key FROM documents WHERE database = ? AND name = ?"
    document = connection.execute(query, (row.key, name.encode("utf-8", "surrogatepass"))).fetchone()
    if document is None:
        raise missing()
    leaves = [leaf.revision for leaf in read_leaves(connection, document[0])]
    return sorted(leaves, key=lambda revision: revision.order)


def newest_of(connection: Connection, database: str, name: str, revision: Revision) -> list[Revision]:
    """List the leaves that a revision became (`latest`): itself when it is one, none when it is not known."""
    row = find_database(connection, database)
    query = """
        WITH RECURSIVE tree (key) AS (
          SELECT revisions.key FROM revisions JOIN documents ON documents.key = document
          WHERE database = ? AND name = ? AND generation = ? AND digest = ?
          UNION ALL SELECT r.key FROM revisions AS r JOIN tree ON r.parent = tree.key
        ) SELECT generation, digest FROM revisions JOIN tree ON tree.key = revisions.key WHERE leaf"""
    values = (row.key, name.encode("utf-8", "surrogatepass"), revision.generation, revision.digest)
    found = [Revision(*each) for each in connection.execute(query, values)]
    return sorted(found, key=lambda each: each.order)


def read_local(connection: Connection, database: str, name: str) -> tuple[Revision, bytes]:
    """Return a local document's revision and text."""
    row = find_database(connection, database)
    query = "SELECT revision, body FROM local_documents WHERE database = ? AND name = ?"
    found = connection.execute(query, (row.key, name.encode("utf-8", "surrogatepass"))).fetchone()
    if found is None:
        raise missing()
    revision = Revision(0, str(found[0]))
    return revision, compose(name, revision, found[1])


def find_attachment(
    connection: Connection, database: str, name: str, revision: Revision | None, attachment: str
) -> Stored:
    """Return an attachment of a document, or 404."""
    found = find_revision(connection, database, name, revision)
    for each in read_attachments(connection, found.key):
        if each.name == attachment:
            return each
    raise no_attachment()


def missing_revisions(
    connection: Connection, database: str, asked: Mapping[str, Sequence[Revision]]
) -> dict[str, dict[str, list[str]]]:
    """Tell which of these revisions are not here, and which leaves could be their ancestors (`_revs_diff`)."""
    row = find_database(connection, database)
    difference: dict[str, dict[str, list[str]]] = {}
    for name, revisions in asked.items():
        query = (
            "SELECT generation, digest, leaf FROM revisions JOIN documents ON documents.key = document "
            "WHERE database = ? AND name = ?"
        )
        rows = connection.execute(query, (row.key, name.encode())).fetchall()
        known = {Revision(generation, digest): leaf for generation, digest, leaf in rows}
        lost = [each for each in revisions if each not in known]
        if lost:
            difference[name] = _difference(lost, [each for each, leaf in known.items() if leaf])
    return difference


def _difference(lost: Sequence[Revision], leaves: Sequence[Revision]) -> dict[str, list[str]]:
    newest = max(each.generation for each in lost)
    possible = [str(each) for each in leaves if each.generation < newest]
    return {"missing": [str(each) for each in lost]} | ({"possible_ancestors": possible} if possible else {})
