"""TLS connections that are native to an asyncio loop: from the first byte to the protocol that answers (does I/O; others decide)."""

import asyncio
import logging
import select
import socket
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from twisted.logger import Logger

from couchpages.web.acceptor import Acceptor
from couchpages.web.handshakes import Handshake, Handshakes
from couchpages.web.plain_http import PlainHttp
from couchpages.web.sending import DIRECT
from couchpages.web.tls_outcomes import HEADER, MOST, Opening, Outcome, needed, opening, outcome_of

#: Bytes of a ClientHello that most are within, those with keys for X25519MLKEM768 too.
USUAL = 2048
#: Seconds until a connection is looked at again that said nothing more though the kernel said so.
PAUSE = 0.1
Make: TypeAlias = Callable[[str | None], asyncio.Protocol]
"""Makes what answers on a connection, for the protocol that was agreed on by ALPN."""


@dataclass(frozen=True, slots=True)
class SecurePort:
    """What the connections of a TLS port share: what gives the context that they begin with, and what answers afterwards."""

    pending: Handshakes
    base: Callable[[], ssl.SSLContext]
    make: Make

    def accept(self, loop: asyncio.AbstractEventLoop, listening: socket.socket) -> Acceptor:
        """Accept connections on *listening*, which listens already."""
        _teach_allocator()
        logging.getLogger("asyncio").addFilter(_is_news)
        return Acceptor(loop, listening, lambda connection, address: self._begin(loop, connection, address))

    def _begin(self, loop: asyncio.AbstractEventLoop, connection: socket.socket, address: str) -> None:
        handshake = NativeHandshake(self, loop, connection)
        if self.pending.enter(handshake, address):
            handshake.look()
        else:
            connection.close()


