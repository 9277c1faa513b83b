"""Mutated messages over real sockets, UDP and TCP: each is answered by the rules or not, and the daemon is what it was.

``COUCHPAGES_TEST_MUTATIONS`` says how many, ``COUCHPAGES_TEST_SEED`` which ones: they are numbered from there on.
"""

import os
import selectors
import socket
import time
from random import Random

import dns.message

from tests.dns.mutations import mutated, stream
from tests.integration.crowd import figure, resident
from tests.integration.dns_case import DnsCase
from tests.integration.node import Node, lines

COUNT = int(os.environ.get("COUCHPAGES_TEST_MUTATIONS", "4000"))
SEED = int(os.environ.get("COUCHPAGES_TEST_SEED", "0"))
#: Datagrams that are under way at once: more would not fit into the kernel's buffer.
AT_ONCE = 50


class DnsMutated(DnsCase):
    """A name server with the zone that most mutations ask about."""

    always = True

    def test_mutated(self) -> None:
        """However many come, each has one answer or none, none is a defect, and memory and log do not grow."""
        node = self.new_name_server(identity="node", version="couchpages").start()
        self.create("rules.test", node=node)
        self.add("www.rules.test", "A", "192.0.2.10", zone="rules.test", node=node)
        self.until(("192.0.2.10",), "www.rules.test", node=node)
        self.datagrams(node, range(SEED, SEED + min(COUNT, 2000)))
        since, before = node.log_size(), resident(node)
        answered, expected = self.datagrams(node, range(SEED, SEED + COUNT))
        # A datagram may be lost, also on the loopback.
        self.assertGreater(answered, expected * 0.99)
        self.streams(node, range(SEED, SEED + max(COUNT // 20, 1)))
        self.assertEqual(self.data("www.rules.test", node=node), ("192.0.2.10",))
        self.assert_serving(node)
        self.assertLess(len(lines(node.log(since))), 5, node.log(since)[:5000])
        self.assertLess(resident(node) - before, 60)
        self.assertEqual(figure(node, 'couchpages_dns_unsent_answers_total{transport="udp"}'), 0)

    def datagrams(self, node: Node, numbers: range) -> tuple[int, int]:
        """Send them from sockets of their own in turn; give how many were answered, and should have been."""
        answered = expected = 0
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(AT_ONCE)]
        for each in sockets:
            self.addCleanup(each.close)
            each.connect(("127.0.0.1", node.dns))
            each.settimeout(1)
        for begin in range(numbers.start, numbers.stop, AT_ONCE):
            lot = [mutated(Random(number)) for number in range(begin, min(begin + AT_ONCE, numbers.stop))]  # noqa: S311 -- repeatable
            for each, data in zip(sockets, lot, strict=False):
                each.send(data)
            for each, data in zip(sockets, lot, strict=False):
                if len(data) < 12 or data[2] & 0x80:
                    continue
                expected += 1
                try:
                    answer = each.recv(65535)
                    while answer[:2] != data[:2]:
                        answer = each.recv(65535)
                except TimeoutError:
                    continue
                self.look_at(data, answer)
                answered += 1
        for each in sockets:
            each.setblocking(False)
            self.assertRaises(BlockingIOError, each.recv, 65535)
        return answered, expected

    def look_at(self, data: bytes, answer: bytes) -> None:
        """Assert that an answer is to a question, and can be read."""
        self.assertTrue(answer[2] & 0x80)
        self.assertLessEqual(len(answer), 1232)
        try:
            dns.message.from_wire(answer)
        except Exception as error:  # noqa: BLE001 -- to be told with what it was
            self.fail(f"{error!r}: {answer!r} to {data!r}")

    def streams(self, node: Node, numbers: range) -> None:
        """Send them, each on a connection of its own, and read to the end."""
        for number in numbers:
            random = Random(number)  # noqa: S311 -- repeatable
            data = stream(random)
            received = self.exchange(node, data, random)
            at = 0
            while at < len(received):
                size = int.from_bytes(received[at : at + 2], "big")
                # Where the daemon closed before it had read all, the system may break off what it had answered.
                if len(received) < at + 2 + size:
                    break
                dns.message.from_wire(received[at + 2 : at + 2 + size])
                at += 2 + size

    def exchange(self, node: Node, data: bytes, random: Random) -> bytes:
        """Send a stream in pieces while reading, close that half, and read to the end."""
        received = b""
        with selectors.DefaultSelector() as selector, socket.create_connection(("127.0.0.1", node.dns)) as connection:
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
            until = time.monotonic() + 30
            while True:
                self.assertLess(time.monotonic(), until, "neither answered nor closed")
                for _, events in selector.select(1):
                    try:
                        if events & selectors.EVENT_WRITE:
                            data = data[connection.send(data[: random.choice((1, 100, 10_000))]) :] if data else data
                            if not data:
                                connection.shutdown(socket.SHUT_WR)
                                selector.modify(connection, selectors.EVENT_READ)
                        if events & selectors.EVENT_READ:
                            piece = connection.recv(65536)
                            received += piece
                            if not piece:
                                return received
                    except OSError:
                        return received
