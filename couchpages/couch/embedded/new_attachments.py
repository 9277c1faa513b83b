"""Attachments that came with an edit and are not stored yet (bytes in memory; no I/O)."""

from dataclasses import dataclass

from couchpages.couch.embedded.compression import GZIP, compressed, is_compressible
from couchpages.couch.embedded.contents import Received, received_whole
from couchpages.couch.embedded.documents import Inline


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """An attachment whose content was received; `generation` is told only of what is replicated."""

    name: str
    content_type: str
    received: Received
    generation: int | None = None


def incoming(each: Inline) -> NewAttachment:
    """Treat an attachment that came inside the document like one that came beside it."""
    if not is_compressible(each.content_type):
        return NewAttachment(each.name, each.content_type, received_whole(each.data), each.generation)
    received = received_whole(compressed(each.data), GZIP, len(each.data))
    return NewAttachment(each.name, each.content_type, received, each.generation)
