"""What the public DNS says: aliases, several resolvers, and faults that are no absence."""

from typing import Any

import dns.flags
import dns.rcode
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.issuing.lookups.caa import CaaRecord
from couchpages.certs.issuing.lookups.caa_lookup import caa_records
from couchpages.certs.issuing.lookups.messages import Answer, Question, question_wire, read_answer
from couchpages.certs.issuing.lookups.resolving import MOST_STEPS, Resolving
from couchpages.certs.issuing.obstacles import LookupFailed
from couchpages.config_values import SocketAddress
from tests.certs.issuing.answers import answer_to
from tests.certs.issuing.fakes import FakeDns, Running

FIRST, SECOND = SocketAddress("192.0.2.53", 53), SocketAddress("2001:db8::53", 5353)
RESOLVER, AUTHORITY, NEITHER = dns.flags.RA, dns.flags.AA, dns.flags.Flag(0)
REFUSED, SERVFAIL, NXDOMAIN = dns.rcode.REFUSED, dns.rcode.SERVFAIL, dns.rcode.NXDOMAIN


def said(
    question: Question, *rrsets: str, flags: dns.flags.Flag = RESOLVER, rcode: dns.rcode.Rcode = dns.rcode.NOERROR
) -> Answer:
    """Give an answer to a question."""
    wire = answer_to(question_wire(question, 0), *rrsets, flags=flags, rcode=rcode)
    return read_answer(
        bytes((wire[0], wire[1], wire[2] & ~0x04 | (0x04 if flags & AUTHORITY else 0))) + wire[3:], question, 0
    )


class ResolvingCase(SynchronousTestCase):
    """Two resolvers that answer as *answers* has it, by the resolver's address and the question, or the question alone."""

    def setUp(self) -> None:
        """Ask nobody yet."""
        self.answers: dict[str, Any] = {}
        self.dns = FakeDns(self.answer)
        self.resolving = Resolving(self.dns, (FIRST, SECOND))  # type: ignore[arg-type]

    def answer(self, host: str, question: Question) -> Any:
        """Answer as the test has it; of what it does not have, there is none."""
        found = self.answers.get(f"{host} {question}", self.answers.get(str(question), self.answers.get(host, ())))
        if isinstance(found, tuple):
            return said(question, *found)
        return found(question) if callable(found) else found

    def run_(self, coroutine: Any) -> Any:
        """Give what a coroutine gives at once."""
        running = Running(coroutine)
        self.assertTrue(running.ended)
        if running.failure is not None:
            running.failure.raiseException()
        return running.result

    def failing(self, coroutine: Any) -> str:
        """Assert that a coroutine fails with LookupFailed; give the words."""
        error = self.assertRaises(LookupFailed, self.run_, coroutine)
        self.assertEqual(error.cause, "dns")
        return str(error)


class RecordTests(ResolvingCase):
    """What is found, and what is not there."""

    def test_addresses(self) -> None:
        """IPv4 comes first, and IPv6 with it."""
        self.answers["blog.example.com A"] = ("blog.example.com.|A|192.0.2.1",)
        self.answers["blog.example.com AAAA"] = ("blog.example.com.|AAAA|2001:db8::1",)
        self.assertEqual(self.run_(self.resolving.addresses("Blog.Example.com.")), ["192.0.2.1", "2001:db8::1"])
        self.assertTrue(all(recurse for _, _, recurse in self.dns.asked))

    def test_nothing(self) -> None:
        """Nothing there, or nothing of this type, is nothing: from resolvers, and from who has authority."""
        for flags in (RESOLVER, AUTHORITY):
            for rcode in (dns.rcode.NOERROR, NXDOMAIN):
                self.answers["x.example.com A"] = lambda asked, f=flags, r=rcode: said(asked, flags=f, rcode=r)
                self.assertEqual(self.run_(self.resolving.addresses("x.example.com")), [])

    def test_nameservers(self) -> None:
        """Names of name servers are given in one form."""
        self.answers["example.com NS"] = ("example.com.|NS|NS2.example.com.|ns1.example.com.",)
        self.assertEqual(self.run_(self.resolving.nameservers("example.com")), ["ns1.example.com", "ns2.example.com"])

    def test_aliases(self) -> None:
        """Records at the end of aliases count, and no others in the answer."""
        self.answers["a.example.com A"] = (
            "a.example.com.|CNAME|b.example.com.", "b.example.com.|CNAME|c.example.net.",
            "c.example.net.|A|192.0.2.1", "d.example.net.|A|198.51.100.66", "a.example.com.|A|198.51.100.67",
        )  # fmt: skip
        self.assertEqual(self.run_(self.resolving.addresses("a.example.com")), ["192.0.2.1"])

    def test_bad_name(self) -> None:
        """What is no name is an error of words."""
        self.assertIn("is no name", self.failing(self.resolving.addresses("a..b")))


