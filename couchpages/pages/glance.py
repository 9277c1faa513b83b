"""The least that must be known of a request's head to answer it from what is ready (pure).

A glance finds nothing out about syntax: whoever glances has the head parsed beside it. It gives up wherever a rule would have to
be known, and then the head is read in full.
"""

import re
from typing import TypeAlias

END = b"\r\n\r\n"

# Every field that decides anything about a GET without a body, and whether anything follows the head. Most lines begin with a letter
# that none of these begins with, which the look ahead finds out sooner than the names would.
_TELLING = re.compile(
    rb"\n(?=[hcirtue\r])"
    rb"(?:(?:host|connection|if-[a-z-]*|range|content-length|transfer-encoding|upgrade|expect):[^\r]*|\r\n.)",
    re.IGNORECASE | re.DOTALL,
)
# As nearly everybody writes them; what is written otherwise is read with more care.
_HOST = frozenset({b"Host:", b"host:"})
_KEEP_ALIVE = frozenset({b"\nConnection: keep-alive", b"\nconnection: keep-alive"})
_PLAIN = frozenset({b"GET", b"HEAD"})

Wish: TypeAlias = tuple[bytes, bytes, bool]
"""What the fields say: the line of the Host field as it came, the value of If-None-Match (empty without one), and whether the
connection ends with the response."""


def plain_target(line: bytes) -> tuple[bytes, bytes] | None:
    """Give method and target of a request line of HTTP/1.1 that is a GET or HEAD; None for another."""
    words = line.split(b" ")
    if len(words) != 3 or words[2] != b"HTTP/1.1" or words[0] not in _PLAIN:  # noqa: PLR2004 -- method, target, version
        return None
    return words[0], words[1]


def wish(fields: bytes) -> Wish | None:
    """Look at the lines behind a request line, from its CRLF to the empty line; None for what is more than a plain visit, alone."""
    found = _TELLING.findall(fields)
    if found and found[0][1:6] in _HOST and (len(found) == 1 or (len(found) == 2 and found[1] in _KEEP_ALIVE)):  # noqa: PLR2004 -- a browser's
        return found[0][1:], b"", False
    return _of_several(found)


def _of_several(fields: list[bytes]) -> Wish | None:
    host = condition = b""
    closes = False
    for field in fields:
        name, _, value = field.partition(b":")
        match name.lower():
            case b"\nhost" if not host:
                host = field[1:]
            case b"\nconnection" if value in (b" keep-alive", b" close"):
                closes = closes or value == b" close"
            case b"\nif-none-match" if not condition:
                condition = value.strip(b" \t")
            case _:
                return None
    return (host, condition, closes) if host else None
