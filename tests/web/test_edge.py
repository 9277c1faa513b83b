"""What the connections of one port share: limits, who is connected, closing them all."""

import json
from functools import partial
from ipaddress import ip_network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.web.edge import Edge
from couchpages.web.handed_over import HandedOver
from couchpages.web.ledger import Ledger
from couchpages.web.limits import ConnectionLimits
from couchpages.web.message import Response
from couchpages.web.second import Second
from tests.web.native import NativeWire, connected, send
from tests.web.test_stream import Words, words
from tests.web.wire import WALL, Answer, Scripted, read_answer

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
TRUSTED = (ip_network("10.0.0.0/8"),)


class Both(Words):
    """Answers words, and hands the connection over for ``over``."""

    def answer(self, word: bytes) -> None:
        """See :class:`Words`."""
        if word == b"over":
            self.over = True
            HandedOver(self.edge).take_over(self, self.transport, GET, left=self.left, ended=self.ended)
        else:
            super().answer(word)


class Case(SynchronousTestCase):
    """A port."""

    def setUp(self) -> None:
        """Begin."""
        self.clock = Clock()
        self.metrics = Metrics()
        self.wires: list[NativeWire] = []
        self.make()

    def make(self, trusted: Any = (), **limits: Any) -> None:
        """Make it."""
        second = Second(self.clock, lambda: WALL + self.clock.seconds())
        ledger = Ledger(self.metrics, "test", None, trusted)
        self.edge = Edge(self.clock, Scripted(), ledger, second, ConnectionLimits(**limits), trusted)

    def connect(
        self, address: str = "192.0.2.1", data: bytes = b"", *, native: bool = True, slow: bool = False
    ) -> NativeWire:
        """Connect, and send *data*."""
        make: Any = partial(Both if native else HandedOver, self.edge)
        wire = send(connected(make, self.clock, address=address, slow=slow), data)
        self.wires.append(wire)
        return wire

    def tick(self, seconds: int) -> None:
        """Let time pass, with its ticks."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.edge.second.tick()
            self.edge.second.stop()
        self.clock.pump([0, 0])

    def refusal(self, wire: NativeWire) -> Answer:
        """Give what a refused connection was told; it must be closed and not be counted."""
        answer, left = read_answer(wire.sent, b"GET")
        self.assertEqual((left, answer.fields[b"connection"], wire.closing), (b"", b"close", True))
        self.assertEqual(json.loads(answer.body)["status"], answer.status)
        return answer

    def assert_open(self, *wires: NativeWire) -> None:
        """Check which connections are open, and that as many are counted."""
        self.clock.pump([0, 0])
        self.assertEqual([wire for wire in self.wires if not wire.gone], list(wires))
        self.assertEqual((self.edge.connections, self.edge._census.connections), (len(wires), len(wires)))


class Limits(Case):
    """How many there may be."""

    def test_per_address(self) -> None:
        """One address has so many; one more is 429, with a word on when to come again, and others are let in."""
        self.make(connections_per_address=2)
        for native in (True, False):
            with self.subTest(native=native):
                first, second = self.connect(native=native), self.connect(native=native)
                refused = self.connect(native=native)
                answer = self.refusal(refused)
                self.assertEqual((answer.status, answer.fields[b"retry-after"]), (429, b"5"))
                self.assertEqual(answer.fields[b"date"], b"Tue, 24 Nov 2026 12:00:00 GMT")
                send(refused, GET, words("small"))
                refused.protocol.eof_received()
                refused.lose()
                other = self.connect("192.0.2.2", native=native)
                self.assert_open(first, second, other)
                first.lose()
                again = self.connect(native=native)
                self.assert_open(second, other, again)
                for wire in (second, other, again):
                    wire.lose()
        self.assertEqual(self.metrics.responses.labels("test").counts[429], 2)

    def test_networks(self) -> None:
        """An IPv6 network of 64 bits is one address; trusted proxies and Unix sockets are none."""
        self.make(TRUSTED, connections_per_address=1)
        self.connect("2001:db8::1")
        self.assertEqual(self.refusal(self.connect("2001:db8::2")).status, 429)
        self.assertEqual(self.connect("2001:db8:0:1::1").sent, b"")
        for _ in range(5):
            self.assertEqual(self.connect("10.0.0.1").sent, b"")
            self.assertEqual(self.connect("::ffff:10.0.0.1").sent, b"")
            self.assertEqual(self.connect("").sent, b"")

    def test_longest_waiting_goes(self) -> None:
        """Where there are as many as there may be, the one that has waited longest is cut for the next, never one with a request."""
        self.make(connections=4)
        busy = self.connect(data=words("later"))
        self.tick(1)
        downloading = self.connect(data=words("file"), slow=True)
        first = self.connect(data=words("small"))
        self.tick(1)
        second = self.connect(data=words("small"))
        third = self.connect()
        self.assert_open(busy, downloading, second, third)
        self.assertTrue(first.aborted)
        send(third, words("small"))
        self.tick(1)
        send(second, words("small"))
        fourth = self.connect(data=words("later"))
        self.assert_open(busy, downloading, second, fourth)
        self.assertTrue(third.aborted)

    def test_nobody_waits(self) -> None:
        """Where everybody has a request under way, one more is 503."""
        self.make(connections=2)
        first = self.connect(data=words("later"))
        second = self.connect(data=words("large"), slow=True)
        answer = self.refusal(self.connect())
        self.assertEqual((answer.status, answer.fields[b"retry-after"]), (503, b"5"))
        self.assert_open(first, second)
        self.assertEqual(self.metrics.responses.labels("test").counts[503], 1)

    def test_many_at_once(self) -> None:
        """Defect: many that were accepted in one turn of the loop all cut the same connection, and the port had too many."""
        self.make(connections=5)
        for native in (True, False):
            for _ in range(40):
                self.wires.append(connected(partial(Both if native else HandedOver, self.edge), self.clock))
                self.assertLessEqual(self.edge.connections, 5)
        self.clock.pump([0, 0])
        self.assertEqual((self.edge.connections, len([wire for wire in self.wires if not wire.gone])), (5, 5))
        self.assertEqual(self.metrics.responses.labels("test").counts, {})

    def test_handed_over_waits_too(self) -> None:
        """Connections of twisted.web are cut for others too, when they wait."""
        self.make(connections=1)
        waiting = self.connect(native=False)
        native = self.connect(data=words("over"))
        self.assert_open(native)
        self.assertTrue(waiting.aborted)
        self.assert_open(native)
        self.connect()
        self.assertTrue(native.aborted)


class Counts(Case):
    """Who is connected."""

    @settings(deadline=None, max_examples=150)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(
                    [
                        "connect",
                        "connect",
                        "connect",
                        "native",
                        "over",
                        "lose",
                        "abort",
                        "end",
                        "small",
                        "later",
                        "bye",
                        "tick",
                    ]
                ),
                st.integers(0, 5),
            ),
            max_size=60,
        )
    )
    def test_never_drifts(self, events: list[tuple[str, int]]) -> None:
        """Whoever comes, is refused, is handed over, is cut and goes: the counts are those of the connections that are open."""
        self.setUp()
        self.make(TRUSTED, connections=6, connections_per_address=3)
        addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "10.0.0.1", ""]
        for what, number in events:
            there = [wire for wire in self.wires if not wire.is_closing()]
            wire = there[number % len(there)] if there else None
            if what in ("connect", "native"):
                self.connect(addresses[number], native=what == "native" or number % 2 == 0)
            elif what == "tick":
                self.tick(number * 20)
            elif wire is not None:
                self.happens(wire, what)
            self.check()
        for wire in self.wires:
            wire.lose()
        self.check()
        self.assertEqual((self.edge._census._by_origin, self.clock.getDelayedCalls()), ({}, []))

    def happens(self, wire: NativeWire, what: str) -> None:
        """Let something happen to a connection."""
        if what == "lose":
            wire.lose()
        elif what == "abort":
            wire.protocol.abort()
        elif what == "end":
            wire.end()
        else:
            send(wire, words(what) if isinstance(wire.protocol, Both) else GET)

    def check(self) -> None:
        """Compare the counts with what is open."""
        self.clock.pump([0, 0, 0])
        there = [wire for wire in self.wires if not wire.gone]
        self.assertEqual((self.edge.connections, self.edge._census.connections), (len(there), len(there)))
        origins = [self.edge._census.origin(wire.address) for wire in there]
        self.assertEqual(self.edge._census._by_origin, {origin: origins.count(origin) for origin in origins})
        self.assertLessEqual(len(there), 6)


class Draining(Case):
    """Closing all connections of a port."""

    def drain(self, patience: float) -> "Deferred[None]":
        """Begin."""
        return Deferred.fromCoroutine(self.edge.drain(patience))

    def test_nobody(self) -> None:
        """Where nobody is connected, there is nothing to wait for."""
        self.successResultOf(self.drain(5))

    def test_everybody_ends(self) -> None:
        """Who waits is closed at once, the others after their responses, which say so; then it is over, before patience ends."""
        waiting = [
            self.connect(),
            self.connect(data=words("small")),
            self.connect(native=False),
            self.connect(data=words("over")),
        ]
        busy = self.connect(data=words("later"))
        downloading = self.connect(data=words("file"), slow=True)
        drained = self.drain(10)
        self.assert_open(busy, downloading)
        self.assertTrue(all(not wire.aborted for wire in waiting))
        busy.protocol.waiting[0].callback(Response(200, (), b"made"))
        self.assertIn(b"\r\nconnection: close\r\n", busy.sent)
        while not downloading.half_closed:
            downloading.drain()
        for wire in (busy, downloading):
            downloading.drain()
            wire.end()
        self.clock.pump([0, 0.05, 0.05])
        self.successResultOf(drained)
        self.assert_open()
        self.assertFalse(busy.aborted or downloading.aborted)

    def test_patience_ends(self) -> None:
        """Who takes too long is cut."""
        busy = self.connect(data=words("later"))
        slow = self.connect(data=words("file"), slow=True)
        drained = self.drain(1)
        self.clock.pump([0.05] * 18)
        self.assertNoResult(drained)
        self.clock.pump([0.05] * 5)
        self.successResultOf(drained)
        self.assertTrue(busy.aborted and slow.aborted)
        self.assert_open()
        self.assertEqual(self.clock.getDelayedCalls(), [])
