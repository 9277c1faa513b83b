"""What the contract's tests stand on: a store to ask, a client that changes nothing on the way, and a feed's reader.

Each test module has its tests in a mixin, and two classes that run them: one starts an embedded store, the other needs
the environment variable COUCHPAGES_TEST_COUCHDB, such as `http://admin:secret@127.0.0.1:5984`.
"""

import os
from base64 import b64encode
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from json import dumps, loads
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase
from twisted.web.client import Agent, HTTPConnectionPool

from couchpages.couch.embedded.service import EmbeddedStore

VARIABLE = "COUCHPAGES_TEST_COUCHDB"
OCTETS = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return loads(self.body)

    @property
    def refusal(self) -> tuple[int, str, str]:
        """Status, error and reason."""
        return self.status, self.json["error"], self.json["reason"]


class Feed(Protocol):
    """The body of a continuous feed, line by line."""

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[bytes] = []
        self._waiter: Deferred[None] | None = None
        self.ended = False

    def dataReceived(self, data: bytes) -> None:
        """Cut what comes into lines."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        self._lines += lines
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002  # Twisted's name
        """Note the end."""
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None:
            waiter, self._waiter = self._waiter, None
            waiter.callback(None)

    async def line(self) -> bytes | None:
        """Return the next line, empty ones too, or None at the end."""
        while not self._lines and not self.ended:
            self._waiter = Deferred()
            await self._waiter
        return self._lines.pop(0) if self._lines else None

    async def row(self) -> Any:
        """Return the next line that is not a heartbeat, parsed, or None at the end."""
        while (line := await self.line()) is not None:
            if line:
                return loads(line)
        return None


class Wire(Protocol):
    """A bare connection."""

    received = b""

    def dataReceived(self, data: bytes) -> None:
        """Keep what comes."""
        self.received += data

    def send(self, data: bytes, *, cut: bool = False) -> None:
        """Send bytes, and perhaps close."""
        assert self.transport is not None
        self.transport.write(data)
        if cut:
            self.transport.loseConnection()


class StoreCase(TestCase):
    """A test with a store to ask, and a database of its own in `self.db`."""

    timeout = 60.0
    base: str
    username: str
    password: str

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        """Find the store, and make the database."""
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.pool = HTTPConnectionPool(reactor)
        self.client = HTTPClient(Agent(reactor, pool=self.pool))
        await self.open_store()
        self.addCleanup(self.pool.closeCachedConnections)
        self.db = f"contract-{uuid4().hex}"
        made = await self.ask("PUT", f"/{self.db}")
        self.assertEqual(made.status, 201)
        self.addCleanup(self.drop_database)

    async def open_store(self) -> None:
        """Set `base`, `username` and `password`."""
        raise NotImplementedError

    async def drop_database(self) -> None:
        """Leave nothing behind."""
        await self.ask("DELETE", f"/{self.db}")

    async def ask(  # everything that a request can have
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        user: str | None = "",
    ) -> Answer:
        """Ask the store, or a whole address: `path` is sent as it is, `body` as JSON; user None is anonymous."""
        response = await self.open(method, path, body, data=data, headers=headers, user=user)
        content = await response.content()
        told = {name.decode().lower(): values[-1].decode() for name, values in response.headers.getAllRawHeaders()}
        if response.length not in (0, None) and isinstance(response.length, int):
            told.setdefault("content-length", str(response.length))
        return Answer(response.code, told, content)

    async def open(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        user: str | None = "",
    ) -> Any:
        """Ask the store, and return the response before its body has come."""
        sent: dict[bytes | str, bytes | str] = {name: value for name, value in (headers or {}).items()}  # noqa: C416  # widens the type
        if body is not None:
            data = dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        if user is not None:
            credentials = user or f"{self.username}:{self.password}"
            sent["Authorization"] = "Basic " + b64encode(credentials.encode()).decode()
        address = path if path.startswith("http:") else self.base + path
        return await self.client.request(method, address, data=data, headers=sent, unbuffered=True)

    async def put(self, name: str, **members: object) -> str:
        """Store a document, which must succeed, and return its revision."""
        answer = await self.ask("PUT", f"/{self.db}/{quote(name, safe='')}", members)
        self.assertIn(answer.status, (200, 201), answer.body)
        return str(answer.json["rev"])

    async def rows(self, query: str = "") -> list[Any]:
        """Return the rows of `_all_docs`."""
        return list((await self.ask("GET", f"/{self.db}/_all_docs{query}")).json["rows"])

    async def feed(self, query: str) -> Feed:
        """Open a continuous feed, which is cut when the test ends."""
        response = await self.open("GET", f"/{self.db}/_changes?feed=continuous{query}")
        self.assertEqual(response.code, 200)
        feed = Feed()
        response.original.deliverBody(feed)
        self.addCleanup(cut, feed)
        return feed

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await deferLater(self.reactor, seconds)

    def ensured(self, work: Coroutine[Any, Any, T]) -> "Deferred[T]":
        """Begin some work that goes on beside other work."""
        return Deferred.fromCoroutine(work)

    async def raw_get(self, path: str) -> bytes:
        """Ask for a path that a careful client would not send."""
        return await self.raw("GET", path, b"")

    async def raw(self, method: str, path: str, text: bytes, *, cut: bool = False) -> bytes:
        """Send a request by hand, `text` being more headers, an empty line and a body; return what comes in a second.

        With `cut`, close the connection after sending, and return nothing.
        """
        credentials = b64encode(f"{self.username}:{self.password}".encode()).decode()
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n".encode()
        where = urlsplit(self.base)
        endpoint = TCP4ClientEndpoint(self.reactor, str(where.hostname), where.port or 80)
        wire: Wire = await connectProtocol(endpoint, Wire())
        wire.send(head + (text or b"\r\n"), cut=cut)
        await deferLater(self.reactor, 1.0)
        wire.send(b"", cut=True)
        return wire.received

    async def sequence(self) -> str:
        """Return the database's latest sequence."""
        answer = await self.ask("GET", f"/{self.db}/_changes?since=now")
        return str(answer.json["last_seq"])


