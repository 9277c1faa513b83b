"""Exchanges over connections of Twisted's: what is sent, what ends them, and how much may come."""

import tracemalloc
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import (
    ConnectBindError,
    ConnectionAborted,
    ConnectionLost,
    ConnectionRefusedError,  # noqa: A004 -- Twisted's
    DNSLookupError,
)
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived

from couchpages.certs.acme.answers import Answer
from couchpages.certs.acme.connecting import MOST_RECEIVED, trusting
from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.acme.exchange import MOST_BODY, Exchange, Timeouts, open_exchange
from couchpages.certs.acme.losses import loss
from tests.certs.made import NOW, authority, pems

URL = "http://192.0.2.1:14000/dir"


class AbortableTransport(StringTransport):
    """Tells whoever is connected that it was aborted, as a real one does."""

    def __init__(self, reactor: Any, protocol: Any) -> None:
        super().__init__()
        self._reactor = reactor
        self.protocol = protocol

    def abortConnection(self) -> None:
        """End, in the reactor's next turn."""
        super().abortConnection()
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            self._reactor.callLater(0, protocol.connectionLost, Failure(ConnectionAborted()))


class OneExchange(SynchronousTestCase):
    """An exchange with a reactor in memory."""

    def setUp(self) -> None:
        """Begin one."""
        self.reactor = MemoryReactorClock()
        self.exchange = open_exchange(self.reactor, lambda: NOW, timeouts=Timeouts(5, 20, 30))

    def begun(self, doing: Any) -> "Deferred[Answer]":
        """Begin, and connect."""
        running: Deferred[Answer] = Deferred.fromCoroutine(doing)
        factory: Any = self.reactor.tcpClients[-1][2]
        self.protocol: Any = factory.buildProtocol(None)
        self.transport = AbortableTransport(self.reactor, self.protocol)
        self.protocol.makeConnection(self.transport)
        return running

    def failed(self, running: "Deferred[Answer]", cause: Cause, words: str) -> None:
        """Look that it failed, and left no timer that would go on."""
        self.reactor.advance(0)
        error = self.failureResultOf(running, AcmeError).value
        self.assertEqual(error.cause, cause, str(error))
        self.assertIn(words, str(error))
        self.assertEqual(
            [call for call in self.reactor.getDelayedCalls() if call.getTime() > self.reactor.seconds()], []
        )

    def test_request(self) -> None:
        """Who asks is said, nothing compressed is asked for, and no cookie sent."""
        running = self.begun(self.exchange.post(URL, b"{}"))
        head, _, body = self.transport.value().partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        self.assertEqual((lines[0], body), (b"post /dir http/1.1", b"{}"))
        self.assertIn(b"content-type: application/jose+json", lines)
        self.assertTrue(any(line.startswith(b"user-agent: couchpages") for line in lines))
        self.assertIn(b"accept-language: en", lines)
        self.assertFalse(any(line.startswith((b"accept-encoding", b"cookie")) for line in lines))
        self.protocol.dataReceived(
            b"HTTP/1.1 201 C\r\nReplay-Nonce: a\r\nLink: <b>\r\nLink: <c>\r\nContent-Length: 2\r\n\r\n{}"
        )
        answer = self.successResultOf(running)
        self.assertEqual((answer.status, answer.body, answer.now), (201, b"{}", NOW))
        self.assertEqual(answer.headers["link"], ("<b>", "<c>"))

    def test_silence(self) -> None:
        """No connection, no answer, half an answer: each ends after its time."""
        waiting: Deferred[Answer] = Deferred.fromCoroutine(self.exchange.get(URL))
        self.reactor.advance(5)
        self.reactor.advance(15)
        self.failed(waiting, Cause.TIMED_OUT, "in")
        running = self.begun(self.exchange.get(URL))
        self.reactor.advance(20)
        self.failed(running, Cause.TIMED_OUT, "no answer in 20 seconds")
        self.assertTrue(self.transport.disconnecting or self.transport.disconnected)
        running = self.begun(self.exchange.get(URL))
        self.protocol.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(10):
            # A byte now and then does not keep it.
            self.reactor.advance(3)
            if self.transport.protocol is not None:
                self.protocol.dataReceived(b"x")
        self.failed(running, Cause.TIMED_OUT, "the answer was not whole in 30 seconds")

    def test_cancelled(self) -> None:
        """Whoever gives up ends the connection."""
        for begin in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"):
            running = self.begun(self.exchange.get(URL))
            self.protocol.dataReceived(begin)
            running.cancel()
            self.failureResultOf(running, CancelledError)
            self.assertIsNone(self.transport.protocol)

    def test_compressed(self) -> None:
        """An answer that is compressed ends its connection before its body comes."""
        running = self.begun(self.exchange.get(URL))
        self.protocol.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n")
        self.failed(running, Cause.NONSENSE, "compressed")
        self.assertIsNone(self.transport.protocol)

    def test_large_body(self) -> None:
        """A body that is too large is not read, with a length or in chunks."""
        for head, piece in (
            (b"Content-Length: 99999999", b"x" * 65536),
            (b"Transfer-Encoding: chunked", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        ):
            running = self.begun(self.exchange.get(URL))
            self.protocol.dataReceived(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
            for _ in range(MOST_BODY // 65536 + 1):
                if not running.called:
                    self.protocol.dataReceived(piece)
            self.failed(running, Cause.NONSENSE, f"more than {MOST_BODY:,} bytes")
            self.assertIsNone(self.transport.protocol)

    def test_endless_head(self) -> None:
        """Headers, and answers of the kind 100, without end are not gathered."""
        for start, piece in (
            (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n" * 10000),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2500),
        ):
            running = self.begun(self.exchange.get(URL))
            self.protocol.dataReceived(start)
            sent = 0
            while not running.called and sent < 3 * MOST_RECEIVED:
                self.protocol.dataReceived(piece)
                self.reactor.advance(0)
                sent += len(piece)
            self.failed(running, Cause.NONSENSE, "so large that it was not read")
            self.assertLess(sent, MOST_RECEIVED + 2 * len(piece))

    def test_many_answers(self) -> None:
        """The limit is one answer's: a connection may serve any number of them."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        running = self.begun(self.exchange.get(URL))
        for _ in range(5):
            self.protocol.dataReceived(head + b"x" * 1_000_000)
            self.assertEqual(len(self.successResultOf(running).body), 1_000_000)
            self.reactor.advance(0)
            running = Deferred.fromCoroutine(self.exchange.get(URL))
        self.assertEqual(len(self.reactor.tcpClients), 1)
        running.cancel()
        self.failureResultOf(running, CancelledError)

    def test_not_whole(self) -> None:
        """An answer that ends with its connection, before or without its length, is none."""
        for answer in (
            b"",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
            b"HTTP/1.1 200 OK\r\n\r\n{}",
            b"\x00\xff\r\n\r\n",
        ):
            running = self.begun(self.exchange.post(URL, b"{}"))
            self.protocol.dataReceived(answer)
            if self.transport.protocol is not None:
                self.protocol.connectionLost(Failure(ConnectionLost()))
            self.failed(running, Cause.UNREACHABLE, URL)

    def test_redirect(self) -> None:
        """None is followed: what we signed goes where it was meant to."""
        running = self.begun(self.exchange.post(URL, b"{}"))
        self.protocol.dataReceived(b"HTTP/1.1 307 T\r\nLocation: http://192.0.2.2/\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(self.successResultOf(running).status, 307)
        self.assertEqual(len(self.reactor.tcpClients), 1)

    def test_memory(self) -> None:
        """Hundreds of answers leave nothing behind, whatever is in them."""
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for number in range(300):
            running = self.begun(self.exchange.get(URL))
            cookie = b"Set-Cookie: a%d=%s\r\n" % (number, b"x" * 3000)
            self.protocol.dataReceived(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + cookie + b"Content-Length: 2\r\n\r\n{}"
            )
            self.successResultOf(running)
            self.protocol.connectionLost(Failure(ConnectionLost()))
            self.reactor.tcpClients.clear()
            self.reactor.connectors.clear()
            if number == 50:
                before = tracemalloc.get_traced_memory()[0]
        self.assertLess(tracemalloc.get_traced_memory()[0] - before, 400_000)


class Trust(SynchronousTestCase):
    """Whose certificates are believed."""

    def test_file(self) -> None:
        """A file of roots is read; one without any, or with a broken one, is refused in words that name the setting."""
        trusting(authority().root.pem * 2)
        trusting(None)
        broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        for pem in (b"", b"root", pems("example.org")[1], broken):
            with self.assertRaisesRegex(ValueError, r"\[acme\] ca_file"):
                trusting(pem)
        with self.assertRaises(OSError):
            open_exchange(MemoryReactorClock(), lambda: NOW, Path(self.mktemp()))


class Losses(SynchronousTestCase):
    """How failures are told."""

    def test_each(self) -> None:
        """Each in a sentence, with the cause that it has."""
        verify: Any = SSL.Error([("SSL routines", "", "certificate verify failed")])
        for error, cause, words in (
            (ConnectionRefusedError("no"), Cause.UNREACHABLE, "no connection: "),
            (ConnectTimeout(), Cause.TIMED_OUT, "no connection was made in time"),
            (DNSLookupError("ca.test"), Cause.UNREACHABLE, "cannot be looked up"),
            (ConnectBindError(), Cause.UNREACHABLE, "no connection"),
            (verify, Cause.UNREACHABLE, "[acme] ca_file"),
            (SSL.Error(), Cause.UNREACHABLE, "the handshake failed"),
            (
                ResponseNeverReceived([Failure(ConnectionLost()), Failure(verify)]),
                Cause.UNREACHABLE,
                "certificate verify failed",
            ),
            (ValueError("a\nb"), Cause.UNREACHABLE, "ValueError: a"),
        ):
            told = loss(error, URL)
            self.assertEqual(told.cause, cause)
            self.assertIn(words, str(told))
            self.assertTrue(str(told).isprintable())

    def test_odd(self) -> None:
        """Whatever an agent fails with is an AcmeError."""

        class Odd:
            def request(self, *_: Any, **__: Any) -> Any:
                return fail(UnicodeError("odd"))

        odd: Any = Odd()
        exchange = Exchange(MemoryReactorClock(), odd, lambda: NOW)
        self.failureResultOf(Deferred.fromCoroutine(exchange.get(URL)), AcmeError)
        self.failureResultOf(Deferred.fromCoroutine(exchange.get("file:///x")), AcmeError)
