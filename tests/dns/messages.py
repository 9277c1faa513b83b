"""Messages written octet by octet, right ones and wrong ones (pure)."""

from collections.abc import Sequence
from struct import pack

from couchpages.dns.names import from_text

WWW = from_text("www.example")
A, NS, SOA, TXT, OPT, TSIG, IXFR, AXFR, ANY = 1, 2, 6, 16, 41, 250, 251, 252, 255
IN, CHAOS = 1, 3
NSID, COOKIE = 3, 10


def message(
    *parts: bytes, bits: int = 0, counts: Sequence[int] = (1, 0, 0, 0), identity: int = 0x1234, tail: bytes = b""
) -> bytes:
    """Write a message of a header and *parts*; *counts* need not be those of its sections."""
    return pack("!6H", identity, bits, *counts) + b"".join(parts) + tail


def question(name: bytes = WWW, type_: int = A, class_: int = IN) -> bytes:
    """Write a question."""
    return name + pack("!2H", type_, class_)


def record(owner: bytes, type_: int, class_: int, ttl: int, data: bytes, length: int | None = None) -> bytes:
    """Write a record, whose *length* may be a lie."""
    return owner + pack("!2HIH", type_, class_, ttl, len(data) if length is None else length) + data


def opt(
    size: int = 1232,
    *options: bytes,
    version: int = 0,
    do: bool = False,
    owner: bytes = b"\0",
    length: int | None = None,
) -> bytes:
    """Write an OPT record."""
    return record(owner, OPT, size, version << 16 | do << 15, b"".join(options), length)


def option(code: int, content: bytes = b"", length: int | None = None) -> bytes:
    """Write an EDNS option, whose *length* may be a lie."""
    return pack("!2H", code, len(content) if length is None else length) + content


def asking(name: bytes = WWW, type_: int = A, *records: bytes, bits: int = 0, class_: int = IN) -> bytes:
    """Write a question with additional records."""
    return message(question(name, type_, class_), *records, bits=bits, counts=(1, 0, 0, len(records)))
