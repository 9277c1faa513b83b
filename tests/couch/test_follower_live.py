"""A follower on a real CouchDB, where COUCHPAGES_TEST_COUCHDB gives its address with name and password."""

import os
import secrets
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import urlsplit

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from couchpages.couch.backoff import Backoff
from couchpages.couch.database import CouchDatabase, DatabaseInfo
from couchpages.couch.follower import Follower, State
from couchpages.couch.transport import Transport
from couchpages.metrics import Metrics
from couchpages.ports import Change, Unavailable

ADDRESS = os.environ.get("COUCHPAGES_TEST_COUCHDB")
#: Seconds until something must have happened that usually takes milliseconds.
PATIENCE = 30


class Mirror:
    """A sink that holds what the database holds."""

    def __init__(self) -> None:
        self.docs: dict[str, Any] = {}
        self.loads = 0
        self.changes = 0

    def apply(self, change: Change) -> None:
        """Take a document."""
        self.changes += 1
        if change.doc is None:
            self.docs.pop(change.doc_id, None)
        else:
            self.docs[change.doc_id] = change.doc.get("x")

    def loaded(self) -> None:
        """Count."""
        self.loads += 1


class Breakable:
    """A database whose feeds can be broken by what they receive."""

    def __init__(self, database: CouchDatabase) -> None:
        self.database = database
        self.name = database.name
        self.broken = False
        self.feeds: list[dict[str, str]] = []

    async def info(self) -> DatabaseInfo:
        """See :class:`CouchDatabase`."""
        return await self.database.info()

    async def feed(self, query: Mapping[str, str], idle: float, receive: Callable[[bytes], object]) -> None:
        """See :class:`CouchDatabase`; while *broken*, whatever comes cuts the connection before it is read."""
        self.feeds.append(dict(query))

        def gate(data: bytes) -> None:
            if self.broken:
                self.broken = False
                raise Unavailable("cut by the test")
            receive(data)

        await self.database.feed(query, idle, gate)


class LiveFollower(TestCase):
    """``Follower`` on ``CouchDatabase``."""

    if not ADDRESS:
        skip = "set COUCHPAGES_TEST_COUCHDB to the address of an Apache CouchDB, such as http://admin:secret@127.0.0.1:5984"
    timeout = 120

    def setUp(self) -> Any:
        """Make a database and follow it."""
        return Deferred.fromCoroutine(self._prepare())

    async def _prepare(self) -> None:
        parts = urlsplit(ADDRESS or "")
        credentials = (parts.username or "", parts.password or "")
        self.transport = Transport(reactor, f"{parts.scheme}://{parts.hostname}:{parts.port or 5984}", credentials)
        self.database = CouchDatabase(self.transport, f"follower-live-{secrets.token_hex(6)}")
        await self.database.ensure()
        self.mirror = Mirror()
        self.breakable = Breakable(self.database)
        self.follower = Follower(reactor, self.breakable, self.mirror, Metrics(), backoff=Backoff(0.05, 0.5))

    def tearDown(self) -> Any:
        """Stop, and remove the database."""
        return Deferred.fromCoroutine(self._tidy())

    async def _tidy(self) -> None:
        if self.follower.running:
            await (self.follower.stopService() or Deferred.fromCoroutine(_nothing()))
        await self.transport.fetch("DELETE", self.database.name)
        await self.transport.close()
        # The closed feed's socket is told in a later turn.
        await task.deferLater(reactor, 0.05)

    async def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        for _ in range(PATIENCE * 100):
            if holds():
                return
            await task.deferLater(reactor, 0.01)
        self.fail(f"{what}: {self.follower.state}, {self.follower.troubles()}")

    def run_now(self, work: Coroutine[Any, Any, None]) -> Deferred[None]:
        """Run a test's coroutine."""
        return Deferred.fromCoroutine(work)

    def test_thousand(self) -> Deferred[None]:
        """A thousand documents are loaded before it says so, and the changes behind them are told as they happen."""
        return self.run_now(self._thousand())

    async def _thousand(self) -> None:
        docs = [{"_id": f"doc{number:04}", "x": number} for number in range(1000)]
        await self.database.bulk(docs)
        await self.database.delete("doc0007", (await self.database.rows(["doc0007"]))[0].rev or "")
        self.follower.startService()
        await self.until("loaded", lambda: self.mirror.loads == 1)
        self.assertEqual(self.mirror.docs, {doc["_id"]: doc["x"] for doc in docs if doc["x"] != 7})
        rev = await self.database.put("new", {"x": "é"})
        await self.until("followed", lambda: self.mirror.docs.get("new") == "é")
        await self.database.delete("new", rev)
        await self.until("deleted", lambda: "new" not in self.mirror.docs)
        self.assertEqual((self.mirror.loads, len(self.breakable.feeds)), (1, 2))

    def test_broken_feed(self) -> Deferred[None]:
        """A feed that breaks is taken up behind the last change that was applied, and nothing is missed."""
        return self.run_now(self._broken())

    async def _broken(self) -> None:
        await self.database.bulk([{"_id": f"doc{number}", "x": 1} for number in range(20)])
        self.follower.startService()
        await self.until("following", lambda: self.follower.state is State.FOLLOWING)
        for number in range(3):
            changes = self.mirror.changes
            self.breakable.broken = True
            await self.database.put(f"after{number}", {"x": number})
            await self.until("told", lambda number=number: f"after{number}" in self.mirror.docs)  # type: ignore[misc]
            self.assertEqual(self.mirror.changes, changes + 1)
            await self.until("following", lambda: self.follower.state is State.FOLLOWING)
        self.assertEqual(len(self.mirror.docs), 23)
        self.assertNotIn("0", [feed["since"] for feed in self.breakable.feeds[1:]])

    def test_made_anew(self) -> Deferred[None]:
        """A database that is deleted is trouble, not news of deletions; made anew, what vanished is told to be gone."""
        return self.run_now(self._made_anew())

    async def _made_anew(self) -> None:
        await self.database.bulk([{"_id": name, "x": 1} for name in "abc"])
        self.follower.startService()
        await self.until("following", lambda: self.follower.state is State.FOLLOWING)
        # CouchDB tells databases apart by the second of their making.
        await task.deferLater(reactor, 1.1)
        await self.transport.fetch("DELETE", self.database.name)
        await self.until("missed", lambda: self.follower.state is State.WAITING)
        self.assertEqual(sorted(self.mirror.docs), ["a", "b", "c"])
        self.assertEqual(self.follower.obstacles(), [])
        await self.database.ensure()
        await self.database.bulk([{"_id": name, "x": 2} for name in "bd"])
        await self.until("made anew", lambda: self.mirror.docs == {"b": 2, "d": 2})
        await self.until("following", lambda: self.follower.state is State.FOLLOWING)


async def _nothing() -> None:
    return
