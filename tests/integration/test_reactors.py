"""The daemon on every reactor that it may run on: the same answers, and the same ends."""

import atexit
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from tests.integration.cases import NodeCase
from tests.integration.node import ROOT, Node, wait_until, write_files
from tests.integration.stores import EmbeddedStore
from tests.integration.visitor import Socket, Visitor, exchange, fetch, request, status_of

LARGE = bytes(range(256)) * 20_000
FILES: dict[str, str | bytes] = {
    "index.html": "<h1>here</h1>", "a.txt": "AAA", "b.txt": "BBB", "404.html": "nothing", "large.bin": LARGE,
}  # fmt: skip


_shared: dict[type, Node] = {}


class OnEachReactor(NodeCase):
    """What must hold on the reactor that twistd installs by itself: Twisted's on uvloop."""

    always = True
    twistd: ClassVar[Sequence[str]] = ()
    named: ClassVar[str] = "UvloopReactor with uvloop.Loop"

    def more(self) -> Mapping[str, str]:
        """Give what is added to the daemon's environment."""
        return {}

    def setUp(self) -> None:
        """Take the node of this reactor, or one of its own for a test that ends it, and deploy a site."""
        super().setUp()
        if "ends" in self._testMethodName:
            self.started = self.new_node().start(twistd=self.twistd, env=self.more())
        else:
            self.started = _shared.get(type(self)) or self.shared()
        self.addCleanup(lambda: self.assertNotIn("Traceback", self.started.log()))
        self.started.deploy(write_files(self.folder / "public", FILES), self.site)

    def shared(self) -> Node:
        """Start a node for all tests of the class."""
        folder = Path(tempfile.mkdtemp(prefix="couchpages-test-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        node = Node(folder / "node", EmbeddedStore())
        atexit.register(node.remove)
        node.init()
        _shared[type(self)] = node.start(twistd=self.twistd, env=self.more())
        return node

    def test_is_the_one(self) -> None:
        """The log says at the start which reactor it is."""
        self.assertIn(f"running on {self.named}\n", self.started.log())

    def test_serves(self) -> None:
        """Files, redirects, refusals, unchanged ones, ranges and calls on one connection, and large files, are what they should be."""
        tag = fetch(self.started.http, self.site, "/a.txt").headers["etag"]
        for _ in range(2):
            with Visitor(self.started.http) as visitor:
                for target, fields, status, body in (
                    ("/", {}, 200, b"<h1>here</h1>"),
                    ("/index.html", {}, 200, b"<h1>here</h1>"),
                    ("/nowhere", {}, 404, b"nothing"),
                    ("/a.txt", {"If-None-Match": tag}, 304, b""),
                    ("/a.txt", {"Range": "bytes=1-1"}, 206, b"A"),
                    ("/large.bin", {}, 200, LARGE),
                    ("/large.bin", {"Range": "bytes=1000000-1000004"}, 206, LARGE[1000000:1000005]),
                    ("/cdn-cgi/trace", {}, 200, None),
                    ("/b.txt", {}, 200, b"BBB"),
                ):
                    answer = visitor.get(self.site, target, headers=fields)
                    self.assertEqual(answer.status, status, target)
                    if body is not None:
                        self.assertEqual(answer.body, body, target)
                self.assertEqual(visitor.get(self.site, "/a.txt", "HEAD").body, b"")
                self.assertEqual(visitor.get(self.site, "/a.txt", "POST", body=b"x").status, 405)

    def test_pipelined(self) -> None:
        """Pipelined requests, for what is ready, for what is large and for what twisted.web answers, are answered in order."""
        fields = (f"Host: {self.site}",)
        turns = 4
        pieces = [
            request("GET", target, fields)
            for target in ("/a.txt", "/large.bin", "/b.txt", "/", "/large.bin")
            for _ in range(turns)
        ]
        answer = exchange(self.started.http, *pieces, request("GET", "/cdn-cgi/trace", fields), pieces[0])
        bodies = (b"AAA", LARGE, b"BBB", b"<h1>here</h1>", LARGE)
        for body in (body for body in bodies for _ in range(turns)):
            head, _, answer = answer.partition(b"\r\n\r\n")
            self.assertEqual(status_of(head), 200)
            self.assertTrue(answer.startswith(body), answer[:100])
            answer = answer[len(body) :]
        self.assertIn(f"h={self.site}\n".encode(), answer)
        self.assertTrue(answer.endswith(b"AAA"))

    def test_closed_behind_a_large_file(self) -> None:
        """A connection that is closed behind what its reader took long to take is closed once, on both ways."""
        large = request("GET", "/large.bin", (f"Host: {self.site}", "Connection: close"))
        for before in (b"", request("GET", "/cdn-cgi/trace", ("Host: x",))):
            with Socket(self.started.http) as connection:
                connection.send(before, large)
                time.sleep(0.1)
                self.assertTrue(connection.read().endswith(LARGE))

    def test_hang_up(self) -> None:
        """SIGHUP is logged, and ends nobody."""
        self.started.send(signal.SIGHUP)
        wait_until(lambda: "SIGHUP" in self.started.log(), "a line about SIGHUP")
        self.assertEqual(fetch(self.started.http, self.site, "/").status, 200)
        self.assert_serving(self.started)

    def test_ends(self) -> None:
        """On SIGTERM idle connections are closed, what is being sent is sent to its end, nobody is let in, and no traceback is logged."""
        with Socket(self.started.http) as idle, Socket(self.started.http) as slow, Socket(self.started.http) as begun:
            slow.send(request("GET", "/large.bin", (f"Host: {self.site}",)))
            begun.send(b"GET / HT")
            idle.send(request("GET", "/a.txt", (f"Host: {self.site}",)))
            first = slow.socket.recv(1000)
            self.assertEqual(status_of(idle.socket.recv(1000)), 200)
            self.started.send(signal.SIGTERM)
            wait_until(lambda: not self.started.is_listening(), "nobody to listen")
            self.assertEqual(idle.read(), b"")
            self.assertIn(status_of(begun.read()), (0, 408))
            answer = first + slow.read()
            self.assertEqual(answer.partition(b"\r\n\r\n")[2], LARGE)
        self.assertEqual(self.started.wait(), -signal.SIGTERM)
        self.assertNotIn("Traceback", self.started.log())

    def test_ends_behind_an_upload(self) -> None:
        """What is under way when SIGTERM comes is done as ever: an upload that goes on gets its answer from the store."""
        content = self.site.encode() * 100_000
        fields = ("Host: localhost", f"Authorization: Bearer {self.started.key}", f"Content-Length: {len(content)}")
        with Socket(self.started.api, seconds=30) as upload:
            upload.send(request("PUT", f"/api/v2/blobs/{sha256(content).hexdigest()}", fields), content[:100_000])
            wait_until(self.started.spooled, "the beginning of the upload")
            self.started.send(signal.SIGTERM)
            wait_until(lambda: not self.started.is_listening(), "nobody to listen")
            upload.send(content[100_000:])
            self.assertEqual(status_of(upload.read()), 201)
        self.assertEqual(self.started.wait(), -signal.SIGTERM)

    def test_ends_on_ctrl_c(self) -> None:
        """Ctrl-C ends it in good order as well, also with visitors."""
        with Socket(self.started.http) as idle:
            idle.send(request("GET", "/a.txt", (f"Host: {self.site}",)))
            self.assertEqual(status_of(idle.socket.recv(1000)), 200)
            self.assertIn(self.started.interrupt(), (0, -signal.SIGINT))
            self.assertEqual(idle.read(), b"")
        self.assertNotIn("Traceback", self.started.log())


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


class OnAsyncioAsAsked(OnEachReactor):
    """The same with twistd's --reactor=asyncio: that is asyncio's own loop."""

    always = False
    twistd = ("--reactor=asyncio",)
    named = "AsyncioSelectorReactor with asyncio._UnixSelectorEventLoop"
