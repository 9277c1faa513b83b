"""One question to one name server: tries, wrong answers, TCP, and ends."""

import errno
from collections.abc import Callable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from couchpages.certs.issuing.lookups.client import DnsClient
from couchpages.certs.issuing.lookups.datagrams import MOST_WRONG
from couchpages.certs.issuing.lookups.messages import DnsError, Question
from couchpages.config_values import SocketAddress
from tests.certs.issuing.answers import answer_to
from tests.certs.issuing.fakes import FakeSocket, Running, Streams

SERVER = SocketAddress("192.0.2.53", 53)
QUESTION = Question("www.example.org", "A")
RECORD = "www.example.org.|A|192.0.2.1"


class ClientCase(Streams):
    """A question that was asked."""

    asking: Any = None

    def setUp(self) -> None:
        """Ask."""
        super().setUp()
        self.begin()

    def begin(self) -> None:
        """Ask anew."""
        if self.asking is not None:
            self.asking.cancel()
        self.sockets: list[FakeSocket] = []
        self.ids = 0
        self.client = DnsClient(self.reactor, self.entropy, self.open)
        self.asking = Running(self.client.ask(SERVER, QUESTION))

    def entropy(self, size: int) -> bytes:
        """Give another id each time."""
        self.ids += 1
        return (0x1000 + self.ids).to_bytes(size, "big")

    def open(self, server: SocketAddress) -> Any:
        """Open a socket."""
        self.assertEqual(server, SERVER)
        self.sockets.append(FakeSocket())
        return self.sockets[-1]

    def hear(self, *datagrams: bytes | OSError) -> None:
        """Let datagrams come, or errors."""
        for datagram in datagrams:
            self.sockets[-1].heard.append(datagram)
            for reader in list(self.reactor.getReaders()):
                reader.doRead()

    def asked(self) -> bytes:
        """Give the last question that was sent by datagram."""
        return self.sockets[-1].sent[-1]

    def assert_ended(self, words: str) -> None:
        """Assert that it failed with these words, and left nothing behind."""
        assert self.asking.failure is not None
        self.asking.failure.trap(DnsError)
        self.assertEqual(self.asking.words, words)
        self.assert_clean()

    def assert_clean(self) -> None:
        """Assert that nothing is left behind."""
        self.assert_idle()
        self.assertTrue(all(each.closed for each in self.sockets))


class DatagramTests(ClientCase):
    """Over UDP."""

    def test_answer(self) -> None:
        """The answer is given, and the socket closed."""
        self.hear(answer_to(self.asked(), RECORD))
        self.assertEqual([str(each) for each in self.asking.result.of("www.example.org", "A")], ["192.0.2.1"])
        self.assert_clean()

    def test_tries(self) -> None:
        """The same is asked again after one and three seconds, and given up after seven."""
        for passed, sent in ((0.75, 1), (0.5, 2), (1.5, 2), (0.5, 3), (3.5, 3)):
            self.advance(passed)
            self.assertEqual(self.sockets[0].sent, [self.asked()] * sent)
        self.assertFalse(self.asking.ended)
        self.advance(0.5)
        self.assert_ended("192.0.2.53 did not answer in 7 seconds")

    def test_late_answer(self) -> None:
        """An answer to the first question counts after the second was sent."""
        self.advance(2)
        self.hear(answer_to(self.sockets[0].sent[0], RECORD))
        self.assertEqual(self.asking.result.rcode, "NOERROR")
        self.assert_clean()

    def test_wrong_answers(self) -> None:
        """Answers with another id, to another question, and noise, are ignored; the right one behind them counts."""
        right = answer_to(self.asked(), RECORD)
        other = answer_to(b"\x99\x99" + self.asked()[2:], "www.example.org.|A|198.51.100.66")
        self.hear(other, right[:2] + other[2:-9], b"", b"\xff" * 500, self.asked())
        self.assertFalse(self.asking.ended)
        self.hear(right)
        self.assertEqual([str(each) for each in self.asking.result.of("www.example.org", "A")], ["192.0.2.1"])

    def test_nothing_but_wrong(self) -> None:
        """Who sends nothing but noise is named as one who does."""
        self.hear(b"noise")
        self.advance(7)
        self.assert_ended("192.0.2.53 sent nothing but what is no answer in 7 seconds")

    def test_guessing(self) -> None:
        """When many wrong answers come, somebody guesses: the question goes over TCP, with another id."""
        self.hear(*[b"\0" * 12] * MOST_WRONG)
        self.assertTrue(self.sockets[0].closed)
        self.assertEqual(self.reactor.tcpClients[0][:2], ("192.0.2.53", 53))

    def test_errors(self) -> None:
        """Refusals and what the network says end it at once, in words."""
        for number, words in (
            (errno.ECONNREFUSED, "refuses connections"),
            (errno.EHOSTUNREACH, "cannot be reached: No route"),
        ):
            self.begin()
            self.hear(OSError(number, "No route"))
            self.assert_ended(f"192.0.2.53 {words}")
        self.begin()
        self.sockets[0].broken = PermissionError(errno.EPERM, "Operation not permitted")
        self.advance(1)
        self.assert_ended("192.0.2.53 cannot be reached: Operation not permitted")

    def test_no_socket(self) -> None:
        """Where there is no way there, that is said."""

        def fail(_: SocketAddress) -> Any:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")

        asking = Running(DnsClient(self.reactor, self.entropy, fail).ask(SERVER, QUESTION))
        self.assertEqual(asking.words, "192.0.2.53 cannot be reached: Network is unreachable")

    def test_full_buffer(self) -> None:
        """A question that the system has no room for is as one that was lost."""
        self.sockets[0].broken = BlockingIOError()
        self.advance(1)
        self.sockets[0].broken = None
        self.advance(2)
        self.hear(answer_to(self.asked()))
        self.assertEqual(self.asking.result.rcode, "NOERROR")

    def test_cancelled(self) -> None:
        """Who gives it up leaves nothing behind."""
        self.asking.cancel()
        assert self.asking.failure is not None
        self.asking.failure.trap(CancelledError)
        self.assert_clean()

    def test_reactor_stops(self) -> None:
        """A reactor that stops ends it."""
        (reader,) = self.reactor.getReaders()
        reader.connectionLost(Failure(ConnectionDone()))
        self.assertIn("192.0.2.53 cannot be heard", self.asking.words)

    def test_without_edns(self) -> None:
        """Who does not know EDNS is asked without it; who says FORMERR to that as well, said it."""
        self.hear(self.asked()[:2] + b"\x80\x01" + bytes(8))
        self.assertEqual(dns.message.from_wire(self.asked()).edns, -1)
        self.hear(answer_to(self.asked(), RECORD))
        self.assertEqual((self.asking.result.rcode, len(self.sockets)), ("NOERROR", 2))
        self.begin()
        for _ in range(2):
            self.hear(answer_to(self.asked(), rcode=dns.rcode.FORMERR))
        self.assertEqual((self.asking.result.rcode, len(self.sockets)), ("FORMERR", 2))
        self.assert_clean()

    @given(st.lists(st.tuples(st.booleans(), st.binary(max_size=80)), max_size=20))
    @settings(deadline=None)
    def test_hostile(self, pieces: list[tuple[bool, bytes]]) -> None:
        """Whatever comes, it ends with an answer or a DnsError, and leaves nothing behind."""
        self.reactor = MemoryReactorClock()
        self.begin()
        good = answer_to(self.asked(), RECORD)
        for like_good, noise in pieces:
            self.hear(good[: len(noise)] + noise if like_good else noise)
        self.advance(20, step=1)
        self.assertTrue(self.asking.ended)
        if self.asking.failure is not None:
            self.asking.failure.trap(DnsError)
        self.assert_clean()


