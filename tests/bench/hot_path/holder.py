"""Holds idle connections, each of which had one answer. Runs as a process of its own, and says so in lines: PORT COUNT LENGTH.

The request comes from stdin, up to its empty line; then it says ``held``; at the end of stdin it says how many of them the server closed.
"""

import socket
import sys

#: Connections from one address of 127.0.0.2 and following.
AN_ADDRESS = 50
#: Python's socket module does not name it (linux/in.h): the port is chosen with the other end in view, so that there are enough.
IP_BIND_ADDRESS_NO_PORT = 24


def opened(port: int, number: int, request: bytes, length: int) -> socket.socket:
    """Open connection *number*, and have one answer on it."""
    made = socket.socket()
    made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    made.bind((f"127.0.0.{2 + number // AN_ADDRESS}", 0))
    made.settimeout(10)
    made.connect(("127.0.0.1", port))
    made.sendall(request)
    got = bytearray()
    while b"\r\n\r\n" not in got or len(got) < got.index(b"\r\n\r\n") + 4 + length:
        piece = made.recv(65536)
        if not piece:
            raise ConnectionError(f"the server closed connection {number} after {bytes(got[:80])!r}")
        got += piece
    if not got.startswith(b"HTTP/1.1 200 "):
        raise ConnectionError(f"connection {number} got {bytes(got[:80])!r}")
    return made


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
    lines = iter(sys.stdin.readline, "\n")
    request = "".join(line.rstrip("\n") + "\r\n" for line in lines).encode() + b"\r\n"
    held = [opened(int(port), number, request, int(length)) for number in range(int(count))]
    print("held", flush=True)  # noqa: T201 -- its parent reads it
    sys.stdin.read()
    print(sum(map(is_closed, held)), flush=True)  # noqa: T201 -- its parent reads it


if __name__ == "__main__":
    main(*sys.argv[1:])
