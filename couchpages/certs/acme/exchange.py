"""One HTTP exchange with an authority: time-outs, limits, no redirects (does I/O, decides nothing about answers)."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IAgent

from couchpages.certs.acme.answers import Answer
from couchpages.certs.acme.connecting import agent_for, end_connection, pool_for, trusting
from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.acme.fields import trouble_with
from couchpages.certs.acme.losses import late, loss, was_given_up
from couchpages.certs.acme.plain import PlainAgent, Whole
from couchpages.quoting import quoted
from couchpages.web.ascii_url import AsciiURL

#: Bytes of an answer's body. Orders for a hundred names have some 30,000.
MOST_BODY = 2**20
JOSE = "application/jose+json"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: until a connection is made, until an answer begins (some authorities sign meanwhile), and for all of an exchange."""

    connect: float = 15.0
    answer: float = 60.0
    whole: float = 90.0


class Exchange:
    """Asks any address, over *agent*. *wall* gives the time in seconds since 1970. Used in *reactor*'s thread.

    What fails raises :class:`AcmeError`; when whoever awaits is cancelled, the connection ends, and CancelledError is raised.
    """

    def __init__(
        self,
        reactor: Any,
        agent: IAgent,
        wall: Callable[[], float],
        timeouts: Timeouts | None = None,
        pool: HTTPConnectionPool | None = None,
    ) -> None:
        self.reactor = reactor
        self.wall = wall
        self._timeouts = timeouts or Timeouts()
        self._client = HTTPClient(PlainAgent(agent), data_to_body_producer=Whole)
        self._pool = pool

    async def get(self, url: str, accept: str = "application/json") -> Answer:
        """GET."""
        return await self._ask("GET", url, None, accept)

    async def head(self, url: str) -> Answer:
        """HEAD."""
        return await self._ask("HEAD", url, None, "*/*")

    async def post(self, url: str, body: bytes, accept: str = "application/json") -> Answer:
        """POST what was signed."""
        return await self._ask("POST", url, body, accept)

    async def close(self) -> None:
        """End idle connections."""
        if self._pool is not None:
            await self._pool.closeCachedConnections()

    async def _ask(self, method: str, url: str, body: bytes | None, accept: str) -> Answer:
        why = trouble_with(url, secure=False)
        if why:
            raise AcmeError(Cause.NONSENSE, f"asked for {quoted(url)}, {why}")
        until = self.reactor.seconds() + self._timeouts.whole
        response = await self._within(self._begin(method, url, body, accept), self._timeouts.answer, url, "no answer")
        left = max(until - self.reactor.seconds(), 0.0)
        content = await self._within(_collect(response, url), left, url, "the answer was not whole")
        headers = response.headers.getAllRawHeaders()
        return Answer(
            url=url,
            status=response.code,
            headers={
                name.decode("latin-1").lower(): tuple(value.decode("latin-1") for value in values)
                for name, values in headers
            },
            body=content,
            now=self.wall(),
        )

    def _begin(self, method: str, url: str, body: bytes | None, accept: str) -> "Deferred[Any]":
        headers: dict[bytes | str, bytes | str] = {
            "Accept": accept,
            "Accept-Language": "en",
            "User-Agent": user_agent(),
        }
        if body is not None:
            headers["Content-Type"] = JOSE
        try:
            return self._client.request(
                method,
                AsciiURL.from_text(url),
                data=body,
                headers=headers,
                allow_redirects=False,
                unbuffered=True,
                reactor=self.reactor,
            )
        except Exception as error:
            raise loss(error, url) from error

    async def _within(self, doing: "Deferred[Any]", seconds: float, url: str, what: str) -> Any:
        timer = self.reactor.callLater(seconds, doing.cancel)
        try:
            return await doing
        except Exception as error:
            if not timer.active():
                raise late(url, seconds, what) from error
            if was_given_up(error):
                # Not by us: whoever waits has given up.
                raise CancelledError from error
            raise loss(error, url) from error
        finally:
            if timer.active():
                timer.cancel()


def open_exchange(
    reactor: Any, wall: Callable[[], float], ca_file: Path | None = None, timeouts: Timeouts | None = None
) -> Exchange:
    """Make what asks over the network. With a *ca_file*, in PEM, nothing but what is in it is trusted. Raises ValueError and OSError."""
    policy = trusting(None if ca_file is None else ca_file.read_bytes())
    pool = pool_for(reactor)
    agent = agent_for(reactor, policy, pool, (timeouts or Timeouts()).connect)
    return Exchange(reactor, agent, wall, timeouts, pool)


def user_agent() -> str:
    """Say who asks (RFC 8555 section 6.1)."""
    try:
        return f"couchpages/{version('couchpages')}"
    except PackageNotFoundError:
        return "couchpages"


def _collect(response: Any, url: str) -> "Deferred[bytes]":
    collector = _Collector(response, url)
    response.deliverBody(collector)
    return collector.whole


class _Collector(Protocol):
    """Gathers a body, up to a limit."""

    def __init__(self, response: Any, url: str) -> None:
        self._response = response
        self._url = url
        self._parts: list[bytes] = []
        self._held = 0
        self.whole: Deferred[bytes] = Deferred(lambda _: self._end(CancelledError()))

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        self._held += len(data)
        if self._held <= MOST_BODY:
            self._parts.append(data)
        else:
            self._parts.clear()
            words = f"{self._url} answered more than {MOST_BODY:,} bytes, which no answer of an authority has"
            self._end(AcmeError(Cause.NONSENSE, words))

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        if self.whole.called:
            return
        if reason.check(ResponseDone) and not reason.check(PotentialDataLoss):
            self.whole.callback(b"".join(self._parts))
        else:
            self.whole.errback(reason)

    def _end(self, error: Exception) -> None:
        if not self.whole.called:
            self.whole.errback(error)
        end_connection(self._response, self.transport)
