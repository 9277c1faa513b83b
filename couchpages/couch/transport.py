"""Requests to CouchDB through treq: pool, time-outs, retries (does I/O, decides nothing about answers)."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import urlencode

from treq.client import HTTPClient
from twisted.internet import task
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.error import ConnectError, ConnectingCancelledError, ConnectionClosed, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    FileBodyProducer,
    HTTPConnectionPool,
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer, IResponse

from couchpages.couch.answers import error_for
from couchpages.couch.backoff import Backoff
from couchpages.ports import Unavailable
from couchpages.web.ascii_url import AsciiURL

#: Of Apache CouchDB's own replicator: ``http_connections = 20`` a replication. Twice that leaves room for visitors beside a deployment.
MOST_CONNECTIONS = 40
#: Bodies that are read whole: rows of a bulk call of some 20,000 documents stay well below.
MOST_BODY = 256 * 1024 * 1024

LOST = (
    ConnectError,
    ConnectionClosed,
    DNSLookupError,
    ConnectTimeout,
    ResponseFailed,
    ResponseNeverReceived,
    RequestTransmissionFailed,
    RequestGenerationFailed,
    PotentialDataLoss,
    OSError,
)
#: What a request that is given up fails with, alone or as the reason within another.
GIVEN_UP = (CancelledError, ConnectingCancelledError)
Body: TypeAlias = bytes | Callable[[], BinaryIO] | None
"""A request's body: bytes, or what opens the file that holds it, anew for each try."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: *connect* until a connection stands, *answer* from the request to the answer's head, *idle* between two pieces of a body.

    *answer* is also how long a request waits for its turn, and after how long nothing is tried again: visitors wait for it.
    """

    connect: float = 5.0
    answer: float = 30.0
    idle: float = 30.0


@dataclass(slots=True)
class Transport:
    """Sends requests to one CouchDB.

    *url* has no path beyond CouchDB's root and no credentials in it. *chance* gives random numbers in [0, 1), for jitter.
    """

    reactor: Any
    url: str
    credentials: tuple[str, str] | None
    timeouts: Timeouts = Timeouts()
    backoff: Backoff = Backoff()
    chance: Callable[[], float] = random.random
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
    ) -> bytes:
        """Give the body of a successful answer, whole; *repeat* allows several tries.

        Raises :class:`~couchpages.ports.StoreError`, the OSError of a body that cannot be opened, and CancelledError when cancelled.
        """
        parts: list[bytes] = []

        async def once() -> bytes:
            parts.clear()
            await self._deliver(method, path, query, body, content_type, _bounded(parts, MOST_BODY))
            return b"".join(parts)

        return await (self._repeated(once) if repeat else self._in_turn(once))

    async def stream(self, path: str, receive: Callable[[bytes], object]) -> None:
        """Stream the body of a GET into *receive*, in one try: whoever receives could not take back what it got."""
        await self._in_turn(lambda: self._deliver("GET", path, None, None, "", receive))

    async def follow(
        self, path: str, query: Mapping[str, str], idle: float, receive: Callable[[bytes], object]
    ) -> None:
        """Stream a feed that may last for ever; *idle* seconds without a byte end it with :class:`Unavailable`.

        It takes no turn of the requests': a feed must not keep them waiting.
        """
        await self._deliver("GET", path, query, None, "", receive, idle=idle)

    async def _repeated(self, once: Callable[[], Any]) -> bytes:
        failures = 0
        until = self.reactor.seconds() + self.timeouts.answer
        while True:
            try:
                return await self._in_turn(once)  # type: ignore[no-any-return]  # what once gives
            except Unavailable:
                failures += 1
                if failures >= self.backoff.tries or self.reactor.seconds() >= until:
                    raise
            await task.deferLater(self.reactor, self.backoff.delay(failures, self.chance()))

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
        idle: float | None = None,
    ) -> None:
        what = f"{method} {path}"
        content = body() if callable(body) else body
        try:
            response = await self._request(method, path, query, content, content_type)
            if not 200 <= response.code < 300:  # noqa: PLR2004 -- HTTP's successes
                parts: list[bytes] = []
                await collect(self.reactor, response, _bounded(parts, MOST_BODY), self.timeouts.idle)
                raise error_for(response.code, b"".join(parts), what)
            await collect(self.reactor, response, receive, idle or self.timeouts.idle)
        except LOST as error:
            raise Unavailable(f"{what}: {_cause(error)}") from error

    async def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        content: bytes | BinaryIO | None,
        content_type: str,
    ) -> Any:
        answer = self._begin(method, path, query, content, content_type)
        late = self.reactor.callLater(self.timeouts.answer, answer.cancel)
        try:
            return await answer
        except BaseException as error:
            if content is not None and not isinstance(content, bytes):
                # Whoever produces a body closes its file, but not when nobody asked for the body.
                content.close()
            if not _was_given_up(error):
                raise
            if late.active():
                # Not by us: whoever waits has given up, and wants no other try.
                raise CancelledError from error
            raise ConnectTimeout(f"no answer in {self.timeouts.answer:g} seconds") from error
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
    ) -> Deferred[Any]:
        address = f"{self.url}/{path}" + (f"?{urlencode(query)}" if query else "")
        headers: dict[bytes | str, bytes | str] = {
            "Accept": "application/json",
            **({"Content-Type": content_type} if content is not None else {}),
        }
        return self.client.request(
            method,
            AsciiURL.from_text(address),
            data=content if content is None or isinstance(content, bytes) else producer_of(self.reactor, content),
            headers=headers,
            auth=self.credentials,
            # CouchDB redirects nobody; whoever does is not to be told our password.
            allow_redirects=False,
            reactor=self.reactor,
            unbuffered=True,
        )


def producer_of(reactor: IReactorTime, file: BinaryIO) -> IBodyProducer:
    """Give what streams *file* as a request's body and closes it; it works in *reactor*'s turns, 64 KiB each."""
    cooperator = task.Cooperator(scheduler=lambda work: reactor.callLater(0, work))
    producer: IBodyProducer = FileBodyProducer(file, cooperator=cooperator, readSize=2**16)
    return producer


def collect(
    reactor: IReactorTime, response: IResponse, receive: Callable[[bytes], object], idle: float
) -> "Deferred[None]":
    """Deliver a response's body to *receive*; the Deferred fails with what it raises, on loss, and after *idle* silent seconds."""
    collector = _Collector(reactor, receive, idle)
    response.deliverBody(collector)
    return collector.done


