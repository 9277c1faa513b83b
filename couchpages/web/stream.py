"""A native connection that answers requests itself: how it begins, holds what came, waits and ends (thin; what is answered is not here)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import cast

from twisted.logger import Logger, LogLevel

from couchpages.web.edge import CLOSE, Edge
from couchpages.web.message import RequestHead, Response, field_lines
from couchpages.web.on_asyncio import TwistedTransport, host_of, soon
from couchpages.web.problem import Problem
from couchpages.web.sending import DIRECT, Parts

#: Head and body up to this size are copied into one piece; larger bodies are handed to the kernel as they lie in memory.
JOINED = 16_384
#: Bytes that TLS transports of asyncio's loops may hold below what they tell of: the transport's own limit, and a chunk.
UNTOLD = 131_072


class Stream(asyncio.Protocol):
    """One connection. Subclasses have :meth:`serve`, which answers with :meth:`respond`, or writes by itself and calls :meth:`sent`.

    :ivar held: what came and is not answered: the beginning of a head, or requests behind one that is under way.
    :ivar busy: whether a request is under way.
    :ivar paused: whether the transport holds enough, its reader being slow.
    :ivar over: whether no further request is answered here.
    :ivar resuming: whether the transport is just telling that it wants more; it must not be closed under its own hands then.
    :ivar left: how many requests may still be answered.
    :ivar inside: whether :meth:`serve` is running, which goes on by itself when a request that it began is answered meanwhile.
    """

    __slots__ = (
        "_entered",
        "_gathers",
        "_untold",
        "busy",
        "deadline",
        "edge",
        "ended",
        "held",
        "inside",
        "left",
        "origin",
        "over",
        "paused",
        "resuming",
        "sending",
        "transport",
    )  # fmt: skip

    log = Logger()
    transport: asyncio.Transport

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.held = b""
        self.busy = self.paused = self.ended = self.over = self.inside = self._entered = self.resuming = False
        self._untold = 0
        self.left = edge.limits.requests_per_connection
        self.sending: TwistedTransport | None = None
        self.deadline = edge.second.now + edge.limits.head_time
        self.origin = ""

    def serve(self, data: bytes, start: int = 0) -> None:
        """Answer the requests in *data*, none of whose heads ends before *start*; hold what cannot be answered yet."""
        raise NotImplementedError

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's transports are asyncio's in all but the class.
        self.transport = cast("asyncio.Transport", transport)
        # asyncio's own transports forget the limit on what may be unsent here (Python 3.12.1, 3.13.0), and that the connection is lost.
        self._gathers = type(transport).__module__.startswith("uvloop")
        self._entered = self.edge.enter(self, self.transport)
        self.over = not self._entered

    def data_received(self, data: bytes) -> None:
        """Answer what came, or hold it while something is under way. What comes after the end is dropped."""
        if self.over:
            return
        if self.busy or self.paused:
            self._keep(self.held + data)
        elif self.held:
            self._go_on(self.held, data)
        else:
            self.serve(data)

    def _go_on(self, held: bytes, data: bytes) -> None:
        """Go on with a head that was begun: its time does not begin anew, or a byte now and then would hold a connection for days."""
        deadline, whole = self.deadline, held + data
        self.held = b""
        self.serve(whole, max(len(held) - 3, 0))
        if len(self.held) == len(whole):
            self.deadline = deadline

    def eof_received(self) -> bool:
        """Close when what came is answered: the other end sends nothing more. TLS ends as a whole (RFC 8446 section 6.1 lets us)."""
        self.ended = True
        goes_on = self.transport.can_write_eof()
        if self.waits or not goes_on:
            self._close()
        return goes_on

    def pause_writing(self) -> None:
        """Answer nothing more until the reader has taken what there is."""
        self.paused = True
        if self.sending is not None:
            self.sending.pause()
        else:
            self._expect_reader()

    def resume_writing(self) -> None:
        """Go on: the reader took it."""
        self.paused = False
        self.resuming = True
        try:
            if self.sending is not None:
                self.sending.resume()
            elif not self.busy:
                self._next()
        finally:
            self.resuming = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        del exc
        self.over = True
        if self._entered:
            self.edge.leave(self)
        if self.sending is not None:
            self.sending.lost()

    # What the port asks; see :class:`couchpages.web.connections.Connected`.

    @property
    def since(self) -> float:
        """From when on it waits: reckoned, because it is asked seldom, and a request takes microseconds."""
        if self.over:
            return -inf
        begins = self.held or self.left == self.edge.limits.requests_per_connection
        return self.deadline - (self.edge.limits.head_time if begins else self.edge.limits.idle)

    @property
    def waits(self) -> bool:
        """Whether no request is under way and everything is sent."""
        return not self.busy and not self.paused

    def overdue(self, now: float) -> None:
        """Close: idle, or a head that does not end, or a reader that does not read."""
        del now
        if self.paused or self.over:
            self.transport.abort()
        elif self.held:
            self.left = 1
            self.respond(Problem(408, "the request's head was not whole in time").response(), None, 0.0, last=False)
        else:
            self._close()

    def finish(self) -> None:
        """Close now if it waits, else after the response under way."""
        if self.over:
            return
        # The head of a response that is being sent has said that the connection goes on; a half-close says the rest.
        self.left = 1 if self.sending is None else 0
        if self.waits:
            self._close()
        elif not self.busy:
            self._end(asked=False)

    def abort(self) -> None:
        """Cut it."""
        self.transport.abort()

    # Responses.

    def write(self, head: bytes, body: bytes) -> None:
        """Send a head and a body, which is not copied if it is large."""
        self._expect_bulk(len(body))
        if len(body) <= JOINED or not self._gathers:
            self.transport.write(head + body)
        else:
            self.transport.writelines((head, body))

    def hold_head(self, data: bytes) -> None:
        """Hold the beginning of a head, which has to be whole in time."""
        self.deadline = self.edge.second.now + self.edge.limits.head_time
        self.held = data

    def hold(self, data: bytes) -> None:
        """Hold what came behind a request that is under way, or whose answer its reader has not taken yet; drop it after the last."""
        if not self.over:
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        self.held = data
        if len(data) > self.edge.limits.head.size:
            self.transport.pause_reading()

    def sent(self, *, last: bool) -> None:
        """Note that a response was written whole; *last* tells that the client asked for the connection's end."""
        if last or self.left <= 0:
            self._end(asked=last)
        elif not self.paused:
            self.deadline = self.edge.second.now + self.edge.limits.idle

    def respond(self, response: Response, to: RequestHead | None, seconds: float, *, last: bool) -> None:
        """Send a response *to* a request, made in *seconds*; *last* tells that the client asked for the connection's end."""
        self.left -= 1
        option = CLOSE if last or self.left <= 0 else b""
        heads = self.edge.heads
        start = heads.starts.get(response.status) or heads.start_of(response.status)
        head = b"".join((start, option, field_lines(response.headers), b"\r\n"))
        body = b"" if to is not None and to.method == b"HEAD" else response.body
        if isinstance(body, bytes) and len(body) <= DIRECT:
            response.close()
            self.write(head, body)
            self._record(response, to, len(body), seconds)
            self._responded(last=last)
        else:
            self.transport.write(head)
            self._send_parts(response, lambda size: self._record(response, to, size, seconds), last=last)

    def _record(self, response: Response, to: RequestHead | None, size: int, seconds: float) -> None:
        if to is None:
            self.edge.ledger.refused(b"", host_of(self.transport), response.status, size)
        else:
            self.edge.ledger.note(to, response, size, seconds)

    def _send_parts(self, response: Response, over: Callable[[int], None], *, last: bool) -> None:
        def done(error: Exception | None) -> None:
            self.sending = None
            if error is None:
                self._responded(last=last)
            else:
                # The head promised a length that cannot be kept: only a broken connection tells the client so.
                # A reader who stops is no trouble of ours, and a thousand of them are no thousand lines.
                level = LogLevel.debug if isinstance(error, TimeoutError) else LogLevel.warn
                address = host_of(self.transport)
                self.log.emit(level, "a response to {address} broke off: {error}", address=address, error=error)
                self._leave_by(self.transport.abort)

        self._expect_bulk(response.length)
        # The parts have a clock of their own.
        self.deadline = inf
        self.busy = True
        self.sending = TwistedTransport(self.transport)
        if self.paused:
            self.sending.pause()
        Parts(self.edge.reactor, response, self.sending, done, over, self.edge.limits.write_rate).start()

    def _responded(self, *, last: bool) -> None:
        self.busy = False
        self.sent(last=last)
        if self.over:
            return
        if self.paused:
            self._expect_reader()
        elif not self.inside:
            self._next()

    def _next(self) -> None:
        """Go on with what came meanwhile."""
        if self.over:
            if self.ended:
                self._leave_by(self.transport.close)
            return
        self.deadline = self.edge.second.now + self.edge.limits.idle
        held, self.held = self.held, b""
        self.transport.resume_reading()
        if held:
            self.serve(held)
        if self.ended and self.waits and not self.over:
            self._close()

    # The end.

    def _end(self, *, asked: bool) -> None:
        """Close after what was sent; where the client did not ask for it, it may be sending, and a reset would take the response away."""
        if asked or self.ended or not self.transport.can_write_eof():
            self._close()
        else:
            self.over = True
            self.held = b""
            self._expect_reader()
            # What comes is dropped, but it is read, and so is the other end's end.
            self.transport.resume_reading()
            # Whoever reset the connection meanwhile is told of by the loop in a moment.
            with suppress(OSError):
                self.transport.write_eof()

    def _close(self) -> None:
        """Close when everything is sent, which its reader must take in time."""
        self.over = True
        self.held = b""
        self._expect_reader()
        self._leave_by(self.transport.close)

    def _leave_by(self, call: Callable[[], object]) -> None:
        if self.resuming:
            soon(call)
        else:
            call()

    def _expect_bulk(self, size: int) -> None:
        """Reckon with bytes under TLS that nobody tells of, once much was sent."""
        if size > JOINED and self.edge.scheme == "https":
            self._untold = UNTOLD

    def _expect_reader(self) -> None:
        unsent = self.transport.get_write_buffer_size() + self._untold
        self.deadline = self.edge.second.now + self.edge.limits.time_to_read(unsent)
