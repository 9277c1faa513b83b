"""The writer's transactions, and the sweep, on a real file without threads."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.contents import (
    CHUNK,
    Pins,
    Received,
    Upload,
    append_chunk,
    give_up_all_uploads,
    give_up_upload,
    is_readable,
    keep_content,
    read_chunk,
    received_whole,
    sweep,
)
from couchpages.couch.embedded.databases import create_database, drop_database, find_database
from couchpages.couch.embedded.documents import read_draft
from couchpages.couch.embedded.errors import ApiError
from couchpages.couch.embedded.lookups import ancestors, find_attachment, find_revision
from couchpages.couch.embedded.new_attachments import NewAttachment
from couchpages.couch.embedded.revisions import REVISION_LIMIT, Revision
from couchpages.couch.embedded.schema import open_store
from couchpages.couch.embedded.trees import STEM_EVERY
from couchpages.couch.embedded.updates import delete_document, save_attachment, save_draft
from couchpages.couch.embedded.writer import Transaction, _Queued, run_batch

Job = Callable[[Transaction], Any]


class StoreFileCase(SynchronousTestCase):
    """A store's file with one database, `db`."""

    def setUp(self) -> None:
        """Open it."""
        self.connection = open_store(Path(self.mktemp()) / "store.sqlite3")
        self.addCleanup(self.connection.close)
        self.pins = Pins()
        self.run_job(lambda t: create_database(t, "db", uuid="0" * 32, created=1))

    def run_jobs(self, *jobs: Job) -> list[Any]:
        """Run jobs as one batch, and return what became of each."""
        _, outcomes = run_batch(self.connection, [_Queued(job, 0, Deferred()) for job in jobs])
        return [outcome for _, outcome in outcomes]

    def run_job(self, job: Job) -> Any:
        """Run one job, which must succeed."""
        (outcome,) = self.run_jobs(job)
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome

    def count(self, table: str) -> int:
        """Count rows."""
        (number,) = self.connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  # the test's own
        return int(number)

    def sweep_all(self) -> None:
        """Sweep until nothing is left to do."""
        while self.run_job(lambda t: sweep(t, self.pins)):
            pass


class BatchTests(StoreFileCase):
    """Group commit."""

    def test_one_fails(self) -> None:
        """A job that fails leaves nothing, and the others of its transaction stay."""

        def fails(transaction: Transaction) -> None:
            create_database(transaction, "half", uuid="2" * 32, created=1)
            raise ValueError("on purpose")

        one, two, three = self.run_jobs(
            lambda t: create_database(t, "one", uuid="1" * 32, created=1),
            fails,
            lambda t: create_database(t, "three", uuid="3" * 32, created=1),
        )
        self.assertIsNone(one)
        self.assertIsInstance(two.value, ValueError)
        self.assertIsNone(three)
        names = self.connection.execute("SELECT name FROM databases ORDER BY name").fetchall()
        self.assertEqual(names, [("db",), ("one",), ("three",)])

    def test_touched(self) -> None:
        """A commit tells which databases have new sequences."""
        job = _Queued(lambda t: save_draft(t, "db", "a", read_draft({})), 0, Deferred())
        touched, _ = run_batch(self.connection, [job])
        self.assertEqual(touched, {"0" * 32})

    def test_full_disk(self) -> None:
        """On a full disk every job is answered 507, nothing of it stays, and later everything works again."""
        (pages,) = self.connection.execute("PRAGMA page_count").fetchone()
        self.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        large = NewAttachment("data", "x/y", received_whole(b"x" * 1_000_000))
        (outcome,) = self.run_jobs(lambda t: save_attachment(t, "db", "a", None, large))
        self.assertIsInstance(outcome.value, ApiError)
        self.assertEqual((outcome.value.status, outcome.value.reason), (507, "enospc"))
        self.assertEqual([self.count(table) for table in ("documents", "contents", "chunks")], [0, 0, 0])
        self.assertFalse(self.connection.in_transaction)
        self.connection.execute("PRAGMA max_page_count = 1000000")
        self.run_job(lambda t: save_attachment(t, "db", "a", None, large))
        self.assertEqual(self.count("documents"), 1)

    def test_transaction_lost_by_a_job(self) -> None:
        """A job that ends the transaction, whatever it raises, fails its batch; the writer goes on with the next."""

        def ends_it(transaction: Transaction) -> None:
            transaction.connection.execute("ROLLBACK")
            raise ValueError("on purpose")

        outcomes = self.run_jobs(lambda t: save_draft(t, "db", "a", read_draft({})), ends_it)
        self.assertEqual([type(outcome.value) for outcome in outcomes], [ValueError] * 2)
        self.assertEqual(self.count("documents"), 0)
        self.run_job(lambda t: save_draft(t, "db", "a", read_draft({})))
        self.assertEqual(self.count("documents"), 1)

    def test_failing_commit(self) -> None:
        """When the commit itself fails, no job is told that it succeeded."""

        def breaks_a_key(transaction: Transaction) -> None:
            transaction.connection.execute("PRAGMA defer_foreign_keys = ON")
            transaction.connection.execute("INSERT INTO chunks (content, start, data) VALUES (99, 0, x'')")

        outcomes = self.run_jobs(lambda t: save_draft(t, "db", "a", read_draft({})), breaks_a_key)
        self.assertEqual([type(outcome.value) for outcome in outcomes], [sqlite3.IntegrityError] * 2)
        self.assertEqual(self.count("documents"), 0)


