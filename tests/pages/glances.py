"""A whole head, looked at as the hot path does (pure)."""

from typing import NamedTuple

from couchpages.pages.glance import plain_target, wish


class Glance(NamedTuple):
    """What was seen of a head."""

    method: bytes
    target: bytes
    host: bytes
    condition: bytes
    closes: bool


def glance(head: bytes) -> Glance | None:
    """Look at the request line and at the fields behind it; None where either is more than plain."""
    line = head.partition(b"\r\n")[0]
    asked, said = plain_target(line), wish(head[len(line) :])
    if asked is None or said is None:
        return None
    return Glance(asked[0], asked[1], said[0], said[1], said[2])
