"""A visit: from a request's head to the file that it names (thin: routing and replies decide)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

from couchpages.pages.blobs import BlobReader
from couchpages.pages.hosts import requested_host
from couchpages.pages.ranges import ByteRange
from couchpages.pages.ready import Answer, Ready, Shelf, answer_of, file_answer
from couchpages.pages.replies import (
    Reply,
    file_reply,
    method_not_allowed,
    plain_reply,
    redirect_reply,
    unavailable_reply,
    unknown_host_reply,
)
from couchpages.pages.routing import Malformed, NotFound, Redirect, Serve, route
from couchpages.pages.secure import Secure, secure_location
from couchpages.pages.sites import Sites, UnknownHost
from couchpages.pages.trace import Place, trace, wanted
from couchpages.ports import StoreError
from couchpages.web.exchange import Discarded, Exchange
from couchpages.web.heads import Head
from couchpages.web.message import FilePart, RequestHead, Response
from couchpages.web.problem import RETRY_AFTER
from couchpages.web.proxies import Network, client_of
from couchpages.web.sending import DIRECT
from couchpages.web.targets import target_host

METHODS = (b"GET", b"HEAD")
RESERVED_PATH = b"/cdn-cgi"
#: Fields that make a GET more than a visit: another protocol, an interim response.
_MORE = frozenset({b"upgrade", b"expect"})


class Visits:
    """The application of a public port. *secure* is where its visitors are sent, if they are: it has to be the one of plain HTTP then."""

    def __init__(
        self,
        sites: Sites,
        blobs: BlobReader,
        place: Place,
        trusted_proxies: Sequence[Network],
        clock: Callable[[], float],
        secure: Secure | None = None,
    ) -> None:
        self._sites = sites
        self._blobs = blobs
        self._place = place
        self._trusted_proxies = trusted_proxies
        self._clock = clock
        self._secure = secure

    def admit(self, head: RequestHead) -> Exchange:
        """See :class:`couchpages.web.exchange.Application`."""

        async def respond() -> Response:
            return await self.respond(head)

        return Exchange(respond, Discarded())

    def make_ready(self, ready: Ready, field: bytes, target: bytes) -> tuple[Shelf, Answer] | None:
        """Make and keep the answer to a plain request for something small that is in memory or on disk; None otherwise."""
        host = requested_host(field.partition(b":")[2].strip(b" \t"))
        served = self._sites.serving(host) if host else None
        files = self._sites.held_files(served) if served is not None else None
        if not host or files is None or not target.startswith(b"/") or target.startswith(RESERVED_PATH):
            return None
        location = secure_location(self._secure, host, target)
        if location is not None:
            # Whether a trusted proxy says that it was HTTPS, only the fields tell.
            if self._trusted_proxies:
                return None
            answer = answer_of(redirect_reply(location))
            return ready.put(field, host, served, target, answer), answer
        match route(files, target):
            case Serve(path, blob):
                size = self._blobs.size(blob)
                if size is None or size > DIRECT:
                    return None
                answer = file_answer(path, blob, size, self._blobs.held(blob))
            case Redirect(location):
                answer = answer_of(redirect_reply(location))
            case _:
                return None
        return ready.put(field, host, served, target, answer), answer

    async def respond(self, head: RequestHead) -> Response:
        """Answer; never fails but for a defect."""
        response = await self._respond(head)
        return response if response.site is not None else replace(response, site="")

    async def _respond(self, head: RequestHead) -> Response:
        host = host_of(head)
        if isinstance(host, Reply):
            return host.to(head.method).from_memory()
        return self._sent_away(head, host) or await self._answered(head, host)

    def _sent_away(self, head: RequestHead, host: str) -> Response | None:
        location = secure_location(self._secure, host, head.target)
        if location is not None and client_of(head, self._trusted_proxies).scheme == "http":
            return redirect_reply(location).to(head.method).from_memory()
        return None if head.method in METHODS else method_not_allowed().from_memory()

    async def _answered(self, head: RequestHead, host: str) -> Response:
        traced = wanted(head.target)
        if traced is not None:
            client = client_of(head, self._trusted_proxies)
            return trace(traced, head, host, client, self._place, self._clock())
        try:
            response = await self._visit(head, await self._sites.files_for(host))
            return replace(response, site=self._sites.site_of(host))
        except UnknownHost:
            return unknown_host_reply(host).to(head.method).from_memory()
        except (StoreError, OSError):
            # Whoever failed has logged it; a visitor is told to come again (law 3).
            return unavailable_reply(RETRY_AFTER).to(head.method).from_memory()

    async def _visit(self, head: RequestHead, files: Mapping[str, str]) -> Response:
        match route(files, head.target):
            case Serve(path, blob):
                return await self._file(head, path, blob, 200)
            case Redirect(location):
                return redirect_reply(location).to(head.method).from_memory()
            case NotFound(Serve(path, blob)):
                return await self._file(head, path, blob, 404)
            case NotFound():
                return plain_reply(404, "Not found: this site has no such page.\n").to(head.method).from_memory()
            case Malformed(detail):
                return plain_reply(400, f"Bad request: {detail}\n").to(head.method).from_memory()

    async def _file(self, head: RequestHead, path: str, blob: str, status: int) -> Response:
        content, where = await self._blobs.find(blob)
        if isinstance(content, bytes):
            reply = file_reply(head.method, head.headers, path, blob, len(content), status)
            return replace(reply.from_memory(content), cache=where if reply.blob else "none")
        try:
            size = content.seek(0, 2)
            reply = file_reply(head.method, head.headers, path, blob, size, status)
            return replace(_from_file(reply, content), cache=where if reply.blob else "none")
        except BaseException:
            content.close()
            raise


def is_plain(head: Head) -> bool:
    """Whether a request is GET or HEAD without a body, and asks for a file and nothing else."""
    return (
        head.line.method in METHODS
        and head.length == 0
        and RESERVED_PATH not in head.line.target
        and _MORE.isdisjoint(field.name for field in head.fields)
    )


def host_of(head: RequestHead) -> str | Reply:
    """Give the host that a request is for, canonical, or the reply to one that names none or several (RFC 9112 section 3.2)."""
    named = head.headers.all(b"host")
    if len(named) > 1 or (not named and head.version == b"HTTP/1.1"):
        return plain_reply(400, "Bad request: exactly one Host field is needed.\n")
    absolute = target_host(head.target)
    value = absolute if absolute is not None else (named[0] if named else b"")
    host = requested_host(value) if value else ""
    if host is None:
        return plain_reply(400, "Bad request: the Host field names no host.\n")
    return host


def _from_file(reply: Reply, file: BinaryIO) -> Response:
    if reply.blob is None:
        file.close()
        return reply.from_memory()
    parts = (_part(piece, file) for piece in reply.body)
    return Response(reply.status, reply.headers, tuple(parts))


def _part(piece: bytes | ByteRange, file: BinaryIO) -> bytes | FilePart:
    return piece if isinstance(piece, bytes) else FilePart(file, piece.start, piece.stop - piece.start)
