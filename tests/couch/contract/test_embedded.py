"""What only the embedded store promises: starting, stopping, full disks, slow readers, its own bounds."""

from functools import partial
from os import urandom
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Protocol

from couchpages.couch.embedded.contents import sweep
from couchpages.couch.embedded.errors import StoreFileError
from couchpages.couch.embedded.service import EmbeddedStore
from couchpages.couch.embedded.writer import Transaction
from tests.couch.contract.base import OCTETS, EmbeddedCase

MEBIBYTE = 1024 * 1024


def _memory(what: str) -> int:
    """Read a figure of this process's memory, in bytes."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(f"{what}:"))
    return int(line.split()[1]) * 1024


def _memory_from_now() -> int:
    """Forget the peak, and return what is used now; see proc(5), clear_refs."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


class Pouring(Protocol):
    """Sends a long request as fast as the other side takes it."""

    def __init__(self, head: bytes, pieces: int) -> None:
        self._head, self._pieces = head, pieces
        self.answer: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        """Begin."""
        transport: Any = self.transport
        transport.write(self._head)
        transport.registerProducer(self, False)  # the interface's way: a pull producer

    def resumeProducing(self) -> None:
        """Send a piece."""
        transport: Any = self.transport
        if self._pieces == 0:
            transport.unregisterProducer()
            return
        self._pieces -= 1
        transport.write(b"x" * MEBIBYTE)

    def stopProducing(self) -> None:
        """Stop."""

    def dataReceived(self, data: bytes) -> None:
        """Keep the answer's first piece."""
        if not self.answer.called:
            self.answer.callback(data)


class Stalling(Protocol):
    """Sends a request, and then reads nothing."""

    def connectionMade(self) -> None:
        """Stop reading at once."""
        transport: Any = self.transport
        transport.pauseProducing()


def _broken_file(name: str) -> Path:
    path = Path(name)
    path.write_bytes(b"something else" * 1000)
    return path


