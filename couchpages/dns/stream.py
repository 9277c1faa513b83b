"""A TCP connection on which questions come, one behind the other (thin; what is answered is the responder's).

RFC 1035 section 4.2.2 has the form, RFC 7766 what is expected of servers: many questions on a connection, sent before answers came, and
answers sent as they are ready, which here is at once and in order; RFC 9210 that it is as good a way as UDP.
"""

import asyncio
from math import inf
from typing import Any, cast

from twisted.logger import Logger

from couchpages.dns import codes
from couchpages.dns.query import LONGEST
from couchpages.dns.responder import Responder
from couchpages.dns.turns import Turns
from couchpages.web.census import Admission
from couchpages.web.connections import Connections
from couchpages.web.on_asyncio import host_of
from couchpages.web.second import Second

#: The largest question that is taken, as over UDP; a longer one ends the connection.
QUESTION = LONGEST
_LENGTH = 2
#: Questions of one connection that are answered in its turn, and octets of answers after which that ends.
AT_ONCE = 16
ENOUGH = 65_536
#: Octets of questions that are held while a connection waits for its turn; no more is read then.
HELD = 65_536


class Listening:
    """What the connections of one address share. *idle* is the seconds that one without a question stays open."""

    def __init__(
        self, reactor: Any, responder: Responder, connections: Connections, second: Second, idle: float
    ) -> None:
        self.turns = Turns(reactor)
        self.responder = responder
        self.connections = connections
        self.second = second
        self.idle = idle

    async def drain(self, patience: float) -> None:
        """See :class:`couchpages.services.Drains`."""
        await self.connections.drain(patience)


class Stream(asyncio.Protocol):
    """One connection; see :class:`couchpages.web.connections.Connected` for what is public."""

    __slots__ = (
        "_ended",
        "_entered",
        "_held",
        "_listening",
        "_over",
        "_paused",
        "_transport",
        "_waiting",
        "deadline",
        "origin",
        "since",
    )

    _log = Logger()

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._held = b""
        self._paused = self._ended = self._over = self._entered = self._waiting = False
        self.origin = ""
        self.since = listening.second.now
        self.deadline = self.since + listening.idle

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or end at once where there are too many: a resolver tries again, or elsewhere (RFC 7766 section 6.2.2)."""
        self._transport = cast("asyncio.Transport", transport)
        admission = self._listening.connections.enter(self, host_of(self._transport))
        self._entered = admission is Admission.WELCOME
        if not self._entered:
            self._over = True
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Answer the questions that are whole."""
        if not self._over:
            self._held = self._held + data if self._held else data
            if len(self._held) > HELD:
                self._transport.pause_reading()
            self._later()

    def eof_received(self) -> bool:
        """Close when what came is answered: who asks nothing more may wait for answers (RFC 7766 section 6.2.4)."""
        self._ended = True
        self._later()
        return True

    def pause_writing(self) -> None:
        """Answer nothing more until the reader has taken what there is."""
        self._paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on, in the reactor's next turn: a transport must not be closed while it tells."""
        self._paused = False
        self._later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        del exc
        self._over = True
        self._held = b""
        self.since = -inf
        if self._entered:
            self._listening.connections.leave(self)

    # Answering.

    def _go_on(self) -> None:
        """Answer some of what came, then let others have their turn; close when nothing more is to come."""
        if self._answer():
            self._later()
        elif self._ended and not self._over:
            self.finish()
        elif not (self._over or self._paused):
            self._transport.resume_reading()

    def _later(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._listening.turns.take(self._next)

    def _next(self) -> None:
        self._waiting = False
        if not self._over and not self._paused:
            self._go_on()

    def _answer(self) -> bool:
        """Answer what is whole, up to a limit; tell whether there may be more of it."""
        held, at, size = self._held, 0, 0
        answers: list[bytes] = []
        respond = self._listening.responder.answer
        while len(answers) < AT_ONCE and size < ENOUGH:
            begin = at + _LENGTH
            length = int.from_bytes(held[at:begin], "big")
            is_too_long = length > QUESTION
            # Of one that is too long the header says what is to be answered: UPDATE is as well-formed as it is not implemented.
            end = begin + (codes.HEADER if is_too_long else length)
            if len(held) < max(begin, end):
                break
            answer = respond(held[begin:end])
            if answer is not None:
                answers.append(len(answer).to_bytes(_LENGTH, "big") + answer)
                size += len(answer)
            if answer is None or is_too_long:
                # Nobody who sends what is no question over TCP can make use of more.
                self._write(answers)
                self.finish()
                return False
            at = end
        self._held = held[at:]
        self._write(answers)
        return len(answers) >= AT_ONCE or size >= ENOUGH

    def _write(self, answers: list[bytes]) -> None:
        if answers:
            self.since = self._listening.second.now
            self.deadline = self.since + self._listening.idle
            self._transport.write(b"".join(answers))

    # What whoever counts connections asks.

    @property
    def waits(self) -> bool:
        """Whether nothing is under way but a question that has begun to come, perhaps."""
        return not (self._paused or self._waiting or self._over)

    def overdue(self, now: float) -> None:
        """End: no whole question came for too long, or the answers are not taken."""
        del now
        self.abort()

    def finish(self) -> None:
        """Close when what is written is sent."""
        self._over = True
        self._held = b""
        self._transport.close()

    def abort(self) -> None:
        """Cut it."""
        self._over = True
        self._transport.abort()
