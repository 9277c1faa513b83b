"""Fetching one small file, from whoever answers."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, ConnectionDone, NoRouteError
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from couchpages.certs.issuing.shown.fetching import LARGEST_ANSWER, LARGEST_BODY, Fetched, FetchError, fetch
from tests.certs.issuing.fakes import Running, Streams

OK = b"HTTP/1.1 200 OK\r\n"


class FetchingTests(Streams):
    """``fetch``."""

    def setUp(self) -> None:
        """Ask."""
        super().setUp()
        self.begin()

    def begin(self, port: int = 80) -> None:
        """Ask anew."""
        self.fetching = Running(fetch(self.reactor, "192.0.2.7", port, "blog.example.com", "/x"))

    def hear(self, *pieces: bytes, ends: bool = False) -> None:
        """Accept the connection, and let an answer come."""
        protocol, self.transport = self.accept()
        for piece in pieces:
            protocol.dataReceived(piece)
        if ends:
            protocol.connectionLost(Failure(ConnectionDone()))

    def assert_failed(self, words: str, *, answered: bool = False) -> None:
        """Assert that it failed with these words."""
        assert self.fetching.failure is not None
        self.fetching.failure.trap(FetchError)
        self.assertIn(words, self.fetching.words)
        self.assertEqual(vars(self.fetching.failure.value)["answered"], answered)

    def test_request(self) -> None:
        """The address given is asked, for the host, with its port where that is not HTTP's."""
        self.hear()
        self.assertEqual(self.reactor.tcpClients[0][:2], ("192.0.2.7", 80))
        self.assertTrue(self.transport.value().startswith(b"GET /x HTTP/1.1\r\nHost: blog.example.com\r\n"))
        self.begin(8080)
        self.hear()
        self.assertIn(b"\r\nHost: blog.example.com:8080\r\n", self.transport.value())

    def test_answers(self) -> None:
        """An answer is read however its length is told, in whatever pieces, and the connection is closed."""
        for head, body, ends in (
            (OK + b"Content-Length: 4\r\n\r\n", b"body", False),
            (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"3\r\nbod\r\n1\r\ny\r\n0\r\n\r\n", False),
            (b"HTTP/1.0 200 OK\r\n\r\n", b"body", True),
            (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\n", b"body", False),
        ):
            for pieces in ([head + body], [bytes((byte,)) for byte in head + body]):
                self.begin()
                self.hear(*pieces, ends=ends)
                self.assertEqual(self.fetching.result, Fetched(200, "", b"body"), head)
                self.assertTrue(self.transport.disconnecting or self.transport.disconnected)

    def test_redirect(self) -> None:
        """A redirect is told, and not followed."""
        self.hear(b"HTTP/1.1 301 Moved\r\nLOCATION: https://blog.example.com/x\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(self.fetching.result, Fetched(301, "https://blog.example.com/x", b""))
        self.assertEqual(len(self.reactor.tcpClients), 1)

    def test_too_large(self) -> None:
        """A body, or a head, that is too large is not read, however it comes."""
        for pieces in (
            [OK + b"Content-Length: 1000000\r\n\r\n", b"x" * (LARGEST_BODY + 1)],
            [OK + b"Content-Length: 5000\r\n\r\n" + b"x" * 5000],
            [OK, *[b"X-Field: " + b"x" * 1000 + b"\r\n"] * (LARGEST_ANSWER // 1000 + 1)],
        ):
            self.begin()
            self.hear(*pieces)
            self.assert_failed("answered with more than 4096 bytes", answered=True)
            self.assertTrue(self.transport.disconnecting or self.transport.disconnected)

    def test_no_http(self) -> None:
        """What is no HTTP is an answer, though none that helps."""
        self.hear(b"220 mail.example.com ESMTP\r\n")
        self.assert_failed("does not answer in HTTP", answered=True)

    def test_closed(self) -> None:
        """Who closes the connection first gave no answer."""
        for piece in (b"", b"HTTP/1.1 200", OK, b"HTTP/1.1 100 Continue\r\n\r\n"):
            self.begin()
            self.hear(piece, ends=True)
            self.assert_failed("closed the connection without an answer")

    def test_no_connection(self) -> None:
        """Why there is no connection is said in words."""
        for error, words in (
            (Refused(), "refuses connections"),
            (ConnectTimeout(), "does not answer"),
            (ConnectError(OSError(113, "No route to host")), "cannot be reached: No route to host"),
            (NoRouteError(OSError(101, "Network is unreachable")), "cannot be reached: Network is unreachable"),
        ):
            self.begin()
            self.refuse(error)
            self.assert_failed(words)
            assert self.fetching.failure is not None
            self.assertEqual(vars(self.fetching.failure.value)["astray"], isinstance(error, NoRouteError))

    def test_cancelled(self) -> None:
        """Who gives it up closes the connection."""
        self.hear()
        self.fetching.cancel()
        assert self.fetching.failure is not None
        self.fetching.failure.trap(CancelledError)
        self.assertTrue(self.transport.disconnecting or self.transport.disconnected)
        self.assert_idle()

    @given(st.lists(st.binary(max_size=60), max_size=10), st.sampled_from([b"", b"HTTP/1.1 ", OK, OK + b"\r\n"]))
    @settings(deadline=None)
    def test_hostile(self, pieces: list[bytes], begun: bytes) -> None:
        """Whatever comes, it ends with an answer or a FetchError."""
        self.reactor = MemoryReactorClock()
        self.begin()
        self.hear(begun, *pieces, ends=True)
        self.assertTrue(self.fetching.ended)
        if self.fetching.failure is not None:
            self.fetching.failure.trap(FetchError)
