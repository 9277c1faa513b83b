"""Asks applications as :mod:`couchpages.web.server` does, without sockets (for tests).

>>> received(now(Deferred.fromCoroutine(exchange(application, head_of("GET", "/")))))
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from couchpages.ports import StoreError
from couchpages.web.exchange import Application
from couchpages.web.message import FilePart, Headers, RequestHead, Response
from couchpages.web.problem import Problem, problem_for_disk, problem_for_store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as a client has it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def head_of(
    method: str, target: str | bytes, headers: Mapping[str, str] | tuple[tuple[bytes, bytes], ...] = ()
) -> RequestHead:
    """Give the head of a request of HTTP/1.1 from 192.0.2.1."""
    pairs = (
        tuple((name.lower().encode(), value.encode()) for name, value in headers.items())
        if isinstance(headers, Mapping)
        else headers
    )
    raw = target.encode() if isinstance(target, str) else target
    return RequestHead(method.encode(), raw, b"HTTP/1.1", Headers(pairs), "192.0.2.1", "http")


async def exchange(application: Application, head: RequestHead, body: bytes = b"", piece: int = 65536) -> Response:
    """Ask *application* as :mod:`couchpages.web.server` does, the body coming in pieces; errors become responses as there."""
    try:
        admitted = application.admit(head)
        try:
            for start in range(0, len(body), piece):
                admitted.body.write(body[start : start + piece])
            return await admitted.respond()
        finally:
            admitted.body.close()
    except Problem as problem:
        return problem.response()
    except StoreError as error:
        return problem_for_store(error).response()
    except OSError as error:
        return problem_for_disk(error).response()


def received(response: Response, method: str = "GET") -> Answer:
    """Read a response as a client of *method* would, and close its files."""
    parts = (response.body,) if isinstance(response.body, bytes) else response.body
    body = b"".join(_bytes_of(part) for part in parts)
    response.close()
    headers = {name.decode(): value.decode("latin-1") for name, value in response.headers}
    return Answer(response.status, headers, b"" if method == "HEAD" else body)


def _bytes_of(part: bytes | FilePart) -> bytes:
    if isinstance(part, bytes):
        return part
    part.file.seek(part.start)
    return part.file.read(part.length)


def now(waited: "Deferred[T]") -> T:
    """Give the result of what has ended, or raise its error; AssertionError if it waits."""
    results: list[Any] = []
    waited.addBoth(results.append)
    if not results:
        raise AssertionError("this still waits")
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]  # type: ignore[no-any-return]  # the Deferred's type


def with_head(head: RequestHead, **changes: Any) -> RequestHead:
    """Give *head* with some of its members changed."""
    return replace(head, **changes)
