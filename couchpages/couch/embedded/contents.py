"""Attachment contents: chunk rows shared by digest, received piece by piece, and swept away when nothing needs them (does).

A content without a SHA-256 is either still being received or given up. The sweep works in two steps that never share a
transaction: it first takes the SHA-256 away from what nothing refers to, so that nobody begins to read or share it, and
deletes chunks only in a later transaction, unless a reader that began before that holds it (`Pins`).
"""

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from hashlib import md5, sha256
from secrets import randbits
from sqlite3 import Connection
from threading import Lock

from couchpages.couch.embedded.writer import Transaction

CHUNK = 256 * 1024  # bytes in one row, and in memory for each transfer
SWEEP_CHUNKS = 32  # rows deleted in one transaction
SWEEP_DOCUMENTS = 200
SWEEP_PAGES = 512  # given back to the disk in one transaction


@dataclass(frozen=True, slots=True)
class Upload:
    """A content that is being received. Its key is random and negative, so that no other content ever has it.

    A key given by SQLite would be given again after a commit that failed, and pieces still queued would go astray.
    """

    key: int = field(default_factory=lambda: -1 - randbits(62))


@dataclass(frozen=True, slots=True)
class Received:
    """A content whose last byte has come: a small one as it is, a large one as chunks that are stored already.

    With an `encoding`, length and digests are those of the compressed bytes, and `identity` counts them before that.
    """

    length: int
    md5: bytes
    sha256: bytes
    whole: bytes | None
    upload: Upload | None = None
    encoding: str | None = None
    identity: int | None = None


def received_whole(data: bytes, encoding: str | None = None, identity: int | None = None) -> Received:
    """Describe a content that is in memory."""
    digests = md5(data, usedforsecurity=False).digest(), sha256(data).digest()
    return Received(len(data), *digests, data, None, encoding, identity)


