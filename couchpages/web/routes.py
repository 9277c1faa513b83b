"""Which call a method and a path mean (pure)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from couchpages.web.exchange import Exchange
from couchpages.web.message import RequestHead
from couchpages.web.problem import Problem

Endpoint: TypeAlias = Callable[[RequestHead, Mapping[str, str]], Exchange]
"""What a call does with a request's head: admits it or raises a :class:`Problem`, before the body is read."""

_AUTHORITY = re.compile(rb"https?://[^/?#]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Route:
    """*template* is a path whose segments in braces match one segment each: ``/api/v2/sites/{host}``."""

    method: str
    template: str
    endpoint: Endpoint

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """Give the values of the braces, or None when this is another path."""
        wanted = self.template.split("/")[1:]
        if len(wanted) != len(segments):
            return None
        values = {}
        for want, have in zip(wanted, segments, strict=True):
            if want.startswith("{") and have:
                values[want[1:-1]] = have
            elif want != have:
                return None
        return values


@dataclass(frozen=True, slots=True)
class Routes:
    """An application made of routes; see :class:`couchpages.web.exchange.Application`."""

    routes: tuple[Route, ...]

    def admit(self, head: RequestHead) -> Exchange:
        """Find the call and let it admit the request. Raises 400, 404 and 405 problems."""
        if head.version == b"HTTP/1.1" and len(head.headers.all(b"host")) != 1:
            raise Problem(400, "exactly one Host field is needed (RFC 9112 section 3.2)", field="Host")
        segments = split_path(head.target)
        found = [(route, values) for route in self.routes if (values := route.match(segments)) is not None]
        if not found:
            raise Problem(404, "there is no such call; docs/api.md lists them")
        method = "GET" if head.method == b"HEAD" else head.method.decode("ascii", "replace")
        for route, values in found:
            if route.method == method:
                return route.endpoint(head, values)
        methods = {route.method for route, _ in found}
        allow = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
        raise Problem(405, f"{method} is not among {allow}", headers=((b"allow", allow.encode()),))


def split_path(target: bytes) -> list[str]:
    """Give the decoded segments of a request target's path; an encoded slash stays within its segment.

    The target may be in absolute form, which every server accepts (RFC 9112 section 3.2.2).
    """
    absolute = _AUTHORITY.match(target)
    path = target[absolute.end() if absolute else 0 :].split(b"?", 1)[0]
    if not path.startswith(b"/"):
        raise Problem(400, "the request target must be a path that begins with /")
    try:
        return [unquote_to_bytes(segment).decode() for segment in path.split(b"/")[1:]]
    except UnicodeDecodeError:
        raise Problem(400, "the path is not UTF-8") from None
