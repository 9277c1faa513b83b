"""Pages of `_all_docs` and `_changes`: bounded pieces of long answers, as jobs for the readers (does).

A page is bounded in rows and in bytes, so that neither a long list nor large documents fill the memory. Pages of one
answer are read one after another: what is written meanwhile may or may not show, as in any CouchDB of several shards.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from couchpages.couch.embedded.databases import DatabaseRow, find_database
from couchpages.couch.embedded.errors import ApiError
from couchpages.couch.embedded.feed_forms import Change
from couchpages.couch.embedded.json_text import write_json
from couchpages.couch.embedded.lookups import find_revision, read_document, render, whole
from couchpages.couch.embedded.revisions import Revision, winner
from couchpages.couch.embedded.sequences import sequence
from couchpages.couch.embedded.trees import read_leaves
from couchpages.couch.embedded.views import Bounds, ChangesView, View

PAGE_ROWS = 500
PAGE_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows as JSON texts, and where to go on; `more` is False when there is nothing further."""

    rows: Sequence[bytes]
    cursor: bytes
    more: bool


def count_before(connection: Connection, database: str, bounds: Bounds) -> tuple[DatabaseRow, int]:
    """Return the database, and how many documents come before the first that is listed."""
    row = find_database(connection, database)
    if bounds.first is None:
        return row, 0
    before = ">" if bounds.descending else "<"
    query = f"SELECT count(*) FROM documents WHERE database = ? AND NOT deleted AND name {before} ?"  # noqa: S608  # constants
    return row, connection.execute(query, (row.key, bounds.first)).fetchone()[0]


def read_page(
    connection: Connection,
    database: str,
    bounds: Bounds,
    *,
    after: bytes | None,
    skip: int,
    limit: int,
    view: View | None,
) -> Page:
    """Read the next rows of `_all_docs`; `after` is the last page's cursor."""
    row = find_database(connection, database)
    conditions, values = _conditions(bounds, after)
    direction = "DESC" if bounds.descending else "ASC"
    query = (
        "SELECT name, generation, digest FROM documents JOIN revisions ON revisions.key = winner "  # noqa: S608  # constants
        f"WHERE database = ? AND NOT documents.deleted {conditions} ORDER BY name {direction} LIMIT ? OFFSET ?"
    )
    size = min(limit, PAGE_ROWS)
    found = connection.execute(query, (row.key, *values, size, skip)).fetchall()

    def text(each: tuple[bytes, int, str]) -> bytes:
        name, revision = each[0].decode(), str(Revision(each[1], each[2]))
        return _row(connection, database, name, {"rev": revision}, view)

    rows = _bounded(found, text)
    cursor = found[len(rows) - 1][0] if rows else b""
    return Page(rows, cursor, len(rows) == size < limit or len(rows) < len(found))


def _conditions(bounds: Bounds, after: bytes | None) -> tuple[str, list[bytes]]:
    up, down = (">", "<") if not bounds.descending else ("<", ">")
    conditions, values = "", []
    if after is not None:
        conditions += f" AND name {up} ?"
        values.append(after)
    elif bounds.first is not None:
        conditions += f" AND name {up}= ?"
        values.append(bounds.first)
    if bounds.last is not None:
        conditions += f" AND name {down}{'=' if bounds.inclusive else ''} ?"
        values.append(bounds.last)
    return conditions, values


def _bounded(found: Sequence[object], text: Callable[..., bytes]) -> list[bytes]:
    rows: list[bytes] = []
    size = 0
    for each in found:
        rows.append(text(each))
        size += len(rows[-1])
        if size >= PAGE_BYTES:
            break
    return rows


def _row(connection: Connection, database: str, name: str, value: dict[str, object], view: View | None) -> bytes:
    row = write_json({"id": name, "key": name, "value": value})
    if view is None:
        return row
    try:
        document = (
            b"null"
            if "deleted" in value
            else whole(connection, read_document(connection, database, name, None, view)[1])
        )
    except ApiError:
        document = b"null"  # deleted since its row was read
    return row[:-1] + b',"doc":' + document + b"}"


