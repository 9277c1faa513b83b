"""The store's SQLite file: opening it safely, its schema and its migrations (does).

Durability: WAL with synchronous=FULL. In WAL mode a commit is one append to the log and one fsync of it, and FULL is
what makes that fsync part of the commit; with NORMAL a power cut may take back what was answered 201. EXTRA adds
nothing in WAL mode. Source: SQLite documentation, "PRAGMA synchronous" and "Write-Ahead Logging".
"""

import os
import sqlite3
import stat
from pathlib import Path

from couchpages.couch.embedded.errors import StoreFileError

APPLICATION_ID = 0x43505331  # "CPS1" in the file's header says whose file it is
PAGE_SIZE = 8192  # bytes; large, because most bytes are attachments
BUSY_TIMEOUT = 10.0  # seconds to wait for another process, such as a backup
CACHE_KIB = 4096  # page cache of each connection

_FIRST = """
CREATE TABLE store (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE databases (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,                          -- NULL when deleted, until its documents are swept away
  uuid TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL,                  -- microseconds since 1970
  update_seq INTEGER NOT NULL DEFAULT 0,
  living INTEGER NOT NULL DEFAULT 0,
  tombstones INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE documents (
  key INTEGER PRIMARY KEY,
  database INTEGER NOT NULL REFERENCES databases (key),
  name BLOB NOT NULL,                        -- UTF-8; a blob sorts by its bytes
  seq INTEGER NOT NULL,
  winner INTEGER,                            -- key in revisions
  deleted INTEGER NOT NULL,                  -- whether the winner is a tombstone
  UNIQUE (database, name),
  UNIQUE (database, seq)
);

CREATE TABLE revisions (
  key INTEGER PRIMARY KEY,
  document INTEGER NOT NULL REFERENCES documents (key) ON DELETE CASCADE,
  generation INTEGER NOT NULL,
  digest TEXT NOT NULL,
  parent INTEGER REFERENCES revisions (key) ON DELETE SET NULL,
  deleted INTEGER NOT NULL,
  leaf INTEGER NOT NULL,
  body BLOB,                                 -- JSON of a leaf without special members, else NULL
  UNIQUE (document, generation, digest)
);
CREATE INDEX revisions_leaves ON revisions (document) WHERE leaf;
CREATE INDEX revisions_parent ON revisions (parent) WHERE parent IS NOT NULL;

CREATE TABLE contents (
  key INTEGER PRIMARY KEY AUTOINCREMENT,     -- never used twice; negative when it came in pieces
  sha256 BLOB UNIQUE,                        -- NULL while it is still being received
  md5 BLOB,
  length INTEGER
);

CREATE TABLE chunks (
  key INTEGER PRIMARY KEY,
  content INTEGER NOT NULL REFERENCES contents (key) ON DELETE CASCADE,
  start INTEGER NOT NULL,
  data BLOB NOT NULL,
  UNIQUE (content, start)
);

CREATE TABLE attachments (
  revision INTEGER NOT NULL REFERENCES revisions (key) ON DELETE CASCADE,
  name TEXT NOT NULL,
  content_type TEXT NOT NULL,
  generation INTEGER NOT NULL,
  content INTEGER NOT NULL REFERENCES contents (key),
  PRIMARY KEY (revision, name)
) WITHOUT ROWID;
CREATE INDEX attachments_content ON attachments (content);

CREATE TABLE abandoned (content INTEGER PRIMARY KEY);  -- perhaps without a reference now: looked at by the sweep

CREATE TABLE local_documents (
  database INTEGER NOT NULL REFERENCES databases (key),
  name BLOB NOT NULL,
  revision INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (database, name)
) WITHOUT ROWID;
"""

_SECOND = """
-- What is kept compressed says so; contents.length and md5 are those of the bytes that are stored.
ALTER TABLE attachments ADD COLUMN encoding TEXT;      -- 'gzip', or NULL for bytes as they are
ALTER TABLE attachments ADD COLUMN identity INTEGER;   -- bytes before compressing, NULL where that is contents.length
"""

MIGRATIONS = (_FIRST, _SECOND)  # PRAGMA user_version counts those that were made


def connect(path: Path, *, writing: bool) -> sqlite3.Connection:
    """Open one connection for one thread, in autocommit mode: transactions are begun by hand."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")  # never in TMPDIR
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    if not writing:
        connection.execute("PRAGMA query_only = ON")
    return connection


def open_store(path: Path) -> sqlite3.Connection:
    """Open or create the file with mode 0600 in a directory of mode 0700, bring its schema up to date, and return the writing connection.

    Raises StoreFileError with advice when the file is not ours, is damaged, or was written by a newer version.
    """
    try:
        _create(path)
        connection = connect(path, writing=True)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise StoreFileError(
            f"{path}: cannot be opened as a store of CouchDB Pages ({error}); restore it from a backup, or move it away "
            "and start again with an empty one"
        ) from error
    except OSError as error:
        raise not_writable(path, error) from error
    return connection


def not_writable(path: Path, error: OSError) -> StoreFileError:
    """Say what a person can do about a file that cannot be made or opened."""
    return StoreFileError(f"{path}: {error.strerror}; the daemon's user must be able to write there")


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    row: tuple[int] = connection.execute(f"PRAGMA {pragma}").fetchone()
    return row[0]


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    fresh = not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if not fresh and _number(connection, "application_id") != APPLICATION_ID:
        raise StoreFileError(f"{path}: belongs to another program; name another path for the embedded store")
    version = _number(connection, "user_version")
    if version > len(MIGRATIONS):
        raise StoreFileError(
            f"{path}: was written by a newer version of CouchDB Pages (format {version}, this one knows "
            f"{len(MIGRATIONS)}); install that version or a later one"
        )
    if fresh:
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    _migrate(connection, version)


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
        )
