"""Tells when all blobs of a deployment are in this node's CouchDB (does I/O: one bulk call for many blobs, never one a blob).

It follows the database of blobs from now on: what was there before is asked for when a deployment wants it, and what
comes is heard of, so that nothing is polled.
"""

from collections.abc import Callable, Collection, Iterable
from itertools import islice
from random import random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from couchpages.metrics import Metrics
from couchpages.pages.manifest import is_sha256
from couchpages.pages.stored_blobs import BATCH, StoredBlobs, holds_blob
from couchpages.pages.waiting import Wait, WaitingList
from couchpages.pauses import Pauses
from couchpages.ports import Change, StoreError

#: Seconds, on average, after which CouchDB is asked again when it did not answer; its return makes the follower ask at once.
PAUSE = 5.0


class Arrivals:
    """A :class:`~couchpages.ports.ChangesSink` of the database of blobs. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(
        self, reactor: Any, stored: StoredBlobs, metrics: Metrics, *, chance: Callable[[], float] = random
    ) -> None:
        self.waiting = WaitingList()
        self._stored = stored
        self._pauses = Pauses(reactor, chance)
        # In the order in which they were wanted, so that of many sites one after the other can be judged.
        self._due: dict[str, None] = {}
        self._outdated: set[str] = set()
        self.problem: str | None = None
        self._busy = False
        self._asking: Deferred[None] | None = None
        metrics.deployments_waiting.set_function(lambda: len(self.waiting))
        metrics.waiting_blobs.set_function(lambda: len(self.waiting.wanted()))

    def expect(self, wait: Wait) -> None:
        """Call ``wait.whole(wait)`` once all its blobs are here: at once, if they are known to be."""
        wait.missing = self._stored.unknown(wait.missing)
        if not wait.missing:
            self.waiting.withdraw(wait.doc_id)
            wait.whole(wait)
            return
        self.waiting.add(wait)
        self._ask_for(wait.missing)

    async def missing(self, hashes: Iterable[str]) -> set[str]:
        """Ask which of *hashes* are not here. Raises :class:`StoreError`."""
        return set(await self._stored.missing(sorted(self._stored.unknown(hashes))))

    def apply(self, change: Change) -> None:
        """Take a blob's arrival, or its deletion. Raises ValueError for a document that is no blob."""
        if change.doc_id.startswith("_design/"):
            return
        if not is_sha256(change.doc_id):
            raise ValueError("it is named by no SHA-256")
        if change.doc is not None and holds_blob(change.doc):
            self._stored.arrived(change.doc_id)
            self._arrived(change.doc_id)
            return
        self._void([change.doc_id])
        self._stored.forget(change.doc_id)
        if self.waiting.left(change.doc_id):
            self._ask_for([change.doc_id])
        if change.doc is not None:
            raise ValueError("it has no attachment that is a blob's content")

    def loaded(self) -> None:
        """Ask anew for what is waited for: what came while nobody listened was not heard of."""
        self._stored.forget_all()
        wanted = self.waiting.wanted()
        # An answer that is on its way may be older than the feed, which tells only what comes from now on.
        self._void(wanted)
        self._ask_for(wanted)
        self._pauses.wake()

    def stop(self) -> "Deferred[None] | None":
        """Ask no more."""
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.addErrback(lambda failure: failure.trap(CancelledError))
            asking.cancel()
        return asking

    def _void(self, hashes: Iterable[str]) -> None:
        """Believe no answer about these that was asked for before now."""
        if self._busy:
            self._outdated.update(hashes)

    def _arrived(self, sha256: str) -> None:
        self._due.pop(sha256, None)
        for wait in self.waiting.arrived(sha256):
            wait.whole(wait)

    def _ask_for(self, hashes: Collection[str]) -> None:
        self._due.update(dict.fromkeys(hashes))
        if self._due and not self._busy:
            self._busy = True
            self._asking = Deferred.fromCoroutine(self._ask_all())

    async def _ask_all(self) -> None:
        try:
            await self._ask()
        finally:
            self._busy = False

    async def _ask(self) -> None:
        """Ask until nothing is due. What is found to be missing stays waited for, until it is heard of."""
        while self._due:
            some = list(islice(self._due, BATCH))
            self._outdated.clear()
            try:
                missing = set(await self._stored.missing(some))
            except StoreError as error:
                self._note(str(error))
                await self._pauses.rest(PAUSE)
                continue
            self.problem = None
            self._answered(set(some), missing)
            self._tell()

    def _answered(self, asked: set[str], missing: set[str]) -> None:
        """Take an answer, but not for what it is too old for: that is asked for again."""
        for sha256 in self._outdated:
            self._stored.forget(sha256)
        asked -= self._outdated
        for sha256 in asked:
            self._due.pop(sha256, None)
        for sha256 in asked - missing:
            self._arrived(sha256)

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            # Once for each kind of trouble, not once for each try.
            self.problem = problem
            self.log.warn("which blobs are here cannot be asked: {problem}", problem=problem)

    def _tell(self) -> None:
        """Say of each deployment once what it waits for."""
        for wait in self.waiting:
            if not wait.checked and self._due.keys().isdisjoint(wait.missing):
                wait.checked = True
                self.log.warn(
                    "{doc_id} waits for {missing} of {blobs} blobs of deployment {id}; what is served stays until they are here",
                    doc_id=wait.doc_id,
                    missing=len(wait.missing),
                    blobs=len(wait.blobs),
                    id=wait.deployment.id,
                )
