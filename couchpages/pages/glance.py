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
_CURRENT = b"HTTP/1.1\r\n"
_PLAIN = frozenset({b"GET", b"HEAD"})

Glance: TypeAlias = tuple[bytes, bytes, bytes, bytes, bool]
"""Method, target, the line of the Host field as it came, the value of If-None-Match (empty without one), and whether the
connection ends with the response. A plain tuple, because one is made for each request."""


def glance(head: bytes) -> Glance | None:
    """Look at *head*, which must end in an empty line; None for everything but a plain GET or HEAD of HTTP/1.1, alone."""
    parts = head.split(b" ", 2)
    if len(parts) != 3 or parts[0] not in _PLAIN or not parts[2].startswith(_CURRENT):  # noqa: PLR2004 -- see below
        return None
    method, target, _ = parts
    fields = _TELLING.findall(head)
    if len(fields) == 1 and fields[0][1:6].lower() == b"host:":
        return method, target, fields[0], b"", False
    return _several(method, target, fields)


def _several(method: bytes, target: bytes, fields: list[bytes]) -> Glance | None:
    host = condition = b""
    closes = False
    for field in fields:
        name, _, value = field.partition(b":")
        match name.lower():
            case b"\nhost" if not host:
                host = field
            case b"\nconnection" if value in (b" keep-alive", b" close"):
                closes = closes or value == b" close"
            case b"\nif-none-match" if not condition:
                condition = value.strip(b" \t")
            case _:
                return None
    return (method, target, host, condition, closes) if host else None
