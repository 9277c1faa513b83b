"""Queries over real sockets (does I/O; blocks)."""

import socket
import struct
from collections.abc import Callable

#: Seconds to wait for an answer.
PATIENCE = 2.0


def over_sockets(
    port: int, host: str = "127.0.0.1", patience: float = PATIENCE
) -> Callable[[bytes, str], bytes | None]:
    """Give what asks the server at *host* and *port*, by UDP and TCP."""

    def ask(query: bytes, transport: str) -> bytes | None:
        """Send one query, and give the answer, or None."""
        try:
            return (_by_tcp if transport == "tcp" else _by_udp)(query, (host, port), patience)
        except OSError:
            return None

    return ask


def _by_udp(query: bytes, address: tuple[str, int], patience: float) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        client.connect(address)
        client.send(query)
        return client.recv(65535)


def _by_tcp(query: bytes, address: tuple[str, int], patience: float) -> bytes:
    with socket.create_connection(address, patience) as client:
        client.sendall(struct.pack("!H", len(query)) + query)
        (length,) = struct.unpack("!H", _exactly(client, 2))
        return _exactly(client, length)


def _exactly(client: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        part = client.recv(length - len(received))
        if not part:
            raise ConnectionError("the server closed within an answer")
        received += part
    return received
