"""One request and its answer on a connection: what the answering coroutines write with (does).

Built on Twisted's HTTP/1.1 channel, without its resources: those buffer a body before anybody may refuse it.
"""

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any, Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request, datetimeToString
from zope.interface import implementer

from couchpages.couch.embedded.bodies import Body, Ignored
from couchpages.couch.embedded.json_text import write_json
from couchpages.couch.embedded.query import Parameters, parse_query

IDLE_SECONDS = 300  # before an idle connection is closed: longer than treq's pool keeps one
SERVER = b"CouchDB-Pages"
Headers = Mapping[str, str]


class _StreamTransport(Protocol):
    def pauseProducing(self) -> None: ...  # noqa: N802  # Twisted's name
    def resumeProducing(self) -> None: ...  # noqa: N802  # Twisted's name
    def abortConnection(self) -> None: ...  # noqa: N802  # Twisted's name


class Application(Protocol):
    """What answers exchanges."""

    def begin(self, exchange: "Exchange") -> Body:
        """Choose what takes the body; called when the head has come. Must not raise."""

    def answer(self, exchange: "Exchange") -> Coroutine["Deferred[Any]", Any, None]:
        """Answer an exchange whose body has come. Must not raise; is cancelled when the client goes away."""

    def ended(self, exchange: "Exchange") -> None:
        """Hear that an exchange is over, answered or not."""


@implementer(IPushProducer)
class Exchange(Request):
    """An HTTP exchange; `method`, `target` and `header` are ready when `Application.begin` is called."""

    channel: "Channel"
    _waiter: "Deferred[None] | None" = None
    _paused = False
    _answering: "Deferred[None] | None" = None
    _parameters: Parameters | None = None
    body: Body = Ignored()
    began = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802, ARG002  # Twisted's names
        """Take the head. Twisted's own body file stays empty, because `body` takes the bytes."""
        self.content = BytesIO()
        self.method, self.uri = self.channel._command, self.channel._path  # noqa: SLF001  # set before, told later
        self.began = True
        self.body = self.channel.application.begin(self)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802  # Twisted's name
        """Hand on bytes of the body."""
        self.body.write(data)

    def process(self) -> None:
        """Answer, the whole request being here."""
        self._answering = Deferred.fromCoroutine(self.channel.application.answer(self))

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802  # Twisted's name
        """Stop answering: the client went away."""
        application = self.channel.application
        super().connectionLost(reason)
        if self._answering is None:
            self.body.abandon()
        else:
            self._answering.cancel()
        if self.began:
            application.ended(self)

    @property
    def target(self) -> bytes:
        """The path, still encoded."""
        return self.uri.partition(b"?")[0]

    @property
    def parameters(self) -> Parameters:
        """The query string, decoded; raises 400 for one that cannot be."""
        if self._parameters is None:
            self._parameters = parse_query(self.uri.partition(b"?")[2])
        return self._parameters

    @property
    def verb(self) -> str:
        """The method as text."""
        return self.method.decode("ascii", "replace")

    def header(self, name: str) -> str | None:
        """Return the first header of this name."""
        values = self.requestHeaders.getRawHeaders(name.encode())
        return values[0].decode("latin-1") if values else None

    @property
    def address(self) -> str:
        """Where the client thinks that we are, for Location."""
        host = self.getHost()
        return f"http://{self.header('host') or f'{host.host}:{host.port}'}"

    def begin(self, status: int, headers: Headers) -> None:
        """Choose status and headers; they go out with the first bytes."""
        self.setResponseCode(status)
        always = {"Cache-Control": "must-revalidate", "Server": SERVER.decode(), "Date": datetimeToString().decode()}
        for name, value in (always | dict(headers)).items():
            self.responseHeaders.setRawHeaders(name.encode(), [value.encode("utf-8", "surrogateescape")])

    def send(self, status: int, body: bytes, headers: Headers) -> None:
        """Answer with a body that is in memory."""
        self.begin(status, {**headers, "Content-Length": str(len(body))})
        self.write(body)
        self.end()

    def send_json(self, status: int, value: object, headers: Headers | None = None) -> None:
        """Answer with JSON, a newline at its end as CouchDB has it; bytes are JSON already."""
        text = value if isinstance(value, bytes) else write_json(value)
        self.send(status, text + b"\n", {"Content-Type": "application/json", **(headers or {})})

    def send_not_modified(self, tag: str) -> None:
        """Answer 304: the client has this already."""
        self.send(HTTPStatus.NOT_MODIFIED, b"", {"ETag": f'"{tag}"'})

    def stream(self, status: int, headers: Headers) -> None:
        """Begin an answer of several writes; the head goes out at once."""
        self.begin(status, headers)
        self.registerProducer(self, streaming=True)
        self.write(b"")

    async def ready(self) -> None:
        """Return when the client has taken most of what was written."""
        if self._paused:
            self._waiter = Deferred()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def end(self) -> None:
        """Finish the answer."""
        if self._disconnected or self.finished:
            return
        if self.producer is not None:
            self.unregisterProducer()
        application = self.channel.application
        self.finish()
        application.ended(self)

    def abort(self) -> None:
        """Cut the connection: an answer that began cannot be kept to its end."""
        if not self._disconnected and not self.finished:
            self.channel.abort()

    def pauseProducing(self) -> None:  # noqa: N802  # IPushProducer
        """Make `ready` wait."""
        self._paused = True

    def resumeProducing(self) -> None:  # noqa: N802  # IPushProducer
        """Let `ready` return."""
        self._paused = False
        if self._waiter is not None and not self._waiter.called:
            self._waiter.callback(None)

    def stopProducing(self) -> None:  # noqa: N802  # IPushProducer
        """Do nothing: connectionLost follows."""


class Channel(HTTPChannel):
    """A connection; its idle time is bounded, and the reactor's clock is the one that it was given."""

    requestFactory = Exchange  # noqa: N815  # Twisted's name
    timeOut = IDLE_SECONDS  # noqa: N815  # Twisted's name
    log = Logger()

    def __init__(
        self, application: Application, call_later: Callable[..., Any], lost: Callable[["Channel"], None]
    ) -> None:
        super().__init__()
        self.application = application
        self.callLater = call_later  # type: ignore[method-assign]  # what TimeoutMixin documents for tests
        self._lost = lost

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802  # Twisted's name
        """Tell whoever counts connections."""
        super().connectionLost(reason)
        self._lost(self)

    def abort(self) -> None:
        """Close at once."""
        self.tcp.abortConnection()

    @property
    def tcp(self) -> _StreamTransport:
        """The transport, which a stream endpoint makes able to pause and to abort."""
        return cast("_StreamTransport", self.transport)
