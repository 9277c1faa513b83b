"""Fetches one small file over plain HTTP from one address (does I/O).

The sites' owners decide what is asked, so nothing is believed: no redirect is followed, and what is read is bounded as a whole.
"""

from dataclasses import dataclass
from typing import Any

import httptools
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from couchpages.certs.issuing.connecting import connect, told

#: Bytes of a body that are read at most; key authorizations have about 90.
LARGEST_BODY = 4096
#: Bytes of a whole answer; servers' heads have a few hundred, those of proxies a few thousand.
LARGEST_ANSWER = 32 * 1024
HTTP_PORT = 80
_INFORMATIONAL = range(100, 200)


class FetchError(Exception):
    """Nothing was fetched; the words continue an address.

    *answered* says that somebody is there, and sent what is no answer; *astray* that no network leads there.
    """

    def __init__(self, words: str, *, answered: bool = False, astray: bool = False) -> None:
        super().__init__(words)
        self.answered = answered
        self.astray = astray


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer; *location* is empty where it has none."""

    status: int
    location: str
    body: bytes


async def fetch(reactor: Any, address: str, port: int, host: str, path: str) -> Fetched:
    """Get ``http://HOST[:PORT]PATH`` from *address*, for as long as it takes. Raises :class:`FetchError`."""
    try:
        getting = await connect(reactor, address, port, Getting)
    except error.ConnectError as trouble:
        raise FetchError(told(trouble), astray=isinstance(trouble, error.NoRouteError)) from None
    try:
        return await getting.get(host if port == HTTP_PORT else f"{host}:{port}", path)
    finally:
        getting.abort()


class Getting(Protocol):
    """Sends one request, and reads one answer."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._received = 0
        self._location = b""
        self._body = bytearray()
        self._has_head = False
        self._done: Deferred[Fetched] = Deferred()

    def get(self, authority: str, path: str) -> "Deferred[Fetched]":
        """Ask. The Deferred fails with :class:`FetchError`."""
        head = f"GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: couchpages\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        assert self.transport is not None  # noqa: S101 -- whoever asks is connected
        self.transport.write(head.encode("ascii"))
        return self._done

    def abort(self) -> None:
        """Want nothing more."""
        if self.transport is not None:
            getattr(self.transport, "abortConnection", self.transport.loseConnection)()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Read, within limits."""
        if self._done.called:
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("does not answer in HTTP", answered=True)
        if self._received > LARGEST_ANSWER or len(self._body) > LARGEST_BODY:
            self._fail(f"answered with more than {LARGEST_BODY} bytes", answered=True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        """Take it for the end, or for a failure."""
        del reason
        if self._has_head:
            # Without a length, this is how an answer ends; one that was cut is not what is looked for.
            self._succeed()
        else:
            self._fail("closed the connection without an answer")

    # What httptools calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Remember where a redirect leads."""
        if name.lower() == b"location":
            self._location = value

    def on_headers_complete(self) -> None:
        """Know that the head is whole, unless another follows (RFC 9110 section 15.2)."""
        self._has_head = self._parser.get_status_code() not in _INFORMATIONAL

    def on_body(self, body: bytes) -> None:
        """Take a piece."""
        self._body += body

    def on_message_complete(self) -> None:
        """Have it all."""
        if self._has_head and len(self._body) <= LARGEST_BODY:
            self._succeed()

    def _succeed(self) -> None:
        if not self._done.called:
            location = self._location.decode("latin-1")
            self._done.callback(Fetched(self._parser.get_status_code(), location, bytes(self._body)))

    def _fail(self, words: str, *, answered: bool = False) -> None:
        if not self._done.called:
            self._done.errback(FetchError(words, answered=answered))
