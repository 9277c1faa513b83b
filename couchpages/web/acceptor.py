"""Accepts connections of a listening socket on an asyncio loop, and hands them on as sockets (does I/O, decides nothing).

asyncio's own servers hand them on as transports, which is too late for whoever wants to look at the first byte.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

#: Connections accepted in one turn of the loop: others have theirs.
AT_ONCE = 64
#: Seconds for which nothing is accepted when there are too many open files: asyncio's ``ACCEPT_RETRY_DELAY``.
PAUSE = 1.0
_NONE_LEFT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Acceptor:
    """Accepts until it is closed. *begin* gets each connection, not blocking, and the address that it is from ("" for none)."""

    _log = Logger()

    def __init__(
        self, loop: asyncio.AbstractEventLoop, listening: socket.socket, begin: Callable[[socket.socket, str], object]
    ) -> None:
        self._loop = loop
        self._socket: socket.socket | None = listening
        self._begin = begin
        self._pause: asyncio.TimerHandle | None = None
        listening.setblocking(False)
        loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Accept no more."""
        listening, self._socket = self._socket, None
        if self._pause is not None:
            self._pause.cancel()
        if listening is not None:
            self._loop.remove_reader(listening)
            listening.close()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            if self._socket is None:
                return
            try:
                connection, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._failed(error)
                return
            self._begin_with(connection, address)

    def _begin_with(self, connection: socket.socket, address: Any) -> None:
        try:
            connection.setblocking(False)
            self._begin(connection, str(address[0]) if isinstance(address, tuple) else "")
        except Exception:  # noqa: BLE001 -- the others are accepted all the same
            self._log.failure("a connection could not be begun with")
            connection.close()

    def _failed(self, error: OSError) -> None:
        if error.errno not in _NONE_LEFT:
            # Whoever it was is gone already (accept(2) lists what the network may answer).
            return
        self._log.warn("no connection can be accepted for a moment: {error}", error=error)
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._pause = self._loop.call_later(PAUSE, self._resume)

    def _resume(self) -> None:
        self._pause = None
        if self._socket is not None:
            self._loop.add_reader(self._socket, self._accept)
