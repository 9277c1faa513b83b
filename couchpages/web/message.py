"""HTTP requests and responses as values, free of any server (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in the order sent: names in lower case, values without surrounding white space."""

    fields: tuple[tuple[bytes, bytes], ...] = ()

    def all(self, name: bytes) -> list[bytes]:
        """Give every value of *name* (lower case), in order."""
        return [value for key, value in self.fields if key == name]

    def first(self, name: bytes) -> bytes | None:
        """Give the first value of *name* (lower case), or None."""
        for key, value in self.fields:
            if key == name:
                return value
        return None

    def joined(self, name: bytes) -> bytes | None:
        """Give the values of *name* as one list (RFC 9110 section 5.3), or None without any."""
        values = self.all(name)
        return b", ".join(values) if values else None


def field_lines(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write fields as the lines of a head, each with its CRLF."""
    return b"".join(b"%b: %b\r\n" % field for field in fields)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request without its body.

    *target* is the request target as sent (RFC 9112 section 3.2); *peer* the address of the other end of the connection,
    *scheme* ``http`` or ``https`` of this connection, both before any proxy's word is believed. *tls* is the version of TLS
    (``TLSv1.3``) where it is ours, and is known.
    """

    method: bytes
    target: bytes
    version: bytes
    headers: Headers
    peer: str
    scheme: str
    tls: str = ""


@dataclass(frozen=True, slots=True)
class FilePart:
    """*length* bytes of an open file from *start*. Whoever sends it closes the file."""

    file: BinaryIO
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Response:
    """A response: *body* is bytes, or parts to be sent one after the other.

    For metrics and logs: *site* is whose visitor gets it, "" where there is no such site and None where it is no visit; *cache* where the
    content was found (memory, disk, couchdb), or none.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes | tuple[bytes | FilePart, ...] = b""
    site: str | None = None
    cache: str = "none"

    def with_headers(self, more: Iterable[tuple[bytes, bytes]]) -> "Response":
        """Give the same response with *more* header fields behind its own."""
        return replace(self, headers=(*self.headers, *more))

    @property
    def length(self) -> int:
        """The body's length in bytes."""
        if isinstance(self.body, bytes):
            return len(self.body)
        return sum(len(part) if isinstance(part, bytes) else part.length for part in self.body)

    def close(self) -> None:
        """Close the files of a response that will not be sent."""
        if isinstance(self.body, tuple):
            for part in self.body:
                if isinstance(part, FilePart):
                    part.file.close()
