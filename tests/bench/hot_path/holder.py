"""Holds idle connections, each of which had one answer. Runs as a process of its own, and says so in lines: PORT COUNT LENGTH.

The request comes from stdin, up to its empty line; then it says ``held``; at the end of stdin it says how many of them the server closed.
"""

import socket
import sys

from tests.bench.hot_path.sources import opened, request_from


def is_closed(connection: socket.socket) -> bool:
    """Look whether the other end closed it."""
    connection.setblocking(False)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def main(port: str, count: str, length: str) -> None:
    """Open, wait, and look."""
    request = request_from(list(iter(sys.stdin.readline, "\n")))
    held = [opened(int(port), number, request, int(length))[0] for number in range(int(count))]
    print("held", flush=True)  # noqa: T201 -- its parent reads it
    sys.stdin.read()
    print(sum(map(is_closed, held)), flush=True)  # noqa: T201 -- its parent reads it


if __name__ == "__main__":
    main(*sys.argv[1:])
