"""How an application takes part in an exchange of request and response (pure but for what applications do in it).

An application admits a request when its head is there and before its body is read: that is when keys, lengths and limits are
checked, so that nobody uploads for nothing. What it gives back takes the body's bytes as they come, and answers when they are whole.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from couchpages.web.message import RequestHead, Response
from couchpages.web.problem import Problem


class Body(Protocol):
    """Takes a request's body."""

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises a :class:`Problem` or an OSError, after which nothing more comes but :meth:`close`."""
        ...

    def close(self) -> None:
        """Let go of what is held. Called once, whatever happened, after the response was made or the connection was lost."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """An admitted request: where its body goes, and what answers when the body is whole.

    *respond* may raise a :class:`Problem`, a :class:`couchpages.ports.StoreError` or an OSError.
    """

    respond: Callable[[], Awaitable[Response]]
    body: Body


class Application(Protocol):
    """What a port serves."""

    def admit(self, head: RequestHead) -> Exchange:
        """Admit a request by its head, or raise a :class:`Problem`. Does no I/O that waits."""
        ...


class Discarded:
    """A body that nobody reads, as a GET may carry one (RFC 9110 section 9.3.1); above *limit* bytes it is refused."""

    def __init__(self, limit: int = 65536) -> None:
        self._left = limit

    def write(self, data: bytes) -> None:
        """Forget *data*."""
        self._left -= len(data)
        if self._left < 0:
            raise Problem(413, "this request takes no body")

    def close(self) -> None:
        """Nothing is held."""


class InMemory:
    """A body held in memory, of at most *limit* bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Keep *data*."""
        self._size += len(data)
        if self._size > self._limit:
            raise too_long(self._limit)
        self._parts.append(data)

    def content(self) -> bytes:
        """Give what came."""
        return b"".join(self._parts)

    def close(self) -> None:
        """Forget what came."""
        self._parts.clear()


def too_long(limit: int) -> Problem:
    """Give the problem of a body of more than *limit* bytes."""
    return Problem(413, f"the body is longer than the {limit:,} bytes that this call takes", field="Content-Length")


def announced_length(head: RequestHead, limit: int) -> int | None:
    """Give the Content-Length, if there is one; raise the problem of a body that is longer than *limit* bytes."""
    value = head.headers.first(b"content-length")
    if value is None or not value.isdigit():
        return None
    # 19 digits are enough for any file, and few enough that int() is not made to work.
    length = int(value[:19])
    if length > limit or len(value) > 19:  # noqa: PLR2004 -- see above
        raise too_long(limit)
    return length