class EmbeddedStoreTests(EmbeddedCase):
    """The service."""

    def other(self, path: Path, port: int = 0, **options: Any) -> EmbeddedStore:
        """Make another store."""
        endpoint = TCP4ServerEndpoint(self.reactor, port, interface="127.0.0.1")
        username, password = self.username, self.password
        return EmbeddedStore(
            reactor=self.reactor, endpoint=endpoint, path=path, username=username, password=password, **options
        )

    async def restart(self, **options: Any) -> None:
        """Stop the store, and open its file with a new one."""
        await self.service.stopService()
        self.service = self.other(self.service._path, **options)
        self.service.startService()
        self.addCleanup(self.service.stopService)
        port: Any = await self.service.whenListening()
        self.base = f"http://127.0.0.1:{port.getHost().port}"

    def on_writer(self, job: Any) -> "Deferred[Any]":
        """Run something on the writing connection."""
        return self.service._store.write(job)

    async def test_wrong_password(self) -> None:
        """A wrong password is refused everywhere, as often as it comes, and the right one still works."""
        for _ in range(10):
            answer = await self.ask("GET", f"/{self.db}", user=f"{self.username}:no")
            self.assertEqual(answer.refusal, (401, "unauthorized", "Name or password is incorrect."))
        self.assertEqual((await self.ask("GET", f"/{self.db}")).status, 200)

    async def test_makes_databases(self) -> None:
        """The databases that it is told of are there after the start, and those that were there stay as they are."""
        await self.put("kept")
        await self.restart(databases=["files", self.db])
        self.assertEqual(sorted((await self.ask("GET", "/_all_dbs")).json), sorted([self.db, "files"]))
        self.assertEqual([row["id"] for row in await self.rows()], ["kept"])

    async def test_keeps_everything(self) -> None:
        """Documents, attachments, tombstones, sequences and start time are the same after a restart."""
        data = urandom(700_000)
        await self.ask("PUT", f"/{self.db}/a/data", data=data, headers=OCTETS)
        revision = await self.put("b")
        await self.put("b", _rev=revision, _deleted=True)
        before = [(await self.ask("GET", f"/{self.db}{path}")).body for path in ("", "/_changes", "/a")]
        await self.restart()
        after = [(await self.ask("GET", f"/{self.db}{path}")).body for path in ("", "/_changes", "/a")]
        self.assertEqual(before, after)
        self.assertEqual((await self.ask("GET", f"/{self.db}/a/data")).body == data, True)

    async def test_feed_over_a_restart(self) -> None:
        """A stop ends the feeds properly, and their last sequence leads on after the restart."""
        feed = await self.feed("&heartbeat=60000")
        await self.put("a")
        row = await feed.row()
        await self.restart()
        self.assertEqual((await feed.row())["last_seq"], row["seq"])
        self.assertIsNone(await feed.row())
        await self.put("b")
        again = await self.feed(f"&heartbeat=60000&since={row['seq']}")
        self.assertEqual((await again.row())["id"], "b")

    async def test_answers_what_is_under_way(self) -> None:
        """Writes that were sent before the stop are answered, and what was answered 201 is there."""
        writers = [self.ensured(self.ask("PUT", f"/{self.db}/doc{number}", {})) for number in range(50)]
        while not any(each.called for each in writers):
            await self.pause(0.001)
        stopped = self.service.stopService()
        for each in writers:
            each.addErrback(lambda _: None)  # connections that the store had not taken yet
        answers: list[Any] = await gatherResults(writers)
        await stopped
        await self.restart()
        stored = {row["id"] for row in await self.rows()}
        told = {answer.json["id"] for answer in answers if answer is not None and answer.status == 201}
        self.assertTrue(told)
        self.assertLessEqual(told, stored)

    async def test_stops_twice(self) -> None:
        """A second stop does nothing."""
        await self.service.stopService()
        await self.service.stopService()

    async def test_port_in_use(self) -> None:
        """A port that is taken is told by an exception, and by `whenListening`."""
        port: Any = await self.service.whenListening()
        other = self.other(Path(self.mktemp()) / "store.sqlite3", port.getHost().port)
        self.addCleanup(other.stopService)
        self.assertRaises(CannotListenError, other.startService)
        failure = self.failureResultOf(other.whenListening())
        self.assertTrue(failure.check(CannotListenError))

    async def test_file_in_use(self) -> None:
        """A file that another store has open is refused."""
        other = self.other(self.service._path)
        with self.assertRaises(StoreFileError) as caught:
            other.startService()
        self.assertIn("in use", str(caught.exception))
        self.assertTrue(self.failureResultOf(other.whenListening()).check(StoreFileError))

    async def test_directory_that_cannot_be_made(self) -> None:
        """A place where nothing can be written is refused with advice, by the service as well."""
        service = EmbeddedStore(
            reactor=self.reactor,
            endpoint=TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1"),
            path=Path("/dev/null/store.sqlite3"),
            username="a",
            password="b",
        )
        with self.assertRaises(StoreFileError) as caught:
            service.startService()
        self.assertIn("must be able to write there", str(caught.exception))

    async def test_number_of_local_document_is_bounded(self) -> None:
        """A local document's revision that does not fit into the file is a bad request."""
        for digits in (19, 5000):
            answer = await self.ask("PUT", f"/{self.db}/_local/x", {"_rev": "0-" + "9" * digits})
            self.assertEqual(answer.refusal, (400, "bad_request", "Invalid rev format"))

    async def test_broken_file(self) -> None:
        """A file that is no store is refused at the start, with its name."""
        path = _broken_file(self.mktemp())
        with self.assertRaises(StoreFileError) as caught:
            self.other(path).startService()
        self.assertIn(str(path), str(caught.exception))

    async def limit_pages(self, pages: int | None) -> None:
        """Let the disk be full after so many more pages, or give all the room back."""

        def limit(transaction: Transaction) -> None:
            (used,) = transaction.connection.execute("PRAGMA page_count").fetchone()
            allowed = 2**30 if pages is None else used + pages
            transaction.connection.execute(f"PRAGMA max_page_count = {allowed}")

        await self.on_writer(limit)

    async def test_full_disk(self) -> None:
        """On a full disk writes are 507 and change nothing, reads go on, and with room everything works again."""
        await self.put("there", v=1)
        await self.limit_pages(2)
        large = urandom(3 * MEBIBYTE)
        for number, size in enumerate((100_000, 300_000, 3 * MEBIBYTE)):
            answer = await self.ask("PUT", f"/{self.db}/a{number}/data", data=large[:size], headers=OCTETS)
            self.assertEqual(answer.refusal, (507, "insufficient_storage", "enospc"))
        answer = await self.ask("PUT", f"/{self.db}/doc", {"v": "x" * 100_000})
        self.assertEqual(answer.status, 507)
        self.assertEqual((await self.ask("GET", f"/{self.db}/there")).json["v"], 1)
        self.assertEqual([row["id"] for row in await self.rows()], ["there"])
        await self.limit_pages(None)
        self.assertEqual((await self.ask("PUT", f"/{self.db}/a/data", data=large, headers=OCTETS)).status, 201)
        self.assertEqual((await self.ask("GET", f"/{self.db}/a/data")).body == large, True)

    async def test_large_upload_in_little_memory(self) -> None:
        """An attachment of 200 MiB goes in and out without being held in memory."""
        size = 200 * MEBIBYTE
        before = _memory_from_now()
        head = await self.head("PUT", f"/{self.db}/doc/data", size)
        port: Any = await self.service.whenListening()
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", port.getHost().port)
        pouring: Pouring = await connectProtocol(endpoint, Pouring(head, 200))
        self.assertIn(b" 201 ", (await pouring.answer).split(b"\r\n")[0])
        pouring.transport.loseConnection()  # type: ignore[union-attr]  # it is connected
        received = 0

        def count(data: bytes) -> None:
            nonlocal received
            received += len(data)

        response = await self.open("GET", f"/{self.db}/doc/data")
        await response.collect(count)
        self.assertEqual(received, size)
        grown = _memory("VmHWM") - before
        self.assertLess(grown, 60 * MEBIBYTE)

    async def head(self, method: str, path: str, length: int) -> bytes:
        """Write a request's head by hand."""
        from base64 import b64encode

        credentials = b64encode(f"{self.username}:{self.password}".encode()).decode()
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: x",
            f"Authorization: Basic {credentials}",
            f"Content-Length: {length}",
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    async def test_readers_that_stall(self) -> None:
        """Readers that take nothing hold up nobody, and cost little, however much there is to tell."""
        bodies = [{"_id": f"doc{number}", "v": "x" * 200_000} for number in range(200)]
        for start in range(0, 200, 50):
            await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": bodies[start : start + 50]})
        before = _memory_from_now()
        port: Any = await self.service.whenListening()
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", port.getHost().port)
        query = "feed=continuous&include_docs=true&heartbeat=1000"
        for _ in range(20):
            wire: Any = await connectProtocol(endpoint, Stalling())
            wire.transport.write(await self.head("GET", f"/{self.db}/_changes?{query}", 0))
            self.addCleanup(wire.transport.abortConnection)
        await self.pause(1.0)
        self.assertEqual((await self.ask("PUT", f"/{self.db}/more", {})).status, 201)
        grown = _memory("VmHWM") - before
        self.assertLess(grown, 100 * MEBIBYTE)  # 40 MiB for each of 20 readers would be 800

    async def test_upload_that_is_cut_leaves_nothing(self) -> None:
        """The pieces of an upload that was cut off are swept away."""
        text = b"Content-Type: application/octet-stream\r\nContent-Length: 2000000\r\n\r\n" + urandom(1_500_000)
        await self.raw("PUT", f"/{self.db}/doc/data", text, cut=True)
        while await self.on_writer(partial(sweep, pins=self.service._store.pins)):
            pass
        count = "SELECT (SELECT count(*) FROM contents) + (SELECT count(*) FROM chunks)"
        self.assertEqual(await self.on_writer(lambda t: t.connection.execute(count).fetchone()[0]), 0)

    async def test_attachment_deleted_while_it_is_read(self) -> None:
        """A reader who began gets every byte, although the document is deleted and swept away meanwhile."""
        data = urandom(20 * MEBIBYTE)
        stored = await self.ask("PUT", f"/{self.db}/doc/data", data=data, headers=OCTETS)
        response = await self.open("GET", f"/{self.db}/doc/data")
        await self.ask("DELETE", f"/{self.db}/doc?rev={stored.json['rev']}")
        while await self.on_writer(partial(sweep, pins=self.service._store.pins)):
            pass
        self.assertEqual(await response.content() == data, True)
        await self.pause(0.05)
        while await self.on_writer(partial(sweep, pins=self.service._store.pins)):
            pass
        count = "SELECT count(*) FROM chunks"
        self.assertEqual(await self.on_writer(lambda t: t.connection.execute(count).fetchone()[0]), 0)

    async def test_body_beyond_every_limit(self) -> None:
        """A body that is too large to be read is 413, and is not kept while it comes."""
        answer = await self.ask("PUT", f"/{self.db}/doc", data=b'{"a":"' + b"x" * 70_000_000 + b'"}')
        self.assertEqual(answer.refusal, (413, "document_too_large", ""))

    async def test_refused_upload_keeps_the_connection(self) -> None:
        """An upload that is refused at its head is read to its end, so that the connection can go on."""
        data = urandom(2 * MEBIBYTE)
        for _ in range(3):
            answer = await self.ask("PUT", f"/{self.db}/doc/_x", data=data, headers=OCTETS)
            self.assertEqual(answer.status, 400)
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc")).status, 404)
