"""Connections from many addresses, so that neither ports nor limits for one address matter (does I/O)."""

import socket

#: Connections from one address; there are enough in 127.0.0.0/8, from 127.0.0.2 on.
AN_ADDRESS = 50
#: Python's socket module does not name it (linux/in.h): the port is chosen with the other end in view, so that there are enough.
IP_BIND_ADDRESS_NO_PORT = 24


class WrongFirstAnswer(ConnectionError):
    """A connection did not get the answer that it should."""


def opened(port: int, number: int, request: bytes, length: int) -> tuple[socket.socket, int]:
    """Open connection *number*, and have one answer, 200 with a body of *length*, on it; give its bytes with the head, too."""
    made = socket.socket()
    made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.bind((f"127.0.0.{2 + number // AN_ADDRESS}", 0))
    made.settimeout(10)
    made.connect(("127.0.0.1", port))
    made.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got or len(got) < got.index(b"\r\n\r\n") + 4 + length:
        piece = made.recv(65536)
        if not piece:
            raise WrongFirstAnswer(f"the server closed connection {number} after {got[:80]!r}")
        got += piece
    if not got.startswith(b"HTTP/1.1 200 "):
        raise WrongFirstAnswer(f"connection {number} got {got[:80]!r}")
    return made, len(got)


def request_from(lines: "list[str]") -> bytes:
    """Give the request that was written as lines, without its last, empty one."""
    return "".join(f"{line.rstrip()}\r\n" for line in lines).encode() + b"\r\n"
