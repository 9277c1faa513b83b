"""A request on a stream of HTTP/2: answered as early as its body allows (does I/O)."""

import re
from typing import Any

from couchpages.web.exchange import Discarded
from couchpages.web.problem import Problem
from couchpages.web.request import EdgeRequest
from couchpages.web.server import BODY_RATE, BODY_SECONDS

VERSION = b"HTTP/2"
#: Bytes of a refused body after which its stream is reset.
MOST_REFUSED = 2**20
_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_TARGET = re.compile(rb"[\x21-\x7e]+")


class StreamRequest(EdgeRequest):
    """A request on a stream. Its head is whole when twisted.web asks for cookies to be looked at."""

    answered = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802 -- Twisted's name
        """Prepare nothing: the body goes where the application says."""

    def parseCookies(self) -> None:  # noqa: N802 -- Twisted's name
        """Let the request be admitted."""
        self.since = self.factory.reactor.seconds()
        stream = self.channel
        self.begin(stream.command or b"", stream.path or b"", VERSION)
        self.refusal = self._fault() or self.refusal

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Hand a piece of the body on; one that is refused is answered at once, and not read for ever."""
        super().handleContentChunk(data)
        if self.refusal is None:
            return
        self.answer()
        if self.received > MOST_REFUSED and getattr(self, "channel", None) is not None:
            self._cut(self.channel)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Answer in turn, unless that was done before the body was whole."""
        del command, path, version
        if not self.answered:
            self.answered = True
            self.channel._conn.answer_in_turn(self.channel.streamID)  # noqa: SLF001 -- see :meth:`_tls_version`

    def answer_now(self) -> None:
        """Answer."""
        super().requestReceived(self.method, self.uri, VERSION)

    def answer(self) -> None:
        """Answer now, before the body is whole."""
        self.requestReceived(self.method, self.uri, VERSION)

    def answer_early(self) -> None:
        """Answer if nothing depends on the body: nobody reads it, or the request is refused already."""
        if self.refusal is not None or self.exchange is None or isinstance(self.exchange.body, Discarded):
            self.answer()

    def look(self, now: float) -> None:
        """Refuse a body that comes too slowly."""
        if not self.answered and self.since + BODY_SECONDS + self.received / BODY_RATE <= now:
            self.refusal = Problem(408, f"the body came slower than {BODY_RATE:g} bytes a second")
            self.answer()

    def _fault(self) -> Problem | None:
        limits = self.factory.limits.head
        fields = self.head.headers.fields
        size = len(self.head.target) + sum(len(name) + len(value) + 4 for name, value in fields)
        if size > limits.size or len(fields) > limits.fields:
            return Problem(431, "the head of the request is too large")
        if not _METHOD.fullmatch(self.head.method) or not _TARGET.fullmatch(self.head.target):
            return Problem(400, "the method or the path has characters that it must not have")
        return None

    def _is_last(self) -> bool:
        return False

    def _cut(self, channel: Any) -> None:
        channel.abortConnection()

    def _tls_version(self) -> str:
        # twisted.web gives streams no public way to their connection.
        return str(getattr(self.channel._conn.transport, "tls_version", ""))  # noqa: SLF001