class ContentTests(StoreFileCase):
    """Contents are shared, and swept away when nothing needs them."""

    def attach(self, name: str, data: bytes, revision: Revision | None = None) -> Revision:
        """Attach bytes to a document."""
        new = NewAttachment("data", "x/y", received_whole(data))
        saved: Revision = self.run_job(lambda t: save_attachment(t, "db", name, revision, new))
        return saved

    def content(self, name: str) -> int:
        """Return the key of what a document has attached."""
        return find_attachment(self.connection, "db", name, None, "data").content

    def test_shared(self) -> None:
        """The same bytes are stored once, other bytes beside them."""
        self.attach("a", b"same")
        self.attach("b", b"same")
        self.attach("c", b"other")
        self.assertEqual(self.content("a"), self.content("b"))
        self.assertEqual(self.count("contents"), 2)

    def test_chunks(self) -> None:
        """Large contents lie in pieces."""
        data = bytes(range(256)) * 2048
        self.attach("a", data)
        starts = self.connection.execute("SELECT start FROM chunks ORDER BY start").fetchall()
        self.assertEqual(starts, [(0,), (CHUNK,)])
        pieces = [read_chunk(self.connection, self.content("a"), start) for (start,) in starts]
        self.assertEqual(b"".join(pieces), data)

    def test_swept(self) -> None:
        """What the last document let go is swept away; what another still has stays."""
        first = self.attach("a", b"same")
        second = self.attach("b", b"same")
        self.run_job(lambda t: delete_document(t, "db", "a", first))
        self.sweep_all()
        self.assertEqual(read_chunk(self.connection, self.content("b"), 0), b"same")
        self.run_job(lambda t: delete_document(t, "db", "b", second))
        self.sweep_all()
        self.assertEqual([self.count(table) for table in ("contents", "chunks", "abandoned")], [0, 0, 0])

    def test_room_is_given_back(self) -> None:
        """After the sweep, the file is as small as if the bytes had never been there."""
        (before,) = self.connection.execute("PRAGMA page_count").fetchone()
        revision = self.attach("a", b"x" * 20_000_000)
        self.run_job(lambda t: delete_document(t, "db", "a", revision))
        self.sweep_all()
        (after,) = self.connection.execute("PRAGMA page_count").fetchone()
        self.assertLess(after, before + 10)

    def test_taken_up_again(self) -> None:
        """Bytes that are stored again before the sweep came are kept."""
        revision = self.attach("a", b"same")
        self.run_job(lambda t: delete_document(t, "db", "a", revision))
        self.attach("b", b"same")
        self.sweep_all()
        self.assertEqual(read_chunk(self.connection, self.content("b"), 0), b"same")
        self.assertEqual(self.count("abandoned"), 0)

    def test_readers_are_waited_for(self) -> None:
        """What somebody reads stays until the end, and nobody begins to read it any more."""
        revision = self.attach("a", b"same")
        key = self.content("a")
        self.pins.hold(key)
        self.assertTrue(is_readable(self.connection, key))
        self.run_job(lambda t: delete_document(t, "db", "a", revision))
        self.sweep_all()
        self.assertFalse(is_readable(self.connection, key))
        self.assertEqual(read_chunk(self.connection, key, 0), b"same")
        self.attach("b", b"same")
        self.assertNotEqual(self.content("b"), key)
        self.pins.release(key)
        self.sweep_all()
        self.assertRaises(LookupError, read_chunk, self.connection, key, 0)
        self.assertEqual(self.count("contents"), 1)

    def test_unfinished_uploads(self) -> None:
        """An upload that is under way survives the sweep, until it is given up."""
        upload = Upload()
        self.run_job(lambda t: append_chunk(t, upload, 0, b"x" * CHUNK))
        self.sweep_all()
        self.assertEqual(self.count("chunks"), 1)
        self.run_job(lambda t: give_up_upload(t, upload))
        self.sweep_all()
        self.assertEqual((self.count("contents"), self.count("chunks")), (0, 0))

    def test_uploads_of_an_earlier_run(self) -> None:
        """What a run that was killed left half done is swept away at the next start."""
        self.run_job(lambda t: append_chunk(t, Upload(), 0, b"x" * CHUNK))
        self.attach("a", b"whole")
        self.run_job(give_up_all_uploads)
        self.sweep_all()
        self.assertEqual(self.count("contents"), 1)
        self.assertEqual(read_chunk(self.connection, self.content("a"), 0), b"whole")

    def test_upload_with_a_gap(self) -> None:
        """An upload of which a piece was not stored is never referred to."""
        upload, whole = Upload(), received_whole(b"x" * (CHUNK + 5))
        self.run_job(lambda t: append_chunk(t, upload, 0, b"x" * CHUNK))
        received = Received(whole.length, whole.md5, whole.sha256, None, upload)
        new = NewAttachment("data", "x/y", received)
        (outcome,) = self.run_jobs(lambda t: save_attachment(t, "db", "a", None, new))
        self.assertIsInstance(outcome, Failure)
        self.assertEqual(self.count("documents"), 0)

    def test_upload_of_known_bytes(self) -> None:
        """An upload of bytes that are stored already is dropped for those."""
        data = b"x" * (CHUNK + 5)
        self.attach("a", data)
        upload, whole = Upload(), received_whole(data)
        self.run_job(lambda t: append_chunk(t, upload, 0, data[:CHUNK]))
        self.run_job(lambda t: append_chunk(t, upload, CHUNK, data[CHUNK:]))
        received = Received(whole.length, whole.md5, whole.sha256, None, upload)
        self.assertEqual(self.run_job(lambda t: keep_content(t, received)), self.content("a"))
        self.sweep_all()
        self.assertEqual((self.count("contents"), self.count("chunks")), (1, 2))

    def test_dropped_database(self) -> None:
        """A dropped database is gone at once, and its rows and bytes are swept away."""
        for number in range(450):
            self.attach(f"doc{number}", b"%d" % number)
        self.run_job(lambda t: drop_database(t, "db"))
        with self.assertRaises(ApiError):
            find_database(self.connection, "db")
        self.sweep_all()
        tables = ("databases", "documents", "revisions", "attachments", "contents", "chunks", "abandoned")
        self.assertEqual([self.count(table) for table in tables], [0] * 7)

    def test_many_small_contents_in_few_transactions(self) -> None:
        """Small contents are swept away many at a time: their number does not become a number of transactions."""
        for number in range(450):
            self.attach(f"doc{number}", b"%d" % number)
        self.run_job(lambda t: drop_database(t, "db"))
        transactions = 1
        while self.run_job(lambda t: sweep(t, self.pins)):
            transactions += 1
        self.assertEqual(self.count("contents"), 0)
        self.assertLess(transactions, 50)

    def test_recreated_beside_the_old(self) -> None:
        """A database may be made anew before the sweep has cleared the old one."""
        self.attach("a", b"old")
        self.run_job(lambda t: drop_database(t, "db"))
        self.run_job(lambda t: create_database(t, "db", uuid="1" * 32, created=2))
        self.attach("b", b"new")
        self.sweep_all()
        self.assertEqual((self.count("databases"), self.count("documents"), self.count("contents")), (1, 1, 1))


