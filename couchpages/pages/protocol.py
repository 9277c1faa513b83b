"""What a site's visitors speak to: HTTP/1.1 on a native connection (thin; glance, ready answers and visits decide).

Three ways, each taken where the one before is not sure: an answer that is ready; a visit, which may have to read from disk or CouchDB; and
twisted.web, which gets the connection for good, with the bytes already read, for everything that is no plain GET or HEAD: bodies,
upgrades, calls of the API, and what is not well-formed. So the rules that refuse stand in one place, there.
"""

from math import inf
from time import perf_counter
from typing import TypeAlias

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from couchpages.pages.front import Front
from couchpages.pages.glance import END, plain_target, wish
from couchpages.pages.ready import Answer, Shelf
from couchpages.pages.visits import is_plain
from couchpages.web.edge import CLOSE
from couchpages.web.framing import asks_to_close
from couchpages.web.handed_over import HandedOver
from couchpages.web.heads import CRLF, PartialHead, read_head, request_head
from couchpages.web.message import RequestHead, Response
from couchpages.web.on_asyncio import host_of
from couchpages.web.problem import Problem
from couchpages.web.stream import JOINED, Stream
from couchpages.web.syntax import Fault

NOT_MODIFIED = (304, "none")

Said: TypeAlias = tuple[bytes, bool]
"""What fields say beside the host: the value of If-None-Match, or empty, and whether the connection ends with the response."""


class VisitConnection(Stream):
    """One connection.

    The requests of a connection differ little but in their first lines: a browser sends the same fields for every picture of a page. So
    what stands behind the Host field, which comes first, is remembered of the last head that was found well-formed, with what it says,
    and is not read again when it comes again.
    """

    __slots__ = ("_front", "_partial", "_rest", "_said")

    def __init__(self, front: Front) -> None:
        super().__init__(front.edge)
        self._front = front
        self._partial: PartialHead | None = None
        self._rest = b""
        self._said = (b"", False)

    def data_received(self, data: bytes) -> None:
        """Answer what came, or hold it; one whole plain request, which most are, is answered on the shortest way."""
        began = perf_counter()
        if self.held or self.busy or self.paused or self.over:
            super().data_received(data)
        elif not self._answer_one(data, began):
            self.serve(data, tried=data)

    def _answer_one(self, data: bytes, began: float) -> bool:
        """Answer *data* if it is one plain head, and its answer is near."""
        line, _, fields = data.partition(CRLF)
        asked = plain_target(line)
        if asked is None:
            return False
        _, target = asked
        host, _, rest = fields.partition(CRLF)
        if rest and rest == self._rest:
            # A host and a target for which something is ready were well-formed when it was made so.
            taken = self._front.ready_for(host, target)
            if taken is not None:
                return self._at_once(data, asked, taken, self._said, began)
        if not fields.endswith(END) or (read := wish(data[len(line) :])) is None:
            return False
        said = read[1:]
        if not self._front.syntax.accepts(data, closes=said[1]):
            return False
        if host == read[0] and len(rest) <= self._front.remembered:
            self._rest, self._said = rest, said
        taken = self._front.ready_for(read[0], target) or self._front.make_ready(read[0], target)
        return taken is not None and self._at_once(data, asked, taken, said, began)

    def serve(self, data: bytes, start: int = 0, tried: bytes = b"") -> None:
        """Answer each request in *data*; one that is all of *tried* is known not to be answered at once."""
        while data and not self.transport.is_closing():
            end = data.find(END, start) + len(END)
            start = 0
            if end < len(END):
                self._wait_for_more(data)
                return
            self._partial = None
            head = data[:end]
            began = perf_counter()
            if not (head != tried and self._answer_one(head, began)) and not self._visits(head, began):
                self._hand_over(data)
                return
            data = data[end:]
            if self.busy or self.paused or self.over:
                self.hold(data)
                return

    def _wait_for_more(self, data: bytes) -> None:
        """Hold the beginning of a head, unless it is wrong already: twisted.web says so at once."""
        partial = self._partial or PartialHead(self.edge.limits.head)
        if partial.is_wrong(data):
            self._hand_over(data)
        else:
            self._partial = partial
            self.hold_head(data)

    def _hand_over(self, data: bytes) -> None:
        self.over = True
        HandedOver(self.edge).take_over(
            self, self.transport, data, left=self.left, ended=self.ended, resuming=self.resuming
        )

    def _visits(self, head: bytes, began: float) -> bool:
        """Begin a visit; False for what twisted.web has to look at."""
        read = read_head(head, self.edge.limits.head)
        if isinstance(read, Fault) or not is_plain(read):
            return False
        request = request_head(read, host_of(self.transport), self.edge.scheme)
        if self._front.is_call(request):
            return False
        self._visit(request, began, last=asks_to_close(request.version, request.headers.all(b"connection")))
        return True

    def _at_once(
        self, head: bytes, asked: tuple[bytes, bytes], taken: tuple[Shelf, Answer], said: Said, began: float
    ) -> bool:
        """Send an answer; False where its content is not near, or a condition is to be evaluated."""
        method, target = asked
        shelf, answer = taken
        condition, closes = said
        answer.used = True
        key, fields, body = answer.key, answer.fields, answer.body
        if condition:
            # Other conditions than this very tag are for others to evaluate.
            if condition != answer.tag:
                return False
            key, fields, body = NOT_MODIFIED, answer.not_modified, b""
        elif answer.blob is not None:
            found = self._front.content(answer.blob)
            if found is None:
                return False
            body, key = found.content, (answer.status, found.where)
            if found.where == "disk":
                self._front.ready.fill(shelf, target, body)
        if method == b"HEAD":
            key, body = (key[0], "none"), b""
        self._send(key[0], fields, body, last=closes)
        self._note(head, shelf, key, len(body), began)
        return True

    def _send(self, status: int, fields: bytes, body: bytes, *, last: bool) -> None:
        heads = self.edge.heads
        start = heads.starts.get(status) or heads.start_of(status)
        self.left -= 1
        if last or self.left <= 0:
            start += CLOSE
        if len(body) <= JOINED:
            self.transport.write(b"".join((start, fields, body)))
        else:
            self.write(start + fields, body)
        self.sent(last=last)

    def _note(self, head: bytes, shelf: Shelf, key: tuple[int, str], size: int, began: float) -> None:
        seconds = perf_counter() - began
        shelf.tally.count(key, size)
        ledger = self.edge.ledger
        ledger.count(key[0], seconds)
        if ledger.logs:
            ledger.log(head, host_of(self.transport), key[0], size, seconds, shelf.name, key[1])

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
