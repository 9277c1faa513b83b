"""A Twisted transport on an asyncio one."""

from typing import Any
from unittest.mock import Mock

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from couchpages.web.on_asyncio import TwistedTransport, address_of, host_of
from tests.web.native import HIGH_WATER, NativeWire


@implementer(IPushProducer)
class Producer:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        """Note it."""
        self.told.append("pause")

    def resumeProducing(self) -> None:
        """Note it."""
        self.told.append("resume")

    def stopProducing(self) -> None:
        """Note it."""
        self.told.append("stop")


class Hearing:
    """An asyncio protocol that passes pauses on, as whoever has a TwistedTransport must."""

    def __init__(self, transport: NativeWire) -> None:
        self.twisted = TwistedTransport(transport)

    def pause_writing(self) -> None:
        """Pass it on."""
        self.twisted.pause()

    def resume_writing(self) -> None:
        """Pass it on."""
        self.twisted.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        del exc
        self.twisted.lost()


class TransportTests(SynchronousTestCase):
    """``TwistedTransport``."""

    def setUp(self) -> None:
        """Make one, whose reader is slow."""
        self.wire = NativeWire(Clock(), slow=True)
        self.wire.protocol = Hearing(self.wire)
        self.transport: TwistedTransport = self.wire.protocol.twisted
        self.producer = Producer()

    def test_interface(self) -> None:
        """It is what Twisted's protocols expect of a TCP transport, and answers what they ask of one."""
        verifyObject(ITCPTransport, self.transport)
        verifyObject(IPushProducer, self.transport)
        self.transport.setTcpNoDelay(False)
        self.transport.setTcpKeepAlive(True)
        self.assertEqual((self.transport.getTcpNoDelay(), self.transport.getTcpKeepAlive()), (True, False))

    def test_a_protocol(self) -> None:
        """A protocol of Twisted's reads, writes, and closes on it."""

        class Echo(Protocol):
            def dataReceived(self, data: bytes) -> None:
                transport: Any = self.transport
                transport.write(data)
                transport.writeSequence([b"a", b"", b"b"])
                transport.loseConnection()
                transport.write(b"late")

        echo = Echo()
        echo.makeConnection(self.transport)
        echo.dataReceived(b"x")
        self.assertEqual((self.wire.sent, self.wire.closing, self.transport.disconnecting), (b"xab", True, True))

    def test_push_producer(self) -> None:
        """A push producer pauses and goes on with the transport, and stops when the connection is lost, once."""
        self.transport.registerProducer(self.producer, True)
        self.transport.write(b"x" * (HIGH_WATER + 1))
        self.wire.drain()
        self.assertEqual(self.producer.told, ["pause", "resume"])
        self.assertRaises(RuntimeError, self.transport.registerProducer, Producer(), True)
        self.wire.lose()
        self.transport.lost()
        self.assertEqual(self.producer.told, ["pause", "resume", "stop"])

    def test_push_producer_of_a_full_transport(self) -> None:
        """Defect: a producer that came while the transport held enough was not told, since asyncio says so once."""
        self.transport.write(b"x" * (HIGH_WATER + 1))
        self.transport.registerProducer(self.producer, True)
        self.assertEqual(self.producer.told, ["pause"])
        self.wire.drain()
        self.assertEqual(self.producer.told, ["pause", "resume"])

    def test_pull_producer(self) -> None:
        """A pull producer is asked at once, or when the transport wants more, and never told to pause."""
        self.transport.registerProducer(self.producer, False)
        self.assertEqual(self.producer.told, ["resume"])
        self.transport.write(b"x" * (HIGH_WATER + 1))
        self.wire.drain()
        self.assertEqual(self.producer.told, ["resume", "resume"])
        self.transport.unregisterProducer()
        self.transport.write(b"x" * (HIGH_WATER + 1))
        self.transport.registerProducer(self.producer, False)
        self.assertEqual(self.producer.told, ["resume", "resume"])

    def test_without_a_producer(self) -> None:
        """Nobody has to be told."""
        self.transport.registerProducer(self.producer, True)
        self.transport.unregisterProducer()
        self.transport.write(b"x" * (HIGH_WATER + 1))
        self.wire.drain()
        self.wire.lose()
        self.assertEqual(self.producer.told, [])

    def test_reading(self) -> None:
        """Reading is paused and goes on, unless the connection is being closed; who stops reading closes."""
        self.transport.pauseProducing()
        self.assertFalse(self.wire.reading)
        self.transport.resumeProducing()
        self.assertTrue(self.wire.reading)
        self.transport.stopProducing()
        self.assertTrue(self.wire.closing)
        self.transport.pauseProducing()
        self.assertTrue(self.wire.reading)

    def test_half_close(self) -> None:
        """Our half is closed once; what is written behind it is dropped, where asyncio would raise."""
        self.transport.loseWriteConnection()
        self.transport.write(b"late")
        self.assertEqual((self.wire.half_closed, self.wire.sent), (True, b""))
        closed = NativeWire(Clock())
        closed.close()
        TwistedTransport(closed).loseWriteConnection()
        self.assertFalse(closed.half_closed)

    def test_abort(self) -> None:
        """It can be cut, also while it is being closed."""
        self.transport.loseConnection()
        self.transport.abortConnection()
        self.assertTrue(self.wire.aborted)


class Addresses(SynchronousTestCase):
    """Names of sockets as addresses."""

    def test_kinds(self) -> None:
        """TCP over IPv4 and IPv6, and Unix sockets, with a name or without."""
        for name, address, host in (
            (("192.0.2.1", 80), IPv4Address("TCP", "192.0.2.1", 80), "192.0.2.1"),
            (("2001:db8::1", 80, 0, 0), IPv6Address("TCP", "2001:db8::1", 80), "2001:db8::1"),
            ("/run/x", UNIXAddress("/run/x"), ""),
            (b"/run/x", UNIXAddress(b"/run/x"), ""),
            ("", UNIXAddress(None), ""),
            (None, UNIXAddress(None), ""),
        ):
            transport = Mock(get_extra_info=lambda _, name=name: name)
            self.assertEqual(address_of(name), address)
            self.assertEqual(TwistedTransport(transport).getPeer(), address)
            self.assertEqual(TwistedTransport(transport).getHost(), address)
            self.assertEqual(host_of(transport), host)
