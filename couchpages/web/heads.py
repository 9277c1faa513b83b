"""Reads the head of a request whose syntax is known to be right, and writes it (pure)."""

from couchpages.web.message import Headers, RequestHead


def read_head(head: bytes, peer: str, scheme: str) -> RequestHead | None:
    """Read a whole head, its empty line included; None where its first line is not a request line of three words.

    Syntax is not judged here: what a parser did not accept must not be believed.
    """
    first, *lines = head[:-4].split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3:  # noqa: PLR2004 -- method, target, version
        return None
    fields = tuple(_field(line) for line in lines)
    return RequestHead(words[0], words[1], words[2], Headers(fields), peer, scheme)


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip(b" \t")


def write_head(head: RequestHead) -> bytes:
    """Write a head as it may have come."""
    lines = b"".join(b"%b: %b\r\n" % field for field in head.headers.fields)
    return b"%b %b %b\r\n%b\r\n" % (head.method, head.target, head.version, lines)


def closes(head: RequestHead) -> bool:
    """Whether the connection ends with the response, as far as the client is concerned (RFC 9112 section 9.3)."""
    options = (head.headers.joined(b"connection") or b"").lower().split(b",")
    words = {option.strip(b" \t") for option in options}
    return b"close" in words or (head.version == b"HTTP/1.0" and b"keep-alive" not in words)
