"""Connections of Twisted's own transports that are reset, on every reactor that a node may run on. Needs nothing of others."""

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.node import ROOT, environment
from tests.integration.reactors import REACTORS

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


class Resets(SynchronousTestCase):
    """A client that resets the connection."""

    def test_lost(self) -> None:
        """The server learns that the connection is lost, whatever came before, and whether it writes or not."""
        for name, install in REACTORS.items():
            for sent in ("0", "5", "100000"):
                for doing in ("reading", "writing"):
                    with self.subTest(reactor=name, sent=sent, doing=doing):
                        program = [sys.executable, "-c", install + PROGRAM, sent, doing]
                        ended = subprocess.run(
                            program,
                            cwd=ROOT,
                            env=environment(),
                            capture_output=True,
                            text=True,
                            timeout=60,
                            check=False,
                        )
                        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "lost\n", ""))
