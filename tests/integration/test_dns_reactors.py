"""The name server on every reactor that it may run on: the same answers, and the same ends."""

import signal
import socket
from collections.abc import Mapping, Sequence
from typing import ClassVar

from tests.dns.messages import TXT, asking, message
from tests.integration.dns_case import HOSTS, DnsCase
from tests.integration.node import ROOT, Node, wait_until, write_files
from tests.integration.resolving import ask
from tests.integration.visitor import Socket

ADDRESS = bytes((192, 0, 2, 1))


def framed(*questions: bytes) -> bytes:
    """Put each one's length before it."""
    return b"".join(len(each).to_bytes(2, "big") + each for each in questions)


class OnEachReactor(DnsCase):
    """What must hold on the reactor that twistd installs by itself: Twisted's on uvloop."""

    always = True
    twistd: ClassVar[Sequence[str]] = ()
    named: ClassVar[str] = "UvloopReactor with uvloop.Loop"

    def more(self) -> Mapping[str, str]:
        """Give what is added to the daemon's environment."""
        return {}

    def serving(self) -> Node:
        """Start a name server, with a small answer and a large one."""
        node = self.new_name_server(tcp_idle_timeout=3).start(twistd=self.twistd, env=self.more())
        self.assertIn(f"running on {self.named}\n", node.log())
        self.create(node=node)
        self.add("www", "A", "192.0.2.1", node=node)
        self.add("large", "TXT", " ".join([f'"{"x" * 250}"'] * 100), node=node)
        self.until(("192.0.2.1",), f"www.{self.zone}", node=node)
        wait_until(lambda: self.ask(f"large.{self.zone}", "TXT", tcp=True, node=node).data, "the large record")
        return node

    def name(self, label: str) -> bytes:
        """Give a name in the zone."""
        return b"".join(bytes([len(each)]) + each.encode() for each in (label, *self.zone.split("."))) + b"\0"

    def test_all(self) -> None:
        """UDP and TCP are answered: bursts, pipelining, large answers, closed halves, garbage, idling; and SIGTERM ends it well."""
        node = self.serving()
        small, large = asking(self.name("www")), asking(self.name("large"), TXT)
        for host in HOSTS:
            for tcp in (False, True):
                self.assertEqual(ask(node.dns, f"www.{self.zone}", tcp=tcp, host=host).data, ("192.0.2.1",))
        self.burst(node, small)
        count = 300
        with Socket(node.dns) as connection:
            questions = [number.to_bytes(2, "big") + (small, large)[number % 3 == 0][2:] for number in range(count)]
            connection.send(framed(*questions))
            connection.end()
            self.assertEqual(self.whole(connection.read()), list(range(count)))
        for garbage in (b"\xff\xff", framed(message(bits=0x8000)), framed(b"")):
            with Socket(node.dns) as connection:
                connection.send(framed(small), garbage)
                self.assertEqual(connection.read().count(ADDRESS), 1)
        with Socket(node.dns) as connection:
            connection.send(framed(small))
            self.assertEqual(connection.read().count(ADDRESS), 1, "it is closed when it idles")
        with Socket(node.dns) as idle, Socket(node.dns) as slow:
            slow.send(framed(*[large] * 10))
            idle.send(framed(small))
            self.assertIn(ADDRESS, idle.socket.recv(1000))
            first = slow.socket.recv(1000)
            node.send(signal.SIGTERM)
            self.assertEqual(idle.read(), b"")
            self.whole(first + slow.read())
        self.assertEqual(node.wait(), -signal.SIGTERM)
        self.assertNotIn("Traceback", node.log())

    def whole(self, read: bytes) -> list[int]:
        """Give the ids of answers, which must all be whole."""
        ids = []
        while read:
            size = int.from_bytes(read[:2], "big")
            self.assertGreaterEqual(len(read), 2 + size)
            ids.append(int.from_bytes(read[2:4], "big"))
            read = read[2 + size :]
        return ids

    def burst(self, node: Node, data: bytes) -> None:
        """Send 200 questions at once, half of them not to be answered, and read all answers."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", node.dns))
            client.settimeout(10)
            for number in range(200):
                identity = number.to_bytes(2, "big")
                client.send(identity + (b"\x80" if number % 2 else data[2:3]) + data[3:])
            found = sorted(int.from_bytes(client.recv(2000)[:2], "big") for _ in range(100))
            self.assertEqual(found, list(range(0, 200, 2)))


class OnAsyncioAlone(OnEachReactor):
    """The same where uvloop cannot be imported."""

    always = False
    named = "AsyncioSelectorReactor with asyncio._UnixSelectorEventLoop"

    def more(self) -> Mapping[str, str]:
        """Put something in uvloop's place."""
        stub = write_files(self.folder / "hiding", {"uvloop/__init__.py": "raise ImportError('hidden by a test')\n"})
        return {"PYTHONPATH": f"{stub}:{ROOT}"}


class OnEpoll(OnEachReactor):
    """The same on Twisted's epoll reactor, for who asks for it."""

    twistd = ("--reactor=epoll",)
    named = "EPollReactor"