class ChasingTests(ResolvingCase):
    """Aliases whose end is not in the answer, as who has authority for them alone answers."""

    def test_chased(self) -> None:
        """The end is asked for."""
        self.answers["a.example.com A"] = lambda asked: said(
            asked, "a.example.com.|CNAME|b.example.net.", flags=AUTHORITY
        )
        self.answers["b.example.net A"] = ("b.example.net.|A|192.0.2.1",)
        self.assertEqual(self.run_(self.resolving.addresses("a.example.com")), ["192.0.2.1"])

    def test_fault_at_the_end(self) -> None:
        """What cannot be told of the end is no absence."""
        self.answers["a.example.com A"] = lambda asked: said(
            asked, "a.example.com.|CNAME|b.example.net.", flags=AUTHORITY
        )
        self.answers["b.example.net A"] = lambda asked: said(asked, rcode=REFUSED)
        self.assertIn("answered REFUSED for b.example.net A", self.failing(self.resolving.addresses("a.example.com")))

    def test_circles(self) -> None:
        """Aliases that go in a circle, or on and on, are an error, after so many questions."""
        self.answers["a.example.com A"] = ("a.example.com.|CNAME|b.example.com.",)
        self.answers["b.example.com A"] = ("b.example.com.|CNAME|a.example.com.",)
        self.assertIn("go in a circle", self.failing(self.resolving.addresses("a.example.com")))
        self.dns.asked.clear()
        for number in range(20):
            self.answers[f"n{number}.example.com A"] = (f"n{number}.example.com.|CNAME|n{number + 1}.example.com.",)
        self.assertIn("go on and on", self.failing(self.resolving.addresses("n0.example.com")))
        self.assertEqual(len(self.dns.asked), MOST_STEPS)
        self.answers["x.example.com A"] = ("x.example.com.|CNAME|x.example.com.",)
        self.assertIn("go in a circle", self.failing(self.resolving.addresses("x.example.com")))

    def test_challenge(self) -> None:
        """A challenge's name is looked for at the end of its aliases, whether or not anything stands there."""
        owner, end = "_acme-challenge.example.com", "x.challenges.example.net"
        alias = f"{owner}.|CNAME|{end}."
        for answers in (
            {f"{owner} TXT": lambda asked: said(asked, alias, rcode=NXDOMAIN)},
            {f"{owner} TXT": (alias,)},
            {f"{owner} TXT": (alias,), f"{end} TXT": lambda asked: said(asked, rcode=NXDOMAIN)},
            {f"{owner} TXT": (alias, f"{end}.|TXT|old")},
        ):
            self.answers = {**answers}
            for name in ("example.com", "*.Example.com"):
                self.assertEqual(self.run_(self.resolving.alias_end(name)), end)
        self.dns.asked.clear()
        self.answers = {f"{owner} TXT": lambda asked: said(asked, alias, rcode=NXDOMAIN)}
        self.run_(self.resolving.alias_end("example.com"))
        self.assertEqual(len(self.dns.asked), 1, "the end is known not to exist")
        self.answers = {f"{owner} TXT": lambda asked: said(asked, rcode=NXDOMAIN)}
        self.assertEqual(self.run_(self.resolving.alias_end("example.com")), owner)


