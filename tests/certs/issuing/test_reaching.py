"""Whether a host's addresses are ours, and show challenges, with web servers that answer as the test has it."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import dns.flags
import dns.rcode
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, NoRouteError
from twisted.internet.error import ConnectionRefusedError as Refused

from couchpages.certs.boxes import SealingKey
from couchpages.certs.issuing.lookups.messages import Answer, Question
from couchpages.certs.issuing.lookups.resolving import Resolving
from couchpages.certs.issuing.obstacles import LookupFailed, NotShown
from couchpages.certs.issuing.shown.probes import probe_answer
from couchpages.certs.issuing.shown.reaching import MOST_ADDRESSES, Reach
from couchpages.config_values import SocketAddress
from tests.certs.issuing.fakes import FakeDns, Running, Streams
from tests.certs.issuing.test_resolving import said
from tests.certs.made import KEY, OTHER_KEY

HOST = "blog.example.com"
Site: TypeAlias = Callable[[str, str], bytes | None] | Exception
"""What an address does with a request for a path at a host: an answer, or none; or how it takes no connection."""


def answering(body: bytes | str, status: str = "200 OK", *more: str) -> Site:
    """Give an address that always answers the same."""
    content = body if isinstance(body, bytes) else body.encode()
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *more, "", "")).encode()
    return lambda _, __: head + content


def node(*, key: SealingKey = KEY) -> Site:
    """Give an address of a node."""
    return lambda host, path: answering(probe_answer(host, path.rpartition("/")[2], key))(host, path)  # type: ignore[operator]


def silent(_: str, __: str) -> None:
    """Take a request, and never answer."""


class ReachCase(Streams):
    """Addresses in DNS, and what is there."""

    def setUp(self) -> None:
        """Have none."""
        super().setUp()
        self.sites: dict[str, Site] = {}
        self.fault: dns.rcode.Rcode | None = None
        self.keys: Sequence[SealingKey] = (KEY,)
        self.unrouted: set[str] = set()
        self.asked: list[tuple[str, str, str]] = []
        self._served = 0
        self.reach = Reach(
            self.reactor,
            Resolving(FakeDns(self.answer), (SocketAddress("192.0.2.53", 53),)),  # type: ignore[arg-type]
            80,
            lambda: self.keys,
            lambda size: b"\xfb" * size,
            lambda address: address not in self.unrouted,
        )

    def answer(self, _: str, question: Question) -> Answer:
        """Answer with the addresses of the sites."""
        if self.fault is not None:
            return said(question, rcode=self.fault)
        found = [address for address in self.sites if (":" in address) == (question.type == "AAAA")]
        return said(question, *([f"{question.name}.|{question.type}|{'|'.join(found)}"] if found else []))

    def serve(self) -> None:
        """Let new connections come to the sites."""
        while self._served < len(self.reactor.tcpClients):
            number, self._served = self._served, self._served + 1
            address, port = self.reactor.tcpClients[number][:2]
            site = self.sites[address]
            if isinstance(site, Exception):
                self.asked.append((address, "", ""))
                self.refuse(site, number)
                continue
            protocol, transport = self.accept(number)
            request, fields = transport.value().decode().split("\r\n", 1)
            path, host = request.split()[1], fields.partition("Host: ")[2].partition("\r\n")[0]
            self.asked.append((address, f"{host} {port}", path))
            found = site(host, path)
            if found is not None:
                protocol.dataReceived(found)

    def advance(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass, and sites answer."""
        self.serve()
        for _ in range(round(seconds / step)):
            self.reactor.advance(step)
            self.serve()


