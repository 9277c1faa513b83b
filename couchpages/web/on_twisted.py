"""An asyncio transport on a Twisted one, so that the same protocols run on every reactor (thin).

Twisted's epoll reactor, which somebody may ask for, has no native asyncio connections. This way costs more for each request.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, cast

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, IPushProducer, ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

#: Bytes with which Twisted's transports ask for a pause.
HIGH_WATER = FileDescriptor.bufferSize


class Negotiated:
    """What is known of the TLS of a Twisted transport, by the names that :class:`ssl.SSLObject` has for it."""

    def __init__(self, twisted: Any) -> None:
        self._twisted = twisted

    def version(self) -> str:
        """Give the version, as ``TLSv1.3``."""
        return str(self._twisted.getHandle().get_protocol_version_name())

    def selected_alpn_protocol(self) -> str | None:
        """Give the protocol that was agreed on, or None."""
        protocol = self._twisted.negotiatedProtocol
        return None if protocol is None else protocol.decode("latin-1")


@implementer(IPushProducer)
class AsyncioTransport(asyncio.Transport):
    """What an asyncio protocol writes to."""

    def __init__(self, twisted: Any, adapter: "AsyncioOnTwisted") -> None:
        super().__init__()
        self._twisted = twisted
        self._adapter = adapter
        self._closing = False
        self._unsent = 0
        self._paused = False
        self._registered = True
        self._is_secure = ISSLTransport.providedBy(twisted)
        twisted.registerProducer(self, True)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Give ``peername`` and ``sockname``; over TLS ``ssl_object``, which knows its version."""
        if name == "ssl_object":
            return Negotiated(self._twisted) if self._is_secure else default
        address = {"peername": self._twisted.getPeer, "sockname": self._twisted.getHost}.get(name, lambda: None)()
        return default if address is None else _name_of(address)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have another protocol receive from now on."""
        self._adapter.receiver = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Give the protocol that receives."""
        return cast("asyncio.BaseProtocol", self._adapter.receiver)

    def write(self, data: Any) -> None:
        """Send *data*."""
        if not self._closing:
            # While it was not paused, Twisted's transport held no more than it takes without asking for a pause.
            self._unsent = (self._unsent if self._paused else min(self._unsent, HIGH_WATER)) + len(data)
            self._twisted.write(bytes(data))

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Send several pieces."""
        self.write(b"".join(list_of_data))

    def get_write_buffer_size(self) -> int:
        """Give how much may be unsent at most: Twisted's transports do not tell."""
        return self._unsent

    def can_write_eof(self) -> bool:
        """Whether one half can be closed; what lies below TLS must not be closed under it."""
        return not self._is_secure and hasattr(self._twisted, "loseWriteConnection")

    def write_eof(self) -> None:
        """Close our half."""
        self._produce_no_more()
        self._twisted.loseWriteConnection()

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._twisted.pauseProducing()

    def resume_reading(self) -> None:
        """Read on."""
        if not self._closing:
            self._twisted.resumeProducing()

    def is_closing(self) -> bool:
        """Whether it is closed, or will be."""
        return self._closing

    def close(self) -> None:
        """Close when everything is sent."""
        if not self._closing:
            self._closing = True
            self._produce_no_more()
            self._twisted.loseConnection()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        self._twisted.abortConnection()

    def _produce_no_more(self) -> None:
        registered, self._registered = self._registered, False
        if registered:
            self._twisted.unregisterProducer()

    # IPushProducer, for Twisted's transport.

    def pauseProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Tell that Twisted's transport holds enough; it says so again with every write."""
        if self._paused:
            return
        self._paused = True
        self._adapter.receiver.pause_writing()

    def resumeProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Tell that Twisted's transport wants more."""
        self._unsent = 0
        self._paused = False
        self._adapter.receiver.resume_writing()

    def stopProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Do nothing: that the connection is lost is told apart from this."""


@implementer(IHalfCloseableProtocol)
class AsyncioOnTwisted(Protocol):
    """Hands what a Twisted transport tells to an asyncio protocol."""

    def __init__(self, receiver: Any) -> None:
        self.receiver = receiver
        self._transport: AsyncioTransport | None = None

    def connectionMade(self) -> None:  # noqa: N802 -- Twisted's name
        """Begin."""
        set_no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if set_no_delay is not None:
            set_no_delay(True)
        self._transport = AsyncioTransport(self.transport, self)
        self.receiver.connection_made(self._transport)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        """Hand data on; nothing that a closed connection still receives, as asyncio does."""
        if self._transport is not None and not self._transport.is_closing():
            self.receiver.data_received(data)

    def readConnectionLost(self) -> None:  # noqa: N802 -- Twisted's name
        """Tell that the other end closed its half."""
        if not self.receiver.eof_received() and self._transport is not None:
            self._transport.close()

    def writeConnectionLost(self) -> None:  # noqa: N802 -- Twisted's name
        """Do nothing: our own half is closed."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        """Tell of the end; asyncio's protocols hear of an error, or of None, also where they cut the connection themselves."""
        self.receiver.connection_lost(None if reason.check(ConnectionDone, ConnectionAborted) else reason.value)


class AsyncioFactory(Factory):
    """Makes an asyncio protocol for each connection of a Twisted port."""

    noisy = False

    def __init__(self, make: Callable[[], asyncio.Protocol]) -> None:
        self._make = make

    def buildProtocol(self, addr: IAddress | None) -> Protocol:  # noqa: N802 -- Twisted's name
        """Make a protocol."""
        del addr
        return AsyncioOnTwisted(self._make())


def _name_of(address: Any) -> Any:
    """Give an address as sockets do."""
    host = getattr(address, "host", None)
    return (host, address.port) if host is not None else getattr(address, "name", b"")
