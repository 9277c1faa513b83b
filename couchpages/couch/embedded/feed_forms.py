"""How the feeds of `_changes` are written, decided (pure).

Source: CouchDB documentation, "Changes Feeds"; `eventsource` is that of the HTML standard, "Server-sent events".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from couchpages.couch.embedded.json_text import write_json


@dataclass(frozen=True, slots=True)
class Change:
    """One change as JSON, and its sequence."""

    seq: str
    text: bytes


class Form(Protocol):
    """One way to write a feed."""

    headers: Mapping[str, str]
    beginning: bytes
    heartbeat: bytes

    def changes(self, changes: Sequence[Change], *, first: bool) -> bytes:
        """Write some changes, at least one."""

    def end(self, last_seq: str, pending: int) -> bytes:
        """Write the end."""


class Whole:
    """One JSON object: `normal` and `longpoll`."""

    headers: Mapping[str, str] = {"Content-Type": "application/json"}
    beginning = b'{"results":[\n'
    heartbeat = b"\n"

    def changes(self, changes: Sequence[Change], *, first: bool) -> bytes:
        """See Form."""
        return (b"" if first else b",\n") + b",\n".join(each.text for each in changes)

    def end(self, last_seq: str, pending: int) -> bytes:
        """See Form."""
        return b"\n],\n" + _last(last_seq, pending)[1:] + b"\n"


class Lines:
    """One JSON object a line: `continuous`."""

    headers: Mapping[str, str] = {"Content-Type": "application/json"}
    beginning = b""
    heartbeat = b"\n"

    def changes(self, changes: Sequence[Change], *, first: bool) -> bytes:  # noqa: ARG002  # the protocol's
        """See Form."""
        return b"".join(each.text + b"\n" for each in changes)

    def end(self, last_seq: str, pending: int) -> bytes:
        """See Form."""
        return _last(last_seq, pending) + b"\n"


class Events:
    """Server-sent events: `eventsource`."""

    headers: Mapping[str, str] = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
    beginning = b""
    heartbeat = b"event: heartbeat\ndata: \n\n"

    def changes(self, changes: Sequence[Change], *, first: bool) -> bytes:  # noqa: ARG002  # the protocol's
        """See Form."""
        return b"".join(_events(changes))

    def end(self, last_seq: str, pending: int) -> bytes:  # noqa: ARG002  # the protocol's
        """See Form: nothing tells it; whoever listens connects again."""
        return b""


def _events(changes: Sequence[Change]) -> Iterator[bytes]:
    for each in changes:
        yield b"data: " + each.text + b"\nid: " + write_json(each.seq) + b"\n\n"


def _last(last_seq: str, pending: int) -> bytes:
    return write_json({"last_seq": last_seq, "pending": pending})


FORMS: Mapping[str, Form] = {
    "normal": Whole(),
    "longpoll": Whole(),
    "continuous": Lines(),
    "eventsource": Events(),
}