class FaultTests(ResolvingCase):
    """A fault never becomes "does not exist"."""

    def test_words(self) -> None:
        """All resolvers are asked, and each one's fault is told."""
        self.answers["192.0.2.53"] = lambda asked: said(asked, rcode=SERVFAIL)
        self.answers["2001:db8::53"] = "did not answer in 7 seconds"
        self.assertEqual(
            self.failing(self.resolving.addresses("blog.example.com")),
            "192.0.2.53 answered SERVFAIL for blog.example.com A; "
            "2001:db8::53 did not answer in 7 seconds, asked for blog.example.com A",
        )

    def test_next(self) -> None:
        """Where one fails, the next is asked, and first from then on, until it fails as well."""
        self.answers["192.0.2.53"] = "refuses connections"
        self.answers["blog.example.com A"] = ("blog.example.com.|A|192.0.2.1",)
        del self.answers["blog.example.com A"]
        self.answers["2001:db8::53 blog.example.com A"] = ("blog.example.com.|A|192.0.2.1",)
        self.assertEqual(self.run_(self.resolving.addresses("blog.example.com")), ["192.0.2.1"])
        asked = [server for server, _, _ in self.dns.asked]
        self.assertEqual(asked, ["192.0.2.53:53", "[2001:db8::53]:5353", "[2001:db8::53]:5353"])

    def test_referral(self) -> None:
        """Who answers with nothing, without authority or recursion, says nothing."""
        for rcode in (dns.rcode.NOERROR, NXDOMAIN):
            self.answers["192.0.2.53"] = lambda asked, r=rcode: said(asked, flags=NEITHER, rcode=r)
            self.answers["2001:db8::53"] = lambda asked, r=rcode: said(asked, flags=NEITHER, rcode=r)
            self.assertIn("without authority or recursion", self.failing(self.resolving.addresses("blog.example.com")))

    def test_no_resolver(self) -> None:
        """Where the machine names no resolver, that is what is told."""

        def none() -> tuple[SocketAddress, ...]:
            raise ValueError("there is no resolver")

        resolving = Resolving(self.dns, (), none)  # type: ignore[arg-type]
        self.assertEqual(self.failing(resolving.addresses("blog.example.com")), "there is no resolver")
        self.assertTrue(self.failing(Resolving(self.dns, (), lambda: ()).addresses("blog.example.com")))  # type: ignore[arg-type]

    def test_cancelled(self) -> None:
        """Who gives it up asks nobody else."""
        self.answers["192.0.2.53"] = Deferred()
        running = Running(self.resolving.addresses("blog.example.com"))
        running.cancel()
        assert running.failure is not None
        running.failure.trap(CancelledError)
        self.assertEqual(len(self.dns.asked), 1)

    @given(st.sampled_from([rcode for rcode in dns.rcode.Rcode if rcode not in (dns.rcode.NOERROR, NXDOMAIN)]))
    @settings(deadline=None)
    def test_every_rcode(self, rcode: dns.rcode.Rcode) -> None:
        """No other rcode passes for an absence, whatever stands in the answer."""
        if rcode > 15:
            return
        self.answers = {}
        for rrsets in ((), ("blog.example.com.|A|192.0.2.1",)):
            self.answers["blog.example.com A"] = lambda asked, r=rrsets: said(asked, *r, rcode=rcode)
            self.failing(self.resolving.addresses("blog.example.com"))


class CaaTests(ResolvingCase):
    """``caa_records``."""

    def test_climbing(self) -> None:
        """Names are asked upwards until one has records; the parents of an alias's target are not."""
        self.answers["www.example.com CAA"] = ("www.example.com.|CNAME|x.example.net.",)
        self.answers["example.net CAA"] = ('example.net.|CAA|0 issue "ca.example"',)
        self.answers["example.com CAA"] = ('example.com.|CAA|128 ISSUE "letsencrypt.org; x=y"',)
        found = self.run_(caa_records(self.resolving, "*.www.example.com"))
        self.assertEqual(found, {"example.com": [CaaRecord(128, "issue", b"letsencrypt.org; x=y")]})
        self.assertNotIn("com CAA", [question for _, question, _ in self.dns.asked])

    def test_through_an_alias(self) -> None:
        """Records of an alias's target are those of the name."""
        self.answers["www.example.com CAA"] = (
            "www.example.com.|CNAME|x.example.net.",
            'x.example.net.|CAA|0 issue ";"',
        )
        self.assertEqual(
            self.run_(caa_records(self.resolving, "www.example.com")),
            {"www.example.com": [CaaRecord(0, "issue", b";")]},
        )

    def test_none(self) -> None:
        """Where there are none, there are none."""
        self.assertEqual(self.run_(caa_records(self.resolving, "www.example.com")), {})
        self.assertEqual([question for _, question, _ in self.dns.asked][-1], "com CAA")

    def test_fault(self) -> None:
        """Where it cannot be told at one name, nothing is told."""
        self.answers["example.com CAA"] = lambda asked: said(asked, rcode=SERVFAIL)
        self.assertIn("SERVFAIL for example.com CAA", self.failing(caa_records(self.resolving, "www.example.com")))