class CheckTests(ReachCase):
    """``check``."""

    def check(self, seconds: float = 0, *, without_silent: bool = False) -> list[str]:
        """Give the reasons, which come after so many seconds."""
        checking = Running(self.reach.check(HOST, without_silent=without_silent))
        self.advance(seconds)
        self.assertTrue(checking.ended, "it waits longer")
        if checking.failure is not None:
            checking.failure.raiseException()
        self.assert_idle()
        found: list[str] = checking.result
        return found

    def test_a_node_is_away(self) -> None:
        """Of a site that was ours, addresses at which nobody answers are passed over while another is ours; one that answers is not."""
        self.sites = {"192.0.2.1": node(), "192.0.2.2": Refused(), "192.0.2.3": silent}
        self.assertEqual(len(self.check(15)), 2)
        self.assertEqual(self.check(15, without_silent=True), [])
        self.sites["192.0.2.4"] = answering("hello")
        (reason,) = self.check(15, without_silent=True)
        self.assertTrue(reason.startswith("192.0.2.4 "), reason)
        self.sites = {"192.0.2.2": Refused(), "192.0.2.3": silent}
        self.assertEqual(len(self.check(15, without_silent=True)), 2)

    def test_ours(self) -> None:
        """Where every address shows the probe, under any of our keys, there is no reason against it."""
        self.keys = (KEY, OTHER_KEY)
        self.sites = {"192.0.2.7": node(), "2001:db8::7": node(key=OTHER_KEY)}
        self.assertEqual(self.check(), [])
        path = "/.well-known/acme-challenge/couchpages-" + "-_v7" * 8
        self.assertEqual(self.asked, [(address, f"{HOST} 80", path) for address in self.sites])

    def test_words(self) -> None:
        """Every address that is not ours is named, with what is wrong."""
        self.sites = {
            "192.0.2.1": node(),
            "192.0.2.2": Refused(),
            "192.0.2.3": answering("no", "404 Not Found"),
            "192.0.2.4": answering("", "301 Moved", "Location: https://blog.example.com/x"),
            "192.0.2.5": answering("<html>"),
            "192.0.2.6": node(key=OTHER_KEY),
            "192.0.2.8": answering("x" * 5000),
            "192.0.2.9": ConnectError(OSError(113, "No route to host")),
            "2001:db8::7": silent,
        }
        other = "answered with something else: it is none of our nodes, or has other keys ([certs] key_files)"
        self.assertEqual(
            set(self.check(10)),
            {
                "192.0.2.2 refuses connections",
                "192.0.2.3 answered 404: it is none of our nodes",
                '192.0.2.4 redirects to "https://blog.example.com/x": let /.well-known/acme-challenge/ through',
                f"192.0.2.5 {other}",
                f"192.0.2.6 {other}",
                "192.0.2.8 answered with more than 4096 bytes",
                "192.0.2.9 cannot be reached: No route to host",
                "[2001:db8::7] did not answer in 10 seconds",
            },
        )

    def test_not_for_another_host(self) -> None:
        """A node's answer for another host proves nothing: a proxy that alters the host would not let a challenge through."""
        self.sites = {"192.0.2.7": lambda _, path: node()("other.example.com", path)}  # type: ignore[operator]
        self.assertEqual(len(self.check()), 1)

    def test_no_address(self) -> None:
        """A name without an address is not ours."""
        self.assertEqual(self.check(), ["blog.example.com has no address in DNS"])

    def test_fault(self) -> None:
        """What cannot be looked up is an error, and no reason against the host."""
        self.fault = dns.rcode.SERVFAIL
        self.assertRaises(LookupFailed, self.check)

    def test_no_key(self) -> None:
        """A node without a key asks nobody."""
        self.keys, self.sites = (), {"192.0.2.7": node()}
        self.assertIn("[certs] key_files", self.check()[0])
        self.assertEqual(self.asked, [])

    def test_no_way(self) -> None:
        """An address that this node has no way to is not held against the host, unless there is no other."""
        self.sites, self.unrouted = {"192.0.2.7": node(), "2001:db8::7": silent}, {"2001:db8::7"}
        self.assertEqual(self.check(), [])
        self.sites = {"2001:db8::7": silent}
        expected = ["[2001:db8::7] was not asked: this node has no way to addresses of this kind"]
        self.assertEqual(self.check(), expected)
        self.unrouted = set()
        self.sites = {"2001:db8::7": NoRouteError(OSError(101, "Network is unreachable"))}
        self.assertEqual(self.check(), expected)
        self.sites = {"192.0.2.7": NoRouteError(OSError(101, "Network is unreachable"))}
        self.assertEqual(self.check(), ["192.0.2.7 cannot be reached: Network is unreachable"])

    def test_many_addresses(self) -> None:
        """A name with very many addresses is judged by some of them."""
        self.sites = {f"192.0.2.{number}": node() for number in range(200)}
        self.assertEqual(self.check(), [])
        self.assertEqual(len(self.asked), MOST_ADDRESSES)

    def test_drip(self) -> None:
        """Who answers a byte at a time has ten seconds in all."""
        self.sites = {"192.0.2.7": lambda _, __: b"H"}
        checking = Running(self.reach.check(HOST))
        protocol, _ = self.accept()
        for byte in b"HTTP/1.1 ":
            protocol.dataReceived(bytes((byte,)))
            self.reactor.advance(1)
        self.assertFalse(checking.ended)
        self.reactor.advance(1)
        self.assertEqual(checking.result, ["192.0.2.7 did not answer in 10 seconds"])

    def test_cancelled(self) -> None:
        """Who gives it up leaves nothing behind."""
        self.sites = {"192.0.2.7": silent, "192.0.2.8": silent}
        checking = Running(self.reach.check(HOST))
        self.serve()
        checking.cancel()
        assert checking.failure is not None
        checking.failure.trap(CancelledError)
        self.assert_idle()


