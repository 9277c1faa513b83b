"""The least that must be known of a request's head to answer it from what is ready (pure).

A glance finds nothing out about syntax: whoever glances has the head parsed beside it. It gives up wherever a rule would have to
be known, and then the head is read in full.
"""

import re
from typing import NamedTuple

END = b"\r\n\r\n"

# In a head in lower case: every field that decides anything about a GET without a body, and whether anything follows the head.
_TELLING = re.compile(
    rb"\n(?:host|connection|if-[a-z-]*|range|content-length|transfer-encoding|upgrade|expect):[^\r]*|\n\r\n.", re.DOTALL
)
_HOST = b"\nhost:"
_KEEP_ALIVE = b"\nconnection: keep-alive"
_CLOSE = b"\nconnection: close"
_IF_NONE_MATCH = b"\nif-none-match:"
_CURRENT = b"HTTP/1.1\r\n"


class Glance(NamedTuple):
    """What was seen: *host* is the whole line of the Host field, in lower case; so is *condition*, an If-None-Match, or empty."""

    method: bytes
    target: bytes
    host: bytes
    condition: bytes
    closes: bool


def glance(head: bytes) -> Glance | None:
    """Look at *head*, which must end in an empty line; None for everything but a plain GET or HEAD of HTTP/1.1, alone."""
    parts = head.split(b" ", 2)
    if len(parts) != 3 or not parts[2].startswith(_CURRENT):  # noqa: PLR2004 -- method, target and the rest
        return None
    method, target, _ = parts
    if method not in (b"GET", b"HEAD"):
        return None
    host = condition = b""
    closes = False
    for field in _TELLING.findall(head.lower()):
        if field.startswith(_HOST) and not host:
            host = field
        elif field == _KEEP_ALIVE:
            pass
        elif field == _CLOSE:
            closes = True
        elif field.startswith(_IF_NONE_MATCH) and not condition:
            condition = field
        else:
            return None
    return Glance(method, target, host, condition, closes) if host else None
