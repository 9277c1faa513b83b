"""The store's file."""

import sqlite3
from hashlib import md5, sha256
from json import loads
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded import schema
from couchpages.couch.embedded.errors import StoreFileError
from couchpages.couch.embedded.schema import MIGRATIONS, connect, open_store
from tests.couch.contract.base import EmbeddedCase

CHUNK = 256 * 1024  # of the first schema's time


class OpeningTests(SynchronousTestCase):
    """Opening what is there, and what is not."""

    def setUp(self) -> None:
        """Choose a place."""
        self.path = Path(self.mktemp()) / "data" / "store.sqlite3"

    def refusal(self) -> str:
        """Open the file, which must be refused, and return the words."""
        with self.assertRaises(StoreFileError) as caught:
            open_store(self.path)
        return str(caught.exception)

    def test_new(self) -> None:
        """A new file is its owner's alone, and durable at every commit."""
        connection = open_store(self.path)
        self.addCleanup(connection.close)
        self.assertEqual(self.path.stat().st_mode & 0o7777, 0o600)
        self.assertEqual(self.path.parent.stat().st_mode & 0o7777, 0o700)
        told = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        self.assertEqual(told, ["wal", 2])
        self.assertEqual(connection.execute("PRAGMA foreign_keys").fetchone()[0], 1)

    def test_again(self) -> None:
        """A file that was opened before keeps what it has."""
        connection = open_store(self.path)
        connection.execute("INSERT INTO databases (name, uuid, created) VALUES ('a', 'b', 1)")
        connection.close()
        connection = open_store(self.path)
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute("SELECT name FROM databases").fetchall(), [("a",)])

    def test_reader_cannot_write(self) -> None:
        """A reader's connection refuses to write."""
        open_store(self.path).close()
        reader = connect(self.path, writing=False)
        self.addCleanup(reader.close)
        self.assertRaises(sqlite3.OperationalError, reader.execute, "DELETE FROM databases")

    def test_too_open(self) -> None:
        """A file that others could read is closed to them."""
        open_store(self.path).close()
        self.path.chmod(0o644)
        open_store(self.path).close()
        self.assertEqual(self.path.stat().st_mode & 0o7777, 0o600)

    def test_foreign_database(self) -> None:
        """Another program's SQLite file is refused, and not changed."""
        self.path.parent.mkdir(parents=True)
        foreign = sqlite3.connect(self.path)
        foreign.execute("CREATE TABLE theirs (x)")
        foreign.close()
        before = self.path.read_bytes()
        self.assertIn("another program", self.refusal())
        self.assertEqual(self.path.read_bytes(), before)

    def test_no_database(self) -> None:
        """A file that is no SQLite file is refused, and not changed."""
        self.path.parent.mkdir(parents=True)
        self.path.write_bytes(b"a text, and not a short one" * 100)
        self.assertIn("cannot be opened", self.refusal())
        self.assertEqual(self.path.read_bytes(), b"a text, and not a short one" * 100)

    def test_newer(self) -> None:
        """A file of a newer version is refused."""
        connection = open_store(self.path)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        connection.close()
        self.assertIn("newer version", self.refusal())

    def test_no_directory(self) -> None:
        """A place that cannot be written is refused with the reason."""
        self.path.parent.parent.mkdir(parents=True)
        self.path.parent.write_text("a file where a directory should be")
        self.assertIn(str(self.path), self.refusal())


