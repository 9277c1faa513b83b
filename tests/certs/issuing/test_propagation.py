"""Whether all name servers have a challenge's record, with servers that answer as the test has it."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import dns.flags
import dns.rcode
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.issuing.lookups.messages import Answer, Question
from couchpages.certs.issuing.lookups.resolving import Resolving
from couchpages.certs.issuing.obstacles import LookupFailed, NotShown
from couchpages.certs.issuing.shown.propagation import Propagation, judged
from couchpages.certs.issuing.shown.showing import Shows, ShowsOther
from couchpages.config_values import SocketAddress
from tests.certs.issuing.fakes import FakeDns, Running
from tests.certs.issuing.test_resolving import AUTHORITY, REFUSED, SERVFAIL, said

ZONE, OWNER, VALUE = "example.com", "_acme-challenge.www.example.com", "value"
RESOLVER = "192.0.2.53"
Server: TypeAlias = Callable[[Question], Any]


def having(*values: str) -> Server:
    """Give a server that has these values."""
    rrsets = [f"{OWNER}.|TXT|{'|'.join(values)}"] if values else []
    return lambda asked: said(asked, *rrsets, flags=AUTHORITY)


def dead(_: Question) -> Any:
    """Never answer."""
    return Deferred()


def failing(rcode: dns.rcode.Rcode) -> Server:
    """Give a server that always says this."""
    return lambda asked: said(asked, rcode=rcode)


class PropagationTests(SynchronousTestCase):
    """``Propagation``: name servers ns1, ns2 and so on, by the addresses of each, and what is there."""

    def setUp(self) -> None:
        """Have two, each with an address."""
        self.reactor: Any = MemoryReactorClock()
        self.dns = FakeDns(self.answer)
        self.names: dict[str, Sequence[str] | None] = {
            "ns1.example.net": ["192.0.2.1"],
            "ns2.example.net": ["2001:db8::2"],
        }
        self.public: Sequence[str] | None = ["ns1.example.net", "ns2.example.net"]
        self.servers: dict[str, Server] = {"192.0.2.1": having(VALUE), "2001:db8::2": having(VALUE)}
        self.unrouted: set[str] = set()
        resolving = Resolving(self.dns, (SocketAddress(RESOLVER, 53),))  # type: ignore[arg-type]
        self.propagation = Propagation(
            self.reactor, resolving, 5353, Logger(), lambda address: address not in self.unrouted
        )

    def answer(self, host: str, question: Question) -> Any:
        """Answer for the resolver, or for a name server."""
        if host != RESOLVER:
            return self.servers[host](question)
        if question.type == "NS":
            return self.told(question, self.public and [f"{name}." for name in self.public])
        found = self.names.get(question.name, [])
        return self.told(question, found and [each for each in found if (":" in each) == (question.type == "AAAA")])

    def told(self, question: Question, found: Sequence[str] | None) -> Answer:
        """Answer with what was found, or with a fault."""
        if found is None:
            return said(question, rcode=SERVFAIL)
        return said(question, *([f"{question.name}.|{question.type}|{'|'.join(found)}"] if found else []))

    def begin(self, own: Sequence[str] = (), patience: float = 60) -> Any:
        """Begin to wait."""
        return Running(self.propagation.wait(ZONE, OWNER, VALUE, own, patience))

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / 0.25)):
            self.reactor.advance(0.25)

    def asked(self) -> list[str]:
        """Give the name servers that were asked, each time anew."""
        self.assertTrue(all(recurse == (RESOLVER in server) for server, _, recurse in self.dns.asked))
        return [server for server, _, _ in self.dns.asked if RESOLVER not in server]

    def test_all(self) -> None:
        """When every server shows it, among others perhaps, that is it; each is asked at its port, without recursion."""
        self.servers["192.0.2.1"] = having("other", VALUE)
        self.assertEqual(self.begin().result, [])
        self.assertEqual(self.asked(), ["192.0.2.1:5353", "[2001:db8::2]:5353"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_own(self) -> None:
        """Our zone's own name servers are asked as well, each once, and alone where the public DNS knows none yet."""
        self.names["ns3.example.net"], self.servers["192.0.2.3"] = ["192.0.2.3"], having(VALUE)
        self.assertEqual(self.begin(["NS3.example.net.", "ns1.example.net"]).result, [])
        self.assertEqual(len(self.asked()), 3)
        self.dns.asked.clear()
        self.public = []
        self.assertEqual(self.begin(["ns3.example.net"]).result, [])
        self.assertEqual(self.asked(), ["192.0.2.3:5353"])
        self.assertIn("there is nobody to ask", self.begin().words)

    def test_every_address(self) -> None:
        """Every address of a name server is asked."""
        self.names["ns1.example.net"] = ["192.0.2.1", "192.0.2.9", "2001:db8::9"]
        self.servers |= {"192.0.2.9": having(VALUE), "2001:db8::9": having()}
        waiting = self.begin()
        self.advance(60)
        self.assertEqual(
            waiting.words,
            f"not every name server of {ZONE} has the record {OWNER} TXT: ns1.example.net (2001:db8::9) has no such record",
        )
        waiting.failure.trap(NotShown)
        self.assertEqual(waiting.failure.value.cause, "not_shown")

    def test_holds(self) -> None:
        """One with old data, or that does not answer as it should, holds it until it shows the value; polling is light."""
        for wrong in (having("old"), having(), failing(REFUSED), failing(dns.rcode.NXDOMAIN)):
            self.dns.asked.clear()
            self.servers["2001:db8::2"] = wrong
            waiting = self.begin()
            self.advance(40)
            self.assertFalse(waiting.ended)
            self.assertEqual(self.asked().count("192.0.2.1:5353"), 1)
            self.assertLess(len(self.asked()), 16)
            self.servers["2001:db8::2"] = having(VALUE)
            self.advance(5)
            self.assertEqual(waiting.result, [])
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_never(self) -> None:
        """After the patience it is named, with what it said."""
        self.servers["2001:db8::2"] = failing(REFUSED)
        waiting = self.begin()
        self.advance(60)
        self.assertIn(": ns2.example.net (2001:db8::2) answered REFUSED", waiting.words)

    def test_dead(self) -> None:
        """One that does not answer, or does not know yet, is left out after a quarter of the patience, and named."""
        for server in (dead, lambda _: "refuses connections", failing(SERVFAIL)):
            self.servers["2001:db8::2"] = server
            waiting = self.begin()
            self.advance(14)
            self.assertFalse(waiting.ended)
            self.advance(11)
            self.assertEqual(len(waiting.result), 1)
            self.assertTrue(waiting.result[0].startswith("ns2.example.net (2001:db8::2) "))
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_dead_and_old(self) -> None:
        """A dead one does not keep the others from being asked."""
        self.servers |= {"192.0.2.1": dead, "2001:db8::2": having("old")}
        waiting = self.begin()
        self.advance(20)
        self.servers["2001:db8::2"] = having(VALUE)
        self.advance(11)
        self.assertEqual(waiting.result, ["ns1.example.net (192.0.2.1) did not answer in 5 seconds"])

    def test_nobody(self) -> None:
        """Where none answers at all, it fails."""
        self.servers = {"192.0.2.1": dead, "2001:db8::2": dead}
        waiting = self.begin()
        self.advance(59.75)
        self.assertFalse(waiting.ended)
        self.advance(0.25)
        self.assertIn("ns1.example.net (192.0.2.1) did not answer", waiting.words)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_no_way(self) -> None:
        """An address that this node has no way to is left out at once, and named, unless there is no other."""
        self.unrouted = {"2001:db8::2"}
        expected = "ns2.example.net (2001:db8::2) was not asked: this node has no way to addresses of this kind"
        self.assertEqual(self.begin().result, [expected])
        self.unrouted = {"2001:db8::2", "192.0.2.1"}
        self.assertIn(expected, self.begin().words)

    def test_names(self) -> None:
        """A name server without an address is left out and named; one that cannot be looked up is looked up again."""
        self.names["ns2.example.net"] = []
        self.assertEqual(self.begin().result, ["ns2.example.net has no address in DNS"])
        self.names["ns2.example.net"] = None
        waiting = self.begin()
        self.advance(5)
        self.assertFalse(waiting.ended)
        self.names["ns2.example.net"], self.servers["2001:db8::2"] = ["2001:db8::2"], having("old")
        self.advance(40)
        self.assertFalse(waiting.ended)
        self.servers["2001:db8::2"] = having(VALUE)
        self.advance(5)
        self.assertEqual(waiting.result, [])
        self.names["ns2.example.net"] = None
        waiting = self.begin()
        self.advance(20)
        self.assertIn("ns2.example.net could not be looked up: 192.0.2.53 answered SERVFAIL", waiting.result[0])

    def test_fault(self) -> None:
        """Where the public DNS cannot tell the name servers, that is an error of DNS."""
        self.public = None
        self.begin(["ns1.example.net"]).failure.trap(LookupFailed)

    def test_cancelled(self) -> None:
        """Who gives it up, while asking or between, leaves nothing behind."""
        for server in (dead, having("old")):
            self.servers["2001:db8::2"] = server
            waiting = self.begin()
            waiting.cancel()
            waiting.failure.trap(CancelledError)
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_authority(self) -> None:
        """Who has no authority shows nothing, even with the value: it may come from a cache."""
        question = Question(OWNER, "TXT", recurse=False)
        rrset = f"{OWNER}.|TXT|{VALUE}"
        self.assertEqual(judged(said(question, rrset, flags=AUTHORITY), OWNER, VALUE), Shows())
        self.assertIsInstance(judged(said(question, rrset, flags=dns.flags.RA), OWNER, VALUE), ShowsOther)
        parts = f'{OWNER}.|TXT|"va" "lue"'
        self.assertEqual(judged(said(question, parts, flags=AUTHORITY), OWNER, VALUE), Shows())
        other = f"x.example.com.|TXT|{VALUE}"
        self.assertIsInstance(judged(said(question, other, flags=AUTHORITY), OWNER, VALUE), ShowsOther)
