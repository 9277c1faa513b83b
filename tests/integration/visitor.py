"""A plain HTTP client on one connection, and bytes on a bare socket (does I/O)."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: header names in lower case, the last of several of one name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)


class Visitor:
    """One keep-alive connection to a port of 127.0.0.1; a *secure* one trusts whoever answers."""

    def __init__(self, port: int, *, secure: bool = False) -> None:
        self._connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=_trusting_all())
            if secure
            else http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        )

    def get(
        self, host: str, target: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Ask *host* for *target*, as it stands."""
        self._connection.request(method, target, body or None, {"Host": host, **(headers or {})})
        answer = self._connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _trusting_all() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def fetch(port: int, host: str, target: str, method: str = "GET", **more: Any) -> Answer:
    """Ask on a connection of its own."""
    with Visitor(port) as visitor:
        return visitor.get(host, target, method, **more)


def call_api(port: int, key: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """Call the API with a JSON body or bytes."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return fetch(port, "127.0.0.1", path, method, body=content, headers={"Authorization": f"Bearer {key}", **headers})


def target(path: str) -> str:
    """Give the request target of a file's path."""
    return "/" + quote(path)


class Socket:
    """A bare connection to a port of 127.0.0.1."""

    def __init__(self, port: int, seconds: float = 10) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)

    def send(self, *pieces: bytes) -> None:
        """Send pieces, joined."""
        self.socket.sendall(b"".join(pieces))

    def end(self) -> None:
        """Say that nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def read(self) -> bytes:
        """Read until the other end closes."""
        read = bytearray()
        try:
            while piece := self.socket.recv(65536):
                read += piece
        except ConnectionResetError:
            pass
        return bytes(read)

    def cut(self) -> None:
        """Break the connection with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def status_of(answer: bytes) -> int:
    """Give the status of a raw answer, 0 for none."""
    first = answer.split(b"\r\n", 1)[0].split(b" ")
    return int(first[1]) if len(first) > 1 else 0


def exchange(port: int, *pieces: bytes) -> bytes:
    """Send bytes, end, and read what comes."""
    with Socket(port) as connection:
        connection.send(*pieces)
        connection.end()
        return connection.read()


def request(method: str, target_: str, fields: Iterable[str], body: bytes = b"") -> bytes:
    """Write a request of HTTP/1.1 as bytes; *fields* are whole header lines."""
    return "".join(f"{line}\r\n" for line in (f"{method} {target_} HTTP/1.1", *fields, "")).encode("latin-1") + body