async def cut(feed: Feed) -> None:
    """Close a feed, and wait for its end."""
    if feed.transport is not None:
        feed.transport.loseConnection()
    while await feed.line() is not None:
        pass


class EmbeddedCase(StoreCase):
    """Asks an embedded store, started for each test."""

    service: EmbeddedStore

    async def drop_database(self) -> None:
        """Do nothing: the file is thrown away."""

    def place(self) -> Path:
        """Choose a place for the file."""
        return Path(self.mktemp()) / "store.sqlite3"

    async def open_store(self) -> None:
        """Start a store on a port that is free."""
        self.username, self.password = "couchpages", "made-up"
        service = EmbeddedStore(
            reactor=self.reactor,
            endpoint=TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1"),
            path=self.place(),
            username=self.username,
            password=self.password,
        )
        self.service = service
        service.startService()
        self.addCleanup(service.stopService)
        port: Any = await service.whenListening()
        self.base = f"http://127.0.0.1:{port.getHost().port}"


class ApacheCase(StoreCase):
    """Asks the Apache CouchDB that the environment names."""

    async def open_store(self) -> None:
        """Read the address."""
        address = os.environ.get(VARIABLE)
        if not address:
            raise SkipTest(f"set {VARIABLE} to an address like http://admin:secret@127.0.0.1:5984 to run this")
        parts = urlsplit(address)
        self.username, self.password = parts.username or "", parts.password or ""
        self.base = f"http://{parts.hostname}:{parts.port or 5984}"


if TYPE_CHECKING:
    Contract = StoreCase
else:

    class Contract:
        """Tests for both stores; no TestCase itself, or trial would run it alone."""