class ShownTests(ReachCase):
    """``shown``."""

    VALUE = b"token.thumbprint"

    def begin(self) -> Running:
        """Wait for a minute."""
        shown = Running(self.reach.shown(HOST, "token", self.VALUE, 60))
        self.serve()
        return shown

    def test_all(self) -> None:
        """When every address shows exactly the value, that is it."""
        self.sites = {"192.0.2.7": answering(self.VALUE), "2001:db8::7": answering(self.VALUE + b"\n")}
        self.assertEqual(self.begin().result, [])
        self.assertEqual({path for _, _, path in self.asked}, {"/.well-known/acme-challenge/token"})
        self.assert_idle()

    def test_holds(self) -> None:
        """One that shows something else is waited for, and asked ever more rarely; others are not asked again."""
        self.sites = {"192.0.2.7": answering(self.VALUE), "192.0.2.8": answering("old")}
        shown = self.begin()
        self.advance(30)
        self.assertFalse(shown.ended)
        self.assertEqual([address for address, _, _ in self.asked].count("192.0.2.7"), 1)
        self.assertLess(len(self.asked), 15)
        self.sites["192.0.2.8"] = answering(self.VALUE)
        self.advance(5)
        self.assertEqual(shown.result, [])
        self.assert_idle()

    def test_never(self) -> None:
        """When it is never shown, the error names who does not, after the patience."""
        self.sites = {
            "192.0.2.7": answering(self.VALUE),
            "192.0.2.8": answering("", "404 Not Found"),
            "192.0.2.9": silent,
        }
        shown = self.begin()
        self.advance(59)
        self.assertFalse(shown.ended)
        self.advance(1)
        self.assertEqual(shown.words, "blog.example.com does not show the challenge: 192.0.2.8 answered 404")
        assert shown.failure is not None
        shown.failure.trap(NotShown)
        self.assert_idle()

    def test_exactly(self) -> None:
        """More than the value, or less, or the value with another status, is something else."""
        for site in (answering(self.VALUE + b"x"), answering(self.VALUE[:-1]), answering(self.VALUE, "503 Busy")):
            self.sites = {"192.0.2.7": site}
            shown = self.begin()
            self.advance(60)
            self.assertIn("192.0.2.7 answered", shown.words)

    def test_silent(self) -> None:
        """One that does not answer is left out after a quarter of the patience, and named."""
        for dead in (Refused(), silent):
            self.sites = {"192.0.2.7": answering(self.VALUE), "2001:db8::7": dead}
            shown = self.begin()
            self.advance(14)
            self.assertFalse(shown.ended)
            self.advance(11)
            self.assertEqual(len(shown.result), 1)
            self.assertTrue(shown.result[0].startswith("[2001:db8::7] "))
            self.assert_idle()

    def test_nobody(self) -> None:
        """Where nobody answers, it fails; so it does for a name without addresses, and where none can be asked."""
        self.sites = {"192.0.2.7": Refused()}
        shown = self.begin()
        self.advance(60)
        self.assertIn("192.0.2.7 refuses connections", shown.words)
        self.unrouted = {"192.0.2.7"}
        self.assertIn("was not asked", self.begin().words)
        self.sites = {}
        self.assertIn("has no address in DNS", self.begin().words)

    def test_fault(self) -> None:
        """What cannot be looked up is an error of DNS."""
        self.fault = dns.rcode.SERVFAIL
        shown: Any = self.begin()
        shown.failure.trap(LookupFailed)

    def test_cancelled(self) -> None:
        """Who gives it up, while asking or between, leaves nothing behind."""
        for site in (silent, answering("old")):
            self.sites = {"192.0.2.7": site}
            shown: Any = self.begin()
            shown.cancel()
            shown.failure.trap(CancelledError)
            self.assert_idle()
