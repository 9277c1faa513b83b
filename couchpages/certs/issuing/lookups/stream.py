"""One question over TCP, and the answer to it (does I/O)."""

from typing import Any

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from couchpages.certs.issuing.connecting import connect, told
from couchpages.certs.issuing.lookups.messages import Answer, DnsError, Question, question_wire, read_answer
from couchpages.config_values import SocketAddress

LENGTH_BYTES = 2


async def ask_stream(reactor: Any, server: SocketAddress, question: Question, message_id: int) -> Answer:
    """Ask over TCP, for as long as it takes. Raises :class:`~couchpages.certs.issuing.lookups.messages.DnsError`."""
    wire = question_wire(question, message_id)
    try:
        stream = await connect(reactor, server.host, server.port, _Stream)
    except error.ConnectError as trouble:
        raise DnsError(server, f"over TCP {told(trouble)}") from None
    try:
        answer = read_answer(await stream.ask(wire), question, message_id)
    except error.ConnectionClosed:
        raise DnsError(server, "closed the connection without an answer") from None
    except ValueError as trouble:
        raise DnsError(server, f"answered over TCP, but {trouble}") from None
    finally:
        stream.abort()
    if answer.truncated:
        # Nobody knows what is missing, and it must not pass for nothing.
        raise DnsError(server, "cut its answer off over TCP too")
    return answer


class _Stream(Protocol):
    """Sends one message with its length before it, and receives one (RFC 1035 section 4.2.2)."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: Deferred[bytes] = Deferred()

    def ask(self, wire: bytes) -> "Deferred[bytes]":
        """Send, and give what comes."""
        assert self.transport is not None  # noqa: S101 -- whoever asks is connected
        self.transport.write(len(wire).to_bytes(LENGTH_BYTES, "big") + wire)
        return self._answer

    def abort(self) -> None:
        """Want nothing more."""
        if self.transport is not None:
            getattr(self.transport, "abortConnection", self.transport.loseConnection)()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        if self._answer.called:
            return
        self._received += data
        end = LENGTH_BYTES + int.from_bytes(self._received[:LENGTH_BYTES], "big")
        if len(self._received) >= max(end, LENGTH_BYTES):
            self._answer.callback(bytes(self._received[LENGTH_BYTES:end]))

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        if not self._answer.called:
            self._answer.errback(reason)
