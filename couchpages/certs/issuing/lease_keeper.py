"""Takes, renews and gives up the lease of the issuer (does I/O; what to do is decided in ``lease``)."""

from dataclasses import replace
from typing import Any

from twisted.logger import Logger

from couchpages.certs.issuing.lease import (
    DOCUMENT_ID,
    RENEWED_IN,
    Lease,
    Sighting,
    Verdict,
    from_document,
    sighted,
    to_document,
    verdict,
)
from couchpages.in_turn import InTurn
from couchpages.ports import Conflict, Database, Json, NotFound, StoreError
from couchpages.quoting import named


class LeaseKeeper:
    """The lease as one node sees it: *me* is its id, *node* its name, *seconds* how long a lease lasts. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(self, reactor: Any, secrets: Database, me: str, node: str, seconds: float) -> None:
        self._reactor = reactor
        self._secrets = secrets
        self._mine = Lease(me, node, seconds)
        #: How long a lease lasts.
        self.seconds = seconds
        self._sighting: Sighting | None = None
        self._until = 0.0
        self._written = ""
        self._may_hold = False
        self._in_turn = InTurn()
        #: The lease as it was read last.
        self.seen: Lease | None = None

    @property
    def is_held(self) -> bool:
        """Whether this node may issue: nobody else takes the lease before some of its time has passed."""
        left = self._until - self._reactor.seconds()
        # More is left only where the clock was set back, and nobody knows by how much.
        return bool(0 < left <= self._lasts)

    async def hold(self) -> bool:
        """See to it that this node holds the lease, if it may. Raises a :class:`~couchpages.ports.StoreError`.

        Those that ask at once are seen to in turn: of two that renewed it, one would find that somebody else had been there before.
        """
        return await self._in_turn.run(DOCUMENT_ID, self._hold)

    async def _hold(self) -> bool:
        now = self._reactor.seconds()
        doc = await self._read()
        lease = from_document(doc) if doc is not None else None
        self._sighting = sighted(self._sighting, str(doc["_rev"]), now) if doc is not None else None
        self._note(lease)
        match verdict(lease, self._sighting, self._mine.holder, now):
            case Verdict.LEAVE:
                self._until = 0.0
            # One that an earlier run of this node wrote, or that was written before the clock was set back, is renewed as well.
            case Verdict.KEEP if doc is not None and doc["_rev"] == self._written and self.is_held:
                pass
            case _:
                await self._write(doc, now)
        return self.is_held

    async def give_up(self) -> None:
        """Let another issuer take over at once. What goes wrong is of no consequence: the lease ends by itself."""
        self._until = 0.0
        if not self._may_hold:
            return
        try:
            doc = await self._read()
            lease = from_document(doc) if doc is not None else None
            if doc is not None and lease is not None and lease.holder == self._mine.holder:
                await self._secrets.put(DOCUMENT_ID, to_document(replace(lease, holder="")), str(doc["_rev"]))
        except StoreError as error:
            self.log.debug("the lease could not be given up: {error}", error=error)

    @property
    def _lasts(self) -> float:
        """How long a lease that was written may be relied on: a part of it is left for others, who see it later."""
        return self._mine.seconds * (RENEWED_IN - 1) / RENEWED_IN

    async def _read(self) -> Json | None:
        try:
            return await self._secrets.get(DOCUMENT_ID)
        except NotFound:
            return None

    async def _write(self, doc: Json | None, now: float) -> None:
        # Whatever comes of it: the answer may be lost.
        self._may_hold = True
        try:
            rev = await self._secrets.put(DOCUMENT_ID, to_document(self._mine), str(doc["_rev"]) if doc else None)
        except Conflict:
            # Somebody else was there before, whose lease is seen next time.
            self._until = 0.0
            return
        if self.seen is None or self.seen.holder != self._mine.holder:
            self.log.info("this node issues certificates from now on")
        self.seen, self._sighting, self._written = self._mine, Sighting(rev, now), rev
        self._until = now + self._lasts

    def _note(self, lease: Lease | None) -> None:
        """Take note of who holds the lease."""
        before, self.seen = self.seen, lease
        if lease is None or lease.holder in ("", self._mine.holder):
            return
        if before is None or before.holder != lease.holder:
            self.log.info("certificates are issued by {node}", node=named(lease.node))
