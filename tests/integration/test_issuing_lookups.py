"""What is looked at before a certificate is asked for, over real sockets, on every reactor that a node may run on.

Needs nothing of others.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
from twisted.internet import reactor, task
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase, TestCase

from couchpages.certs.issuing.lookups.caa import CaaRecord
from couchpages.certs.issuing.lookups.caa_lookup import caa_records
from couchpages.certs.issuing.lookups.client import DnsClient
from couchpages.certs.issuing.lookups.datagrams import has_route
from couchpages.certs.issuing.lookups.messages import Answer, DnsError, Question
from couchpages.certs.issuing.lookups.resolving import Resolving
from couchpages.certs.issuing.obstacles import LookupFailed, NotShown
from couchpages.certs.issuing.shown.probes import probe_answer
from couchpages.certs.issuing.shown.propagation import Propagation
from couchpages.certs.issuing.shown.reaching import Reach
from couchpages.config_values import SocketAddress
from tests.certs.made import KEY
from tests.integration.issuing_world import NameServer, Page, World, reply
from tests.integration.node import ROOT, environment
from tests.integration.reactors import REACTORS

HOST, OWNER = "blog.example.com", "_acme-challenge.example.com"
RESOLVER = "127.0.0.3"
PUBLIC: dict[tuple[str, str], Sequence[str]] = {
    ("example.com", "NS"): ["ns1.example.net.", "ns2.example.net.", "ns3.example.net."],
    ("ns1.example.net", "A"): ["127.0.0.1"],
    ("ns2.example.net", "A"): ["127.0.0.2"],
    ("ns3.example.net", "AAAA"): ["::1"],
    (HOST, "A"): ["127.0.0.1", "127.0.0.2"],
    (HOST, "AAAA"): ["::1"],
    ("example.com", "CAA"): ['0 issue "letsencrypt.org"'],
}
QUESTION = Question(HOST, "A")


def public(asked: dns.message.Message, _: bool) -> list[bytes]:
    """Answer as a resolver."""
    return [reply(asked, PUBLIC, dns.flags.RA)]


def having(value: str) -> Any:
    """Answer as a name server that has a challenge's record."""
    return lambda asked, _: [reply(asked, {(OWNER, "TXT"): [value]})]


def silent(*_: Any) -> list[bytes]:
    """Do not answer."""
    return []


def open_files() -> int:
    """Count this process's open files."""
    return len(list(Path("/proc/self/fd").iterdir()))


class LookupCase(TestCase):
    """Servers, and what asks them."""

    timeout = 60

    def setUp(self) -> None:
        """Have a resolver and three name servers, of which one is silent and one has old data."""
        self.clock: Any = reactor
        self.resolver = NameServer(public)
        self.servers = {
            "127.0.0.1": NameServer(having("value")),
            "127.0.0.2": NameServer(having("old")),
            "::1": NameServer(silent),
            RESOLVER: self.resolver,
        }
        self.dns = World(reactor, self.servers)
        self.addCleanup(self.dns.close)
        self.client = DnsClient(reactor)
        self.resolving = Resolving(self.client, [SocketAddress(RESOLVER, self.dns.port)])

    async def ask(self, host: str = "127.0.0.1", question: Question = QUESTION) -> Answer:
        """Ask a server."""
        return await self.client.ask(SocketAddress(host, self.dns.port), question)

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await task.deferLater(self.clock, seconds)

    def later(self, seconds: float, change: Any) -> None:
        """Change something later."""
        self.clock.callLater(seconds, change)


