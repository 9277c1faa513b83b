"""A TCP relay in front of a CouchDB that can refuse, freeze, dawdle, fail, and cut answers short (threads)."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

PIECE = 65536
FAILED = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 39\r\nConnection: close\r\n\r\n"
    b'{"error":"unknown","reason":"badmatch"}'
)


class FaultyRelay:
    """Listens on :attr:`port` of 127.0.0.1 and passes everything to *target*, until it is told otherwise.

    Each fault lasts until the next call; :meth:`heal` ends them all.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._flowing = threading.Event()
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._most: int | None = None
        self._reset()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._listen()

    def heal(self) -> None:
        """Pass everything on; listen again after :meth:`refuse`. Whatever was held goes on."""
        self._reset()
        if self._listener.fileno() < 0:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listen()

    def refuse(self) -> None:
        """Hang up on everybody and listen no more, as when CouchDB is stopped."""
        _hang_up(self._listener)
        self._hang_up_all()

    def freeze(self) -> None:
        """Accept connections, take what clients send, and pass nothing on."""
        self._flowing.clear()

    def dawdle(self, seconds: float) -> None:
        """Let each piece of an answer wait."""
        self._delay = seconds

    def fail(self) -> None:
        """Answer 500 to whatever is asked, and end what was being answered."""
        self._failing = True
        self._hang_up_all()

    def cut_after(self, size: int) -> None:
        """Break connections after so many bytes of answers."""
        self._most = size

    def close(self) -> None:
        """End."""
        self.refuse()
        self._flowing.set()

    def _reset(self) -> None:
        self._delay = 0.0
        self._failing = False
        self._most = None
        self._flowing.set()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                _hang_up(client)
                continue
            with self._lock:
                self._pairs.append((client, server))
            for work in (self._requests, self._answers):
                threading.Thread(target=self._end_after, args=(work, client, server), daemon=True).start()

    def _end_after(
        self, work: Callable[[socket.socket, socket.socket], None], client: socket.socket, server: socket.socket
    ) -> None:
        with suppress(OSError):
            work(client, server)
        _hang_up(client)
        _hang_up(server)

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        while data := client.recv(PIECE):
            self._flowing.wait()
            if self._failing:
                client.sendall(FAILED)
                return
            server.sendall(data)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        sent = 0
        while data := server.recv(PIECE):
            self._flowing.wait()
            time.sleep(self._delay)
            most = self._most
            if most is not None and sent + len(data) > most:
                client.sendall(data[: max(0, most - sent)])
                return
            client.sendall(data)
            sent += len(data)

    def _hang_up_all(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for each in pair:
                _hang_up(each)


def _hang_up(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
