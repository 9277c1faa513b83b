"""A way to CouchDB that can be shut and frozen, for benchmarks that may not do that to CouchDB itself (threads)."""

import socket
import threading
from contextlib import suppress


class Gate:
    """Passes everything between :attr:`port` and *target*, both ports of 127.0.0.1, while it is open and not frozen."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._flowing = threading.Event()
        self._flowing.set()
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Listen again."""
        listener = self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = int(listener.getsockname()[1])
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        """Hang up on everybody and listen no more, as when a server ends."""
        with self._lock:
            open_now, self._sockets = self._sockets, set()
            listener, self._listener = self._listener, None
        for each in open_now if listener is None else {listener, *open_now}:
            _hang_up(each)
        self._flowing.set()

    def freeze(self) -> None:
        """Let connections be made and nothing pass, as when a server is frozen."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let everything pass again."""
        self._flowing.set()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self._connect(listener, client)

    def _connect(self, listener: socket.socket, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            _hang_up(client)
            return
        with self._lock:
            still_open = listener is self._listener
            if still_open:
                self._sockets |= {client, server}
        for source, sink in ((client, server), (server, client)):
            if still_open:
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()
            else:
                _hang_up(source)

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        with self._lock:
            self._sockets -= {source, sink}
        _hang_up(source)
        _hang_up(sink)


def _hang_up(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
