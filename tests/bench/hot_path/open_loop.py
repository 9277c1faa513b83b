"""Asks at a steady rate whatever the answers do, and counts each answer from when its request was due, not from when it was sent.

Runs as a process of its own: PORT RATE SECONDS LENGTH, with the request on stdin up to its empty line. A request that is due while
all connections wait for answers is sent late, and that counts; so does all that this process is late by itself, with every server alike.
"""

import gc
import json
import select
import socket
import sys
import time
from dataclasses import dataclass, field

from tests.bench.hot_path.sources import opened, request_from
from tests.bench.machine import quantile

CONNECTIONS = 256
#: Requests a second that this process keeps on one core, most of whose time is the kernel's (at 75,000 it falls behind).
MOST = 65_000
#: Seconds at the beginning, of which no answer is counted.
WARM_UP = 1.0
#: Seconds after which a server that is behind by so much is given up.
BEHIND = 5.0


@dataclass(slots=True)
class Seen:
    """In seconds, of each request that was due after the warm-up: until its answer was whole, and until it was sent; *took*: for all."""

    waited: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    took: float = 0.0


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    due: float = 0.0
    missing: int = 0


class OpenLoop:
    """Connections to *port* of 127.0.0.1, on which *request* is sent; every answer has as many bytes as the first."""

    def __init__(self, port: int, request: bytes, length: int) -> None:
        self._request = request
        self._buffer = bytearray(65536)
        self._poll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        for number in range(CONNECTIONS):
            made, self._size = opened(port, number, request, length)
            made.setblocking(False)
            # With EPOLLET the kernel does not look at each connection again: a tenth of what a request costs here.
            self._poll.register(made, select.EPOLLIN | select.EPOLLET)
            self._connections[made.fileno()] = _Connection(made)
        self._free = list(self._connections.values())

    def run(self, rate: float, seconds: float) -> Seen:
        """Ask so many times a second, for so long after the warm-up."""
        seen = Seen()
        step, due = 1 / rate, time.perf_counter()
        counted, end = due + WARM_UP, due + WARM_UP + seconds
        while due < end or len(self._free) < CONNECTIONS:
            now = time.perf_counter()
            if now > end + BEHIND:
                raise TimeoutError(f"not all was answered {BEHIND} s after the end")
            while due <= now and due < end and self._free:
                self._send(due, counted, seen)
                due += step
            self._receive(counted, seen)
        seen.took = time.perf_counter() - counted
        return seen

    def _send(self, due: float, counted: float, seen: Seen) -> None:
        connection = self._free.pop()
        connection.due, connection.missing = due, self._size
        connection.socket.send(self._request)
        if due >= counted:
            seen.late.append(time.perf_counter() - due)

    def _receive(self, counted: float, seen: Seen) -> None:
        for number, _ in self._poll.poll(0, CONNECTIONS):
            connection = self._connections[number]
            got = connection.socket.recv_into(self._buffer)
            connection.missing -= got
            if not got or connection.missing < 0:
                raise ConnectionError("a connection was closed, or an answer had another length")
            if not connection.missing:
                self._free.append(connection)
                if connection.due >= counted:
                    seen.waited.append(time.perf_counter() - connection.due)


def main(port: str, rate: str, seconds: str, length: str) -> None:
    """Ask, and write what was seen as a line of JSON, in seconds."""
    request = request_from(list(iter(sys.stdin.readline, "\n")))
    loop = OpenLoop(int(port), request, int(length))
    gc.disable()
    seen = loop.run(float(rate), float(seconds))
    told = {
        "rate": len(seen.waited) / seen.took,
        "p50": quantile(seen.waited, 0.5),
        "p99": quantile(seen.waited, 0.99),
        "late": quantile(seen.late, 0.99),
    }
    print(json.dumps(told), flush=True)  # noqa: T201 -- its parent reads it


if __name__ == "__main__":
    main(*sys.argv[1:])
