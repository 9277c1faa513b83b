"""Follows a database's changes for as long as the service runs (does I/O).

It first loads what there is (a continuous feed that ends when it has nothing more), then stays on a feed with heartbeats. Whatever
ends the feed (CouchDB's restart, silence, a proxy's limit), it connects again and resumes after the last change that it applied. When
the database was made anew, it loads everything, and reports as deleted what it knew before and did not see again.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum
from random import random
from typing import Any

from twisted.application.service import Service
from twisted.internet import task
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from couchpages.couch.backoff import Backoff
from couchpages.couch.changes import Changed, End, FeedEvent, FeedParser, Unreadable
from couchpages.couch.database import DatabaseInfo, FollowedDatabase
from couchpages.couch.evidence import NoDatabase
from couchpages.couch.timeouts import HEARTBEAT, LOADING_SILENCE, SILENCE
from couchpages.metrics import Metrics
from couchpages.ports import Change, ChangesSink, NotFound, StoreError, Unavailable
from couchpages.quoting import named


class State(Enum):
    """What a follower is doing; the values are the metric's labels."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    LOADING = "loading"
    FOLLOWING = "following"
    WAITING = "waiting"


class Follower(Service):
    """Keeps *sink* told of every change of *database*, documents included.

    *known* gives the documents that the sink knows from an earlier run, when the service starts, or None; if it knows, it can serve. One
    that is not *vital* is never an obstacle: the node serves without it. A follower *from_now* on tells only what happens after it began or
    the database was made anew; the sink asks for what it wants to know of the time before, and what it knows is not watched. With *leaves*
    a change tells all leaves of its document, deleted ones too.

    Runs in *reactor*'s thread. Never fails: what goes wrong is logged, counted and tried again with *backoff*.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        database: FollowedDatabase,
        sink: ChangesSink,
        metrics: Metrics,
        *,
        known: Callable[[], Iterable[str] | None] = lambda: None,
        vital: bool = True,
        from_now: bool = False,
        leaves: bool = False,
        backoff: Backoff = Backoff(first=0.2, most=5.0),
        chance: Callable[[], float] = random,
    ) -> None:
        self.setName(f"follower of {database.name}")
        self._reactor = reactor
        self._database = database
        self._sink = sink
        self._metrics = metrics
        self._known_before = known
        self._can_serve = not vital
        self._backoff = backoff
        self._chance = chance
        self._style = {"style": "all_docs"} if leaves else {}
        self._beginning = "now" if from_now else "0"
        self._since = self._beginning
        self._born: str | None = None
        self._known: set[str] = set()
        self._unseen: set[str] = set()
        self._failures = 0
        self._loaded = False
        self._heard = reactor.seconds()
        self._problem: str | None = None
        self._running: Deferred[None] | None = None
        metrics.follower_heard.labels(database.name).set_function(lambda: self._reactor.seconds() - self._heard)
        self._become(State.STOPPED)

    def startService(self) -> None:  # noqa: N802 -- Twisted's name
        """Begin to follow."""
        super().startService()
        known = self._known_before()
        self._known.update(known or ())
        self._can_serve = self._can_serve or known is not None
        self._running = Deferred.fromCoroutine(self._run())

    def stopService(self) -> Deferred[None] | None:  # noqa: N802 -- Twisted's name
        """Leave the feed."""
        super().stopService()
        running, self._running = self._running, None
        if running is not None:
            running.addErrback(lambda failure: failure.trap(CancelledError))
            running.cancel()
        self._become(State.STOPPED)
        return running

    def obstacles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: a sink that was never told everything, now or earlier, cannot answer."""
        return [] if self._loaded or self._can_serve else [f"not loaded yet: {trouble}" for trouble in self.troubles()]

    def troubles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: while CouchDB is away the sink knows what was, and goes on (law 1)."""
        if self.state is State.FOLLOWING:
            return []
        return [f"{self._database.name}: {self._problem or self.state.value}"]

    async def _run(self) -> None:
        while self.running:
            try:
                await self._connect()
            except StoreError as error:
                if self.running:
                    await self._wait(str(error))
            except CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 -- a defect of ours or of the sink must not end the following for ever
                self.log.failure("{database} could not be followed", database=self._database.name)
                if self.running:
                    await self._wait(f"a defect: {error!r}")

    async def _connect(self) -> None:
        self._become(State.CONNECTING)
        info = await self._info()
        if info.born != self._born:
            self._start_over(info.born)
        self._become(State.LOADING)
        # Milliseconds without a new change after which CouchDB ends this feed: it has told all.
        await self._read({"timeout": "1"}, LOADING_SILENCE)
        self._settle()
        self._become(State.FOLLOWING)
        await self._read({"heartbeat": str(int(HEARTBEAT * 1000))}, SILENCE)
        # It should last for ever. Whoever ends it each time must not be asked again without a pause.
        raise Unavailable(f"{self._database.name}/_changes: the feed ended")

    async def _info(self) -> DatabaseInfo:
        try:
            return await self._database.info()
        except NotFound:
            # It will be another one when it is there again, also for a CouchDB before 3.3, which does not tell them apart.
            self._born = None
            raise

    async def _read(self, ending: dict[str, str], silence: float) -> None:
        parser = FeedParser()

        def receive(data: bytes) -> None:
            self._heard = self._reactor.seconds()
            for event in parser.feed(data):
                self._take(event)

        query = {
            "feed": "continuous",
            "include_docs": "true",
            "conflicts": "true",
            **self._style,
            "since": self._since,
            **ending,
        }
        try:
            await self._database.feed(query, silence, receive)
        except NoDatabase:
            self._born = None
            raise
        except Unavailable:
            raise
        except StoreError:
            # CouchDB refused the sequence, or the database is gone: what it was said to be is no longer true.
            self._born = None
            raise

    def _take(self, event: FeedEvent) -> None:
        match event:
            case Changed(seq, change):
                self._apply(change)
                self._since = seq
            case Unreadable(seq, doc_id, reason, revs):
                self._leave_out(Change(doc_id, {"_id": doc_id}, revs, unreadable=True), reason)
                self._since = seq
            case End(seq, pending):
                self._since = seq
                self._metrics.follower_pending.labels(self._database.name).set(pending)
            case _:
                pass

    def _leave_out(self, change: Change, reason: str) -> None:
        """Tell of a document that nobody can read: the sink must know that there is one, and will find nothing in it."""
        self._note(change)
        self._malformed(change.doc_id, reason)
        with suppress(ValueError):
            self._sink.apply(change)

    def _malformed(self, doc_id: str, reason: str) -> None:
        self._metrics.malformed.labels(self._database.name).inc()
        self.log.warn(
            "{database}/{doc_id} is malformed and left out: {error}",
            database=self._database.name,
            doc_id=named(doc_id),
            error=reason,
        )

    def _apply(self, change: Change) -> None:
        self._note(change)
        try:
            self._sink.apply(change)
        except ValueError as error:
            self._malformed(change.doc_id, str(error))
        except Exception:  # noqa: BLE001 -- law 4: no document stops a service
            self._metrics.malformed.labels(self._database.name).inc()
            self.log.failure(
                "{database}/{doc_id} could not be applied", database=self._database.name, doc_id=named(change.doc_id)
            )

    def _note(self, change: Change) -> None:
        self._metrics.changes.labels(self._database.name).inc()
        if self._beginning == "0":
            self._unseen.discard(change.doc_id)
            # Whoever asks for leaves knows of deleted documents too, as long as something is left of them.
            is_there = change.doc is not None or (self._style and change.revs)
            (self._known.add if is_there else self._known.discard)(change.doc_id)

    def _start_over(self, born: str) -> None:
        if self._born is not None or (self._loaded and self._known):
            self.log.warn("{database} was made anew; loading everything", database=self._database.name)
        self._born, self._since = born, self._beginning
        self._unseen = set(self._known)

    def _settle(self) -> None:
        """Everything was seen that exists: what was not is gone."""
        for doc_id in sorted(self._unseen):
            self._apply(Change(doc_id, None))
        self._sink.loaded()
        if self._problem is not None:
            self.log.info("{database} is followed again", database=self._database.name)
        self._failures, self._problem, self._loaded = 0, None, True

    async def _wait(self, problem: str) -> None:
        self._failures += 1
        self._metrics.follower_failures.labels(self._database.name).inc()
        if problem != self._problem:
            # Once for each kind of trouble, not once for each try.
            self._problem = problem
            self.log.warn(
                "{database} cannot be followed: {problem}", database=self._database.name, problem=self._problem
            )
        self._become(State.WAITING)
        await task.deferLater(self._reactor, self._backoff.delay(self._failures, self._chance()))

    def _become(self, state: State) -> None:
        self.state = state
        self._metrics.follower_is(self._database.name, state.value)
