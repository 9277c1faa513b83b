"""Where a certificate authority looks for an HTTP-01 challenge: before sites, redirects and API, at every host (does no I/O)."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from couchpages.pages.replies import NOSNIFF, NOT_STORED, Reply, unavailable_reply
from couchpages.pages.secure import CHALLENGES
from couchpages.pages.visits import METHODS, host_of
from couchpages.ports import Unavailable
from couchpages.web.exchange import Discarded, Exchange
from couchpages.web.hosts import ByHost
from couchpages.web.message import RequestHead, Response
from couchpages.web.problem import RETRY_AFTER
from couchpages.web.targets import split_absolute

Answer: TypeAlias = Callable[[str, str], bytes | None]
"""Gives what answers for a host (canonical) and a token, or None. Asked for every such request: it answers from memory.

Raises :class:`couchpages.ports.Unavailable` while it is not known whether there is an answer.
"""

#: RFC 8555 section 8.1: characters of base64url. Tokens of CAs have 43, and what is looked up has an end.
_TOKEN = re.compile(rb"[A-Za-z0-9_-]{1,256}")
_TYPE = (b"content-type", b"application/octet-stream")
_NOT_FOUND = 404


def no_answer(host: str, token: str) -> None:
    """Give no answer: no certificates are ordered here."""


class ChallengesFirst:
    """An application (:class:`couchpages.web.exchange.Application`) that answers challenges, and leaves all else to *inner*."""

    def __init__(self, answer: Answer, inner: ByHost) -> None:
        self._answer = answer
        self._inner = inner

    def admit(self, head: RequestHead) -> Exchange:
        """See :class:`couchpages.web.exchange.Application`."""
        try:
            content = self._content(head)
        except Unavailable:
            return _not_denied(self._inner.admit(head), head.method)
        if content is None:
            return self._inner.admit(head)
        size = (b"content-length", b"%d" % len(content))
        response = Reply(200, (_TYPE, size, NOT_STORED, NOSNIFF), (content,)).to(head.method).from_memory()

        async def respond() -> Response:
            return response

        return Exchange(respond, Discarded())

    def is_call(self, head: RequestHead) -> bool:
        """Whether a request is none for files that may be held ready: it may be for a challenge, or is for the API."""
        # No more than may be, because everybody's requests are looked at: what is none after all, the inner application answers.
        return CHALLENGES in head.target or self._inner.is_call(head)

    def _content(self, head: RequestHead) -> bytes | None:
        if CHALLENGES not in head.target or head.method not in METHODS:
            return None
        token = token_in(head.target)
        host = host_of(head) if token else None
        return self._answer(host, token) if token and host and isinstance(host, str) else None


def _not_denied(inner: Exchange, method: bytes) -> Exchange:
    """Answer as *inner* does, but with 503 where that has no such thing: there may be a challenge, which is not known yet (law 3)."""

    async def respond() -> Response:
        response = await inner.respond()
        if response.status != _NOT_FOUND:
            return response
        response.close()
        return replace(unavailable_reply(RETRY_AFTER).to(method).from_memory(), site=response.site)

    return Exchange(respond, inner.body)


def token_in(target: bytes) -> str | None:
    """Give the token that a request target names, as RFC 8555 section 8.3 writes it, or None.

    A query is left out of account, as it is for files. Nothing is decoded: no character of a token needs that, and no CA does it.
    """
    path = split_absolute(target)[1].partition(b"?")[0]
    if not path.startswith(CHALLENGES):
        return None
    token = path[len(CHALLENGES) :]
    return token.decode() if _TOKEN.fullmatch(token) else None
