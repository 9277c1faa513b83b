"""What one ready answer costs, counted instead of timed, so that it is the same on every machine.

The bounds stand a little above the present figures: whoever makes the hot path longer is asked to think, and to write down the new figure.
"""

import gc
import sys
from collections import deque
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.protocol import VisitConnection
from couchpages.testing.node import MemoryNode
from couchpages.web.stream import Stream
from tests.pages.fronts import PublicPort, request

#: What Chromium sends for a page, with a cookie: 13 fields.
BROWSERS = (
    b"Connection: keep-alive",
    b'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
    b"sec-ch-ua-mobile: ?0",
    b'sec-ch-ua-platform: "Linux"',
    b"Upgrade-Insecure-Requests: 1",
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    b"Sec-Fetch-Site: none",
    b"Sec-Fetch-Mode: navigate",
    b"Accept-Encoding: gzip, deflate, br, zstd",
    b"Accept-Language: de-AT,de;q=0.9,en;q=0.8",
    b"Cookie: consent=yes; session=0123456789abcdef",
)


class Sink:
    """A transport that takes everything and costs nothing."""

    def __init__(self) -> None:
        self.written: deque[bytes] = deque(maxlen=1)
        self.write = self.written.append

    def is_closing(self) -> bool:
        """Stay open."""
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Give the other end's name."""
        return ("192.0.2.1", 50_000) if name == "peername" else default


class HotPath(SynchronousTestCase):
    """One connection to a node in memory, whose answers are ready and whose content is in memory."""

    def setUp(self) -> None:
        """Ask twice, so that everything is ready."""
        node = MemoryNode(Path(self.mktemp()))
        node.deploy("a.example", {"index.html": b"x" * 4096, "larger": b"x" * 10_000})
        self.port = PublicPort(node)
        self.sink = Sink()
        self.connection: Stream = VisitConnection(self.port.front)
        self.connection.connection_made(self.sink)  # type: ignore[arg-type]  # as much of one as is used
        self.connection.left = 10**9
        self.data = request(b"/", *BROWSERS)
        for _ in range(2):
            self.connection.data_received(self.data)
        self.assertIn(b"HTTP/1.1 200 OK", self.sink.written[0])

    def calls(self, *pieces: bytes) -> tuple[int, int]:
        """Count the calls of Python's and of C's functions that answering *pieces*, which come one after the other, takes.

        The least of several counts: an answer that takes longer than 100 µs, as some do while calls are counted, is a few calls more.
        """
        return min(self.counted(pieces) for _ in range(20))

    def counted(self, pieces: tuple[bytes, ...]) -> tuple[int, int]:
        """Count once."""
        counted = {"call": 0, "c_call": 0}

        def count(frame: object, event: str, argument: object) -> None:
            del frame, argument
            if event in counted:
                counted[event] += 1

        receive = self.connection.data_received
        gc.disable()
        sys.setprofile(count)
        try:
            for data in pieces:
                receive(data)
        finally:
            sys.setprofile(None)
            gc.enable()
        # The last call of C's is the one that ends the counting.
        return counted["call"], counted["c_call"] - 1

    def assert_calls(self, *pieces: bytes, python: int, c: int) -> None:
        """Check that answering *pieces* takes as many calls at most."""
        found = self.calls(*pieces)
        self.assertLessEqual(found[0], python, "calls of Python's functions")
        self.assertLessEqual(found[1], c, "calls of C's functions")

    def test_page(self) -> None:
        """A browser's request for a page, with the fields of the one before: 13 calls of Python's functions and 14 of C's."""
        self.assert_calls(self.data, python=14, c=16)

    def test_other_fields(self) -> None:
        """A request with other fields than the one before, which have to be read: 28 and 36, of two."""
        other = request(b"/", *BROWSERS, b"X: y")
        self.assert_calls(self.data, other, python=2 * 30, c=2 * 39)

    def test_condition(self) -> None:
        """A request for what the browser has already: 13 and 14."""
        tag = self.sink.written[0].partition(b"etag: ")[2].partition(b"\r\n")[0]
        data = request(b"/", *BROWSERS, b"If-None-Match: " + tag)
        self.connection.data_received(data)
        self.assertIn(b"HTTP/1.1 304", self.sink.written[0])
        self.assert_calls(data, python=14, c=16)

    def test_larger_file(self) -> None:
        """A file that the cache of blobs holds: 17 and 17."""
        data = request(b"/larger", *BROWSERS)
        for _ in range(2):
            self.connection.data_received(data)
        self.assert_calls(data, python=18, c=19)

    def test_same_for_every_request(self) -> None:
        """The second request costs what the thousandth does."""
        first = self.calls(self.data)
        for _ in range(1000):
            self.connection.data_received(self.data)
        self.assertEqual(self.calls(self.data), first)

    def test_nothing_grows(self) -> None:
        """After a thousand answers no more memory is in use than before."""
        receive, data = self.connection.data_received, self.data + request(b"/larger", *BROWSERS)

        def after_many() -> int:
            for _ in range(1000):
                receive(data)
            gc.collect()
            return sys.getallocatedblocks()

        after_many()
        before = after_many()
        # A few blocks come and go with the interpreter's own caches.
        self.assertLess(after_many() - before, 50)