class QuestionTests(LookupCase):
    """``DnsClient`` and ``Resolving``."""

    async def test_answer(self) -> None:
        """Servers of both families answer, and no socket stays open."""
        self.servers["::1"].answering = public
        # What the reactor opens when it starts is not ours.
        await self.pause(0)
        before = open_files()
        for host in ("::1", RESOLVER):
            answer = await self.ask(host)
            self.assertEqual(sorted(str(each) for each in answer.of(HOST, "A")), ["127.0.0.1", "127.0.0.2"])
        await self.pause(0)
        self.assertEqual(open_files(), before)

    async def test_lost(self) -> None:
        """A question that was lost is asked again, after a second."""
        asked: list[int] = []

        def forgetful(question: dns.message.Message, _: bool) -> list[bytes]:
            asked.append(question.id)
            return public(question, False) if len(asked) > 1 else []

        self.servers["127.0.0.1"].answering = forgetful
        begun = self.clock.seconds()
        self.assertEqual((await self.ask()).rcode, "NOERROR")
        self.assertGreater(self.clock.seconds() - begun, 0.9)
        self.assertEqual(len(asked), 2)
        self.assertEqual(len(set(asked)), 1)

    async def test_wrong_ids(self) -> None:
        """Answers with other ids are ignored, and so is noise."""

        def hostile(question: dns.message.Message, _: bool) -> list[bytes]:
            right = reply(question, PUBLIC)
            wrong = reply(question, {(HOST, "A"): ["198.51.100.66"]})
            other = ((question.id + 1) % 65536).to_bytes(2, "big")
            return [other + wrong[2:], b"", b"\xff" * 600, right]

        self.servers["127.0.0.1"].answering = hostile
        self.assertEqual(len((await self.ask()).of(HOST, "A")), 2)

    async def test_truncated(self) -> None:
        """An answer that is cut off is fetched whole over TCP."""
        texts = [f"{number:0250}" for number in range(20)]

        def large(question: dns.message.Message, tcp: bool) -> list[bytes]:
            whole = reply(question, {(HOST, "TXT"): texts})
            return [whole] if tcp else [whole[:2] + bytes((whole[2] | 0x02,)) + whole[3:500]]

        for host in ("127.0.0.1", "::1"):
            self.servers[host].answering = large
            answer = await self.ask(host, Question(HOST, "TXT"))
            self.assertEqual(len(answer.of(HOST, "TXT")), 20)
            self.assertEqual([tcp for _, tcp in self.servers[host].asked], [False, True])

    async def test_nobody_there(self) -> None:
        """Where nobody listens, that is known at once."""
        await self.dns.close()
        for host in ("127.0.0.1", "::1"):
            begun = self.clock.seconds()
            with self.assertRaisesRegex(DnsError, "refuses connections"):
                await self.ask(host)
            self.assertLess(self.clock.seconds() - begun, 0.9)

    async def test_next_resolver(self) -> None:
        """A resolver that fails, or is not there, costs nothing but the next one's answer."""
        self.servers["127.0.0.1"].answering = lambda asked, _: [reply(asked, {}, rcode=dns.rcode.SERVFAIL)]
        servers = [SocketAddress("127.0.0.9", self.dns.port), SocketAddress("127.0.0.1", self.dns.port)]
        resolving = Resolving(self.client, [*servers, SocketAddress(RESOLVER, self.dns.port)])
        self.assertEqual(sorted(await resolving.addresses(HOST)), ["127.0.0.1", "127.0.0.2", "::1"])
        with self.assertRaisesRegex(LookupFailed, f"127.0.0.1 answered SERVFAIL for {HOST} A"):
            await Resolving(self.client, servers).addresses(HOST)

    async def test_caa(self) -> None:
        """CAA records are found upwards."""
        found = await caa_records(self.resolving, f"*.{HOST}")
        self.assertEqual(found, {"example.com": [CaaRecord(0, "issue", b"letsencrypt.org")]})

    async def test_cancelled(self) -> None:
        """Who gives it up leaves no socket open."""
        # What the reactor opens when it starts is not ours.
        await self.pause(0)
        before = open_files()
        asking = [Deferred.fromCoroutine(self.ask("::1")) for _ in range(20)]
        await self.pause(0.1)
        for each in asking:
            each.cancel()
            self.failureResultOf(each, CancelledError)
        self.assertEqual(open_files(), before)

    def test_route(self) -> None:
        """There is a way to this machine itself, and none to a family that it does not have."""
        self.assertTrue(has_route("127.0.0.1"))
        self.assertTrue(has_route("::1"))


class PropagationTests(LookupCase):
    """``Propagation``."""

    def wait(self, patience: float) -> Any:
        """Wait."""
        return Propagation(reactor, self.resolving, self.dns.port, Logger()).wait(
            "example.com", OWNER, "value", [], patience
        )

    async def test_holds_then_shows(self) -> None:
        """Old data holds it, until it is new; the silent server is left out, and named."""
        self.later(1, lambda: setattr(self.servers["127.0.0.2"], "answering", having("value")))
        (left_out,) = await self.wait(8)
        self.assertIn("ns3.example.net (::1) did not answer", left_out)
        self.assertEqual(len(self.servers["127.0.0.1"].asked), 1)
        self.assertGreater(len(self.servers["127.0.0.2"].asked), 1)

    async def test_old_data(self) -> None:
        """Old data that stays ends it, with the server's name."""
        self.servers["::1"].answering = having("value")
        with self.assertRaisesRegex(NotShown, r": ns2.example.net \(127.0.0.2\) has another value$"):
            await self.wait(1.5)

    async def test_cancelled(self) -> None:
        """Who gives it up leaves nothing behind."""
        # What the reactor opens when it starts is not ours.
        await self.pause(0)
        before = open_files()
        waiting = Deferred.fromCoroutine(self.wait(30))
        await self.pause(0.5)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(open_files(), before)


