"""Rows of the databases table: finding, making and dropping databases (does)."""

import re
from dataclasses import dataclass
from sqlite3 import Connection, IntegrityError

from couchpages.couch.embedded.errors import bad_database_name, database_exists, no_database
from couchpages.couch.embedded.sequences import sequence
from couchpages.couch.embedded.writer import Transaction

_NAME = re.compile(r"[a-z][a-z0-9_$()+/-]*", re.ASCII)
NAME_LIMIT = 238  # characters, CouchDB's own limit


@dataclass(frozen=True, slots=True)
class DatabaseRow:
    """One life of a database; `uuid` and `created` (microseconds since 1970) differ from life to life."""

    key: int
    name: str
    uuid: str
    created: int
    update_seq: int
    living: int
    tombstones: int

    @property
    def sequence(self) -> str:
        """The latest update sequence, as clients see it."""
        return sequence(self.update_seq, self.uuid)

    def described(self) -> dict[str, object]:
        """Describe it as `GET /{database}` does; sizes are not kept."""
        return {
            "instance_start_time": str(self.created),
            "db_name": self.name,
            "purge_seq": sequence(0, self.uuid),
            "update_seq": self.sequence,
            "sizes": {"file": 0, "external": 0, "active": 0},
            "props": {},
            "doc_del_count": self.tombstones,
            "doc_count": self.living,
            "disk_format_version": 8,
            "compact_running": False,
            "cluster": {"q": 1, "n": 1, "w": 1, "r": 1},
        }


def find_database(connection: Connection, name: str) -> DatabaseRow:
    """Return a database by its name, or raise 404."""
    row = connection.execute(
        "SELECT key, name, uuid, created, update_seq, living, tombstones FROM databases WHERE name = ?",
        (name.encode("utf-8", "replace").decode(),),
    ).fetchone()
    if row is None:
        raise no_database()
    return DatabaseRow(*row)


def list_databases(connection: Connection) -> list[str]:
    """List the names in the order of their bytes."""
    rows = connection.execute("SELECT name FROM databases WHERE name IS NOT NULL ORDER BY name").fetchall()
    return [name for (name,) in rows]


def create_database(transaction: Transaction, name: str, *, uuid: str, created: int) -> None:
    """Make an empty database; 400 for an illegal name, 412 when it is there."""
    if not _NAME.fullmatch(name) or len(name) > NAME_LIMIT:
        raise bad_database_name(name.encode("utf-8", "replace").decode())
    try:
        transaction.connection.execute(
            "INSERT INTO databases (name, uuid, created) VALUES (?, ?, ?)", (name, uuid, created)
        )
    except IntegrityError:
        raise database_exists() from None


def drop_database(transaction: Transaction, name: str) -> None:
    """Make a database disappear at once; the sweep takes its rows away later."""
    row = find_database(transaction.connection, name)
    transaction.connection.execute("UPDATE databases SET name = NULL WHERE key = ?", (row.key,))
    transaction.touched.add(row.uuid)  # wakes the feeds that follow it, so that they end