class HistoryTests(StoreFileCase):
    """Long histories."""

    def test_bodies_of_the_past_go(self) -> None:
        """Only leaves keep their bodies."""
        first = self.run_job(lambda t: save_draft(t, "db", "a", read_draft({"v": 1})))
        self.run_job(lambda t: save_draft(t, "db", "a", read_draft({"_rev": str(first), "v": 2})))
        bodies = self.connection.execute("SELECT body FROM revisions ORDER BY generation").fetchall()
        self.assertEqual(bodies, [(None,), (b'{"v":2}',)])
        with self.assertRaises(ApiError):
            find_revision(self.connection, "db", "a", first)

    def test_stemming(self) -> None:
        """A document that is written thousands of times keeps a bounded history."""

        def write(transaction: Transaction) -> None:
            revision = None
            for number in range(REVISION_LIMIT + 2 * STEM_EVERY + 10):
                body = {"v": number} | ({"_rev": str(revision)} if revision else {})
                revision = save_draft(transaction, "db", "a", read_draft(body))

        self.run_job(write)
        found = find_revision(self.connection, "db", "a", None)
        path = ancestors(self.connection, found.key)
        self.assertTrue(REVISION_LIMIT <= len(path) <= REVISION_LIMIT + STEM_EVERY, len(path))
        self.assertEqual(self.count("revisions"), len(path))
        self.assertEqual(found.revision.generation, REVISION_LIMIT + 2 * STEM_EVERY + 10)