class _Collector(Protocol):
    """Hands a body on and watches that it does not stall."""

    def __init__(self, reactor: IReactorTime, receive: Callable[[bytes], object], idle: float) -> None:
        self._receive = receive
        self._idle = idle
        self._timer = reactor.callLater(idle, self._fail, ConnectTimeout(f"nothing came for {idle:g} seconds"))
        self.done: Deferred[None] = Deferred(lambda _: self._fail(CancelledError()))

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        if self._timer.active():
            self._timer.reset(self._idle)
        try:
            self._receive(data)
        except Exception:  # noqa: BLE001 -- handed to whoever awaits
            self._fail(Failure())

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        # Without a length, CouchDB always answers in chunks; an answer that only ends with its connection may be cut short.
        ended = reason.check(ResponseDone) is not None and not reason.check(PotentialDataLoss)
        self._settle(None if ended else reason)

    def _fail(self, reason: Exception | Failure) -> None:
        self._settle(reason if isinstance(reason, Failure) else Failure(reason))
        transport = self.transport
        if transport is not None:
            getattr(transport, "abortConnection", transport.loseConnection)()

    def _settle(self, reason: Failure | None) -> None:
        if self._timer.active():
            self._timer.cancel()
        done, self._receive = self.done, lambda _: None
        if not done.called:
            done.errback(reason) if reason is not None else done.callback(None)


def _bounded(parts: list[bytes], most: int) -> Callable[[bytes], None]:
    held = 0

    def receive(data: bytes) -> None:
        nonlocal held
        held += len(data)
        if held > most:
            raise Unavailable(f"the answer is longer than {most} bytes")
        parts.append(data)

    return receive


def _was_given_up(error: BaseException) -> bool:
    reasons = [error, *(reason.value for reason in getattr(error, "reasons", None) or ())]
    return any(isinstance(reason, GIVEN_UP) for reason in reasons)


def _cause(error: BaseException) -> str:
    """Name what lies at the bottom of Twisted's wrapped failures."""
    reasons = getattr(error, "reasons", None)
    if reasons:
        return _cause(reasons[0].value)
    return f"{type(error).__name__}: {error}"
