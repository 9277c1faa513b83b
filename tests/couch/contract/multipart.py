"""Multipart bodies as the contract's tests write them, and answers as they read them with Python's parser (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from json import dumps, loads
from typing import Any

BOUNDARY = "a-boundary-of-the-tests"
RELATED = {"Content-Type": f'multipart/related; boundary="{BOUNDARY}"'}


@dataclass(frozen=True)
class Part:
    """One part; `parts` are those of a part that is multipart itself."""

    headers: Mapping[str, str]
    data: bytes
    parts: Sequence["Part"] = ()

    @property
    def json(self) -> Any:
        """The part, parsed."""
        return loads(self.data)


def read(content_type: str, body: bytes) -> list[Part]:
    """Read a whole body; it must be one, and its parts in order."""
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    assert message.is_multipart(), (content_type, body)
    return [_part(each) for each in _parts(message)]


def _parts(message: Message) -> list[Message]:
    payload = message.get_payload()
    assert isinstance(payload, list)
    return [each for each in payload if isinstance(each, Message)]


def _part(message: Message) -> Part:
    headers = {name.lower(): str(value) for name, value in message.items()}
    if message.is_multipart():
        return Part(headers, b"", [_part(each) for each in _parts(message)])
    data = message.get_payload(decode=True)
    assert isinstance(data, bytes)
    return Part(headers, data)


def write(document: object, *contents: bytes, closed: bool = True, json_type: str = "application/json") -> bytes:
    """Write a document and the contents that follow it."""
    delimiter = b"\r\n--" + BOUNDARY.encode()
    pieces = [delimiter[2:], f"\r\nContent-Type: {json_type}\r\n\r\n".encode(), dumps(document).encode()]
    for each in contents:
        pieces += [delimiter, b"\r\n\r\n", each]
    return b"".join([*pieces, delimiter + b"--" if closed else b""])
