"""TLS connections on Twisted's transports: from the first byte to the protocol that answers (does I/O; others decide).

For the API's port, and for every port on reactors that are no asyncio loop. That a session was resumed, pyOpenSSL does not tell: it
counts as a full handshake here.
"""

from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IOpenSSLServerConnectionCreator,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from couchpages.web.handshakes import Handshake, Handshakes
from couchpages.web.on_twisted import AsyncioOnTwisted, Negotiated
from couchpages.web.plain_http import PlainHttp
from couchpages.web.tls_native import Make
from couchpages.web.tls_outcomes import Opening, Outcome, opening, outcome_of


@implementer(IOpenSSLServerConnectionCreator)
class _Connections:
    def __init__(self, base: Callable[[], SSL.Context]) -> None:
        self._base = base

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: N802, N803 -- Twisted's names
        """Make the connection object of one connection."""
        del tlsProtocol
        return SSL.Connection(self._base(), None)


class SecureFactory(Factory):
    """Makes the protocols of a TLS port, whose connections begin with what *base* gives, and on which *make* answers."""

    noisy = False

    def __init__(self, pending: Handshakes, base: Callable[[], SSL.Context], make: Make) -> None:
        self.pending = pending
        self.make = make
        arrivals = Factory.forProtocol(Arrival)
        arrivals.noisy = False
        self._tls: Any = TLSMemoryBIOFactory(_Connections(base), False, arrivals, pending.edge.reactor)
        self._tls.noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Protocol:  # noqa: N802 -- Twisted's name
        """Make a protocol."""
        return FirstByte(self, getattr(addr, "host", ""))

    def secure(self, handshake: "FirstByte") -> Protocol:
        """Make the protocol that speaks TLS."""
        made = self._tls.buildProtocol(None)
        made.wrappedProtocol.handshake = handshake
        return made  # type: ignore[no-any-return]  # Twisted's


@implementer(IHalfCloseableProtocol)
class FirstByte(Protocol, Handshake):
    """Looks at the first byte of a connection, and hands everything to what that is for."""

    def __init__(self, factory: SecureFactory, address: str) -> None:
        Handshake.__init__(self, factory.pending)
        self._factory = factory
        self._address = address
        self._inner: Any = None

    def connectionMade(self) -> None:  # noqa: N802 -- Twisted's name
        """Begin, unless there are too many."""
        if not self.pending.enter(self, self._address):
            self.cut()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Hand it on."""
        if self._inner is None:
            self._inner = self._made(opening(data[0]))
            if self._inner is None:
                self.end(Outcome.GARBAGE)
                self.cut()
                return
            self._inner.makeConnection(self.transport)
        self._inner.dataReceived(data)

    def _made(self, what: Opening) -> Any:
        match what:
            case Opening.TLS:
                return self._factory.secure(self)
            case Opening.HTTP:
                self.end(Outcome.PLAIN_HTTP)
                return AsyncioOnTwisted(PlainHttp(self.pending.edge))
            case _:
                return None

    def arrived(self, transport: Any) -> AsyncioOnTwisted:
        """Have the handshake over: give what answers from now on."""
        known = Negotiated(transport)
        self.end(Outcome.FULL, known.version())
        answers = AsyncioOnTwisted(self._factory.make(known.selected_alpn_protocol()))
        answers.makeConnection(transport)
        return answers

    def readConnectionLost(self) -> None:  # noqa: N802 -- Twisted's name
        """Hand it on: under TLS there is no half of a connection."""
        half: Any = IHalfCloseableProtocol(self._inner, None)
        if half is not None:
            half.readConnectionLost()
        else:
            transport: Any = self.transport
            transport.loseConnection()

    def writeConnectionLost(self) -> None:  # noqa: N802 -- Twisted's name
        """Do nothing: our own half is closed."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        """Hand it on."""
        if self._inner is not None:
            self._inner.connectionLost(reason)
        self.end(Outcome.CLOSED)

    def cut(self) -> None:
        """Close the connection at once."""
        transport: Any = self.transport
        transport.abortConnection()


@implementer(IHandshakeListener)
class Arrival(Protocol):
    """What is within TLS: nothing until the handshake is over, then what answers."""

    handshake: FirstByte
    _answers: AsyncioOnTwisted | None = None

    def handshakeCompleted(self) -> None:  # noqa: N802 -- Twisted's name
        """Begin to answer."""
        self._answers = self.handshake.arrived(self.transport)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Hand it on."""
        if self._answers is not None:
            self._answers.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        """Hand it on, or note how the handshake failed."""
        if self._answers is not None:
            self._answers.connectionLost(reason)
        elif isinstance(reason.value, SSL.Error):
            self.handshake.end(outcome_of(_reason(reason.value)))
        else:
            self.handshake.end(Outcome.CLOSED)


def _reason(error: SSL.Error) -> str:
    queue = error.args[0] if error.args else None
    return str(queue[-1][2]).upper().replace(" ", "_") if isinstance(queue, list) and queue else ""
