"""Datagrams on real sockets of the loopback, one by one and many in a call: both give the same answers to the same peers."""

import contextlib
import socket
from struct import pack
from typing import ClassVar

from twisted.python.runtime import platform
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.batches import BATCH, Batches, are_supported
from couchpages.dns.datagrams import QUESTION, Datagrams, OneByOne, bound
from couchpages.dns.query import LONGEST
from couchpages.dns.responder import LARGEST_UDP, Responder, over_udp
from tests.dns.messages import NSID, TXT, A, asking, message, opt, option
from tests.dns.reading import Answer, name, responder

LOOPBACK = "127.0.0.1"
#: Octets of the kernel's buffer, of which each small datagram takes hundreds.
ROOM = 4_000_000


def numbered(data: bytes, number: int) -> bytes:
    """Give a message an id."""
    return number.to_bytes(2, "big") + data[2:]


class Peer:
    """Somebody who asks: a socket of its own."""

    def __init__(self, host: str = LOOPBACK) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)

    def send(self, data: bytes, host: str, port: int) -> None:
        """Ask."""
        self.socket.sendto(data, (host, port))

    def answers(self) -> list[tuple[bytes, str]]:
        """Give what came, and from where. What is sent on the loopback is there at once."""
        found: list[tuple[bytes, str]] = []
        while True:
            try:
                data, peer = self.socket.recvfrom(65535)
            except BlockingIOError:
                return found
            found.append((data, peer[0]))


