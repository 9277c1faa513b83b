"""What the public port may listen on: each is served as the default one is, on uvloop and on Twisted's epoll reactor."""

import socket
import subprocess
from collections.abc import Sequence
from typing import Any, ClassVar

from tests.integration.cases import NodeCase
from tests.integration.node import Node, free_ports, write_files
from tests.integration.stores import EmbeddedStore
from tests.integration.visitor import request

LARGE = bytes(range(256)) * 4000
#: systemd's protocol: the sockets are descriptors from 3 on, and LISTEN_PID is the process that they are for.
AS_SYSTEMD = 'exec 3<&%d; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http; exec "$0" "$@"'


class Endpoints(NodeCase):
    """Endpoints on uvloop."""

    always = True
    twistd: ClassVar[Sequence[str]] = ()

    def listening(self, *endpoints: str) -> Node:
        """Make a node that listens on *endpoints*, and on the port of its own as well, not started."""
        node = Node(self.new_folder() / "node", EmbeddedStore())
        text = node.config.read_text()
        own = f'"tcp:{node.http}:interface=127.0.0.1"'
        assert own in text, text
        listed = ", ".join(f"'{each}'" for each in endpoints)
        node.config.write_text(text.replace(own, f"{own}, {listed}"))
        self.addCleanup(node.remove)
        node.init()
        return node

    def deploy(self, node: Node) -> None:
        """Deploy a site."""
        node.deploy(write_files(self.folder / "public", {"a.txt": "AAA", "large.bin": LARGE}), self.site)

    def ask(self, family: int, address: Any) -> bytes:
        """Ask for a few things at once, and read to the end."""
        fields = (f"Host: {self.site}",)
        targets = ("/a.txt", "/large.bin", "/a.txt", "/cdn-cgi/trace")
        pieces = [request("GET", target, fields) for target in targets]
        with socket.socket(family) as connection:
            connection.settimeout(20)
            connection.connect(address)
            connection.sendall(b"".join((*pieces, request("GET", "/a.txt", (*fields, "Connection: close")))))
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def assert_served(self, family: int, address: Any, ip: str) -> None:
        """Assert that all of it is answered, also a second time, when it is in memory."""
        for _ in range(2):
            answer = self.ask(family, address)
            self.assertEqual(answer.count(b"HTTP/1.1 200 OK\r\n"), 5)
            self.assertEqual(answer.count(LARGE), 1)
            self.assertIn(f"\nip={ip}\n".encode(), answer)
            self.assertTrue(answer.endswith(b"\r\n\r\nAAA"))

    def test_several(self) -> None:
        """Two ports, one of IPv6, and a path of the file system are served alike; the path is gone when the daemon has ended."""
        (port,) = free_ports(1)
        path = self.folder / "http.sock"
        node = self.listening(f"tcp:{port}:interface=\\:\\:1", f"unix:{path}")
        node.start(twistd=self.twistd)
        self.deploy(node)
        self.assert_served(socket.AF_INET, ("127.0.0.1", node.http), "127.0.0.1")
        self.assert_served(socket.AF_INET6, ("::1", port), "::1")
        self.assert_served(socket.AF_UNIX, str(path), "")
        node.stop()
        self.assertNotIn("Traceback", node.log())
        self.assertNotIn("cannot serve natively", node.log())
        self.assertFalse(path.exists())

    def test_path_after_a_kill(self) -> None:
        """A path that a daemon left behind, being killed, does not keep the next one from starting."""
        path = self.folder / "http.sock"
        node = self.listening(f"unix:{path}").start(twistd=self.twistd)
        node.kill()
        self.assertTrue(path.exists())
        node.start(twistd=self.twistd)
        self.deploy(node)
        self.assert_served(socket.AF_UNIX, str(path), "")

    def test_curl_on_a_path(self) -> None:
        """Curl speaks to the path."""
        path = self.folder / "http.sock"
        node = self.listening(f"unix:{path}").start(twistd=self.twistd)
        self.deploy(node)
        for _ in range(2):
            done = subprocess.run(
                ["curl", "-sS", "--unix-socket", str(path), f"http://{self.site}/large.bin"],
                capture_output=True, timeout=30, check=True,
            )  # fmt: skip
            self.assertEqual(done.stdout, LARGE)

    def test_inherited(self) -> None:
        """A socket that systemd holds is served, its queue gets no shorter, and it takes connections again from the next daemon."""
        with socket.create_server(("127.0.0.1", 0), backlog=700) as held:
            address = held.getsockname()
            node = self.listening("systemd:domain=INET:index=0")
            by = ("sh", "-c", AS_SYSTEMD % held.fileno())
            for turn in range(2):
                node.start(twistd=self.twistd, by=by, passed=[held.fileno()])
                if not turn:
                    self.deploy(node)
                self.assert_served(socket.AF_INET, address, "127.0.0.1")
                self.assertGreaterEqual(_queue_of(address[1]), 700)
                node.stop()
            self.assertNotIn("Traceback", node.log())
            self.assertNotIn("cannot serve natively", node.log())
            with socket.create_connection(address, timeout=5):
                pass


class EndpointsOnEpoll(Endpoints):
    """The same on Twisted's epoll reactor."""

    twistd = ("--reactor=epoll",)


def _queue_of(port: int) -> int:
    """Give how many connections may wait at a listening port, as ss shows it: Linux tells it nowhere else."""
    done = subprocess.run(["ss", "-ltnH", f"sport = :{port}"], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[2])