class NativeHandshake(Handshake):
    """One connection until its handshake is over. Whose it is, socket or transport, says :meth:`cut`."""

    _log = Logger()

    def __init__(self, port: SecurePort, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
        super().__init__(port.pending)
        self._port = port
        self._loop = loop
        self._socket = connection
        self._watches = False
        self._seen = b""
        self._later: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_taken = False

    def look(self) -> None:
        """Look at what came, which stays where it is, or wait for it.

        A record is waited for until it is whole: the quarter of a megabyte that TLS takes of memory is for those who said hello.
        """
        begun = self._peek()
        if begun is None:
            self._watch()
            return
        what = opening(begun[0]) if begun else None
        needs = needed(begun) if what is Opening.TLS else 1
        if needs is None:
            what = Opening.GARBAGE
        elif needs > len(begun) and not self._is_over():
            self._wait_for(needs, begun)
            return
        self._unwatch()
        self._go_on(what if needs is None or needs <= len(begun) else None)

    def _peek(self) -> bytes | None:
        """Give what came; nothing where the other end is gone, None where nothing came yet."""
        try:
            return self._socket.recv(HEADER + MOST if self._seen else USUAL, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""

    def _is_over(self) -> bool:
        """Whether the other end sends nothing more; asked only of whoever was begun with."""
        asked = select.poll()
        asked.register(self._socket, select.POLLRDHUP)
        return bool(asked.poll(0))

    def _wait_for(self, needs: int, begun: bytes) -> None:
        """Be woken when *needs* bytes are there, or when no more will come; *begun* are there now."""
        if begun == self._seen:
            # Woken for nothing, which the kernel may do where it is short of memory: not at once again.
            self._unwatch()
            self._later = self._loop.call_later(PAUSE, self.look)
            return
        self._seen = begun
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, needs)
        self._watch()

    def _watch(self) -> None:
        if not self._watches:
            self._watches = True
            self._loop.add_reader(self._socket, self.look)

    def _go_on(self, what: Opening | None) -> None:
        if self._seen:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        match what:
            case Opening.TLS:
                self._begin(self._shake())
            case Opening.HTTP:
                self.end(Outcome.PLAIN_HTTP)
                self._begin(self._say_what_to_use())
            case _:
                self.end(Outcome.CLOSED if what is None else Outcome.GARBAGE)
                self._socket.close()

    def _begin(self, steps: Coroutine[Any, Any, None]) -> None:
        self._task = self._loop.create_task(steps)
        self._task.add_done_callback(self._let_go)

    def _let_go(self, task: asyncio.Task[None]) -> None:
        """Have nothing left of it, also where it was cut before its first step, or there were no descriptors."""
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("a handshake could not be begun: {error}", error=error)
        self.end(Outcome.CLOSED)
        if not self._is_taken:
            self._socket.close()

    def _take(self, protocol: asyncio.Protocol) -> asyncio.Protocol:
        """Note that the loop has the socket from now on."""
        self._is_taken = True
        return protocol

    async def _shake(self) -> None:
        limits = self.pending.edge.limits
        own = _duplicate(self._socket)
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._take(Arrival(self)), self._socket,
                ssl=self._port.base(), ssl_handshake_timeout=2 * self.pending.seconds,
                # How long a reader may take for what is unsent is the edge's business, and it is stricter.
                ssl_shutdown_timeout=2 * limits.time_to_read(DIRECT),
            )  # fmt: skip
        except (OSError, asyncio.CancelledError) as error:
            # asyncio's own frames hold the error that holds them, and the quarter of a megabyte that the connection had.
            error.__traceback__ = None
            self.end(_outcome(error))
            with suppress(OSError):
                if own is not None:
                    own.send(getattr(error, "last_words", b""))
        finally:
            if own is not None:
                own.close()

    async def _say_what_to_use(self) -> None:
        with suppress(OSError):
            await self._loop.connect_accepted_socket(lambda: self._take(PlainHttp(self.pending.edge)), self._socket)

    def arrived(self, transport: asyncio.Transport) -> None:
        """Have the handshake over: the connection is another's from now on."""
        secure = transport.get_extra_info("ssl_object")
        self.end(Outcome.RESUMED if secure.session_reused else Outcome.FULL, secure.version() or "")
        answers = self._port.make(secure.selected_alpn_protocol())
        transport.set_protocol(answers)
        answers.connection_made(transport)

    def cut(self) -> None:
        """Close the connection at once."""
        if self._task is not None:
            self._task.cancel()
            return
        self._unwatch()
        if self._later is not None:
            self._later.cancel()
        if not self._is_taken:
            self._socket.close()

    def _unwatch(self) -> None:
        if self._watches:
            self._watches = False
            self._loop.remove_reader(self._socket)


class Arrival(asyncio.Protocol):
    """The protocol of a connection for a moment: from its handshake to what answers."""

    def __init__(self, handshake: NativeHandshake) -> None:
        self._handshake = handshake

    def connection_made(self, transport: Any) -> None:
        """Hand the connection over."""
        self._handshake.arrived(transport)


def _duplicate(connection: socket.socket) -> socket.socket | None:
    """Give a duplicate, by which can be said why a handshake failed after the loop closed the one that it was given.

    None where there are no descriptors left: then it is not said.
    """
    with suppress(OSError):
        return connection.dup()
    return None


def _teach_allocator() -> None:
    """Have glibc take blocks of 256 KiB from its heap.

    uvloop asks for one with each read, and shrinks it. glibc maps each anew, which takes five times as long as reading, until one as
    large was freed (``M_MMAP_THRESHOLD`` of mallopt(3) is dynamic).
    """
    bytearray(2**20)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether the log of asyncio's own loop says anything but that somebody broke off, which it does with each write."""
    return record.msg != "socket.send() raised exception."


def _outcome(error: BaseException) -> Outcome:
    if isinstance(error, ssl.SSLError):
        return outcome_of(error.reason or "")
    if isinstance(error, TimeoutError | ConnectionAbortedError):
        return Outcome.TIMED_OUT
    return Outcome.CLOSED
