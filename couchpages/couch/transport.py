"""Requests to CouchDB through treq: pool, time-outs, retries (does I/O, decides nothing about answers)."""

import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import urlencode

from treq.client import HTTPClient
from twisted.internet import task
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.web.client import Agent, HTTPConnectionPool

from couchpages.couch.answers import error_for
from couchpages.couch.backoff import Backoff
from couchpages.couch.bodies import bounded, collect, producer_of
from couchpages.couch.evidence import NoDatabase
from couchpages.couch.guard import Guard
from couchpages.couch.losses import LOST, LateError, loss, was_given_up
from couchpages.couch.timeouts import Timeouts
from couchpages.ports import Unavailable
from couchpages.web.ascii_url import AsciiURL

#: Of Apache CouchDB's own replicator: ``http_connections = 20`` a replication. Twice that leaves room for visitors beside a deployment.
MOST_CONNECTIONS = 40
#: Bodies that are read whole: rows of a bulk call of some 20,000 documents stay well below.
MOST_BODY = 256 * 1024 * 1024

Body: TypeAlias = bytes | Callable[[], BinaryIO] | None
"""A request's body: bytes, or what opens the file that holds it, anew for each try."""


@dataclass(slots=True)
class Transport:
    """Sends requests to one CouchDB.

    *url* has no path beyond CouchDB's root and no credentials in it. *chance* gives random numbers in [0, 1), for jitter. With a
    *guard*, only requests that are marked as a *probe* are made while CouchDB is away; without, everyone finds out for himself.
    """

    reactor: Any
    url: str
    credentials: tuple[str, str] | None
    timeouts: Timeouts = Timeouts()
    backoff: Backoff = Backoff()
    chance: Callable[[], float] = random.random
    guard: Guard | None = None
    client: HTTPClient = field(init=False)
    _turns: DeferredSemaphore = field(init=False)
    _pool: HTTPConnectionPool = field(init=False)

    def __post_init__(self) -> None:
        """Make the pool; nothing is connected yet."""
        self._pool = HTTPConnectionPool(self.reactor, persistent=True)
        self._pool.maxPersistentPerHost = MOST_CONNECTIONS
        # CouchDB closes idle connections itself after some minutes; a pool that keeps them shorter rarely meets a closed one.
        self._pool.cachedConnectionTimeout = 60
        self.client = HTTPClient(Agent(self.reactor, pool=self._pool, connectTimeout=self.timeouts.connect))
        self._turns = DeferredSemaphore(MOST_CONNECTIONS)
        if self.guard is not None:
            # Idle connections may be as dead as those that failed, without saying so, and a probe must not meet them.
            self.guard.when_away = self._pool.closeCachedConnections

    def close(self) -> "Deferred[None]":
        """Close idle connections."""
        closing: Deferred[None] = self._pool.closeCachedConnections()
        return closing

    async def fetch(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Body = None,
        content_type: str = "application/json",
        repeat: bool = False,
        probe: bool = False,
    ) -> bytes:
        """Give the body of a successful answer, whole; *repeat* allows several tries.

        Raises :class:`~couchpages.ports.StoreError`, the OSError of a body that cannot be opened, and CancelledError when cancelled.
        """
        parts: list[bytes] = []

        async def once() -> bytes:
            parts.clear()
            await self._deliver(method, path, query, body, content_type, bounded(parts, MOST_BODY), probe=probe)
            return b"".join(parts)

        return await (self._repeated(once) if repeat else self._guarded(lambda: self._in_turn(once), probe=probe))

    async def stream(self, path: str, receive: Callable[[bytes], object]) -> None:
        """Stream the body of a GET into *receive*, in one try: whoever receives could not take back what it got."""
        await self._guarded(lambda: self._in_turn(lambda: self._deliver("GET", path, None, None, "", receive)))

    async def follow(
        self, path: str, query: Mapping[str, str], idle: float, receive: Callable[[bytes], object]
    ) -> None:
        """Stream a feed that may last for ever; *idle* seconds without a byte end it with :class:`Unavailable`.

        It takes no turn of the requests': a feed must not keep them waiting.
        """
        await self._guarded(lambda: self._deliver("GET", path, query, None, "", receive, idle=idle))

    async def _repeated(self, once: Callable[[], Any]) -> bytes:
        failures = 0
        until = self.reactor.seconds() + self.timeouts.answer
        while True:
            try:
                return await self._guarded(lambda: self._in_turn(once))  # type: ignore[no-any-return]  # what once gives
            except NoDatabase:
                # It does not come back in the second that repeating takes.
                raise
            except Unavailable:
                failures += 1
                hopeless = self.guard is not None and not self.guard.worth_repeating
                if hopeless or failures >= self.backoff.tries or self.reactor.seconds() >= until:
                    raise
            await task.deferLater(self.reactor, self.backoff.delay(failures, self.chance()))

    async def _guarded(self, request: Callable[[], Coroutine[Any, Any, Any]], *, probe: bool = False) -> Any:
        return await (request() if self.guard is None else self.guard.run(request, probe=probe))

    async def _in_turn(self, once: Callable[[], Any]) -> Any:
        await self._turn()
        try:
            return await once()
        finally:
            self._turns.release()

    async def _turn(self) -> None:
        """Wait for a turn, but not for ever: when CouchDB hangs, many wait behind those that time out."""
        turn = self._turns.acquire()
        if turn.called:
            return
        late = self.reactor.callLater(self.timeouts.answer, turn.cancel)
        try:
            await turn
        except CancelledError:
            if late.active():
                raise
            raise Unavailable(f"CouchDB was busy with others for {self.timeouts.answer:g} seconds") from None
        finally:
            if late.active():
                late.cancel()

    async def _deliver(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Body,
        content_type: str,
        receive: Callable[[bytes], object],
        *,
        idle: float | None = None,
        probe: bool = False,
    ) -> None:
        what = f"{method} {path}"
        content = body() if callable(body) else body
        try:
            response = await self._request(method, path, query, content, content_type)
            if not 200 <= response.code < 300:  # noqa: PLR2004 -- HTTP's successes
                parts: list[bytes] = []
                await collect(self.reactor, response, bounded(parts, MOST_BODY), self.timeouts.idle)
                raise error_for(response.code, b"".join(parts), what)
            if self.guard is not None:
                self.guard.answered(probe=probe)
            await collect(self.reactor, response, self._heard_by(receive), idle or self.timeouts.idle)
        except LOST as error:
            raise loss(error, what) from error

    def _heard_by(self, receive: Callable[[bytes], object]) -> Callable[[bytes], object]:
        guard = self.guard
        if guard is None:
            return receive

        def hear(data: bytes) -> None:
            guard.heard()
            receive(data)

        return hear

    async def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        content: bytes | BinaryIO | None,
        content_type: str,
    ) -> Any:
        timers: list[Any] = []

        def taken() -> None:
            for timer in timers:
                if timer.active():
                    timer.reset(self.timeouts.answer)

        answer = self._begin(method, path, query, content, content_type, taken)
        late = self.reactor.callLater(self.timeouts.answer, answer.cancel)
        timers.append(late)
        try:
            return await answer
        except BaseException as error:
            if content is not None and not isinstance(content, bytes):
                # Whoever produces a body closes its file, but not when nobody asked for the body.
                content.close()
            if not was_given_up(error):
                raise
            if late.active():
                # Not by us: whoever waits has given up, and wants no other try.
                raise CancelledError from error
            raise LateError(f"no answer in {self.timeouts.answer:g} seconds") from error
        finally:
            if late.active():
                late.cancel()

    def _begin(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        content: bytes | BinaryIO | None,
        content_type: str,
        taken: Callable[[], object],
    ) -> Deferred[Any]:
        address = f"{self.url}/{path}" + (f"?{urlencode(query)}" if query else "")
        headers: dict[bytes | str, bytes | str] = {
            "Accept": "application/json",
            **({"Content-Type": content_type} if content is not None else {}),
        }
        return self.client.request(
            method,
            AsciiURL.from_text(address),
            data=content
            if content is None or isinstance(content, bytes)
            else producer_of(self.reactor, content, taken),
            headers=headers,
            auth=self.credentials,
            # CouchDB redirects nobody; whoever does is not to be told our password.
            allow_redirects=False,
            reactor=self.reactor,
            unbuffered=True,
        )