class Pins:
    """Counts readers of contents; used from every thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._readers: Counter[int] = Counter()

    def hold(self, key: int) -> None:
        """Keep the chunks of this content until `release`."""
        with self._lock:
            self._readers[key] += 1

    def release(self, key: int) -> None:
        """Undo one `hold`."""
        with self._lock:
            self._readers[key] -= 1
            if self._readers[key] <= 0:
                del self._readers[key]

    def held(self) -> AbstractSet[int]:
        """Give the keys that are held now."""
        with self._lock:
            return frozenset(self._readers)


def append_chunk(transaction: Transaction, upload: Upload, start: int, data: bytes) -> None:
    """Store the next piece of an upload; fails when the first piece is not there."""
    execute = transaction.connection.execute
    if start == 0:
        execute("INSERT INTO contents (key) VALUES (?)", (upload.key,))
    execute("INSERT INTO chunks (content, start, data) VALUES (?, ?, ?)", (upload.key, start, data))


def keep_content(transaction: Transaction, received: Received) -> int:
    """Make a received content ready to be referred to, and return its key; the same bytes are stored once."""
    execute = transaction.connection.execute
    known = execute("SELECT key FROM contents WHERE sha256 = ?", (received.sha256,)).fetchone()
    if known is not None:
        give_up(transaction, received)
        return int(known[0])
    if received.upload is not None:
        return _keep_upload(transaction, received.upload, received)
    statement = "INSERT INTO contents (sha256, md5, length) VALUES (?, ?, ?) RETURNING key"
    key = int(execute(statement, (received.sha256, received.md5, received.length)).fetchone()[0])
    data = memoryview(received.whole or b"")
    pieces = [(key, start, data[start : start + CHUNK]) for start in range(0, len(data), CHUNK)]
    transaction.connection.executemany("INSERT INTO chunks (content, start, data) VALUES (?, ?, ?)", pieces)
    return key


def _keep_upload(transaction: Transaction, upload: Upload, received: Received) -> int:
    execute = transaction.connection.execute
    (stored,) = execute("SELECT sum(length(data)) FROM chunks WHERE content = ?", (upload.key,)).fetchone()
    if stored != received.length:
        raise LookupError("a piece of this attachment was not stored")
    described = (received.sha256, received.md5, received.length, upload.key)
    execute("UPDATE contents SET sha256 = ?, md5 = ?, length = ? WHERE key = ?", described)
    return upload.key


def give_up(transaction: Transaction, received: Received) -> None:
    """Forget what was received."""
    if received.upload is not None:
        give_up_upload(transaction, received.upload)


def give_up_upload(transaction: Transaction, upload: Upload) -> None:
    """Leave an upload that will not be finished to the sweep."""
    there = "SELECT key FROM contents WHERE key = ? AND sha256 IS NULL"
    transaction.connection.execute(f"INSERT OR IGNORE INTO abandoned {there}", (upload.key,))


def give_up_all_uploads(transaction: Transaction) -> None:
    """Leave every unfinished upload to the sweep: right at start only, when none is under way."""
    transaction.connection.execute("INSERT OR IGNORE INTO abandoned SELECT key FROM contents WHERE sha256 IS NULL")


def read_chunk(connection: Connection, key: int, start: int) -> bytes:
    """Read the piece of a content that begins at this multiple of CHUNK."""
    row = connection.execute("SELECT data FROM chunks WHERE content = ? AND start = ?", (key, start)).fetchone()
    if row is None:
        raise LookupError(f"content {key} has no chunk at {start}")
    return bytes(row[0])


def is_readable(connection: Connection, key: int) -> bool:
    """Tell, after `Pins.hold`, whether the content will stay until `Pins.release`."""
    query = "SELECT 1 FROM contents WHERE key = ? AND sha256 IS NOT NULL"
    return connection.execute(query, (key,)).fetchone() is not None


def sweep(transaction: Transaction, pins: Pins) -> bool:
    """Take away a bounded piece of what nothing needs; True when there is more."""
    connection = transaction.connection
    # One kind at a time, so that the list of what is abandoned, which each looks through, stays short.
    if _delete_chunks(connection, pins.held()) or _retire(connection) or _clear_database(connection):
        return True
    return _give_back(connection)


def _give_back(connection: Connection) -> bool:
    """Give free pages back to the disk; True when there are more.

    One page at a time: SQLite tells of each as a row without columns, which Python's module takes for the end.
    """
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    for _ in range(min(free, SWEEP_PAGES)):
        connection.execute("PRAGMA incremental_vacuum(1)").fetchall()
    return bool(free > SWEEP_PAGES)


def _delete_chunks(connection: Connection, held: AbstractSet[int]) -> bool:
    query = "SELECT content FROM abandoned JOIN contents ON contents.key = content WHERE sha256 IS NULL"
    keys = [key for (key,) in connection.execute(query) if key not in held]
    chunks = "SELECT key FROM chunks WHERE content = ? LIMIT ?"
    left = SWEEP_CHUNKS
    for key in keys:
        left -= connection.execute(f"DELETE FROM chunks WHERE key IN ({chunks})", (key, left)).rowcount  # noqa: S608  # a constant
        if left <= 0:
            break
        connection.execute("DELETE FROM contents WHERE key = ?", (key,))
        connection.execute("DELETE FROM abandoned WHERE content = ?", (key,))
    return bool(keys)


def _retire(connection: Connection) -> bool:
    referred = "SELECT 1 FROM attachments WHERE attachments.content = contents.key"
    candidates = f"key IN (SELECT content FROM abandoned) AND NOT EXISTS ({referred})"  # noqa: S608  # constants
    update = f"UPDATE contents SET sha256 = NULL WHERE sha256 IS NOT NULL AND {candidates}"  # noqa: S608  # constants
    retired = connection.execute(update).rowcount
    connection.execute(
        "DELETE FROM abandoned WHERE NOT EXISTS "
        "(SELECT 1 FROM contents WHERE contents.key = abandoned.content AND sha256 IS NULL)"
    )
    return retired > 0


def _clear_database(connection: Connection) -> bool:
    row = connection.execute("SELECT key FROM databases WHERE name IS NULL LIMIT 1").fetchone()
    if row is None:
        return False
    some = "SELECT key FROM documents WHERE database = ? ORDER BY seq LIMIT ?"  # twice the same ones
    revisions = f"SELECT key FROM revisions WHERE document IN ({some})"  # noqa: S608  # constants
    contents = f"SELECT content FROM attachments WHERE revision IN ({revisions})"  # noqa: S608  # constants
    connection.execute(f"INSERT OR IGNORE INTO abandoned {contents}", (*row, SWEEP_DOCUMENTS))
    gone = connection.execute(f"DELETE FROM documents WHERE key IN ({some})", (*row, SWEEP_DOCUMENTS)).rowcount  # noqa: S608  # a constant
    if gone < SWEEP_DOCUMENTS:
        connection.execute("DELETE FROM local_documents WHERE database = ?", row)
        connection.execute("DELETE FROM databases WHERE key = ?", row)
    return True
