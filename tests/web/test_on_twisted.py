"""An asyncio transport on a Twisted one."""

import asyncio
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.on_twisted import HIGH_WATER, AsyncioFactory, AsyncioOnTwisted
from tests.web.wire import Wire


class Noting(asyncio.Protocol):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.stays = True
        self.transport: Any = None
        self.next: Noting | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note it."""
        self.transport = transport
        self.told.append("made")

    def data_received(self, data: bytes) -> None:
        """Note it, and have another protocol receive, if there is one."""
        self.told.append(data)
        if self.next is not None:
            self.transport.set_protocol(self.next)

    def eof_received(self) -> bool:
        """Note it."""
        self.told.append("eof")
        return self.stays

    def pause_writing(self) -> None:
        """Note it."""
        self.told.append("pause")

    def resume_writing(self) -> None:
        """Note it."""
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        """Note it."""
        self.told.append(("lost", exc))


class TransportTests(SynchronousTestCase):
    """``AsyncioTransport`` and ``AsyncioOnTwisted``."""

    def setUp(self) -> None:
        """Connect."""
        self.clock = Clock()
        self.wire = Wire(self.clock, room=1000)
        self.protocol = Noting()
        self.adapter = AsyncioOnTwisted(self.protocol)
        self.wire.protocol = self.adapter
        self.adapter.makeConnection(self.wire)
        self.transport = self.protocol.transport

    def test_made(self) -> None:
        """The protocol gets a transport, and Nagle's algorithm is turned off, where there is one."""
        self.assertEqual((self.protocol.told, self.wire.noDelay), (["made"], True))
        self.assertIs(self.transport.get_protocol(), self.protocol)

    def test_write(self) -> None:
        """What is written is sent, in pieces of any kind; nothing behind the end."""
        self.transport.write(bytearray(b"a"))
        self.transport.writelines([b"b", memoryview(b"c")])
        self.transport.close()
        self.transport.write(b"d")
        self.transport.close()
        self.assertEqual((self.wire.value(), self.transport.is_closing()), (b"abc", True))
        self.assertIsNone(self.wire.producer)
        self.clock.advance(0)
        self.assertEqual(self.protocol.told, ["made", ("lost", None)])

    def test_pauses(self) -> None:
        """A pause is told once, though Twisted's transports tell with every write, and so is its end."""
        for _ in range(3):
            self.transport.write(b"x" * 1001)
        self.wire.drain()
        self.transport.write(b"x")
        self.assertEqual(self.protocol.told, ["made", "pause", "resume"])

    def test_unsent(self) -> None:
        """Defect: what may be unsent was all that was written since the connection began, if there never was a pause."""
        self.wire.room = 2**30
        for _ in range(1000):
            self.transport.write(b"x" * 10_000)
        self.assertEqual(self.transport.get_write_buffer_size(), HIGH_WATER + 10_000)
        self.wire.room = 0
        for _ in range(3):
            self.transport.write(b"x" * 10_000)
        self.assertEqual(self.transport.get_write_buffer_size(), HIGH_WATER + 30_000)
        self.wire.drain()
        self.assertEqual(self.transport.get_write_buffer_size(), 0)

    def test_reading(self) -> None:
        """Reading is paused and goes on; not behind the end."""
        self.transport.pause_reading()
        self.assertEqual(self.wire.producerState, "paused")
        self.transport.resume_reading()
        self.assertEqual(self.wire.producerState, "producing")
        self.transport.pause_reading()
        self.transport.close()
        self.transport.resume_reading()
        self.assertEqual(self.wire.producerState, "paused")

    def test_half_closes(self) -> None:
        """Ours is closed when everything is sent; the other end's is told, and the protocol decides whether that is the end."""
        self.transport.write_eof()
        self.assertEqual((self.wire.half_closed, self.wire.producer), (True, None))
        self.adapter.writeConnectionLost()
        self.adapter.readConnectionLost()
        self.assertFalse(self.transport.is_closing())
        self.protocol.stays = False
        self.adapter.readConnectionLost()
        self.assertTrue(self.transport.is_closing())
        self.assertEqual(self.protocol.told, ["made", "eof", "eof"])

    def test_can_half_close(self) -> None:
        """What cannot, as TLS, says so."""
        self.assertTrue(self.transport.can_write_eof())

        class Whole(Wire):
            loseWriteConnection = property()  # noqa: N815 -- Twisted's name

        wire = Whole(self.clock)
        AsyncioOnTwisted(Noting()).makeConnection(wire)
        protocol = Noting()
        AsyncioOnTwisted(protocol).makeConnection(Whole(self.clock))
        self.assertFalse(protocol.transport.can_write_eof())

    def test_abort(self) -> None:
        """It can be cut, and nothing is received any more; asyncio's protocols hear of their own cut without an error."""
        self.transport.abort()
        self.adapter.dataReceived(b"late")
        self.clock.advance(0)
        self.assertTrue(self.wire.aborted)
        self.assertEqual(self.protocol.told, ["made", ("lost", None)])

    def test_lost(self) -> None:
        """A clean end is told as None, another with its error."""
        for reason, clean in ((ConnectionDone(), True), (ConnectionLost(), False)):
            self.setUp()
            self.wire.lose(reason)
            self.assertEqual(self.protocol.told[-1], ("lost", None if clean else reason))

    def test_another_protocol(self) -> None:
        """In the middle of what it receives, a protocol may be replaced: the next has everything from then on."""
        self.protocol.next = Noting()
        self.adapter.dataReceived(b"a")
        self.adapter.dataReceived(b"b")
        self.transport.write(b"x" * 1001)
        self.adapter.readConnectionLost()
        self.wire.lose(ConnectionDone())
        self.assertEqual(self.protocol.told, ["made", b"a"])
        self.assertEqual(self.protocol.next.told, [b"b", "pause", "eof", ("lost", None)])

    def test_names(self) -> None:
        """Both ends' names are as sockets have them, other things unknown."""
        for address, name in (
            (IPv4Address("TCP", "192.0.2.1", 80), ("192.0.2.1", 80)),
            (IPv6Address("TCP", "2001:db8::1", 80), ("2001:db8::1", 80)),
            (UNIXAddress(b"/run/x"), b"/run/x"),
            (UNIXAddress(None), None),
        ):
            wire, protocol = Wire(self.clock), Noting()
            wire.getPeer = wire.getHost = lambda address=address: address  # type: ignore[method-assign, misc]  # a fake
            AsyncioOnTwisted(protocol).makeConnection(wire)
            for which in ("peername", "sockname"):
                self.assertEqual(protocol.transport.get_extra_info(which), name)
        self.assertEqual(self.transport.get_extra_info("socket", "none"), "none")

    def test_factory(self) -> None:
        """A factory makes a protocol for each connection."""
        made: list[Noting] = []

        def make() -> Noting:
            made.append(Noting())
            return made[-1]

        factory = AsyncioFactory(make)
        for _ in range(2):
            protocol = factory.buildProtocol(None)
            protocol.makeConnection(Wire(self.clock))
        self.assertEqual([each.told for each in made], [["made"], ["made"]])
