"""Following a database that is none, with a Clock."""

import json
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.backoff import Backoff
from couchpages.couch.database import DatabaseInfo
from couchpages.couch.follower import Follower, State
from couchpages.couch.timeouts import HEARTBEAT, SILENCE
from couchpages.metrics import FOLLOWER_STATES, Metrics
from couchpages.ports import Change, Denied, NotFound, Unavailable

SHOWN = {"feed": "continuous", "include_docs": "true", "conflicts": "true"}


@dataclass
class Feed:
    """A feed that was asked for."""

    query: dict[str, str]
    idle: float
    receive: Callable[[bytes], object]
    done: Deferred[None]

    def send(self, *rows: dict[str, Any]) -> "Feed":
        """Let rows come."""
        self.receive(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
        return self

    def document(self, seq: str, doc_id: str, **members: Any) -> "Feed":
        """Let a document come."""
        return self.send({"seq": seq, "id": doc_id, "doc": {"_id": doc_id, **members}})

    def deletion(self, seq: str, doc_id: str) -> "Feed":
        """Let a deletion come."""
        return self.send({"seq": seq, "id": doc_id, "deleted": True})

    def end(self, seq: str | None = None, pending: int = 0) -> None:
        """Let the feed end by itself."""
        if seq is not None:
            self.send({"last_seq": seq, "pending": pending})
        self.done.callback(None)

    def fail(self, error: Exception) -> None:
        """Let the feed break."""
        self.done.errback(error)


@dataclass
class FakeDatabase:
    """A database whose answers the test gives. As the real one, it says Unavailable or CancelledError when it is cancelled."""

    name: str = "db"
    born: str = "1"
    away: Exception | None = None
    given_up: type[Exception] = CancelledError
    infos: int = 0
    waiting: Deferred[None] | None = None
    feeds: list[Feed] = field(default_factory=list)

    async def info(self) -> DatabaseInfo:
        """Tell what the test said."""
        self.infos += 1
        if self.waiting is not None:
            await self.waiting
        if self.away is not None:
            raise self.away
        return DatabaseInfo(self.born, "9-x")

    async def feed(self, query: Mapping[str, str], idle: float, receive: Callable[[bytes], object]) -> None:
        """Give what the test sends."""
        feed = Feed(dict(query), idle, receive, Deferred())
        self.feeds.append(feed)
        try:
            await feed.done
        except CancelledError:
            raise self.given_up from None

    @property
    def last(self) -> Feed:
        """The feed asked for last."""
        return self.feeds[-1]


@dataclass
class Sink:
    """Remembers what it was told; raises what *malformed* holds for a document."""

    told: list[tuple[str, Any]] = field(default_factory=list)
    malformed: dict[str, Exception] = field(default_factory=dict)
    fails: Exception | None = None

    def apply(self, change: Change) -> None:
        """Remember a change."""
        if change.doc_id in self.malformed:
            raise self.malformed[change.doc_id]
        self.told.append((change.doc_id, None if change.doc is None else change.doc.get("x", "there")))

    def loaded(self) -> None:
        """Remember that everything was told."""
        if self.fails is not None:
            raise self.fails
        self.told.append(("loaded", None))

    def take(self) -> list[tuple[str, Any]]:
        """Give what was told since."""
        told, self.told = self.told, []
        return told


LOADED = ("loaded", None)


class FollowerCase(SynchronousTestCase):
    """A follower of a fake database."""

    def setUp(self) -> None:
        """Start a follower."""
        self.clock = Clock()
        self.database = FakeDatabase()
        self.sink = Sink()
        self.metrics = Metrics()
        self.chance = 0.0
        self.follower = Follower(
            self.clock, self.database, self.sink, self.metrics, backoff=Backoff(1, 8), chance=lambda: self.chance
        )

    def tearDown(self) -> None:
        """Stop it, and check that it leaves no timer, whatever state it was in."""
        if self.follower.running:
            self.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def stop(self) -> None:
        """Stop the follower."""
        stopping = self.follower.stopService()
        assert stopping is not None
        self.successResultOf(stopping)
        self.assertIs(self.follower.state, State.STOPPED)

    def load(self, *doc_ids: str, seq: str = "5-x") -> Feed:
        """Start, load documents, and give the feed that is followed then."""
        self.follower.startService()
        for doc_id in doc_ids:
            self.database.last.document("1-x", doc_id)
        self.database.last.end(seq)
        return self.database.last

    def sample(self, name: str, **labels: str) -> float | None:
        """Give a metric."""
        return self.metrics.registry.get_sample_value(f"couchpages_{name}", {"database": "db", **labels})


class Loading(FollowerCase):
    """From the beginning."""

    def test_loads_and_follows(self) -> None:
        """It loads with a feed that ends, says so once, and follows behind it with heartbeats."""
        self.follower.startService()
        loading = self.database.last
        self.assertEqual(loading.query, {**SHOWN, "since": "0", "timeout": "1"})
        loading.document("1-x", "a").document("2-x", "b", x=2).deletion("3-x", "c")
        self.assertEqual(self.sink.take(), [("a", "there"), ("b", 2), ("c", None)])
        loading.end("4-x")
        self.assertEqual(self.sink.take(), [LOADED])
        following = self.database.last
        self.assertEqual((following.query["since"], following.query["heartbeat"]), ("4-x", str(int(HEARTBEAT * 1000))))
        self.assertNotIn("timeout", following.query)
        self.assertEqual(following.idle, SILENCE)
        following.receive(b"\n")
        following.document("5-x", "a", x=5)
        self.assertEqual(self.sink.take(), [("a", 5)])

    def test_readiness(self) -> None:
        """Until everything was told once there is an obstacle, later only trouble, and none while it follows."""
        self.database.away = Unavailable("down")
        self.follower.startService()
        self.assertEqual(self.follower.obstacles(), ["not loaded yet: db: down"])
        self.database.away = None
        self.clock.advance(1)
        self.assertEqual(len(self.follower.obstacles()), 1)
        self.database.last.end("5-x")
        self.assertEqual((self.follower.obstacles(), self.follower.troubles()), ([], []))
        self.database.last.fail(Unavailable("gone"))
        self.assertEqual((self.follower.obstacles(), self.follower.troubles()), ([], ["db: gone"]))

    def test_broken_load(self) -> None:
        """A load that breaks goes on where it was, and is not taken for whole."""
        self.follower.startService()
        self.database.last.document("1-x", "a")
        self.database.last.fail(Unavailable("lost"))
        self.assertEqual(self.sink.take(), [("a", "there")])
        self.clock.advance(1)
        self.assertEqual((self.database.last.query["since"], self.database.last.query["timeout"]), ("1-x", "1"))
        self.database.last.document("2-x", "b").end("2-x")
        self.assertEqual(self.sink.take(), [("b", "there"), LOADED])

    def test_metrics(self) -> None:
        """State, silence, pending changes, changes and failures are told."""
        self.assertEqual(self.sample("follower_state", state="stopped"), 1)
        self.follower.startService()
        self.assertEqual(self.sample("follower_state", state="loading"), 1)
        self.database.last.document("1-x", "a").end("1-x", pending=3)
        self.assertEqual(self.sample("follower_state", state="following"), 1)
        self.assertEqual(sum(self.sample("follower_state", state=each) or 0 for each in FOLLOWER_STATES), 1)
        self.assertEqual((self.sample("follower_pending_changes"), self.sample("follower_changes_total")), (3, 1))
        self.clock.advance(4)
        self.assertEqual(self.sample("follower_silent_seconds"), 4)
        self.database.last.receive(b"\n")
        self.assertEqual(self.sample("follower_silent_seconds"), 0)
        self.database.last.fail(Unavailable("lost"))
        self.assertEqual(self.sample("follower_failures_total"), 1)
        self.assertEqual(self.sample("follower_state", state="waiting"), 1)


class Leaves(FollowerCase):
    """Followers that ask for leaves."""

    def test_leaves(self) -> None:
        """All leaves are asked for, each time, and told: of what is there, what was deleted, and what nobody can read."""
        self.follower = Follower(self.clock, self.database, sink := Changes(), self.metrics, leaves=True)
        self.load().send(
            {"seq": "6-x", "id": "a", "changes": [{"rev": "2-b"}, {"rev": "3-a"}], "doc": {}},
            {"seq": "7-x", "id": "b", "changes": [{"rev": "2-c"}], "deleted": True, "doc": {"zone_id": 7}},
        )
        self.database.last.receive(
            b'{"seq":"8-x","id":"c","changes":[{"rev":"4-d"}],"doc":' + b"[" * 99999 + b"]" * 99999 + b"}\n"
        )
        told = [
            Change("a", {}, ("2-b", "3-a")),
            Change("b", None, ("2-c",), {"zone_id": 7}),
            Change("c", {"_id": "c"}, ("4-d",), unreadable=True),
        ]
        self.assertEqual(sink.told, told)
        self.assertEqual([feed.query.get("style") for feed in self.database.feeds], ["all_docs", "all_docs"])

    def test_tombstones_that_vanish(self) -> None:
        """Where leaves are asked for, a tombstone that a database made anew does not have is told to be gone, with nothing left of it."""
        self.follower = Follower(self.clock, self.database, sink := Changes(), self.metrics, leaves=True)
        row = {"seq": "6-x", "id": "b", "changes": [{"rev": "2-c"}], "deleted": True, "doc": {"zone_id": 7}}
        self.load().send(row).fail(Unavailable("lost"))
        self.database.born = "2"
        self.clock.advance(5)
        self.database.last.end("1-y")
        self.assertEqual(sink.told[-1], Change("b", None))


@dataclass
class Changes:
    """A sink that keeps the changes."""

    told: list[Change] = field(default_factory=list)

    def apply(self, change: Change) -> None:
        """Keep it."""
        self.told.append(change)

    def loaded(self) -> None:
        """See ChangesSink."""


class Losing(FollowerCase):
    """Feeds that end."""

    def test_resumes(self) -> None:
        """After a loss it resumes behind the last change that it applied, and tells nothing twice."""
        following = self.load("a", "b")
        following.document("7-x", "c").document("8-x", "a", x=8)
        self.sink.take()
        following.fail(Unavailable("nothing came for 15 seconds"))
        self.clock.advance(1)
        self.assertEqual(self.database.last.query["since"], "8-x")
        self.database.last.end("8-x")
        self.assertEqual(self.sink.take(), [LOADED])
        self.assertEqual(self.database.last.query["since"], "8-x")
        self.assertIs(self.follower.state, State.FOLLOWING)

    def test_backoff(self) -> None:
        """Pauses grow up to their most, chance spreads them, and a load makes them small again."""
        self.database.away = Unavailable("down")
        self.follower.startService()
        for pause in (0.5, 1, 2, 4, 4):
            infos = self.database.infos
            self.clock.advance(pause - 0.01)
            self.assertEqual(self.database.infos, infos)
            self.clock.advance(0.02)
            self.assertEqual(self.database.infos, infos + 1)
        self.chance = 0.5
        self.clock.advance(4)
        self.clock.advance(5.9)
        self.assertEqual(self.database.infos, 7)
        self.database.away = None
        self.clock.advance(0.2)
        self.database.last.end("1-x")
        self.chance = 0
        self.database.last.fail(Unavailable("lost"))
        self.clock.advance(0.5)
        self.assertEqual(self.database.infos, 9)

    def test_feed_that_ends(self) -> None:
        """A feed that ends each time is asked for again after a pause, not at once."""
        self.load("a").end("6-x")
        self.assertIs(self.follower.state, State.WAITING)
        self.assertEqual(self.database.infos, 1)
        self.clock.advance(0.5)
        self.assertEqual(self.database.last.query["since"], "6-x")

    def test_no_feed(self) -> None:
        """What is no feed breaks it: the changes before the nonsense are applied, and it resumes behind them."""
        following = self.load()
        data = b'{"seq":"6-x","id":"a","doc":{}}\n{"error":"x"}\n'
        error = self.assertRaises(Unavailable, following.receive, data)
        following.fail(error)
        self.assertEqual(self.sink.take(), [LOADED, ("a", "there")])
        self.clock.advance(1)
        self.assertEqual(self.database.last.query["since"], "6-x")

    def test_refused_sequence(self) -> None:
        """When CouchDB refuses the feed, everything is loaded again."""
        self.load("a", "b").fail(NotFound("no such database"))
        self.sink.take()
        self.clock.advance(1)
        self.assertEqual(self.database.last.query["since"], "0")
        self.database.last.document("1-y", "a").end("1-y")
        self.assertEqual(self.sink.take(), [("a", "there"), ("b", None), LOADED])

    def test_away(self) -> None:
        """While the database cannot be read, nothing is told to be gone, whatever the error (law 3)."""
        following = self.load("a")
        self.sink.take()
        following.fail(Unavailable("lost"))
        for error in (Unavailable("down"), NotFound("db"), Denied("password")):
            self.database.away = error
            self.clock.advance(10)
            self.assertEqual(self.follower.troubles(), [f"db: {error}"])
        self.assertEqual((self.sink.take(), self.follower.obstacles()), ([], []))

    def test_defect(self) -> None:
        """A defect, ours or the sink's, is logged and tried again: it does not end the following."""
        self.sink.fails = KeyError("x")
        self.load("a")
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertIs(self.follower.state, State.WAITING)
        self.assertEqual(len(self.follower.obstacles()), 1)
        self.sink.fails = None
        self.clock.advance(1)
        self.database.last.end("6-x")
        self.assertEqual(self.follower.obstacles(), [])


class MadeAnew(FollowerCase):
    """Databases that are deleted and made again."""

    def test_vanished(self) -> None:
        """Everything is loaded, and what is no longer there is told to be gone, before it says that it loaded."""
        self.load("a", "b", "c").fail(Unavailable("lost"))
        self.sink.take()
        self.database.born = "2"
        self.clock.advance(1)
        self.assertEqual(self.database.last.query["since"], "0")
        self.database.last.document("1-y", "b", x=2).document("2-y", "d").end("2-y")
        self.assertEqual(self.sink.take(), [("b", 2), ("d", "there"), ("a", None), ("c", None), LOADED])

    def test_broken_load(self) -> None:
        """Nothing is told to be gone while the new database is not read to its end, and what was read counts."""
        self.load("a", "b").fail(Unavailable("lost"))
        self.sink.take()
        self.database.born = "2"
        self.clock.advance(1)
        self.database.last.document("1-y", "b").fail(Unavailable("lost"))
        self.clock.advance(1)
        self.assertEqual(self.sink.take(), [("b", "there")])
        self.assertEqual(self.database.last.query["since"], "1-y")
        self.database.last.end("1-y")
        self.assertEqual(self.sink.take(), [("a", None), LOADED])

    def test_deleted_before(self) -> None:
        """What was deleted before is not told to be gone a second time."""
        following = self.load("a", "b")
        following.deletion("6-x", "a").fail(Unavailable("lost"))
        self.database.born = "2"
        self.clock.advance(1)
        self.sink.take()
        self.database.last.end("0-y")
        self.assertEqual(self.sink.take(), [("b", None), LOADED])

    def test_twice(self) -> None:
        """A database made anew twice is followed as it is now."""
        self.load("a").fail(Unavailable("lost"))
        for born in "23":
            self.sink.take()
            self.database.born = born
            self.clock.advance(1)
            self.database.last.document("1-y", f"new{born}").end("1-y")
            self.database.last.fail(Unavailable("lost"))
        self.assertEqual(self.sink.take(), [("new3", "there"), ("new2", None), LOADED])


class Malformed(FollowerCase):
    """Documents that the sink does not take (law 4)."""

    def test_others_are_applied(self) -> None:
        """A malformed document is logged and counted; those around it are applied, and the feed goes on."""
        self.sink.malformed["bad"] = ValueError("no files")
        following = self.load("a", "bad", "b")
        following.document("6-x", "bad").document("7-x", "c")
        self.assertEqual([doc_id for doc_id, _ in self.sink.take()], ["a", "b", "loaded", "c"])
        self.assertEqual(self.sample("malformed_documents_total"), 2)
        self.assertEqual(self.flushLoggedErrors(), [], "what is expected of documents is no defect of ours")
        self.assertIs(self.follower.state, State.FOLLOWING)

    def test_defects_are_logged_whole(self) -> None:
        """What is wrong with the sink instead is logged with its traceback; the feed goes on all the same."""
        self.sink.malformed["bad"] = KeyError("ours")
        self.load("bad", "b")
        self.assertEqual([doc_id for doc_id, _ in self.sink.take()], ["b", "loaded"])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_beyond_json(self) -> None:
        """A document that JSON readers give up on is malformed like others, and the feed goes on behind it."""
        following = self.load()
        following.receive(b'{"seq":"6-x","id":"deep","doc":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n")
        following.document("7-x", "c")
        self.assertEqual(self.sink.take(), [LOADED, ("deep", "there"), ("c", "there")])

    def test_unreadable(self) -> None:
        """What cannot be read is counted, once, whatever the sink says of it, and the sink knows that there is something."""
        self.sink.malformed["bad"] = ValueError("no files")
        following = self.load()
        for doc_id in ("bad", "other"):
            following.receive(b'{"seq":"6-x","id":"%s","doc":{"x":"\xff"}}\n' % doc_id.encode())
        self.assertEqual(self.sink.take(), [LOADED, ("other", "there")])
        self.assertEqual(self.sample("malformed_documents_total"), 2)

    def test_mended(self) -> None:
        """Once the document is mended it is applied."""
        self.sink.malformed["bad"] = ValueError("no files")
        following = self.load("bad")
        self.flushLoggedErrors(ValueError)
        del self.sink.malformed["bad"]
        following.document("6-x", "bad", x=1)
        self.assertEqual(self.sink.take(), [LOADED, ("bad", 1)])


class Stopping(FollowerCase):
    """Stopping in every state; :meth:`tearDown` looks for timers."""

    def check(self, state: State) -> None:
        """Stop in *state*; nothing is told after that."""
        for given_up in (CancelledError, Unavailable):
            self.database.given_up = given_up
            if not self.follower.running:
                self.follower.startService()
            self.sink.take()
            self.stop()
            self.clock.advance(100)
            self.assertEqual(self.sink.take(), [])
        self.assertEqual(self.sample("follower_state", state="stopped"), 1)
        self.assertIsNot(state, State.STOPPED)

    def test_connecting(self) -> None:
        """While it connects."""
        self.database.waiting = Deferred()
        self.follower.startService()
        self.assertIs(self.follower.state, State.CONNECTING)
        self.stop()

    def test_loading(self) -> None:
        """While it loads."""
        self.follower.startService()
        self.assertIs(self.follower.state, State.LOADING)
        self.check(State.LOADING)

    def test_following(self) -> None:
        """While it follows."""
        self.load("a")
        self.assertIs(self.follower.state, State.FOLLOWING)
        self.check(State.FOLLOWING)

    def test_waiting(self) -> None:
        """While it waits for the next try."""
        self.database.away = Unavailable("down")
        self.follower.startService()
        self.assertIs(self.follower.state, State.WAITING)
        self.check(State.WAITING)

    def test_never_started(self) -> None:
        """Before it started."""
        self.assertIsNone(self.follower.stopService())

    def test_started_again(self) -> None:
        """A follower that is started again goes on where it was."""
        self.load("a")
        self.stop()
        self.follower.startService()
        self.assertEqual(self.database.last.query["since"], "5-x")


class KnownBefore(FollowerCase):
    """A sink that remembers documents from an earlier run."""

    def test_gone_meanwhile(self) -> None:
        """What it remembers and the database does not have any more is told as deleted once everything was told."""
        self.follower = Follower(self.clock, self.database, self.sink, self.metrics, known=lambda: ("a", "old"))
        self.load("a", "b")
        self.assertEqual([doc_id for doc_id, _ in self.sink.take()], ["a", "b", "old", "loaded"])

    def test_can_serve(self) -> None:
        """A sink that knows from earlier, be it that there is nothing, can serve though nothing could be loaded; no other can."""
        self.database.away = Unavailable("down")
        cases: list[tuple[list[str] | None, list[str]]] = [(None, ["not loaded yet: db: down"]), (["a"], []), ([], [])]
        for known, obstacles in cases:
            self.follower = Follower(
                self.clock,
                self.database,
                self.sink,
                self.metrics,
                known=partial(copy, known),
                backoff=Backoff(1, 8),
            )
            self.follower.startService()
            self.assertEqual((self.follower.obstacles(), self.follower.troubles()), (obstacles, ["db: down"]))
            self.stop()

    def test_not_vital(self) -> None:
        """What the node can serve without is never an obstacle."""
        self.database.away = Unavailable("down")
        self.follower = Follower(self.clock, self.database, self.sink, self.metrics, vital=False)
        self.assertEqual((self.follower.obstacles(), self.follower.troubles()), ([], ["db: stopped"]))
