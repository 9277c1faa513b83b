import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dns.message
from twisted.trial.unittest import SynchronousTestCase

from tests.bench.dns import questions
from tests.bench.dns.flood import PATIENCE, Flood
from tests.bench.dns.zone import Zone

ZONE = Zone(50)
WINDOW = 32
#: QR and AA, and NOERROR.
RIGHT = b"\x84\x00"


class FloodTests(SynchronousTestCase):
    """Tests of the generator beside a server that answers when a test says so."""

    def test_right_answers(self) -> None:
        """Answers as they should be are counted, each has the id of its question, and no more are outstanding than allowed."""
        with pair(questions.existing(ZONE)) as (flood, server):
            for _ in range(3):
                asked = exchange(flood, server)
                self.assertEqual(len({datagram[:2] for datagram in asked}), WINDOW)
            self.assertEqual(vars_of(flood), (3 * WINDOW, 0, 0, 0))

    def test_wrong_answers(self) -> None:
        """Another rcode, other numbers of answers and a missing AA are wrong."""
        for flags, count in ((b"\x84\x03", 1), (b"\x84\x00", 0), (b"\x80\x00", 1)):
            with pair(questions.existing(ZONE)) as (flood, server):
                exchange(flood, server, flags, count)
                self.assertEqual(vars_of(flood), (WINDOW, WINDOW, 0, 0))

    def test_lost(self) -> None:
        """What is never answered is given up after a while, and others are asked; late answers are not taken for theirs."""
        with pair(questions.existing(ZONE)) as (flood, server):
            now = 0.0

            def clock() -> float:
                nonlocal now
                now += 0.9 * PATIENCE
                return now

            flood.run(2 * PATIENCE, clock)
            self.assertEqual(flood.counts.lost, WINDOW)
            reply(server, waiting(server))
            flood.settle()
            self.assertEqual(flood.counts.stray, WINDOW)

    def test_other_names(self) -> None:
        """When datagrams are sent again they have other ids, and other names if these are to be random."""
        random.seed(1)
        for load, same in ((questions.existing(ZONE), True), (questions.missing(ZONE), False)):
            with pair(load) as (flood, server):
                laps = []
                for _ in range(2 * questions.SLOTS // WINDOW):
                    laps += exchange(flood, server, RIGHT if same else b"\x84\x03", int(same))
                first, second = laps[: questions.SLOTS], laps[questions.SLOTS :]
                self.assertEqual(len({each[:2] for each in laps}), len(laps))
                kept = [one[2:] == two[2:] for one, two in zip(first, second, strict=True)]
                self.assertEqual(set(kept), {same})
                for each in second[:50]:
                    self.assertTrue(dns.message.from_wire(each).question[0].name.to_text().endswith(".bench.test."))
                self.assertEqual(flood.counts.wrong, 0)


@contextmanager
def pair(load: questions.Load) -> Iterator[tuple[Flood, socket.socket]]:
    """Give a flood, and the server that it asks."""
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        client.connect(server.getsockname())
        yield Flood(client, load, WINDOW), server


def step(flood: Flood) -> None:
    """Ask once for as much as may be outstanding, and take what has come."""
    times = iter((0.0, 1.0))
    flood.run(1.0, lambda: next(times))


def exchange(flood: Flood, server: socket.socket, flags: bytes = RIGHT, count: int = 1) -> list[bytes]:
    """Have it ask once, answer everything, and give what was asked."""
    step(flood)
    asked = waiting(server)
    reply(server, asked, flags, count)
    flood.settle()
    return [datagram for datagram, _ in asked]


def waiting(server: socket.socket) -> list[tuple[bytes, Any]]:
    """Take everything that has come to the server."""
    found = []
    while True:
        try:
            found.append(server.recvfrom(512))
        except BlockingIOError:
            return found


def reply(server: socket.socket, asked: list[tuple[bytes, Any]], flags: bytes = RIGHT, count: int = 1) -> None:
    """Answer with a header."""
    for datagram, client in asked:
        server.sendto(datagram[:2] + flags + datagram[4:6] + count.to_bytes(2) + datagram[8:], client)


def vars_of(flood: Flood) -> tuple[int, int, int, int]:
    """Give the counts in their order."""
    counts = flood.counts
    return counts.answers, counts.wrong, counts.lost, counts.stray