class ReachTests(LookupCase):
    """``Reach``."""

    def setUp(self) -> None:
        """Have a node at each address."""
        super().setUp()
        self.pages = {host: Page(self.node) for host in ("127.0.0.1", "127.0.0.2", "::1")}
        self.web = World(reactor, self.pages)
        self.addCleanup(self.settled)
        self.reach = Reach(reactor, self.resolving, self.web.port, lambda: [KEY], os.urandom)

    async def settled(self) -> None:
        """Close, and let servers see that their clients are gone."""
        await self.web.close()
        await self.pause(0.05)

    @staticmethod
    def node(host: str, token: str) -> bytes:
        """Answer as a node."""
        return probe_answer(host, token, KEY)

    async def test_ours(self) -> None:
        """Each address is asked, and each is ours."""
        self.assertEqual(await self.reach.check(HOST), [])
        self.assertEqual([page.asked for page in self.pages.values()], [1, 1, 1])

    async def test_others(self) -> None:
        """Those that are not are named, with what is wrong; nobody follows them elsewhere."""
        location = f"http://127.0.0.1:{self.web.port}/"
        self.pages["127.0.0.1"].code = 404
        self.pages["127.0.0.2"].code, self.pages["127.0.0.2"].location = 302, location
        self.pages["::1"].answer = lambda *_: b"x" * 100_000
        self.assertEqual(
            sorted(await self.reach.check(HOST)),
            [
                "127.0.0.1 answered 404: it is none of our nodes",
                f'127.0.0.2 redirects to "{location}": let /.well-known/acme-challenge/ through',
                "[::1] answered with more than 4096 bytes",
            ],
        )
        self.assertEqual(self.pages["127.0.0.1"].asked, 1)

    async def test_nobody_there(self) -> None:
        """Where nobody listens, that is said."""
        await self.web.close()
        found = await self.reach.check(HOST)
        self.assertEqual(sorted(found), [f"{host} refuses connections" for host in ("127.0.0.1", "127.0.0.2", "[::1]")])

    async def test_shown(self) -> None:
        """A challenge is waited for, until each address shows it; one that never answers is left out."""
        pages = self.pages
        pages["127.0.0.1"].answer = lambda *_: b"value"
        pages["127.0.0.2"].answer = lambda *_: b"old"
        pages["::1"].answer = lambda *_: None
        self.later(0.7, lambda: setattr(pages["127.0.0.2"], "answer", lambda *_: b"value"))
        (left_out,) = await self.reach.shown(HOST, "token", b"value", 3)
        self.assertIn("[::1] did not answer", left_out)
        self.assertEqual(pages["127.0.0.1"].asked, 1)

    async def test_never_shown(self) -> None:
        """Who shows something else to the end is named."""
        for page in self.pages.values():
            page.answer = lambda *_: b"value"
        self.pages["::1"].code = 503
        with self.assertRaisesRegex(NotShown, r"\[::1\] answered 503$"):
            await self.reach.shown(HOST, "token", b"value", 1)

    async def test_cancelled(self) -> None:
        """Who gives it up leaves no connection open."""
        for page in self.pages.values():
            page.answer = lambda *_: None
        waiting = Deferred.fromCoroutine(self.reach.shown(HOST, "token", b"value", 30))
        await self.pause(0.3)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)


#: Runs trial on a reactor that was installed before.
TRIAL = """
import sys
sys.argv = ["trial", "--temp-directory", sys.argv[1], *sys.argv[2:]]
from twisted.scripts.trial import run
run()
"""


class OnEachReactor(SynchronousTestCase):
    """The same on every reactor that a node may run on."""

    def test_all(self) -> None:
        """All tests above pass, on all at the same time."""
        cases = [f"{__name__}.{case.__name__}" for case in (QuestionTests, PropagationTests, ReachTests)]
        running = {
            name: subprocess.Popen(
                [sys.executable, "-c", install + TRIAL, str(Path(self.mktemp()).absolute()), *cases],
                cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            for name, install in REACTORS.items()
        }  # fmt: skip
        for name, program in running.items():
            self.addCleanup(program.kill)
            with self.subTest(reactor=name), program:
                output, _ = program.communicate(timeout=120)
                self.assertEqual(program.returncode, 0, output)
                self.assertIn("PASSED", output)
