"""A TCP relay between a client and a node that holds what goes to the node after some bytes (threads; for tests of lost connections)."""

import math
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class Relay:
    """Listens on :attr:`port` and passes everything to *target*, but holds what clients send after *limit* bytes."""

    def __init__(self, target: int, limit: float = math.inf, port: int = 0) -> None:
        self._target = target
        self._left = limit
        self._lock = threading.Lock()
        self.held = threading.Event()
        self._released = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def release(self) -> None:
        """Hold nothing any more."""
        self._released.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up on everybody, and listen no more."""
        self.release()
        for each in [self._listener, *self._sockets]:
            _hang_up(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            self._sockets += [client, server]
            threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, held: bool) -> None:
        try:
            while data := source.recv(16384):
                if held:
                    self._hold(len(data))
                sink.sendall(data)
        except OSError:
            pass
        _hang_up(source)
        _hang_up(sink)

    def _hold(self, size: int) -> None:
        with self._lock:
            self._left -= size
            spent = self._left < 0
        if spent:
            self.held.set()
            self._released.wait()


def _hang_up(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
