"""Thousands of connections that want nothing good: visitors are served, the crowd is sent away, and memory stays what it was."""

import contextlib
import resource
import socket
import time

from tests.integration.cases import NodeCase
from tests.integration.crowd import Crowd, Member, connections, raise_limit, resident
from tests.integration.node import Node, lines, wait_until, write_files
from tests.integration.stores import Settings
from tests.integration.visitor import Visitor, fetch, request, status_of

LARGE = bytes(range(256)) * 80_000
SMALL = "<h1>small</h1>"
HELLO = SMALL.encode()
#: What may be missing from, or left in, a figure that others change as well.
FEW = 3


class Crowds(NodeCase):
    """A node of the test's own, with a site."""

    def serving(self, **http: float) -> Node:
        """Start a node with settings of [http], and deploy a small and a large file."""
        raise_limit()
        settings: Settings = {"http": http}
        node = self.new_node(settings).start()
        node.deploy(write_files(self.folder / "public", {"index.html": SMALL, "large.bin": LARGE}), self.site)
        self.addCleanup(lambda: self.assertNotIn("Traceback", node.log()))
        # Whatever is made on first use is made now.
        for target in ("/", "/large.bin", "/cdn-cgi/trace") * 3:
            fetch(node.http, self.site, target)
        return node

    def ask(self, target: str = "/", *more: str) -> bytes:
        """Write a request."""
        return request("GET", target, (f"Host: {self.site}", *more))

    def assert_serves(self, node: Node, times: int) -> None:
        """Assert that an ordinary visitor is answered *times* times on one connection."""
        with Visitor(node.http) as visitor:
            for _ in range(times):
                answer = visitor.get(self.site, "/")
                self.assertEqual((answer.status, answer.body), (200, HELLO))

    def assert_gone(self, node: Node) -> None:
        """Assert that no connection is counted any more."""
        wait_until(lambda: connections(node) <= FEW, f"no connections, there are {connections(node)}")


