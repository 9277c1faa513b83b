"""What the connections of the public port share: where they find answers (thin: sites, blobs and ready answers know)."""

from collections.abc import Callable
from typing import NamedTuple

from couchpages.pages.blobs import BlobReader
from couchpages.pages.ready import LONGEST_TARGET, Answer, Ready, Shelf
from couchpages.pages.sites import Sites
from couchpages.pages.visits import Visits
from couchpages.web.edge import Edge
from couchpages.web.llhttp import Syntax
from couchpages.web.message import Headers, RequestHead

#: Bytes of fields that a connection remembers: some thousand idle ones shall not hold some thousand large heads.
LONGEST_REMEMBERED = 2_048


class Found(NamedTuple):
    """A small content, and where it was: memory or disk."""

    content: bytes
    where: str


class Front:
    """What the connections of the public port share, beside their *edge*. *is_call* tells what the API answers."""

    def __init__(
        self,
        edge: Edge,
        sites: Sites,
        blobs: BlobReader,
        visits: Visits,
        ready: Ready,
        is_call: Callable[[RequestHead], bool],
    ) -> None:
        self.edge = edge
        self._serving = sites.serving
        self._in_memory = blobs.in_memory
        self._near = blobs.near
        self.visits = visits
        self.ready = ready
        self.is_call = is_call
        self.syntax = Syntax(edge.limits.head)
        # Together with what can be ready it must be a head that is not too large.
        self.remembered = min(LONGEST_REMEMBERED, edge.limits.head.size - 3 * LONGEST_TARGET)

    def make_ready(self, host: bytes, target: bytes) -> tuple[Shelf, Answer] | None:
        """Make and keep the answer for a target and the line of a Host field; None for what is the API's, or takes longer."""
        field = Headers(((b"host", host.partition(b":")[2].strip(b" \t")),))
        if self.is_call(RequestHead(b"GET", target, b"HTTP/1.1", field, "", "http")):
            return None
        return self.visits.make_ready(self.ready, host, target)

    def ready_for(self, host: bytes, target: bytes) -> tuple[Shelf, Answer] | None:
        """Give the answer that is ready, if the site still serves what it was made for."""
        shelf = self.ready.shelves.get(host)
        if shelf is None or shelf.served is not self._serving(shelf.name):
            return None
        answer = shelf.answers.get(target)
        return None if answer is None else (shelf, answer)

    def content(self, blob: str) -> Found | None:
        """Give the content of a blob, if it is near."""
        content = self._in_memory(blob)
        if content is not None:
            return Found(content, "memory")
        content = self._near(blob)
        return Found(content, "disk") if content is not None else None
