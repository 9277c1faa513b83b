"""Brings the conflicting revisions of a document back to one (law 7; does I/O, which of them wins is a feature's rule).

Nodes that are cut off from each other may write the same document. When replication has brought their revisions together,
CouchDB shows the one that has more edits, which means nothing to us. A :class:`Reconciler` stands between a follower and
a feature's sink: it reads every revision, tells the sink the one that the feature's rule chooses, and removes the
others once their content stands elsewhere. All nodes choose alike, and a removal of the same revision is the same revision
on every node, so nodes that do this at the same time make no new conflict.
"""

from collections.abc import Callable
from random import random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from couchpages.metrics import Metrics
from couchpages.pauses import Pauses
from couchpages.ports import Change, ChangesSink, Conflict, ConflictRule, Database, Json, StoreError
from couchpages.quoting import named

#: Seconds, on average, before what failed is tried again, doubling up to the second; CouchDB's return ends the pause.
PAUSE, LONGEST_PAUSE = 5.0, 80.0


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
        self._open: dict[str, Change] = {}
        self._busy: set[str] = set()
        self._running: set[Deferred[None]] = set()

    def apply(self, change: Change) -> None:
        """Hand on a change, or have its conflict reconciled first: until then what the sink knows stays."""
        if change.doc is None or not change.doc.get("_conflicts"):
            self._open.pop(change.doc_id, None)
            self._sink.apply(change)
            return
        self._open[change.doc_id] = change
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

    def stop(self) -> "Deferred[Any]":
        """Leave what is under way."""
        self._open.clear()
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
        while (change := self._open.get(doc_id)) is not None:
            try:
                await self._settle(doc_id, change)
            except StoreError as error:
                self.log.debug("{doc_id} is not reconciled yet: {error}", doc_id=named(doc_id), error=error)
                await self._pauses.rest(pause)
                pause = min(LONGEST_PAUSE, pause * 2)

    async def _settle(self, doc_id: str, change: Change) -> None:
        """Choose and tidy up; does nothing when another change came while the revisions were read."""
        leaves = await self._database.leaves(doc_id)
        if self._open.get(doc_id) is not change:
            return
        judgement = self._rule.judge(doc_id, leaves)
        if judgement is not None:
            self._tell(doc_id, judgement.winner)
            gone = [loser for loser in judgement.losers if await self._rule.preserve(doc_id, loser, judgement.winner)]
            await self._remove(doc_id, gone)
        if self._open.get(doc_id) is change:
            del self._open[doc_id]

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
