"""One request and its whole answer over HTTP, with time-outs (I/O, on the reactor that it is given)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer, IResponse

from couchpages.cli.answers import Answer
from couchpages.cli.errors import CommandError, printable
from couchpages.cli.no_answer import NoAnswerError, causes, no_answer
from couchpages.web.ascii_url import AsciiURL

IDLE_SECONDS = 120.0
"""Without a byte in either direction. Generous, because a node reads every new blob before it calls a deployment made."""

LONGEST_ANSWER = 64 * 1024 * 1024
"""Octets: far above the list of all deployments of a large site."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request; *body* makes a fresh body for each try, told what to call with each number of bytes sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Callable[[Callable[[int], None]], IBodyProducer | None]


class _Watch:
    """Calls *expire* once nothing was heard for *seconds*."""

    def __init__(self, clock: IReactorTime, seconds: float, expire: Callable[[], None]) -> None:
        self.expired = False
        self.stopped = False
        self._seconds = seconds
        self._expire = expire
        self._call: IDelayedCall = clock.callLater(seconds, self._expired)

    def heard(self, _octets: int = 0) -> None:
        """Begin to count anew."""
        if self._call.active():
            self._call.reset(self._seconds)

    def stop(self) -> None:
        """Stop counting."""
        if self._call.active():
            self._call.cancel()

    def _expired(self) -> None:
        self.expired = True
        self._expire()


class _Body(Protocol):
    """Collects a body, up to a limit."""

    def __init__(self, heard: Callable[[], None], longest: int) -> None:
        self._heard = heard
        self._left = longest
        self._parts: list[bytes] = []
        self.done: Deferred[bytes] = Deferred(self._abandon)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - IProtocol's
        """Take a part."""
        self._heard()
        self._left -= len(data)
        if self._left < 0:
            self._fail(NoAnswerError("the answer is too long", connected=True, final=True))
        else:
            self._parts.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - IProtocol's
        """Take the end: whole, or cut off. Without a length, JSON itself shows whether it is whole."""
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(b"".join(self._parts))
        else:
            self.done.errback(reason)

    def _abandon(self, _cancelled: Deferred[bytes]) -> None:
        if self.transport is not None:
            self.transport.loseConnection()

    def _fail(self, error: Exception) -> None:
        if not self.done.called:
            self._abandon(self.done)
            self.done.errback(error)


class Exchange:
    """Sends requests by way of *http*, a ``treq.client.HTTPClient``, without retries and without following redirects."""

    def __init__(self, http: Any, clock: IReactorTime, idle_seconds: float = IDLE_SECONDS) -> None:
        self._http = http
        self._clock = clock
        self._idle = idle_seconds

    async def send(self, request: Request) -> Answer:
        """Give the answer, or raise NoAnswerError; a CommandError of the body comes through. Cancelling aborts the connection."""
        waiting: list[Deferred[Any]] = []

        def cancel() -> None:
            waiting[-1].cancel()

        watch = _Watch(self._clock, self._idle, cancel)
        body: IBodyProducer | None = None
        try:
            body = request.body(watch.heard)
            return await self._send(request, body, watch, waiting)
        except Exception as error:  # noqa: BLE001 - whatever the network brings is told in one line
            raise self._told(error, watch) from None
        finally:
            watch.stop()
            if body is not None:
                body.stopProducing()

    async def _send(
        self, request: Request, body: IBodyProducer | None, watch: _Watch, waiting: list[Deferred[Any]]
    ) -> Answer:
        waiting.append(
            self._http.request(
                request.method,
                AsciiURL.from_text(request.url),
                headers=dict(request.headers),
                data=body,
                allow_redirects=False,
                unbuffered=True,
                reactor=self._clock,
            )
        )
        response: IResponse = await _stoppable(waiting[-1], watch)
        watch.heard()
        collected = _Body(watch.heard, LONGEST_ANSWER)
        waiting.append(collected.done)
        response.deliverBody(collected)
        return _answer(response, await _stoppable(collected.done, watch))

    def _told(self, error: Exception, watch: _Watch) -> Exception:
        # Who is stopped while it connects meets another error than CancelledError.
        if watch.stopped:
            return CancelledError()
        found = causes(error)
        for cause in found:
            if isinstance(cause, CommandError | NoAnswerError):
                return cause
        if watch.expired:
            return NoAnswerError(f"nothing came or went for {self._idle:g} s", connected=True)
        if any(isinstance(cause, CancelledError) for cause in found):
            return CancelledError()
        return no_answer(found[-1])


def _stoppable(waiting: "Deferred[Any]", watch: _Watch) -> "Deferred[Any]":
    """Give what *waiting* gives; note when somebody cancels it who is not the watch."""

    def stop(_: "Deferred[Any]") -> None:
        watch.stopped = True
        waiting.cancel()

    stoppable: Deferred[Any] = Deferred(stop)
    waiting.addCallbacks(stoppable.callback, stoppable.errback)
    return stoppable


def _answer(response: IResponse, body: bytes) -> Answer:
    def first(name: str) -> str | None:
        values = response.headers.getRawHeaders(name)
        return printable(values[0]) if values else None

    return Answer(response.code, first("content-type") or "", first("retry-after"), body)
