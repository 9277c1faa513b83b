"""A node with certificates of a test's authority, and clients that speak TLS to it (starts processes)."""

import ssl
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from couchpages.certs.certificates import Kind
from couchpages.testing.authority import Authority
from tests.integration.cases import NodeCase
from tests.integration.crowd import figure
from tests.integration.node import Node, wait_until, write_files
from tests.integration.stores import Settings
from tests.integration.visitor import Socket

LARGE = bytes(range(256)) * 20_000
FILES: dict[str, str | bytes] = {
    "index.html": "<h1>here</h1>",
    "a.txt": "AAA",
    "404.html": "nothing",
    "large.bin": LARGE,
}


class Secured:
    """One connection over TLS to a port of 127.0.0.1 that asks for the certificate of *name*."""

    def __init__(
        self,
        port: int,
        name: str | None = "localhost",
        context: ssl.SSLContext | None = None,
        session: ssl.SSLSession | None = None,
        seconds: float = 20,
    ) -> None:
        plain = Socket(port, seconds).socket
        self.socket = (context or trusting_all()).wrap_socket(plain, server_hostname=name, session=session)

    def send(self, *pieces: bytes) -> None:
        """Send pieces, joined."""
        self.socket.sendall(b"".join(pieces))

    def read(self) -> bytes:
        """Read until the other end closes, as TLS does it; raise ssl.SSLEOFError where it does not say so."""
        read = bytearray()
        while piece := self.socket.recv(65536):
            read += piece
        return bytes(read)

    def answer(self) -> bytes:
        """Read one answer with a Content-Length, head and body."""
        read = bytearray()
        while b"\r\n\r\n" not in read:
            piece = self.socket.recv(65536)
            assert piece, bytes(read)
            read += piece
        head, _, body = bytes(read).partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        left = int(fields.get(b"content-length", b"0")) - len(body)
        while left > 0:
            piece = self.socket.recv(65536)
            assert piece
            body, left = body + piece, left - len(piece)
        return head + b"\r\n\r\n" + body

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def trusting_all(**more: Any) -> ssl.SSLContext:
    """Give a client's context that trusts everybody; *more* are attributes to set."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    for name, value in more.items():
        setattr(made, name, value)
    return made


def ask(site: str, target: str = "/", *more: str) -> bytes:
    """Write a request."""
    return "".join(f"{line}\r\n" for line in (f"GET {target} HTTP/1.1", f"Host: {site}", *more, "")).encode()


def openssl(node: Node, *options: str, data: bytes = b"", port: int | None = None) -> str:
    """Run ``openssl s_client`` and give what it wrote."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port or node.https}", *options]
    done = subprocess.run(command, input=data, capture_output=True, timeout=30, check=False)
    return (done.stdout + done.stderr).decode("latin-1")


class HttpsCase(NodeCase):
    """Tests with nodes of their own that serve HTTPS."""

    twistd: Sequence[str] = ()

    def setUp(self) -> None:
        """Make an authority."""
        super().setUp()
        self.authority = Authority()
        self.root = self.folder / "root.pem"
        self.root.write_bytes(self.authority.root.pem)

    def serving(self, settings: Settings | None = None) -> Node:
        """Start a node, and deploy a site."""
        node = self.new_node(settings)
        made = node.run("certs", "key", "new", "--config", str(node.config))
        self.assertEqual(made.code, 0, made.err)
        node.start(twistd=self.twistd)
        node.deploy(write_files(self.folder / "public", FILES), self.site)
        self.addCleanup(self.assert_quiet, node)
        return node

    def assert_quiet(self, node: Node) -> None:
        """Assert that nothing was logged that anybody should look at."""
        for word in ("Traceback", "#error", "#critical", "Unhandled", "ResourceWarning", "exception"):
            self.assertNotIn(word, node.log())

    def import_(self, node: Node, *names: str, kind: Kind = Kind.ECDSA) -> Path:
        """Issue a certificate for *names*, import it with the command, and give the file of its chain."""
        chain, key = self.authority.issue(*names, kind=kind)
        folder = write_files(self.new_folder(), {"chain.pem": chain, "key.pem": key})
        done = node.run(
            "certs", "import", str(folder / "chain.pem"), str(folder / "key.pem"), "--config", str(node.config)
        )
        self.assertEqual(done.code, 0, done.err)
        return folder / "chain.pem"

    def wait_for(self, node: Node, name: str, seconds: float = 10) -> None:
        """Wait until a certificate of the authority is served for *name*."""
        context = ssl.create_default_context(cafile=str(self.root))

        def served() -> bool:
            try:
                with Secured(node.https, name, context):
                    return True
            except OSError:
                return False

        wait_until(served, f"a certificate for {name}", seconds)

    def outcomes(self, node: Node, outcome: str, version: str = "") -> float:
        """Give how many handshakes ended so."""
        labels = f'outcome="{outcome}",port="https",version="{version}"'
        return figure(node, f"couchpages_tls_handshakes_total{{{labels}}}")


def descriptors(node: Node) -> int:
    """Give how many files a daemon has open."""
    return len(list(Path(f"/proc/{node.pid}/fd").iterdir()))


def settled(figure_: Any, at_most: float, what: str, seconds: float = 30) -> None:
    """Wait until a figure is small enough."""
    until = time.monotonic() + seconds
    while (now := figure_()) > at_most:
        assert time.monotonic() < until, f"{what}: {now}, not {at_most}"
        time.sleep(0.1)
