"""An agent that asks for bodies as they are, and keeps nothing of what was answered (does I/O)."""

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from couchpages.certs.acme.connecting import end_connection
from couchpages.certs.acme.errors import AcmeError, Cause


@implementer(IAgent)
class PlainAgent:
    """Stands below treq, which would unpack what is compressed, however large it gets, and keep cookies for ever."""

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803 -- Twisted's name
    ) -> "Deferred[IResponse]":
        """Ask, as :class:`twisted.web.iweb.IAgent` has it."""
        asked = Headers() if headers is None else headers.copy()
        asked.removeHeader(b"Accept-Encoding")
        asked.removeHeader(b"Cookie")
        answer: Deferred[IResponse] = self._agent.request(method, uri, asked, bodyProducer)
        return answer.addCallback(_plain)


def _plain(response: Any) -> Any:
    response.headers.removeHeader(b"Set-Cookie")
    codings = response.headers.getRawHeaders(b"Content-Encoding", [])
    if all(coding.strip().lower() in (b"", b"identity") for coding in codings):
        return response
    end_connection(response, None)
    raise AcmeError(Cause.NONSENSE, "the answer is compressed, which nobody asked for")


@implementer(IBodyProducer)
class Whole:
    """A request's body, written at once: a few kilobytes, and no timer is needed for them."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> "Deferred[None]":  # noqa: N802 -- Twisted's name
        """Write it."""
        consumer.write(self.body)
        return succeed(None)

    def stopProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Do nothing: it is written."""

    def pauseProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Do nothing: it is written."""

    def resumeProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Do nothing: it is written."""
