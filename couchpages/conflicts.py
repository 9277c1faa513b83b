"""Brings the conflicting revisions of a document back to one (law 7; does I/O, which of them wins is a feature's rule).

Nodes that are cut off from each other may write the same document. When replication has brought their revisions together,
CouchDB shows the one that has more edits, which means nothing to us. A :class:`Reconciler` stands between a follower and
a feature's sink: it reads every revision, tells the sink the one that the feature's rule chooses, and removes the
others once their content stands elsewhere. All nodes choose alike, and a removal of the same revision is the same revision
on every node, so nodes that do this at the same time make no new conflict.
"""

from collections.abc import Callable
from random import random
from typing import Any, TypeAlias

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from couchpages.metrics import Metrics
from couchpages.pauses import Pauses
from couchpages.ports import Change, ChangesSink, Conflict, ConflictRule, Database, Json, Judgement, StoreError
from couchpages.quoting import named

#: Seconds, on average, before what failed is tried again, doubling up to the second; CouchDB's return ends the pause.
PAUSE, LONGEST_PAUSE = 5.0, 80.0
#: Documents that are reconciled at a time: after a long partition there may be thousands, and visitors need CouchDB too.
AT_ONCE = 4
#: What tells one state of a conflict from another: the revision that CouchDB shows, and the others.
Competing: TypeAlias = tuple[str, tuple[str, ...]]


class Reconciler:
    """A :class:`~couchpages.ports.ChangesSink` of *database*, which hands on to *sink* what *rule* chooses. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        database: Database,
        sink: ChangesSink,
        rule: ConflictRule,
        metrics: Metrics,
        *,
        chance: Callable[[], float] = random,
    ) -> None:
        self._database = database
        self._sink = sink
        self._rule = rule
        self._metrics = metrics
        self._pauses = Pauses(reactor, chance)
        self._open: dict[str, Competing] = {}
        self._unjudged: dict[str, Competing] = {}
        self._turns = DeferredSemaphore(AT_ONCE)
        self._busy: set[str] = set()
        self._running: set[Deferred[None]] = set()

    def apply(self, change: Change) -> None:
        """Hand on a change, or have its conflict reconciled first: until then what the sink knows stays."""
        if change.doc is None or not change.doc.get("_conflicts"):
            self._open.pop(change.doc_id, None)
            self._unjudged.pop(change.doc_id, None)
            self._sink.apply(change)
            return
        self._unjudged.pop(change.doc_id, None)
        self._open[change.doc_id] = str(change.doc.get("_rev")), tuple(change.doc["_conflicts"])
        try:
            if not self._rule.knows(change.doc_id):
                # Any of its revisions says that there is such a thing, which is better than nothing (law 3).
                self._sink.apply(change)
        finally:
            self._begin(change.doc_id)

    def loaded(self) -> None:
        """Hand it on; CouchDB is there, so what failed may be tried again."""
        self._sink.loaded()
        self._pauses.wake()

    def judge_again(self) -> None:
        """Judge the conflicts of which the rule could not read every revision: it may be able to now, because it has other keys."""
        unjudged, self._unjudged = self._unjudged, {}
        for doc_id, competing in unjudged.items():
            self._open.setdefault(doc_id, competing)
            self._begin(doc_id)

    def stop(self) -> "Deferred[Any]":
        """Leave what is under way."""
        self._open.clear()
        self._unjudged.clear()
        running = list(self._running)
        for each in running:
            each.cancel()
        return gatherResults(running)

    def _begin(self, doc_id: str) -> None:
        if doc_id not in self._busy:
            self._busy.add(doc_id)
            running = Deferred.fromCoroutine(self._reconcile(doc_id))
            self._running.add(running)
            running.addBoth(self._ended, doc_id, running)

    def _ended(self, result: object, doc_id: str, running: "Deferred[None]") -> None:
        self._busy.discard(doc_id)
        self._running.discard(running)
        if isinstance(result, Failure) and result.check(CancelledError) is None:
            # Law 4: no document stops a service.
            self._open.pop(doc_id, None)
            self.log.failure("{doc_id} could not be reconciled", failure=result, doc_id=named(doc_id))

    async def _reconcile(self, doc_id: str) -> None:
        pause = PAUSE
        while (competing := self._open.get(doc_id)) is not None:
            try:
                await self._turns.run(lambda: Deferred.fromCoroutine(self._settle(doc_id, competing)))  # run at once
            except StoreError as error:
                self.log.debug("{doc_id} is not reconciled yet: {error}", doc_id=named(doc_id), error=error)
                await self._pauses.rest(pause)
                pause = min(LONGEST_PAUSE, pause * 2)

    async def _settle(self, doc_id: str, competing: Competing) -> None:
        """Choose and tidy up; does nothing when another change came while the revisions were read."""
        leaves = await self._database.leaves(doc_id)
        if self._open.get(doc_id) != competing:
            return
        judgement = self._rule.judge(doc_id, leaves)
        if judgement is not None:
            self._tell(doc_id, judgement.winner)
            await self._tidy(doc_id, judgement)
        elif leaves:
            # None can be read: the sink hears of what CouchDB shows, counts it, and knows what is safe then.
            self._tell(doc_id, next((leaf for leaf in leaves if leaf["_rev"] == competing[0]), leaves[0]))
        if self._open.get(doc_id) == competing:
            del self._open[doc_id]
            if len(leaves) > (1 + len(judgement.losers) if judgement is not None else 0):
                self._unjudged[doc_id] = competing

    async def _tidy(self, doc_id: str, judgement: Judgement) -> None:
        """Remove the losers that stand elsewhere; one that cannot be preserved now does not keep the others."""
        gone, failure = [], None
        for loser in judgement.losers:
            try:
                if await self._rule.preserve(doc_id, loser, judgement.winner):
                    gone.append(loser)
            except StoreError as error:
                failure = error
        await self._remove(doc_id, gone)
        if failure is not None:
            raise failure

    def _tell(self, doc_id: str, winner: Json) -> None:
        try:
            self._sink.apply(Change(doc_id, winner))
        except ValueError as error:
            self._metrics.malformed.labels(self._database.name).inc()
            self.log.warn(
                "{database}/{doc_id} is malformed and left out: {error}",
                database=self._database.name,
                doc_id=named(doc_id),
                error=str(error),
            )

    async def _remove(self, doc_id: str, losers: list[Json]) -> None:
        if not losers:
            return
        outcomes = await self._database.bulk(
            [{"_id": doc_id, "_rev": loser["_rev"], "_deleted": True} for loser in losers]
        )
        for outcome in outcomes:
            # A conflict: another node, or a writer, was there before, and the next change tells what is left.
            if isinstance(outcome, StoreError) and not isinstance(outcome, Conflict):
                raise outcome
        self._metrics.conflicts.labels(self._database.name).inc()
        self.log.info(
            "{database}/{doc_id}: {count} conflicting revisions are resolved",
            database=self._database.name,
            doc_id=named(doc_id),
            count=len(losers),
        )
