"""The store's file."""

import sqlite3
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.errors import StoreFileError
from couchpages.couch.embedded.schema import MIGRATIONS, connect, open_store


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