class Slow(Crowds):
    """Who takes all the time of the world."""

    def test_slow_heads_and_slow_readers(self) -> None:
        """5,000 dripping heads and 500 readers of a byte now and then: 200 requests are served, and all of these are sent away."""
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 7000:
            self.skipTest("this machine allows too few open files")
        node = self.serving(head_timeout=3, write_rate=100_000)
        before, since = resident(node), node.log_size()
        with Crowd(node.http) as crowd:
            readers = crowd.join(500, room=4096)
            crowd.ignore(readers)
            for each in readers:
                each.send(self.ask("/large.bin"))
            heads = crowd.join(5000)
            for each in heads:
                each.send(b"GET / HTTP/1.1\r\nHost: ")
            asked = 0
            until = time.monotonic() + 90
            # What the kernel took from the daemon for a reader outlives the connection, so only the daemon knows that it is gone.
            while asked < 200 or _open(heads) or connections(node) > FEW:
                self.assertLess(
                    time.monotonic(), until, f"{_open(heads)} heads of {connections(node)} connections are left"
                )
                self.assert_serves(node, 20)
                asked += 20
                self.assertLess(resident(node) - before, 150)
                for each in heads:
                    if not each.ended:
                        each.send(b"x")
                for each in readers:
                    if not each.ended:
                        each.read(1)
                crowd.listen(0.3)
            refused = [status_of(bytes(each.received)) for each in heads]
            self.assertLess(refused.count(0), len(heads) // 20, "hardly anybody is told nothing")
            self.assertEqual(set(refused) | {0}, {0, 408})
        self.assertLess(len(lines(node.log(since))), 20, node.log(since))

    def test_idle(self) -> None:
        """3,000 visitors who asked once and then stay cost little, and each is answered when he asks again."""
        node = self.serving()
        before = resident(node)
        with Crowd(node.http) as crowd:
            crowd.join(3000)
            for turn in (1, 2):
                for each in crowd.members:
                    each.send(self.ask())
                until = time.monotonic() + 60
                while any(each.received.count(HELLO) < turn for each in crowd.members):
                    self.assertLess(time.monotonic(), until)
                    crowd.listen(0.1)
            self.assert_serves(node, 200)
            self.assertEqual(_open(crowd.members), 3000)
            self.assertGreaterEqual(connections(node), 3000)
            self.assertLess(resident(node) - before, 100)
        self.assert_gone(node)


class Unread(Crowds):
    """Who asks and does not read."""

    def test_large_files(self) -> None:
        """50 connections that each ask 50 times for 20 MB, and read nothing, cost a few chunks each, on both ways of answering."""
        node = self.serving()
        before = resident(node)
        with Crowd(node.http) as crowd:
            readers = crowd.join(50, room=4096)
            crowd.ignore(readers)
            for number, each in enumerate(readers):
                # What begins with the trace is answered by twisted.web from then on.
                each.send((self.ask("/cdn-cgi/trace") if number % 2 else b"") + self.ask("/large.bin") * 50)
            for _ in range(10):
                time.sleep(0.3)
                self.assert_serves(node, 10)
                self.assertLess(resident(node) - before, 40)
        self.assert_gone(node)

    def test_pipelined(self) -> None:
        """10,000 requests sent without reading wait in the kernel, not in the daemon; then all are answered, in order."""
        node = self.serving(requests_per_connection=100_000, write_rate=1)
        with Crowd(node.http) as crowd:
            before = resident(node)
            targets = [f"/?{number}" if number % 7 else f"/nowhere{number}" for number in range(10_000)]
            for way in (b"", self.ask("/cdn-cgi/trace")):
                (reader,) = crowd.join(1)
                crowd.ignore([reader])
                reader.socket.settimeout(1)
                data = memoryview(way + b"".join(self.ask(target, "X-Padding: " + "x" * 200) for target in targets))
                received = bytearray()
                while data:
                    # Nothing is read before the daemon takes nothing more.
                    with contextlib.suppress(TimeoutError):
                        data = data[reader.socket.send(data) :]
                        continue
                    self.assertLess(resident(node) - before, 20)
                    self.assert_serves(node, 3)
                    received += reader.socket.recv(1_000_000)
                reader.socket.shutdown(socket.SHUT_WR)
                reader.socket.settimeout(20)
                while piece := reader.socket.recv(1_000_000):
                    received += piece
                answers = bytes(received).split(b"HTTP/1.1 ")[1:]
                statuses = [int(each[:3]) for each in answers][bool(way) :]
                self.assertEqual(statuses, [200 if number % 7 else 404 for number in range(10_000)])
        self.assert_gone(node)


class Many(Crowds):
    """More than there may be."""

    def test_more_than_there_may_be(self) -> None:
        """With 200 connections in all, newcomers are served, many at once; the ones that idle are closed for them."""
        node = self.serving(connections=200)
        with Crowd(node.http) as crowd:
            first = crowd.join(190)
            for each in first:
                each.send(self.ask())
            crowd.hear(first, HELLO)
            crowd.listen(1.5)
            self.assertEqual(_open(first), 190)
            second = crowd.join(150)
            for each in second:
                each.send(self.ask())
            crowd.hear(second, HELLO)
            self.assertLessEqual(connections(node), 200)
            self.assertLess(_open(first), 190)
            self.assert_serves(node, 50)
            third = crowd.join(20)
            for each in third:
                each.send(self.ask())
            crowd.hear(third, HELLO)
            self.assertTrue(all(HELLO in each.received for each in third))
        self.assert_gone(node)

    def test_idle_ones_go_for_newcomers_where_most_are_busy(self) -> None:
        """Where nearly all connections are those of readers who do not read, the few idle ones still make room."""
        node = self.serving(connections=200)
        with Crowd(node.http) as crowd:
            readers = crowd.join(170, room=4096)
            crowd.ignore(readers)
            for each in readers:
                each.send(self.ask("/large.bin"))
            idle = crowd.join(30)
            for each in idle:
                each.send(self.ask())
            crowd.hear(idle, HELLO)
            for _ in range(10):
                (newcomer,) = crowd.join(1)
                newcomer.send(self.ask())
                crowd.hear([newcomer], HELLO)
                self.assertIn(HELLO, newcomer.received)

    def test_nobody_goes_where_all_are_busy(self) -> None:
        """Where all connections are busy, a newcomer is told 503 with Retry-After; nobody's response is broken off for him."""
        node = self.serving(connections=100)
        with Crowd(node.http) as crowd:
            readers = crowd.join(100, room=4096)
            crowd.ignore(readers)
            for each in readers:
                each.send(self.ask("/large.bin"))
            time.sleep(1)
            for _ in range(20):
                (newcomer,) = crowd.join(1)
                newcomer.send(self.ask())
                crowd.hear([newcomer], b"}\n")
                self.assertEqual(status_of(bytes(newcomer.received)), 503)
                self.assertIn(b"\r\nretry-after: ", newcomer.received)
            for each in readers:
                each.read()
            self.assertEqual(_open(readers), 100)

    def test_too_many_from_one_address(self) -> None:
        """With 20 connections from an address, its next are told 429 and closed, and others are served; when one goes, one may come."""
        node = self.serving(connections_per_address=20)
        with Crowd(node.http) as crowd:
            greedy = crowd.join(20, address="127.0.0.77")
            for each in greedy:
                each.send(self.ask())
            crowd.hear(greedy, HELLO)
            self.assertEqual(_open(greedy), 20)
            for _ in range(30):
                (newcomer,) = crowd.join(1, address="127.0.0.77")
                newcomer.send(self.ask())
                until = time.monotonic() + 10
                while not newcomer.ended and time.monotonic() < until:
                    crowd.listen(0.05)
                self.assertTrue(newcomer.ended)
                self.assertEqual(status_of(bytes(newcomer.received)), 429)
            self.assert_serves(node, 20)
            (other,) = crowd.join(1, address="127.0.0.78")
            other.send(self.ask())
            crowd.hear([other], HELLO)
            self.assertIn(HELLO, other.received)
            crowd.leave(greedy[0])
            wait_until(lambda: connections(node) < 22, "the end of a connection")
            (again,) = crowd.join(1, address="127.0.0.77")
            again.send(self.ask())
            crowd.hear([again], HELLO)
            self.assertIn(HELLO, again.received)
        self.assert_gone(node)


def _open(members: list[Member]) -> int:
    return sum(not each.ended for each in members)
