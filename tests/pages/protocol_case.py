"""A site in memory, and the public port in front of it, for the tests of the protocol for visitors (does no I/O but in a folder)."""

from hashlib import sha256
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.testing.memory_database import Turns
from couchpages.testing.node import API_HOST, MemoryNode
from couchpages.web.handed_over import HandedOver
from tests.pages.fronts import PublicPort, request
from tests.web.native import NativeWire
from tests.web.wire import Answer

HOST = "a.example"
LARGE = bytes(range(256)) * 1000
FILES = {
    "index.html": b"home",
    "404.html": b"not here",
    "docs/index.html": b"docs",
    "a b/é.txt": b"text",
    "empty.txt": b"",
    "middle.bin": bytes(range(256)) * 100,
    "large.bin": LARGE,
}
TAGS = {path: b'"%b"' % sha256(content).hexdigest().encode() for path, content in FILES.items()}
HOME_TAG = TAGS["index.html"]
TARGETS = (
    b"/", b"/index.html", b"/docs", b"/docs?x=1", b"/docs/", b"//docs//", b"/a%20b/%C3%A9.txt", b"/empty.txt", b"/middle.bin",
    b"/large.bin", b"/no", b"/docs/no", b"/?q", b"/%", b"/%00", b"/a#b", b"*", b"http://a.example/docs/", b"http://b.example/", b"http://none.example/",
    b"/cdn-cgi/trace-json/x", b"//cdn-cgi/other", b"/cdn-cgi", b"/api/v2/sites", b"/" + b"x" * 600, b"/docs/../index.html", b"/api/x.txt",
)  # fmt: skip
HOSTS = (
    b"a.example", b"A.Example", b"a.example:8080", b"a.example.", b" a.example\t", b"b.example", b"none.example", b"a b", b"",
    API_HOST.encode(), b"[::1]", b"a.example:x", b"a@a.example",
)  # fmt: skip
FIELDS = (
    b"If-None-Match: " + HOME_TAG, b"If-None-Match: W/" + HOME_TAG, b'If-None-Match: "x", ' + HOME_TAG, b"If-None-Match: *",
    b"If-None-Match: " + HOME_TAG.upper(), b"if-none-match:" + HOME_TAG, b"If-None-Match: " + TAGS["large.bin"], b'If-None-Match: "x"',
    b"If-None-Match: " + TAGS["middle.bin"], b"If-None-Match: " + HOME_TAG + b" ", b"If-None-Match: ", b"X-Tag: " + HOME_TAG,
    b"If-Match: " + HOME_TAG, b'If-Match: "x"', b"Range: bytes=1-2", b"Range: bytes=0-0,2-2", b"Range: bytes=999999-", b"Range: x",
    b'If-Range: "x"', b"If-Range: " + HOME_TAG, b"If-Modified-Since: Mon, 23 Nov 2026 14:00:00 GMT", b"Accept-Encoding: gzip",
    b"Connection: keep-alive", b"Connection: close", b"Connection: Close", b"Connection:close", b"Connection: x, close", b"Connection: x",
    b"Content-Length: 0", b"User-Agent: x", b"Keep-Alive: 5", b"Proxy-Connection: close", b"Upgrade: h2c", b"Expect: nothing", b"TE: x",
)  # fmt: skip


def seen(each: Answer) -> tuple[int, bytes, dict[bytes, bytes], bytes]:
    """Give what must be the same whoever answers: all but the moment."""
    return each.status, each.phrase, {name: value for name, value in each.fields.items() if name != b"date"}, each.body


class Case(SynchronousTestCase):
    """A node in memory with two sites, and its public port."""

    def setUp(self) -> None:
        """Deploy."""
        self.node = MemoryNode(Path(self.mktemp()))
        self.first = self.node.deploy(HOST, FILES, commit="abcdef0")
        self.node.deploy("b.example", {"index.html": b"other", "404.html": b"b is not here"})
        self.port = PublicPort(self.node)

    def warm(self, *targets: bytes) -> None:
        """Have answers ready, and their content in memory."""
        for target in targets or (b"/",):
            for _ in range(2):
                self.port.ask(request(target))

    def far(self, *targets: bytes) -> tuple[PublicPort, Turns]:
        """Give the port of a node that knows the site and has none of its files, and what lets CouchDB answer it."""
        del targets
        node = self.node.restarted(Path(self.mktemp()))
        turns = Turns()
        node.files.pause = turns.wait
        self.addCleanup(setattr, node.files, "pause", None)
        return PublicPort(node), turns

    def assert_handed_over(self, wire: NativeWire) -> None:
        """Check that twisted.web has the connection."""
        self.assertIsInstance(wire.protocol, HandedOver)

    def assert_native(self, wire: NativeWire) -> None:
        """Check that it has not."""
        self.assertNotIsInstance(wire.protocol, HandedOver)