class StreamTests(ClientCase):
    """Over TCP, where an answer was cut off."""

    def begin(self) -> None:
        """Have it cut off."""
        super().begin()
        self.hear(answer_to(self.asked(), flags=dns.flags.TC))

    def framed(self, answer: Callable[[bytes], bytes]) -> bytes:
        """Accept the connection, and give the answer to what was asked, with its length before it."""
        self.protocol, self.transport = self.accept()
        asked = self.transport.value()
        self.assertEqual(int.from_bytes(asked[:2], "big"), len(asked) - 2)
        self.assertNotEqual(asked[2:4], self.asked()[:2])
        wire = answer(asked[2:])
        return len(wire).to_bytes(2, "big") + wire

    def test_answer(self) -> None:
        """The whole answer is given, in whatever pieces it comes, and the connection closed."""
        many = "|".join(f"192.0.2.{number}" for number in range(250))
        for byte in self.framed(lambda asked: answer_to(asked, f"www.example.org.|A|{many}")) + b"more":
            self.protocol.dataReceived(bytes((byte,)))
        self.assertEqual(len(self.asking.result.records), 250)
        self.assertTrue(self.transport.disconnecting or self.transport.disconnected)
        self.assert_clean()

    def test_refused(self) -> None:
        """Who takes no connections gave no answer."""
        self.refuse(Refused())
        self.assert_ended("192.0.2.53 over TCP refuses connections")

    def test_closed(self) -> None:
        """Who closes the connection gave no answer."""
        self.protocol, _ = self.accept()
        self.protocol.dataReceived(b"\0\x20half")
        self.protocol.connectionLost(Failure(ConnectionDone()))
        self.assert_ended("192.0.2.53 closed the connection without an answer")

    def test_wrong(self) -> None:
        """An answer to something else is none."""
        wrong = self.framed(lambda asked: answer_to(b"\0\0" + asked[2:], RECORD))
        self.protocol.dataReceived(wrong)
        self.assert_ended("192.0.2.53 answered over TCP, but it has another id, or is no answer")

    def test_cut_off_again(self) -> None:
        """An answer that is cut off over TCP as well does not pass for an empty one."""
        cut = self.framed(lambda asked: answer_to(asked, flags=dns.flags.TC))
        self.protocol.dataReceived(cut)
        self.assert_ended("192.0.2.53 cut its answer off over TCP too")

    def test_drip(self) -> None:
        """Who sends a byte a second is given up after ten seconds."""
        self.protocol, transport = self.accept()
        for _ in range(10):
            self.protocol.dataReceived(b"\x7f")
            self.reactor.advance(1)
        self.assert_ended("192.0.2.53 did not answer over TCP in 10 seconds")
        self.assertTrue(transport.disconnecting or transport.disconnected)

    def test_cancelled(self) -> None:
        """Who gives it up closes the connection, or the attempt at one."""
        for accepted in (True, False):
            self.begin()
            transport = self.accept()[1] if accepted else None
            self.asking.cancel()
            assert self.asking.failure is not None
            self.asking.failure.trap(CancelledError)
            self.assert_clean()
            self.assertTrue(transport is None or transport.disconnecting or transport.disconnected)
