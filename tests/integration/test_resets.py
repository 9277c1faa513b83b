"""Connections of Twisted's own transports that are reset, on every reactor that a node may run on. Needs nothing of others."""

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.node import ROOT, environment
from tests.integration.reactors import REACTORS, UVLOOP

#: Tells what a server hears of a client that sends something and resets the connection while the server is busy with something else.
PROGRAM = """
import socket, struct, sys
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

LARGE = b"x" * 100_000

class Server(Protocol):
    def connectionMade(self):
        self.heard = 0
        client.sendall(LARGE[:int(sys.argv[1])])
        if sys.argv[2] == "writing":
            self.transport.write(100 * LARGE)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def dataReceived(self, data):
        self.heard += len(data)
        # Whoever answers what came before the reset must not meet an error.
        reactor.callLater(0, self.transport.write, b"answer")

    def connectionLost(self, reason):
        print("lost", flush=True)
        reactor.callLater(0.01, reactor.stop)

port = reactor.listenTCP(0, Factory.forProtocol(Server), interface="127.0.0.1")
client = socket.create_connection(("127.0.0.1", port.getHost().port))
reactor.callLater(20, reactor.stop)
reactor.run()
"""

#: Tells what a connected UDP port hears: that a datagram was refused, and what comes later.
REFUSED = """
import socket
from twisted.internet import reactor
from twisted.internet.protocol import ConnectedDatagramProtocol

class Client(ConnectedDatagramProtocol):
    def startProtocol(self):
        self.transport.connect("127.0.0.1", there)
        self.transport.write(b"is anybody there?")

    def connectionRefused(self):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", there))
        server.sendto(b"now", ("127.0.0.1", self.transport.getHost().port))

    def datagramReceived(self, datagram, address):
        print(datagram.decode(), flush=True)
        reactor.stop()

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
    nobody.bind(("127.0.0.1", 0))
    there = nobody.getsockname()[1]
reactor.listenUDP(0, Client(), interface="127.0.0.1")
reactor.callLater(20, reactor.stop)
reactor.run()
"""


class Resets(SynchronousTestCase):
    """A client that resets the connection."""

    def told(self, program: str, *arguments: str) -> tuple[int, str, str]:
        """Give how a program ended, and what it wrote."""
        ended = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr

    def test_lost(self) -> None:
        """The server learns that the connection is lost, whatever came before, and whether it writes or not."""
        for name, install in REACTORS.items():
            for sent in ("0", "5", "100000"):
                for doing in ("reading", "writing"):
                    with self.subTest(reactor=name, sent=sent, doing=doing):
                        self.assertEqual(self.told(install + PROGRAM, sent, doing), (0, "lost\n", ""))

    def test_refused(self) -> None:
        """A connected UDP port hears what comes after one datagram was refused. (Twisted's epoll reactor closes it.)"""
        self.assertEqual(self.told(UVLOOP + REFUSED), (0, "now\n", ""))