def read_keys(connection: Connection, database: str, keys: Sequence[object], view: View | None) -> list[bytes]:
    """Write the rows of `_all_docs` for these keys, in their order, found or not; stops when a page is full."""
    row = find_database(connection, database)
    return _bounded(keys, lambda key: _key_row(connection, row, key, view))


def _key_row(connection: Connection, row: DatabaseRow, key: object, view: View | None) -> bytes:
    query = (
        "SELECT generation, digest, documents.deleted FROM documents JOIN revisions ON revisions.key = winner "
        "WHERE database = ? AND name = ?"
    )
    found = connection.execute(query, (row.key, key.encode())).fetchone() if isinstance(key, str) else None
    if found is None:
        return write_json({"key": key, "error": "not_found"})
    value: dict[str, object] = {"rev": str(Revision(found[0], found[1]))}
    if found[2]:
        value["deleted"] = True
    return _row(connection, row.name, str(key), value, view)


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Some changes, the number of the last that was looked at, and whether there are more."""

    rows: Sequence[Change]
    last: int
    more: bool


def read_changes(
    connection: Connection, database: DatabaseRow, since: int, limit: int, view: ChangesView
) -> ChangesPage | None:
    """Read the next changes after `since` (before it, when descending); None when the database is gone."""
    query = "SELECT 1 FROM databases WHERE key = ? AND name = ?"
    if connection.execute(query, (database.key, database.name)).fetchone() is None:
        return None
    side, direction = ("<", "DESC") if view.descending else (">", "ASC")
    query = (
        "SELECT seq, name, documents.key, documents.deleted, generation, digest FROM documents "  # noqa: S608  # constants
        f"JOIN revisions ON revisions.key = winner WHERE database = ? AND seq {side} ? ORDER BY seq {direction} LIMIT ?"
    )
    size = min(limit, PAGE_ROWS)
    found = connection.execute(query, (database.key, since, size)).fetchall()
    rows: list[Change] = []
    looked_at = length = 0
    for looked_at, each in enumerate(found, 1):  # noqa: B007  # it is used after the loop
        if view.tells_of(each[1].decode()):
            rows.append(_change(connection, database, each, view))
            length += len(rows[-1].text)
        if length >= PAGE_BYTES:
            break
    last = found[looked_at - 1][0] if found else since
    return ChangesPage(rows, last, len(rows) < limit and (looked_at < len(found) or len(found) == size))


def _change(
    connection: Connection, database: DatabaseRow, found: tuple[int, bytes, int, int, int, str], view: ChangesView
) -> Change:
    number, encoded, document, dead, generation, digest = found
    name, best, seq = encoded.decode(), Revision(generation, digest), sequence(number, database.uuid)
    revisions = _leaves(connection, document) if view.all_leaves else [best]
    told = {"seq": seq, "id": name, "changes": [{"rev": str(each)} for each in revisions]}
    text = write_json(told | ({"deleted": True} if dead else {}))
    if view.include_docs:
        shown = render(connection, name, find_revision(connection, database.name, name, best), view.shown)
        text = text[:-1] + b',"doc":' + whole(connection, shown) + b"}"
    return Change(seq, text)


def _leaves(connection: Connection, document: int) -> Iterable[Revision]:
    leaves = list(read_leaves(connection, document))
    best = winner(leaves)
    others = [leaf for leaf in leaves if leaf is not best]
    ordered = sorted(others, key=lambda leaf: (not leaf.deleted, leaf.revision.order), reverse=True)
    return [leaf.revision for leaf in (best, *ordered)]


def count_after(connection: Connection, database: DatabaseRow, seq: int, *, descending: bool) -> int:
    """Count the changes that come after this one (`pending`)."""
    side = "<" if descending else ">"
    query = f"SELECT count(*) FROM documents WHERE database = ? AND seq {side} ?"  # noqa: S608  # constants
    total: int = connection.execute(query, (database.key, seq)).fetchone()[0]
    return total
