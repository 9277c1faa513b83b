"""Listening for questions over UDP: when it binds, reads, fails and stops."""

import errno
import os
import socket
from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.config_values import SocketAddress
from couchpages.dns import service
from couchpages.dns.batches import Batches, are_supported
from couchpages.dns.datagrams import AT_ONCE, OneByOne
from couchpages.dns.responder import Responder
from couchpages.dns.service import SAMPLE, TURN, UdpListener
from tests.dns.messages import asking
from tests.dns.reading import Answer, name, responder

LOOPBACK = "127.0.0.1"


class FakeReactor(Clock):
    """A reactor that knows who reads."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        """Have somebody read."""
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """Have him read no more; as Twisted's, take it well when he never did."""
        if reader in self.readers:
            self.readers.remove(reader)


class FakeLoop:
    """An asyncio loop that knows who reads."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[[], None]] = {}

    def add_reader(self, descriptor: int, call: Callable[[], None]) -> None:
        """See asyncio."""
        self.readers[descriptor] = call

    def remove_reader(self, descriptor: int) -> bool:
        """See asyncio."""
        return self.readers.pop(descriptor, None) is not None


class Scripted:
    """Datagrams that are, or fail, as a test says; then there are no more."""

    def __init__(self, *turns: int | Exception) -> None:
        self.turns = list(turns)
        self.asked = 0

    def exchange(self, responder: Responder) -> int:
        """See Datagrams."""
        del responder
        self.asked += 1
        turn = self.turns.pop(0) if self.turns else 0
        if isinstance(turn, Exception):
            raise turn
        return turn


class Case(SynchronousTestCase):
    """A listener on a port that is free."""

    def setUp(self) -> None:
        """Make it; there is no loop, unless a test says so."""
        self.reactor = FakeReactor()
        self.patch(service, "running_loop", lambda: None)
        self.responder = responder()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind((LOOPBACK, 0))
            self.port = int(free.getsockname()[1])
        self.listener = self.make()

    def make(self, make: Any = None) -> UdpListener:
        """Make a listener."""
        listener = UdpListener(self.reactor, SocketAddress(LOOPBACK, self.port), self.responder, make)
        self.addCleanup(listener.stopService)
        return listener

    def asked(self) -> socket.socket:
        """Ask, and give the socket on which the answer comes."""
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.setblocking(False)
        client.connect((LOOPBACK, self.port))
        client.send(asking(name("www")))
        return client


class Listening(Case):
    """Its life."""

    def test_life(self) -> None:
        """It binds with privileges, reads in the reactor's next turn, and takes no more once it is stopped; then it may start again."""
        self.listener.privilegedStartService()
        client = self.asked()
        for _ in range(2):
            self.listener.startService()
            self.assertEqual(self.reactor.readers, [])
            self.reactor.advance(0)
            (reader,) = self.reactor.readers
            self.assertEqual(reader.logPrefix(), "dns")
            reader.doRead()
            self.assertEqual(Answer.of(client.recv(2000)).lines(), ["www.example. 60 A 192.0.2.1"])
            self.listener.stopService()
            self.assertEqual((self.reactor.readers, self.reactor.getDelayedCalls()), ([], []))
            self.assertRaises(OSError, os.fstat, reader.fileno())
            self.listener.privilegedStartService()
            client = self.asked()

    def test_without_privileges(self) -> None:
        """Started alone, it binds then."""
        self.listener.startService()
        self.reactor.advance(0)
        self.assertEqual(len(self.reactor.readers), 1)

    def test_stopped_at_once(self) -> None:
        """Stopped before it reads, it never does; stopped before it started, or twice, it does nothing."""
        self.listener.stopService()
        self.listener.startService()
        self.listener.stopService()
        self.listener.stopService()
        self.reactor.advance(0)
        self.assertEqual(self.reactor.readers, [])

    def test_on_a_loop(self) -> None:
        """On a reactor with an asyncio loop that has it read."""
        loop = FakeLoop()
        self.patch(service, "running_loop", lambda: loop)
        self.listener.startService()
        self.reactor.advance(0)
        client = self.asked()
        ((_, read),) = loop.readers.items()
        read()
        self.assertEqual(len(client.recv(2000)), 45)
        self.listener.stopService()
        self.assertEqual((loop.readers, self.reactor.readers), ({}, []))

    def test_cannot(self) -> None:
        """A port that is taken, and an address that this machine does not have, are a sentence, and nothing is left open."""
        self.listener.startService()
        for host, reason in ((LOOPBACK, "Address already in use"), ("192.0.2.1", "Cannot assign requested address")):
            other = UdpListener(self.reactor, SocketAddress(host, self.port), self.responder)
            message = str(self.assertRaises(SystemExit, other.privilegedStartService))
            self.assertIn(f"couchpages: cannot listen on {host}:{self.port} (dns): {reason}", message)

    def test_the_best_way(self) -> None:
        """Many at a time, where the system has the calls."""
        self.assertIs(self.listener._make, Batches if are_supported() else OneByOne)


class Reading(Case):
    """What happens when there is something to read."""

    def reading(self, *turns: int | Exception) -> Scripted:
        """Read once for these datagrams."""
        datagrams = Scripted(*turns)
        listener = self.make(lambda _: datagrams)
        listener.startService()
        self.reactor.advance(0)
        self.reactor.readers[-1].doRead()
        return datagrams

    def test_turns(self) -> None:
        """While there are full batches it goes on, for a while: then others have their turn, and it is told again of what is left."""
        for turns, asked in (([0], 1), ([1], 1), ([AT_ONCE, 3], 2), ([AT_ONCE] * 50, 4)):
            ticks = count()
            self.patch(service, "perf_counter", lambda ticks=ticks: next(ticks) * TURN / 3.5)
            self.assertEqual(self.reading(*turns).asked, asked)
            self.setUp()

    def test_refused(self) -> None:
        """That a peer's port is closed is nobody's fault, and not logged."""
        self.reading(OSError(errno.ECONNREFUSED, "refused"))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_errors(self) -> None:
        """A defect in one answer is logged, and what comes next is answered; so it is after a lack of memory."""
        datagrams = self.reading(ValueError("a defect"), OSError(errno.ENOMEM, "no memory"), 5)
        (reader,) = self.reactor.readers
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        reader.doRead()
        reader.doRead()
        self.assertEqual((datagrams.asked, datagrams.turns), (3, []))

    def test_seconds(self) -> None:
        """Of some turns, one is timed, unless nothing had come."""
        datagrams = self.reading()
        (reader,) = self.reactor.readers
        for _ in range(SAMPLE):
            reader.doRead()
        self.assertEqual(sum(self.responder.tally.seconds.counts), 0)
        for _ in range(3 * SAMPLE):
            datagrams.turns.append(1)
            reader.doRead()
        self.assertEqual(sum(self.responder.tally.seconds.counts), 3)
