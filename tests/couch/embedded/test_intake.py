"""Contents on their way in, alone and in multipart bodies, with a disk that is slow, and on a real file."""

from hashlib import md5, sha256
from json import dumps
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from couchpages.couch.embedded.compression import compressed
from couchpages.couch.embedded.contents import CHUNK, Received, keep_content, read_chunk, sweep
from couchpages.couch.embedded.errors import ApiError
from couchpages.couch.embedded.intake import PIECES_UNDER_WAY, Flow, Intake
from couchpages.couch.embedded.multipart_body import MultipartBody
from tests.couch.embedded.slow_writer import Sender, SlowWriter
from tests.couch.embedded.test_writing import StoreFileCase

HEAD = b"--x\r\nContent-Type: application/json\r\n\r\n"
LARGE = Random(1).randbytes(5 * CHUNK + 7)  # noqa: S311  # a content


class IntakeCase(StoreFileCase):
    """A store's file, a slow writer for it, and a sender."""

    def setUp(self) -> None:
        """Make them."""
        super().setUp()
        self.slow, self.sender = SlowWriter(), Sender()
        self.flow = Flow(self.sender)

    def work(self, count: int | None = None) -> None:
        """Let the writer do its jobs."""
        number = len(self.slow.jobs) if count is None else count
        self.run_job(lambda transaction: self.slow.work(transaction, number))

    def keep(self, received: Received) -> int:
        """Keep what was received, and return its key."""
        key: int = self.run_job(lambda transaction: keep_content(transaction, received))
        return key

    def stored(self, key: int) -> bytes:
        """Read a content."""
        (length,) = self.connection.execute("SELECT length FROM contents WHERE key = ?", (key,)).fetchone()
        return b"".join(read_chunk(self.connection, key, start) for start in range(0, length, CHUNK))

    def left(self) -> int:
        """Sweep, and count the contents that stay."""
        while self.run_job(lambda transaction: sweep(transaction, self.pins)):
            pass
        count: int = self.connection.execute("SELECT count(*) FROM contents").fetchone()[0]
        return count


class IntakeTests(IntakeCase):
    """One content."""

    def test_small(self) -> None:
        """A small content stays in memory, and nobody waits."""
        intake = Intake(self.slow.writer, self.flow)
        intake.write(b"hel")
        intake.write(b"lo")
        received = intake.received()
        self.assertEqual((received.whole, received.length, received.upload), (b"hello", 5, None))
        self.assertEqual((received.md5, received.sha256), (md5(b"hello").digest(), sha256(b"hello").digest()))  # noqa: S324  # the format's
        self.assertEqual((self.slow.jobs, self.sender.told), ([], []))

    def test_large(self) -> None:
        """A large one is in the file when the writer has done its jobs, whatever the pieces that it came in."""
        for step in (CHUNK - 1, CHUNK, CHUNK + 1, len(LARGE)):
            intake = Intake(self.slow.writer, self.flow)
            for at in range(0, len(LARGE), step):
                intake.write(LARGE[at : at + step])
            received = intake.received()
            self.work()
            self.assertTrue(self.stored(self.keep(received)) == LARGE)

    def test_pauses(self) -> None:
        """The sender waits while too many pieces wait for the disk, and goes on when they are fewer."""
        intake = Intake(self.slow.writer, self.flow)
        for number in range(PIECES_UNDER_WAY):
            self.assertEqual(self.sender.told, [], number)
            intake.write(b"x" * (CHUNK + (number == 0)))
        self.assertEqual(self.sender.told, ["pause"])
        self.work(1)
        self.assertEqual(self.sender.told, ["pause", "resume"])
        intake.write(b"x" * CHUNK)
        self.assertEqual(self.sender.told, ["pause", "resume", "pause"])
        self.work()
        self.assertEqual(self.sender.told, ["pause", "resume", "pause", "resume"])

    def test_disk_fails(self) -> None:
        """When a piece cannot be stored, the sender goes on, nothing more is stored, and the first error is told."""
        intake = Intake(self.slow.writer, self.flow)
        intake.write(b"x" * (CHUNK * PIECES_UNDER_WAY + 1))
        intake.check()
        self.slow.fail(OSError("first"))
        self.slow.fail(OSError("second"))
        waiting = len(self.slow.jobs)
        intake.write(b"x" * CHUNK * 3)
        self.assertEqual((len(self.slow.jobs), self.sender.told), (waiting, ["pause", "resume"]))
        self.assertIn("first", str(self.assertRaises(OSError, intake.check)))

    def test_abandoned(self) -> None:
        """What was stored of a content that will not be finished is swept away."""
        intake = Intake(self.slow.writer, self.flow)
        intake.write(LARGE)
        intake.abandon()
        self.work()
        self.assertEqual(self.left(), 0)

    @settings(deadline=None)
    @given(st.lists(st.binary(max_size=50)))
    def test_compressed(self, pieces: list[bytes]) -> None:
        """What is compressed has the digests of the compressed bytes, and knows those of the bytes that came."""
        intake = Intake(self.slow.writer, self.flow, compress=True)
        for each in pieces:
            intake.write(each)
        data = b"".join(pieces)
        self.assertEqual((intake.came, intake.came_md5), (len(data), md5(data).digest()))  # noqa: S324  # the format's
        received, packed = intake.received(), compressed(data)
        self.assertEqual((received.whole, received.md5), (packed, md5(packed).digest()))  # noqa: S324  # the format's
        self.assertEqual((received.encoding, received.identity), ("gzip", len(data)))


