"""Handshakes under way: how many, how long, and how they are counted; and what plain HTTP is told."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.web.edge import Edge
from couchpages.web.handshakes import Handshake, Handshakes
from couchpages.web.hsts import hsts_fields
from couchpages.web.ledger import Ledger
from couchpages.web.limits import LINGER, ConnectionLimits
from couchpages.web.plain_http import PlainHttp, advice
from couchpages.web.second import Second
from couchpages.web.stream import JOINED, UNTOLD, Stream
from couchpages.web.sweep import TURNS
from couchpages.web.tls_outcomes import Outcome
from tests.web.native import connected, send
from tests.web.wire import WALL, Scripted

HSTS = (b"strict-transport-security", b"max-age=1")


class Cut(Handshake):
    """Notes that it was cut."""

    is_cut = False

    def cut(self) -> None:
        """Note it."""
        self.is_cut = True


class AtAnEdge(SynchronousTestCase):
    """A case with an edge."""

    def setUp(self) -> None:
        """Make an edge for three connections from an address, and six in all."""
        self.clock = Clock()
        self.metrics = Metrics()
        self.second = Second(self.clock, lambda: WALL + self.clock.seconds())
        limits = ConnectionLimits(connections=6, connections_per_address=3)
        ledger = Ledger(self.metrics, "https")
        self.edge = Edge(self.clock, Scripted(), ledger, self.second, limits, (), "https", (HSTS,))
        self.second.start()
        self.addCleanup(self.second.stop)

    def counted(self) -> dict[tuple[str, str], int]:
        """Give what was counted, by version and outcome."""
        counts = self.metrics.tls.handshakes.counts
        return {(label[1], label[2]): count for label, count in counts.items() if isinstance(label, tuple)}


class UnderWay(AtAnEdge):
    """``Handshakes``."""

    def setUp(self) -> None:
        """Have two at a time, ten seconds each."""
        super().setUp()
        self.pending = Handshakes(self.edge, self.metrics, "https", 2, 10)

    def enter(self, address: str = "192.0.2.1") -> Cut:
        """Begin one."""
        made = Cut(self.pending)
        self.assertTrue(self.pending.enter(made, address))
        return made

    def test_ended(self) -> None:
        """One that ended is counted once, with its version, and its connection is free for who answers on it."""
        made = self.enter()
        self.assertEqual((len(self.pending), self.edge.connections), (1, 1))
        made.end(Outcome.RESUMED, "TLSv1.3")
        made.end(Outcome.CLOSED)
        self.assertEqual((len(self.pending), self.edge.connections), (0, 0))
        self.assertEqual(self.counted(), {("TLSv1.3", "resumed"): 1})

    def test_the_oldest_goes(self) -> None:
        """One more than there may be cuts the one that began first."""
        first, second, third = self.enter(), self.enter(), self.enter()
        self.assertEqual([each.is_cut for each in (first, second, third)], [True, False, False])
        self.assertEqual((len(self.pending), self.edge.connections), (2, 2))
        self.assertEqual(self.counted(), {("", "crowded_out"): 1})

    def test_one_address(self) -> None:
        """An address has no more than it may have, and is counted when it is turned away."""
        pending = Handshakes(self.edge, self.metrics, "other", 100, 10)
        for _ in range(3):
            self.assertTrue(pending.enter(Cut(pending), "192.0.2.1"))
        self.assertFalse(pending.enter(Cut(pending), "192.0.2.1"))
        self.assertTrue(pending.enter(Cut(pending), "192.0.2.2"))
        self.assertEqual(self.counted(), {("", "crowded_out"): 1})

    def test_overdue(self) -> None:
        """One that takes too long is cut, however much it says; the sweep sees it within a few seconds."""
        made = self.enter()
        self.clock.pump([1.0] * 9)
        self.assertFalse(made.is_cut)
        self.clock.pump([1.0] * (TURNS + 4))
        self.assertTrue(made.is_cut)
        self.assertEqual(self.counted(), {("", "timed_out"): 1})

    def test_the_end(self) -> None:
        """When the daemon stops, handshakes are cut at once."""
        made = self.enter()
        made.finish()
        self.assertTrue(made.is_cut)
        self.assertEqual((len(self.pending), self.edge.connections), (0, 0))


class Plain(AtAnEdge):
    """``PlainHttp``."""

    def test_told(self) -> None:
        """Whoever speaks HTTP is told 400 with where to go, without the fields of HTTPS; then only the end is waited for."""
        wire = connected(lambda: PlainHttp(self.edge), self.clock)
        send(wire, b"GET / HTTP/1.1\r\nHost: example.org:8443\r\n\r\n", b"more")
        self.assertTrue(wire.sent.startswith(b"HTTP/1.1 400 Bad Request\r\n"))
        self.assertEqual((wire.sent.count(b"HTTP/1.1"), wire.half_closed), (1, True))
        self.assertIn(b"https://example.org:8443/", wire.sent)
        self.assertNotIn(HSTS[0], wire.sent)
        # Ticks come a moment after a second begins: of steps of a whole one, each second would be passed over.
        self.clock.pump([0.5] * int(2 * (LINGER + TURNS + 2)))
        self.assertTrue(wire.aborted)
        self.assertEqual(self.edge.connections, 0)

    def test_crowded_out(self) -> None:
        """Whoever is one too many is told so in plain HTTP, without the fields of HTTPS."""
        for _ in range(3):
            connected(lambda: PlainHttp(self.edge), self.clock)
        wire = connected(lambda: PlainHttp(self.edge), self.clock)
        self.assertTrue(wire.sent.startswith(b"HTTP/1.1 429 "))
        self.assertNotIn(HSTS[0], wire.sent)

    def test_silent(self) -> None:
        """Who says nothing is cut in time."""
        wire = connected(lambda: PlainHttp(self.edge), self.clock)
        self.clock.pump([1.0] * int(self.edge.limits.head_time + TURNS + 2))
        self.assertTrue(wire.aborted)

    def test_head(self) -> None:
        """An answer to HEAD has no body."""
        wire = connected(lambda: PlainHttp(self.edge), self.clock)
        send(wire, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(wire.sent.endswith(b"\r\n\r\n"))

    def test_advice(self) -> None:
        """The host is repeated if it is one, with its port, or the one that it came to."""
        for host, port, place in (
            (b"a.example", 443, "https://a.example/"),
            (b"a.example:443", 8443, "https://a.example/"),
            (b"a.example", 8443, "https://a.example:8443/"),
            (b"a.example:99", 8443, "https://a.example:99/"),
            (b"[::1]:99", 8443, "https://[::1]:99/"),
        ):
            self.assertIn(place, advice(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", port))
        for odd in (b"", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: <script>\r\n\r\n", b"x\r\nHost: a b\r\n"):
            self.assertEqual(advice(odd, 8443), "this port speaks HTTPS, and this was plain HTTP")


class Readers(AtAnEdge):
    """How long a reader over TLS has for the last of a response."""

    def test_untold(self) -> None:
        """Behind much that was sent, what lies below TLS is reckoned with; behind little, nobody holds a connection for it."""
        for size, held in ((100, 0), (JOINED + 1, UNTOLD)):
            stream = Stream(self.edge)
            connected(lambda stream=stream: stream, self.clock)  # type: ignore[misc]  # bound now
            stream.write(b"head", b"x" * size)
            stream.finish()
            self.assertEqual(stream.deadline - self.second.now, self.edge.limits.time_to_read(held))


class Hsts(AtAnEdge):
    """Strict-Transport-Security."""

    def test_fields(self) -> None:
        """The field has what is configured."""
        self.assertEqual(hsts_fields(None, subdomains=True, preload=True), ())
        (whole,), (bare,) = (hsts_fields(60, subdomains=each, preload=each) for each in (True, False))
        self.assertEqual((whole[1], bare[1]), (b"max-age=60; includeSubDomains; preload", b"max-age=60"))

    def test_every_head(self) -> None:
        """It stands in the beginning of every head of the port, anew each second, and in no other port's."""
        line = b"strict-transport-security: max-age=1\r\n"
        for _ in range(2):
            self.assertTrue(self.edge.heads.start_of(404).endswith(line))
            self.assertIn(404, self.edge.heads.starts)
            self.assertNotIn(line, self.second.start_of(404))
            self.clock.advance(1.1)
            self.assertEqual(self.edge.heads.starts, {})
