"""One question over UDP, and the answer to it (does I/O).

Each question has a socket of its own, connected to the server: the system chooses its port at random, gives nobody else's datagrams to it,
and tells of refusals. Twisted's own ports are not used because each writes two lines into the log.
"""

import errno
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from couchpages.certs.issuing.connecting import told
from couchpages.certs.issuing.lookups.messages import Answer, DnsError, Question, question_wire, read_answer
from couchpages.config_values import SocketAddress

LARGEST_DATAGRAM = 65535
#: Wrong answers after which somebody seems to guess, and the question goes over TCP (RFC 5452 section 9.3 has the idea).
MOST_WRONG = 32
#: RFC 863's port, which nothing is sent to.
DISCARD = 9
#: What systems say that have no way to an address, or none of its family.
NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})

Opener: TypeAlias = Callable[[SocketAddress], socket.socket]
"""Gives a datagram socket that is connected to a server, and does not block. Raises OSError."""


def open_socket(server: SocketAddress) -> socket.socket:
    """See :data:`Opener`."""
    opened = socket.socket(socket.AF_INET6 if ":" in server.host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.connect((server.host, server.port))
    except OSError:
        opened.close()
        raise
    return opened


def has_route(host: str) -> bool:
    """Whether this machine knows a way to an IP address at all. Sends nothing: connecting a datagram socket only looks for the route."""
    try:
        open_socket(SocketAddress(host, DISCARD)).close()
    except OSError as trouble:
        return trouble.errno not in NO_ROUTE
    return True


async def ask_datagrams(
    reactor: Any, server: SocketAddress, question: Question, message_id: int, tries: Sequence[float], opener: Opener
) -> Answer | None:
    """Ask over UDP, once for each of *tries*, which are seconds; None where it is better asked over TCP.

    Raises :class:`~couchpages.certs.issuing.lookups.messages.DnsError`.
    """
    wire = question_wire(question, message_id)
    try:
        opened = opener(server)
    except OSError as trouble:
        raise DnsError(server, told(trouble)) from None
    asking = _Asking(reactor, opened, lambda datagram: read_answer(datagram, question, message_id), tries)
    try:
        asking.begin(wire)
        return await asking.done
    except OSError as trouble:
        raise DnsError(server, told(trouble)) from None
    except _Unheard as trouble:
        raise DnsError(server, str(trouble)) from None
    finally:
        asking.end()


class _Unheard(Exception):
    """No answer came."""


@implementer(IReadDescriptor)
class _Asking:
    """Sends a question again and again until *read* takes what came for the answer; ValueError says that it is none."""

    def __init__(
        self, reactor: Any, opened: socket.socket, read: Callable[[bytes], Answer], tries: Sequence[float]
    ) -> None:
        self._reactor = reactor
        self._socket = opened
        self._read = read
        self._tries = list(tries)
        self._seconds = sum(tries)
        self._wrong = 0
        self._timer: Any = None
        self.done: Deferred[Answer | None] = Deferred()

    def begin(self, wire: bytes) -> None:
        """Listen, and send."""
        self._reactor.addReader(self)
        self._send(wire)

    def end(self) -> None:
        """Do nothing more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._reactor.removeReader(self)
        self._socket.close()

    def doRead(self) -> None:  # noqa: N802 -- Twisted's name
        """Take what came: one at a time, so that a flood does not keep the reactor."""
        try:
            datagram = self._socket.recv(LARGEST_DATAGRAM)
        except BlockingIOError:
            return
        except OSError as trouble:
            self._settle(Failure(trouble))
            return
        try:
            answer = self._read(datagram)
        except ValueError:
            self._wrong += 1
            if self._wrong >= MOST_WRONG:
                self._settle(None)
        else:
            self._settle(answer)

    def fileno(self) -> int:
        """See IReadDescriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802 -- Twisted's name
        """See IReadDescriptor."""
        return "question"

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802 -- Twisted's name
        """See IReadDescriptor: the reactor stops, or was told of an error, which epoll's reactor takes for an end."""
        if self.done.called:
            return
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._settle(Failure(OSError(number, os.strerror(number))))
        else:
            self._settle(Failure(_Unheard(f"cannot be heard: {reason.value}")))

    def _send(self, wire: bytes) -> None:
        if not self._tries:
            words = "sent nothing but what is no answer" if self._wrong else "did not answer"
            self._settle(Failure(_Unheard(f"{words} in {self._seconds:g} seconds")))
            return
        self._timer = self._reactor.callLater(self._tries.pop(0), self._send, wire)
        try:
            self._socket.send(wire)
        except BlockingIOError:
            # It is lost, as others may be on their way.
            pass
        except OSError as trouble:
            self._settle(Failure(trouble))

    def _settle(self, result: "Answer | Failure | None") -> None:
        if self.done.called:
            return
        self.done.errback(result) if isinstance(result, Failure) else self.done.callback(result)
