"""A Twisted transport on an asyncio one, for Twisted's protocols on native connections (thin)."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress, IPushProducer, ISSLTransport, ITCPTransport
from zope.interface import implementer

from couchpages.reactors import running_loop


@implementer(ITCPTransport, IPushProducer)
class TwistedTransport:
    """What a Twisted protocol writes to. Whoever is the asyncio protocol passes :meth:`pause` and :meth:`resume` on.

    *closes* is called when the protocol closes, before everything is sent, and *wants* when it reads on after it had paused.

    :ivar reads: whether the protocol wants data.
    """

    disconnecting = False

    def __init__(
        self,
        transport: asyncio.Transport,
        closes: Callable[[], object] = lambda: None,
        wants: Callable[[], object] = lambda: None,
    ) -> None:
        self._transport = transport
        self._wants = wants
        self.reads = True
        self._closes = closes
        self._producer: Any = None
        self._streaming = False
        self._paused = False
        self._resuming = False
        self._half_closed = False

    # From the asyncio protocol.

    def pause(self) -> None:
        """Have the producer pause: the transport holds enough."""
        self._paused = True
        if self._producer is not None and self._streaming:
            self._producer.pauseProducing()

    def resume(self) -> None:
        """Have it go on."""
        self._paused = False
        if self._producer is not None:
            self.while_resuming(self._producer.resumeProducing)

    def while_resuming(self, call: Callable[[], object]) -> None:
        """Do *call* while the asyncio transport tells its protocol to go on: it must not be closed under its own hands then."""
        self._resuming = True
        try:
            call()
        finally:
            self._resuming = False

    def lost(self) -> None:
        """Have it end: the connection is gone."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()

    # ITransport

    def write(self, data: bytes) -> None:
        """Send *data*, unless our half of the connection is closed, or all of it is being closed."""
        if data and not self._half_closed and not self._transport.is_closing():
            self._transport.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:  # noqa: N802 -- Twisted's name
        """Send several pieces."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:  # noqa: N802 -- Twisted's name
        """Close when everything is sent; what a producer has not written yet is not waited for."""
        self.disconnecting = True
        self._closes()
        soon(self._transport.close)

    def abortConnection(self) -> None:  # noqa: N802 -- Twisted's name
        """Close at once."""
        self.disconnecting = True
        self._leave_by(self._transport.abort)

    def _leave_by(self, call: Callable[[], object]) -> None:
        if self._resuming:
            soon(call)
        else:
            call()

    def loseWriteConnection(self) -> None:  # noqa: N802 -- Twisted's name
        """Close our half when everything is sent."""
        self._half_closed = True
        if not self._transport.is_closing() and self._transport.can_write_eof():
            self._transport.write_eof()

    def getPeer(self) -> Any:  # noqa: N802 -- Twisted's name
        """Give the other end's address."""
        return address_of(self._transport.get_extra_info("peername"))

    def getHost(self) -> Any:  # noqa: N802 -- Twisted's name
        """Give this end's address."""
        return address_of(self._transport.get_extra_info("sockname"))

    @property
    def tls_version(self) -> str:
        """Which TLS it is (``TLSv1.3``), or nothing."""
        return tls_version(self._transport)

    def getTcpNoDelay(self) -> bool:  # noqa: N802 -- Twisted's name
        """Asyncio turns Nagle's algorithm off."""
        return True

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 -- Twisted's name
        """Leave it as it is."""

    def getTcpKeepAlive(self) -> bool:  # noqa: N802 -- Twisted's name
        """Our own time-outs end dead connections sooner."""
        return False

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802 -- Twisted's name
        """As :meth:`getTcpKeepAlive`."""

    # IConsumer

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802 -- Twisted's name
        """Have *producer* told when to pause and when to go on; at once where the transport holds enough already."""
        if self._producer is not None:
            raise RuntimeError(f"{producer} cannot produce while {self._producer} does")
        self._producer, self._streaming = producer, streaming
        if streaming and self._paused:
            producer.pauseProducing()
        elif not streaming and not self._paused:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:  # noqa: N802 -- Twisted's name
        """Tell it no more."""
        self._producer = None

    # IPushProducer: what reads from this transport.

    def pauseProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Read no more for now."""
        self.reads = False
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resumeProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Read on."""
        self.reads = True
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._wants()

    def stopProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """Close."""
        self.loseConnection()


@implementer(ISSLTransport)
class SecureTransport(TwistedTransport):
    """The same over TLS, which has no half-closed connections."""

    def getPeerCertificate(self) -> None:  # noqa: N802 -- Twisted's name
        """Nobody is asked for one."""


def twisted_transport(
    transport: asyncio.Transport,
    closes: Callable[[], object] = lambda: None,
    wants: Callable[[], object] = lambda: None,
) -> TwistedTransport:
    """Give the Twisted transport on an asyncio one, which is TLS or is not."""
    kind = TwistedTransport if transport.get_extra_info("ssl_object") is None else SecureTransport
    return kind(transport, closes, wants)


def soon(call: Callable[[], object]) -> None:
    """Close a transport that just said that there is room again: *call* is called in the loop's next turn.

    asyncio's own transports, when closed by a protocol's ``resume_writing``, tell twice that the connection is lost, the second time in
    vain (``_write_ready`` and ``close`` of ``asyncio/selector_events.py``, Python 3.11 to 3.14).
    """
    loop = running_loop()
    if loop is None:
        call()
    else:
        loop.call_soon(call)


def address_of(name: Any) -> IAddress:
    """Give the Twisted address of a socket's name: a tuple for TCP, a path for a Unix socket."""
    if isinstance(name, tuple):
        kind = IPv6Address if ":" in name[0] else IPv4Address
        return kind("TCP", *name[:2])
    return UNIXAddress(name or None)


def tls_version(transport: asyncio.BaseTransport) -> str:
    """Give which TLS a connection is (``TLSv1.3``), or nothing."""
    secure = transport.get_extra_info("ssl_object")
    return "" if secure is None else secure.version() or ""


def host_of(transport: asyncio.BaseTransport) -> str:
    """Give the other end's IP address as text, "" where there is none."""
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) else ""