def write_first(path: Path, attachments: dict[str, tuple[str, bytes]]) -> None:
    """Write a file of the first schema, by hand: a database `old` with a document `doc` that has these attachments."""
    with mock.patch.object(schema, "MIGRATIONS", MIGRATIONS[:1]):
        connection = open_store(path)
    execute = connection.execute
    execute(
        "INSERT INTO databases (key, name, uuid, created, update_seq, living) VALUES (1, 'old', ?, 1, 1, 1)",
        ("a" * 32,),
    )
    execute(
        "INSERT INTO documents (key, database, name, seq, winner, deleted) VALUES (1, 1, CAST('doc' AS BLOB), 1, 1, 0)"
    )
    execute(
        "INSERT INTO revisions (key, document, generation, digest, deleted, leaf, body) VALUES (1, 1, 1, ?, 0, 1, ?)",
        ("b" * 32, b'{"v":1}'),
    )
    for key, (name, (kind, data)) in enumerate(attachments.items(), 1):
        described = (key, sha256(data).digest(), md5(data, usedforsecurity=False).digest(), len(data))
        execute("INSERT INTO contents (key, sha256, md5, length) VALUES (?, ?, ?, ?)", described)
        for start in range(0, len(data), CHUNK):
            piece = (key, start, data[start : start + CHUNK])
            execute("INSERT INTO chunks (content, start, data) VALUES (?, ?, ?)", piece)
        row = (name, kind, key)
        execute(
            "INSERT INTO attachments (revision, name, content_type, generation, content) VALUES (1, ?, ?, 1, ?)", row
        )
    connection.close()


class MigrationTests(EmbeddedCase):
    """A store that was written before attachments were compressed."""

    attachments = {  # noqa: RUF012  # a constant
        "a.txt": ("text/plain", b"a text that is kept as it came\n" * 20_000),
        "b.bin": ("application/octet-stream", Random(1).randbytes(CHUNK + 5)),  # noqa: S311  # a content
        "empty": ("text/html", b""),
    }

    def place(self) -> Path:
        """Write the old file."""
        self.path = super().place()
        write_first(self.path, self.attachments)
        return self.path

    async def told(self, query: str = "") -> Any:
        """Read the document."""
        return (await self.ask("GET", f"/old/doc{query}", headers={"Accept": "application/json"})).json

    async def test_as_before(self) -> None:
        """Documents and attachments are what they were, with the digests and lengths of the bytes as they came."""
        document = await self.told("?att_encoding_info=true")
        self.assertEqual((document["v"], document["_rev"]), (1, f"1-{'b' * 32}"))
        self.assertEqual(set(document["_attachments"]), set(self.attachments))
        for name, (kind, data) in self.attachments.items():
            answer = await self.ask("GET", f"/old/doc/{name}")
            self.assertEqual((answer.status, answer.headers["content-type"]), (200, kind))
            self.assertTrue(answer.body == data, name)
            stub = document["_attachments"][name]
            self.assertEqual((stub["length"], stub.get("encoding")), (len(data), None))
        with sqlite3.connect(self.path) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.close()
        self.assertEqual(version, len(MIGRATIONS))

    async def test_goes_on(self) -> None:
        """Old attachments stay beside new ones that are compressed, and both follow in a multipart answer."""
        stubs = {name: {"stub": True} for name in self.attachments}
        answer = await self.ask("PUT", "/old/doc", {"_rev": f"1-{'b' * 32}", "_attachments": stubs})
        self.assertEqual(answer.status, 201, answer.body)
        text = self.attachments["a.txt"][1]
        path = f"/old/doc/new.txt?rev={answer.json['rev']}"
        answer = await self.ask("PUT", path, data=text, headers={"Content-Type": "text/plain"})
        self.assertEqual(answer.status, 201, answer.body)
        told = (await self.told("?att_encoding_info=true"))["_attachments"]
        self.assertEqual((told["a.txt"].get("encoding"), told["new.txt"]["encoding"]), (None, "gzip"))
        for name in ("a.txt", "new.txt"):
            self.assertTrue((await self.ask("GET", f"/old/doc/{name}")).body == text, name)
        answer = await self.ask("GET", "/old/doc?attachments=true", headers={"Accept": "multipart/related"})
        self.assertIn(text, answer.body)
        self.assertEqual(loads(answer.body.split(b"\r\n\r\n")[1].split(b"\r\n")[0])["_rev"][:2], "3-")
