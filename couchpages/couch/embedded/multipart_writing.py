"""Multipart bodies, written as CouchDB writes them, decided (pure).

CouchDB writes names and types into a part's head as they are; characters that would end a line or the quotes are
percent-encoded here, which its own reader does not mind: it goes by the order of the parts.
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import md5

from couchpages.couch.embedded.attachments import Stored
from couchpages.couch.embedded.compression import GZIP, compressed
from couchpages.couch.embedded.segments import Content, Form, Segment

_ESCAPED = str.maketrans({code: f"%{code:02X}" for code in (*range(0x20), ord('"'), 0x7F)})
# An empty content follows compressed, whatever its type: Apache CouchDB's replicator, also between two of its own, waits for
# ever for the bytes of a part that has none (seen with 3.5.2).
EMPTY = compressed(b"")
EMPTY_DIGEST = md5(EMPTY, usedforsecurity=False).digest()
JSON_PART = b"\r\nContent-Type: application/json\r\n\r\n"
ERROR_PART = b'\r\nContent-Type: application/json; error="true"\r\n\r\n'


def fit_to_follow(attachment: Stored) -> Stored:
    """Describe an attachment as it follows in a multipart body."""
    if attachment.length:
        return attachment
    return replace(attachment, encoding=GZIP, length=len(EMPTY), digest=EMPTY_DIGEST, identity=0)


def related(boundary: bytes, text: bytes, attachments: Sequence[Stored]) -> list[Segment]:
    """Write a document and the attachments that follow it; without any, the document alone."""
    if not attachments:
        return [text]
    segments: list[Segment] = [b"--" + boundary + JSON_PART + text + b"\r\n--" + boundary]
    for each in attachments:
        content = EMPTY if each.digest == EMPTY_DIGEST else Content(each, Form.STORED)
        segments += [part_head(each), content, b"\r\n--" + boundary]
    return [*segments, b"--"]


def related_type(boundary: bytes, attachments: Sequence[Stored]) -> bytes:
    """Return the content type of what `related` writes."""
    return b'multipart/related; boundary="%s"' % boundary if attachments else b"application/json"


def part_head(attachment: Stored) -> bytes:
    """Write the head of an attachment's part, from the end of the delimiter's line on."""
    lines = [
        f'Content-Disposition: attachment; filename="{attachment.name.translate(_ESCAPED)}"',
        f"Content-Type: {attachment.content_type.translate(_ESCAPED)}",
        f"Content-Length: {attachment.length}",
    ]
    if attachment.encoding is not None:
        lines.append(f"Content-Encoding: {attachment.encoding}")
    return "".join(f"\r\n{line}" for line in lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