class OneByOneTests(SynchronousTestCase):
    """What must hold of both ways, of what every system can do."""

    make: ClassVar[type[OneByOne | Batches]] = OneByOne
    host = LOOPBACK

    def setUp(self) -> None:
        """Bind a socket."""
        self.responder = responder()
        self.listen(self.host)

    def listen(self, host: str) -> None:
        """Have a socket on an address."""
        self.socket = bound(host, 0)
        self.addCleanup(self.socket.close)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        self.port = self.socket.getsockname()[1]
        self.datagrams: Datagrams = self.make(self.socket)

    def peer(self, host: str = LOOPBACK) -> Peer:
        """Give somebody who asks."""
        made = Peer(host)
        self.addCleanup(made.socket.close)
        return made

    def exchange(self, responder_: Responder | None = None) -> int:
        """Answer all that came."""
        total = 0
        while count := self.datagrams.exchange(responder_ or self.responder):
            self.assertLessEqual(count, BATCH)
            total += count
        return total

    def test_nothing(self) -> None:
        """Where nothing came, nothing is done."""
        self.assertEqual(self.datagrams.exchange(self.responder), 0)

    def test_one(self) -> None:
        """A question is answered, worked out and ready, to who asked, and counted."""
        peer = self.peer()
        for number in (1, 0xFFFF, 0):
            peer.send(numbered(asking(name("www")), number), LOOPBACK, self.port)
            self.assertEqual(self.exchange(), 1)
            ((data, host),) = peer.answers()
            found = Answer.of(data)
            self.assertEqual(
                (found.message.id, host, found.lines()), (number, LOOPBACK, ["www.example. 60 A 192.0.2.1"])
            )
        self.assertEqual((self.responder.tally.cells, self.responder.tally.ready), ({(A, 0): [3]}, 2))

    def test_burst(self) -> None:
        """500 questions at once of 20 peers, long, short, ready, worked out, and such as are not answered: each has its own answers."""
        peers = [self.peer() for _ in range(20)]
        kinds = [
            asking(name("www")),
            asking(name("none")),
            asking(name("www"), A, bits=0x8000),
            asking(name("longer"), TXT),
            asking(name("long"), TXT, opt(1232, option(NSID))),
            b"\0",
            b"",
            message(bits=0x1000),
            asking(name("www")) + b"junk",
            asking(name("x" * 60)),
            bytes(QUESTION),
            asking(name("www")),
        ]
        sent: list[list[bytes]] = [[] for _ in peers]
        for number in range(500):
            data = kinds[number * 7 % len(kinds)]
            data = numbered(data, number) if len(data) > 1 else data
            sent[number % 20].append(data)
            peers[number % 20].send(data, LOOPBACK, self.port)
        self.assertEqual(self.exchange(), 500)
        alone = responder()
        for peer, questions in zip(peers, sent, strict=True):
            expected = [answer for data in questions if (answer := alone.answer(data)) is not None]
            self.assertEqual([data for data, _ in peer.answers()], expected)
        tally = self.responder.tally
        self.assertEqual((tally.dropped, tally.cells), (alone.tally.dropped, alone.tally.cells))
        self.assertEqual((tally.ready, tally.malformed), (alone.tally.ready, alone.tally.malformed))

    def test_only_unanswerable(self) -> None:
        """A batch of nothing but such as get no answer sends nothing; neither does one that ends with them."""
        peer = self.peer()
        for _ in range(BATCH + 3):
            peer.send(asking(bits=0x8000), LOOPBACK, self.port)
        peer.send(asking(name("www")), LOOPBACK, self.port)
        peer.send(b"x", LOOPBACK, self.port)
        self.assertEqual(self.exchange(), BATCH + 5)
        self.assertEqual(len(peer.answers()), 1)
        self.assertEqual(self.responder.tally.unsent, 0)

    def test_after_longer_ones(self) -> None:
        """A short question is not taken for a longer one that had its place before, nor an answer."""
        peer = self.peer()
        for data in (
            asking(name("www"), A, opt(1232, option(65001, bytes(3000)))),
            asking(name("longer"), TXT, opt(4096)),
        ):
            for _ in range(BATCH):
                peer.send(data, LOOPBACK, self.port)
        self.exchange()
        peer.answers()
        for size in range(29):
            peer.send(asking(name("www"))[:size], LOOPBACK, self.port)
        self.exchange()
        self.assertEqual([data[2:] for data, _ in peer.answers()], [b"\x80\1" + bytes(8)] * 17)

    def test_oversized(self) -> None:
        """A datagram that is longer than what is read is a fault, also where a whole question is at its beginning."""
        peer = self.peer()
        for size in (QUESTION, QUESTION + 1, 60_000):
            peer.send(asking(name("www")) + bytes(size - 29), LOOPBACK, self.port)
        peer.send(asking(name("www")), LOOPBACK, self.port)
        self.exchange()
        self.assertEqual([data[3] & 0xF for data, _ in peer.answers()], [1, 1, 1, 0])

    def test_cut_off_by_the_buffer(self) -> None:
        """Defect: what was longer than what is read, and a whole question up to there, was answered as if nothing followed."""
        peer = self.peer()
        room = LONGEST - len(asking(name("www"), A, opt(1232, option(65001))))
        peer.send(asking(name("www"), A, opt(1232, option(65001, bytes(room)))), LOOPBACK, self.port)
        peer.send(asking(name("www"), A, opt(1232, option(65001, bytes(room)))) + b"x", LOOPBACK, self.port)
        self.exchange()
        self.assertEqual([data[3] & 0xF for data, _ in peer.answers()], [0, 1])

    def test_largest_answers(self) -> None:
        """Answers as large as may be configured do not touch each other in their places."""
        peer = self.peer()
        large = responder(over_udp(10**6))
        for number in range(2 * BATCH):
            peer.send(numbered(asking(name("longer"), TXT, opt(65535)), number), LOOPBACK, self.port)
            peer.send(numbered(asking(name("www")), number), LOOPBACK, self.port)
        self.exchange(large)
        found = peer.answers()
        self.assertEqual(
            [Answer.of(data).message.id for data, _ in found], [number // 2 for number in range(4 * BATCH)]
        )
        self.assertLessEqual(max(len(data) for data, _ in found), LARGEST_UDP)

    def test_what_cannot_be_sent(self) -> None:
        """An answer that the system does not take, as to port 0, is counted, and the others of its batch are sent."""
        try:
            forging = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        except PermissionError:
            raise self.skipTest("only root may send from port 0") from None
        self.addCleanup(forging.close)
        peers = [self.peer() for _ in range(5)]
        for number, peer in enumerate(peers):
            for data in (asking(name("www")), asking(name("none"))):
                forging.sendto(pack("!4H", 0, self.port, 8 + len(data), 0) + data, (LOOPBACK, 0))
                peer.send(numbered(data, number), LOOPBACK, self.port)
        self.assertEqual(self.exchange(), 20)
        self.assertEqual([[data[1] for data, _ in peer.answers()] for peer in peers], [[each] * 2 for each in range(5)])
        self.assertEqual(self.responder.tally.unsent, 10)

    def test_nothing_can_be_sent(self) -> None:
        """Where the system takes no answer at all, all that came is read, and counted, and the next ones are as ever."""
        peer = self.peer()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
        for _ in range(BATCH + 1):
            peer.send(asking(name("www")), LOOPBACK, self.port)
        self.assertEqual(self.exchange(), BATCH + 1)
        self.assertEqual((self.responder.tally.unsent, peer.answers()), (BATCH + 1, []))

    def test_asked_at_another_address(self) -> None:
        """A socket on all addresses answers from the one that was asked, whichever came before."""
        self.listen("0.0.0.0")
        peers = [self.peer() for _ in range(3)]
        hosts = ("127.0.0.2", LOOPBACK, "127.0.0.77", "127.1.2.3")
        for turn in range(3):
            for number in range(BATCH + 10):
                peers[number % 3].send(numbered(asking(name("www")), number), hosts[number % 4], self.port)
                peers[number % 3].send(b"x" * turn, hosts[-1], self.port)
            self.exchange()
            for at, peer in enumerate(peers):
                for data, host in peer.answers():
                    self.assertEqual(host, hosts[int.from_bytes(data[:2], "big") % 4])
                    self.assertEqual(int.from_bytes(data[:2], "big") % 3, at)
        self.assertEqual(self.responder.tally.cells, {(A, 0): [3 * (BATCH + 10)]})

    def test_ipv6(self) -> None:
        """The same over IPv6, on one address and on all, which takes no IPv4."""
        for host in ("::1", "::"):
            self.listen(host)
            peer = self.peer("::1")
            for number in range(BATCH + 1):
                peer.send(numbered(asking(name("www")), number), "::1", self.port)
            self.exchange()
            self.assertEqual(
                [(int.from_bytes(data[:2], "big"), from_) for data, from_ in peer.answers()],
                [(number, "::1") for number in range(BATCH + 1)],
            )
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four:
                four.bind((LOOPBACK, self.port))

    def test_closed(self) -> None:
        """A socket that is closed is an error, which is not mistaken for nothing to read."""
        self.socket.close()
        self.assertRaises(OSError, self.datagrams.exchange, self.responder)


class BatchTests(OneByOneTests):
    """Many in a call, where the system has that."""

    make = Batches
    if not are_supported():
        skip = "this system has no recvmmsg"


class Sockets(SynchronousTestCase):
    """``bound``."""

    def test_mtu(self) -> None:
        """Defect: Python has no name for the option that keeps forged messages about the path from having answers cut to pieces."""
        if not platform.isLinux():
            raise self.skipTest("only Linux has the option")
        for host, level, number in ((LOOPBACK, socket.IPPROTO_IP, 10), ("::1", socket.IPPROTO_IPV6, 23)):
            sock = bound(host, 0)
            self.addCleanup(sock.close)
            self.assertEqual(sock.getsockopt(level, number), 5)
            self.assertFalse(sock.getblocking())

    def test_taken(self) -> None:
        """An address that is taken, or that is none of this machine, is an error."""
        sock = bound(LOOPBACK, 0)
        self.addCleanup(sock.close)
        self.assertRaises(OSError, bound, LOOPBACK, sock.getsockname()[1])
        self.assertRaises(OSError, bound, "192.0.2.1", 0)
