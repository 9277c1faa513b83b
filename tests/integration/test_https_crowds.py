"""Thousands of connections to the TLS port that want nothing good: visitors are served, and nothing is left of the crowd."""

import contextlib
import ssl
import time
from collections.abc import Sequence

from tests.integration.crowd import Crowd, Member, figure, raise_limit, resident
from tests.integration.https_case import HttpsCase, Secured, ask, descriptors, settled
from tests.integration.node import Node, lines, wait_until
from tests.integration.stores import Settings

#: What may be left of figures that others change as well.
FEW = 4
#: Connections of a crowd at once; of each kind there are several crowds.
CROWD = 500
#: Crowds of hellos before memory is looked at.
WARM = 8


def hello(name: str = "localhost") -> bytes:
    """Give what a client begins with."""
    outgoing = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


class Crowds(HttpsCase):
    """On the reactor that twistd installs by itself."""

    rounds = 4

    def started(self, settings: Settings | None = None) -> Node:
        """Start a node, and have it make what it makes once."""
        raise_limit()
        node = self.serving(settings)
        for _ in range(30):
            self.assert_serves(node)
        return node

    def assert_serves(self, node: Node) -> None:
        """Assert that an ordinary visitor is served in good time."""
        began = time.monotonic()
        with Secured(node.https, self.site) as visitor:
            for _ in range(3):
                visitor.send(ask(self.site, "/a.txt"))
                self.assertTrue(visitor.answer().endswith(b"AAA"))
        self.assertLess(time.monotonic() - began, 3)

    def pending(self, node: Node) -> float:
        """Give how many handshakes are under way."""
        return figure(node, 'couchpages_tls_handshakes_pending{port="https"}')

    def ended(self, node: Node) -> float:
        """Give how many connections the port has."""
        return figure(node, 'couchpages_http_connections{port="https"}')

    def run_crowd(self, node: Node, pieces: Sequence[bytes]) -> None:
        """Have a crowd say *pieces*, one after the other, and break off; a visitor is served meanwhile."""
        with Crowd(node.https) as crowd:
            crowd.join(CROWD)
            for piece in pieces:
                for each in crowd.members:
                    if not each.ended:
                        each.send(piece)
                crowd.listen(0.02)
                self.assert_serves(node)

    def test_ten_thousand(self) -> None:
        """10,000 connections of garbage, half a hello, a hello and a reset, a broken record, a bad name: memory and files are as before."""
        node = self.started({"https": {"handshake_timeout": 5}})
        whole = hello()
        kinds: dict[str, Sequence[bytes]] = {
            "garbage": (b"\x00\xff" * 50, b"more"),
            "half a hello": (whole[:50], whole[50:100]),
            "a hello": (whole,),
            "a hello, then garbage": (whole, b"\x17\x03\x03\x00\x20" + b"x" * 32),
            "an unknown name": (hello("unknown.example"), b""),
            "a name that is none": (hello("aaaaaaaa.test").replace(b"aaaaaaaa", b"\xff\xfe\xfdEVIL!"), b""),
        }
        # What so many need at once, the allocator keeps in the end, and takes some turns until it needs no more.
        for each in (*kinds.values(), *[(whole,)] * WARM):
            self.run_crowd(node, each)
        settled(lambda: self.pending(node), 0, "handshakes under way")
        memory, files, since = resident(node), descriptors(node), node.log_size()
        for _ in range(self.rounds):
            for each in kinds.values():
                self.run_crowd(node, each)
        settled(lambda: self.pending(node), 0, "handshakes under way")
        settled(lambda: self.ended(node), 0, "connections")
        settled(lambda: descriptors(node), files + FEW, "open files")
        self.assertLess(resident(node) - memory, 30)
        self.assertLess(resident(node), 300)
        self.assertEqual(lines(node.log(since)), [])
        self.assertNotIn("UnicodeDecodeError", node.log(0))
        self.assert_serves(node)
        # On asyncio's own loop fewer are under way at a time than a crowd has.
        crowded = self.outcomes(node, "crowded_out")
        self.assertGreaterEqual(self.outcomes(node, "unknown_name") + crowded, 2 * self.rounds * CROWD)
        self.assertGreaterEqual(self.outcomes(node, "garbage") + crowded, self.rounds * CROWD)

    def test_slow(self) -> None:
        """400 handshakes byte by byte, and 100 that say nothing, are ended in time; nobody else notices."""
        node = self.started({"https": {"handshake_timeout": 4}})
        whole = hello()
        with Crowd(node.https) as crowd:
            slow, silent = crowd.join(400), crowd.join(100)
            began = time.monotonic()
            sent = 0
            while not all(each.ended for each in (*slow, *silent)):
                self.assertLess(time.monotonic() - began, 4 + 12)
                for each in slow:
                    if not each.ended:
                        each.send(whole[sent : sent + 1])
                sent += 1
                crowd.listen(0.2)
                self.assert_serves(node)
            self.assertGreater(time.monotonic() - began, 3)
        ended = {each: self.outcomes(node, each) for each in ("timed_out", "crowded_out", "closed")}
        self.assertEqual((ended["timed_out"] + ended["crowded_out"], ended["closed"]), (500, 0))

    def test_more_than_there_may_be(self) -> None:
        """Of more handshakes than may be under way, the oldest go; those who shake hands properly are served."""
        node = self.started({"https": {"handshakes": 50}})
        with Crowd(node.https) as crowd:
            first = crowd.join(50)
            crowd.listen(0.2)
            self.assertEqual(_open(first), 50)
            crowd.join(200)
            crowd.listen(0.5)
            self.assertEqual(_open(first), 0)
            self.assertLessEqual(self.pending(node), 50)
            for _ in range(5):
                self.assert_serves(node)
        self.assertGreaterEqual(self.outcomes(node, "crowded_out"), 200)

    def test_many_of_one_address(self) -> None:
        """One address has no more connections than it may have, those that only shake hands counted; others are served."""
        node = self.started({"http": {"connections_per_address": 20}})
        with Crowd(node.https) as crowd:
            greedy = crowd.join(60, address="127.0.0.77")
            crowd.listen(0.5)
            self.assertEqual(_open(greedy), 20)
            self.assert_serves(node)
        wait_until(lambda: self.ended(node) == 0, "no connections")

    def test_broken_off(self) -> None:
        """A crowd that asks for one page each, and breaks off without a word, leaves nothing behind."""
        node = self.started()
        settled(lambda: self.ended(node), 0, "connections")
        memory, files = resident(node), descriptors(node)
        for number in range(600):
            visitor = Secured(node.https, self.site)
            visitor.send(ask(self.site, "/large.bin" if number % 3 == 0 else "/a.txt"))
            visitor.socket.recv(10)
            visitor.socket.close()
        settled(lambda: self.ended(node), 0, "connections")
        settled(lambda: descriptors(node), files + FEW, "open files")
        self.assertLess(resident(node) - memory, 25)

    def test_never_closed(self) -> None:
        """Who does not answer the end of TLS is cut in time."""
        node = self.started()
        with Secured(node.https, self.site) as visitor:
            visitor.send(ask(self.site, "/a.txt", "Connection: close"))
            visitor.answer()
            settled(lambda: self.ended(node), 0, "connections", 14)


class CrowdsOnEpoll(Crowds):
    """The same on Twisted's epoll reactor."""

    twistd = ("--reactor=epoll",)
    rounds = 1


class CrowdsOnAsyncio(Crowds):
    """The same on asyncio's own loop, where a handshake has a quarter of a megabyte, and fewer are under way."""

    twistd = ("--reactor=asyncio",)
    rounds = 2


def _open(members: list[Member]) -> int:
    return sum(not each.ended for each in members)