class BodyTests(IntakeCase):
    """A document with its attachments."""

    def body(self) -> MultipartBody:
        """Make one."""
        return MultipartBody('multipart/related; boundary="x"', self.slow.writer, self.sender)

    def text(self, *contents: bytes) -> bytes:
        """Write a body with contents a, b and so on."""
        told = {chr(97 + number): {"follows": True, "length": len(each)} for number, each in enumerate(contents)}
        parts = b"".join(b"\r\n--x\r\n\r\n" + each for each in contents)
        return HEAD + dumps({"v": 1, "_attachments": told}).encode() + parts + b"\r\n--x--"

    def test_taken(self) -> None:
        """It is whole when its last delimiter has come; large contents are in the file then, small ones in memory."""
        body, text = self.body(), self.text(LARGE, b"small")
        for at in range(0, len(text), 10_000):
            body.write(text[at : at + 10_000])
        draft, (large, small) = body.document()
        self.work()
        self.assertEqual((draft.body, small.received.whole), (b'{"v":1}', b"small"))
        self.assertTrue(self.stored(self.keep(large.received)) == LARGE)

    def test_pauses_once_for_all(self) -> None:
        """All contents of a body count together."""
        body = self.body()
        body.write(self.text(*[b"x" * (CHUNK + 1)] * PIECES_UNDER_WAY))
        body.document()
        self.assertEqual(self.sender.told[:1], ["pause"])
        self.work()
        self.assertEqual(self.sender.told, ["pause", "resume"])

    def test_abandoned(self) -> None:
        """Who goes away in the middle leaves nothing, wherever it was."""
        text = self.text(LARGE, LARGE[1:])
        for length in (0, 50, 1000, CHUNK * 2, CHUNK * 7, len(text) - 3, len(text)):
            body = self.body()
            body.write(text[:length])
            body.abandon()
            self.work()
            self.assertEqual(self.left(), 0, length)

    def test_wrong(self) -> None:
        """After something wrong the rest is dropped, what was stored is given up, and the error is told."""
        good = self.text(LARGE, b"small")
        for text in (
            good.replace(b"--x\r\n\r\nsmall", b"--y\r\n\r\nsmall"),
            good.replace(b"\r\nsmall", b"\r\nsmaller"),
            good.replace(b"\r\nsmall", b"\r\nsm"),
            good[:-2] + b"\r\n\r\none more\r\n--x--",
            good[:-9],
        ):
            body = self.body()
            body.write(text)
            self.assertRaises(ApiError, body.document)
            body.write(b"more")
            self.work()
            self.assertEqual(self.left(), 0)
            self.assertEqual(self.sender.told.count("pause"), self.sender.told.count("resume"))

    def test_no_body(self) -> None:
        """A body that never began is refused, and so is a type without boundary."""
        self.assertRaises(ApiError, self.body().document)
        body = MultipartBody("multipart/related", self.slow.writer, self.sender)
        body.write(HEAD)
        self.assertRaises(ApiError, body.document)

    @settings(deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                [HEAD, b"{}", b"\r\n--x", b"--", b"\r\n", b"--x", b'{"_attachments":{"a":{"follows":true}}}', b"\xff"]
            )
        )
    )
    def test_hostile(self, pieces: list[bytes]) -> None:
        """Whatever comes is a document or is refused as a client's mistake."""
        body = self.body()
        for each in pieces:
            body.write(each)
        try:
            draft, _ = body.document()
        except ApiError as error:
            self.assertIn(error.status, (400, 413, 415))
        else:
            self.assertEqual(draft.body, b"{}")
