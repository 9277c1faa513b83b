"""What a site's visitors speak to: HTTP/1.1 on a native connection (thin; glance, ready answers and visits decide).

Three ways, each taken where the one before is not sure: an answer that is ready; a visit, which may have to read from disk or CouchDB; and
twisted.web, which gets the connection for good, with the bytes already read, for everything that is no plain GET or HEAD: bodies,
upgrades, calls of the API, and what is not well-formed. So the rules that refuse stand in one place, there.
"""

from collections.abc import Callable
from math import inf
from time import perf_counter
from typing import TypeAlias

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from couchpages.pages.blobs import BlobReader
from couchpages.pages.glance import END, Glance, glance
from couchpages.pages.ready import Answer, Ready, Shelf
from couchpages.pages.sites import Sites
from couchpages.pages.visits import Visits, is_plain
from couchpages.web.edge import Edge
from couchpages.web.framing import asks_to_close
from couchpages.web.handed_over import HandedOver
from couchpages.web.heads import read_head, request_head
from couchpages.web.llhttp import Syntax
from couchpages.web.message import Headers, RequestHead, Response
from couchpages.web.on_asyncio import host_of
from couchpages.web.problem import Problem
from couchpages.web.stream import CLOSE, Stream
from couchpages.web.syntax import Fault

#: Head and body up to this size are copied into one piece; larger bodies are handed to the kernel as they lie in memory.
JOINED = 16_384
NOT_MODIFIED = (304, "none")

Chosen: TypeAlias = tuple[tuple[int, str], bytes, bytes]
"""What a tally counts an answer by, its fields, and its body."""


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
        self.serving = sites.serving
        self.in_memory = blobs.in_memory
        self.near = blobs.near
        self.visits = visits
        self.ready = ready
        self.is_call = is_call
        self.syntax = Syntax(edge.limits.head)

    def make_ready(self, seen: Glance) -> tuple[Shelf, Answer] | None:
        """Make and keep the answer to a visit; None for what is the API's, or takes longer."""
        host = Headers(((b"host", seen.host.partition(b":")[2].strip(b" \t")),))
        if self.is_call(RequestHead(seen.method, seen.target, b"HTTP/1.1", host, "", "http")):
            return None
        return self.visits.make_ready(self.ready, seen)

    def connection(self) -> "VisitConnection":
        """Make the protocol of a new connection."""
        return VisitConnection(self)


class VisitConnection(Stream):
    """One connection."""

    __slots__ = ("_front",)

    def __init__(self, front: Front) -> None:
        super().__init__(front.edge)
        self._front = front

    def serve(self, data: bytes, start: int = 0) -> None:
        """Answer each request in *data*."""
        while data:
            end = data.find(END, start) + len(END)
            start = 0
            if end < len(END):
                self._wait_for_more(data)
                return
            if not self._answer(data[:end], perf_counter()):
                self._hand_over(data)
                return
            data = data[end:]
            if self.busy or self.paused or self.over:
                self.hold(data)
                return

    def _wait_for_more(self, data: bytes) -> None:
        if len(data) > self.edge.limits.head.size:
            self._hand_over(data)
        else:
            self.hold_head(data)

    def _hand_over(self, data: bytes) -> None:
        self.over = True
        HandedOver(self.edge).take_over(self, self.transport, data, ended=self.ended)

    def _answer(self, head: bytes, began: float) -> bool:
        """Answer one request, or begin to; False for what twisted.web has to look at."""
        front = self._front
        seen = glance(head)
        if seen is not None and front.syntax.accepts(head, closes=seen.closes) and self._at_once(head, seen, began):
            return True
        read = read_head(head, self.edge.limits.head)
        if isinstance(read, Fault) or not is_plain(read):
            return False
        request = request_head(read, host_of(self.transport), "http")
        if front.is_call(request):
            return False
        self._visit(request, began, last=asks_to_close(request.version, request.headers.all(b"connection")))
        return True

    def _at_once(self, head: bytes, seen: Glance, began: float) -> bool:
        """Answer from what is ready or can be made so at once; False where that is not possible."""
        shelf = self._front.ready.shelves.get(seen.host)
        answer = None
        if shelf is not None and shelf.served is self._front.serving(shelf.name):
            answer = shelf.answers.get(seen.target)
        if shelf is None or answer is None:
            made = self._front.make_ready(seen)
            if made is None:
                return False
            shelf, answer = made
        chosen = self._unchanged(answer, head, seen) if seen.condition else self._whole(answer)
        if chosen is None:
            return False
        key, fields, body = chosen
        if seen.method == b"HEAD":
            key, body = (key[0], "none"), b""
        self._send(key[0], fields, body, last=seen.closes)
        self._note(head, shelf, key, len(body), perf_counter() - began)
        return True

    def _whole(self, answer: Answer) -> Chosen | None:
        """Choose the whole answer, if its content is near."""
        answer.used = True
        if answer.blob is None:
            return answer.key, answer.fields, answer.body
        content = self._front.in_memory(answer.blob)
        if content is not None:
            return answer.key, answer.fields, content
        content = self._front.near(answer.blob)
        return ((answer.status, "disk"), answer.fields, content) if content is not None else None

    def _unchanged(self, answer: Answer, head: bytes, seen: Glance) -> Chosen | None:
        """Choose 304 for who names the very tag that the answer has; other conditions are for others to evaluate."""
        answer.used = True
        if seen.condition != answer.condition:
            return None
        # Tags are compared as they were sent; what the glance saw is in lower case.
        end = head.lower().find(seen.condition) + len(seen.condition)
        if not head.startswith(answer.tag, end - len(answer.tag)):
            return None
        return NOT_MODIFIED, answer.not_modified, b""

    def _note(self, head: bytes, shelf: Shelf, key: tuple[int, str], size: int, seconds: float) -> None:
        shelf.tally.count(key, size)
        ledger = self.edge.ledger
        ledger.count(key[0], seconds)
        if ledger.logs:
            ledger.log(head, host_of(self.transport), key[0], size, seconds, shelf.name, key[1])

    def _send(self, status: int, fields: bytes, body: bytes, *, last: bool) -> None:
        second = self.edge.second
        start = second.starts.get(status) or second.start_of(status)
        self.left -= 1
        if last or self.left <= 0:
            start += CLOSE
        if len(body) <= JOINED:
            self.transport.write(b"".join((start, fields, body)))
        else:
            self.transport.writelines((start + fields, body))
        self.sent(last=last)

    def _visit(self, request: RequestHead, began: float, *, last: bool) -> None:
        self.busy = self.inside = True
        self.deadline = inf
        waited = Deferred.fromCoroutine(self._front.visits.respond(request))
        waited.addErrback(self._defect, request)
        waited.addCallback(self._visited, request, began, last)
        waited.addErrback(self._broken)
        self.inside = False

    def _defect(self, failure: Failure, request: RequestHead) -> Response:
        self.log.failure("{method} {target} met a defect", failure, method=request.method, target=request.target)
        return Problem(500, "this node has a defect; its log says more").response()

    def _visited(self, response: Response, request: RequestHead, began: float, last: bool) -> None:
        seconds = perf_counter() - began
        if self.over:
            response.close()
            self.edge.ledger.note(request, response, 0, seconds)
            return
        self.busy = False
        self.respond(response, request, seconds, last=last)

    def _broken(self, failure: Failure) -> None:
        self.log.failure("a response could not be sent", failure)
        self.transport.abort()
