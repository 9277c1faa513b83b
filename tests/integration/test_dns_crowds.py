"""Thousands of TCP connections to a name server that want nothing good: whoever asks is answered, and memory stays what it was."""

import contextlib
import resource
import time
from typing import Any

from tests.dns.messages import asking, message
from tests.dns.rules.sockets import over_sockets
from tests.integration.crowd import Crowd, Member, figure, raise_limit, resident
from tests.integration.dns_case import DnsCase
from tests.integration.node import Node, wait_until

ADDRESS = bytes((192, 0, 2, 1))


def _open(members: list[Member]) -> int:
    return sum(not each.ended for each in members)


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


class DnsCrowds(DnsCase):
    """A name server of the test's own, with a zone."""

    always = True

    def serving(self, **more: Any) -> Node:
        """Start one, and warm it up."""
        raise_limit()
        node = self.new_name_server(**more).start()
        self.create(node=node)
        self.add("www", "A", "192.0.2.1", node=node)
        self.add("large", "TXT", " ".join([f'"{"x" * 250}"'] * 100), node=node)
        self.until(("192.0.2.1",), f"www.{self.zone}", node=node)
        wait_until(lambda: self.ask(f"large.{self.zone}", "TXT", tcp=True, node=node).data, "the large record")
        self.addCleanup(lambda: self.assertNotIn("Traceback", node.log()))
        return node

    def assert_serves(self, node: Node, times: int = 5) -> None:
        """Assert that whoever asks is answered, over UDP and on new TCP connections."""
        ask = over_sockets(node.dns, patience=10)
        for _ in range(times):
            for transport in ("udp", "tcp"):
                answer = ask(self.www(), transport)
                self.assertIsNotNone(answer, transport)
                self.assertIn(ADDRESS, answer or b"")

    def www(self) -> bytes:
        """Write a question."""
        return asking(b"\3www" + b"".join(bytes([len(each)]) + each.encode() for each in self.zone.split(".")) + b"\0")

    def large(self) -> bytes:
        """Write a question with an answer of 25 KB."""
        return self.www().replace(b"\3www", b"\5large").replace(b"\0\0\1\0\1", b"\0\0\x10\0\1")

    def connections(self, node: Node) -> float:
        """Give how many connections are open, as the daemon tells."""
        return figure(node, "couchpages_dns_connections")

    def assert_gone(self, node: Node) -> None:
        """Assert that no connection is counted any more."""
        wait_until(lambda: self.connections(node) == 0, f"no connections, there are {self.connections(node)}")

    def test_idle(self) -> None:
        """10,000 connections that ask nothing: others are answered all along, over UDP and TCP, and those that had to go were closed."""
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 12_000:
            self.skipTest("this machine allows too few open files")
        node = self.serving(tcp_connections=3000, tcp_connections_per_address=1000, tcp_idle_timeout=600)
        before = resident(node)
        with Crowd(node.dns) as crowd:
            for number in range(10):
                lot = crowd.join(1000)
                if number % 2:
                    # Half of them begin to ask, and stop.
                    for each in lot:
                        each.send(_framed(self.www())[: 1 + number])
                self.assert_serves(node)
                self.assertLessEqual(self.connections(node), 3000)
            crowd.listen(0.5)
            self.assertLessEqual(_open(crowd.members), 3000)
            self.assertGreater(_open(crowd.members), 2000)
            self.assert_serves(node, 50)
            self.assertLess(resident(node) - before, 60)
        self.assert_gone(node)

    def test_time_out(self) -> None:
        """Who asks nothing, or never ends his question, is closed after the configured time, and who asks is not."""
        node = self.serving(tcp_idle_timeout=2)
        with Crowd(node.dns) as crowd:
            silent, dripping, asking_ = crowd.join(20), crowd.join(20), crowd.join(1)
            until = time.monotonic() + 60
            count = 0
            while _open(silent + dripping):
                self.assertLess(time.monotonic(), until)
                for each in dripping:
                    each.send(_framed(self.www())[count % 20 : count % 20 + 1] if count < 20 else b"")
                asking_[0].send(_framed(self.www()))
                count += 1
                crowd.hear(asking_, ADDRESS)
                crowd.listen(0.2)
            self.assertEqual(_open(asking_), 1)
            crowd.listen(0.5)
            self.assertEqual(bytes(asking_[0].received).count(ADDRESS), count)
        self.assert_gone(node)

    def test_who_does_not_read(self) -> None:
        """100 who ask thousands of times for 25 KB and read nothing cost a buffer each, and the others' answers do not wait for them."""
        node = self.serving(tcp_idle_timeout=600)
        before = resident(node)
        with Crowd(node.dns) as crowd:
            readers = crowd.join(100, room=4096)
            crowd.ignore(readers)
            for _ in range(20):
                for each in readers:
                    each.send(_framed(self.large()) * 100)
                self.assert_serves(node, 2)
            self.assertLess(resident(node) - before, 60)
            # Whoever saw that it serves may not be gone yet.
            wait_until(lambda: self.connections(node) == 100, "the readers alone")
        self.assert_gone(node)

    def test_pipelined(self) -> None:
        """2,000 questions on each of 20 connections are all answered, in order."""
        node = self.serving()
        with Crowd(node.dns) as crowd:
            members = crowd.join(20)
            for number in range(0, 2000, 100):
                lot = b"".join(
                    _framed(each.to_bytes(2, "big") + self.www()[2:]) for each in range(number, number + 100)
                )
                for each in members:
                    each.send(lot)
                crowd.listen(0.01)
            size = len(_framed(over_sockets(node.dns)(self.www(), "tcp") or b""))
            until = time.monotonic() + 60
            while any(len(each.received) < 2000 * size for each in members):
                self.assertLess(time.monotonic(), until)
                crowd.listen(0.1)
            for each in members:
                ids = [int.from_bytes(each.received[at + 2 : at + 4], "big") for at in range(0, 2000 * size, size)]
                self.assertEqual(ids, list(range(2000)))

    def test_garbage(self) -> None:
        """1,000 who send what is no question are closed at once; those whose header has an opcode are told that it is not implemented."""
        node = self.serving()
        garbage = (b"GET / HTTP/1.1\r\n\r\n", b"\x16\3\1\2\0\1\0\1\xfc", b"\0\0", _framed(message(bits=0x8000)))
        with Crowd(node.dns) as crowd:
            members = crowd.join(1000)
            for number, each in enumerate(members):
                each.send(garbage[number % len(garbage)])
            until = time.monotonic() + 60
            while _open(members):
                self.assertLess(time.monotonic(), until)
                crowd.listen(0.1)
            # What HTTP asks reads as a header with the opcode UPDATE, of a message that is too long.
            for kind, answer in enumerate((b"\0\x0cT \xa9\4" + bytes(8), b"", b"", b"")):
                self.assertEqual({bytes(each.received) for each in members[kind :: len(garbage)]}, {answer})
        self.assert_serves(node)
        self.assert_gone(node)

    def test_stops(self) -> None:
        """With 1,000 idle connections and some that do not read, the node stops in good order."""
        node = self.serving()
        with Crowd(node.dns) as crowd:
            crowd.join(1000)
            readers = crowd.join(5, room=4096)
            crowd.ignore(readers)
            for each in readers:
                with contextlib.suppress(OSError):
                    each.send(_framed(self.large()) * 100)
            self.assert_serves(node)
            node.stop()
