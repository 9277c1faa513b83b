"""Authorities that are broken, slow or hostile: nothing hangs, loops hot, fills memory, or is kept that was not ordered."""

from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.defer import CancelledError

from couchpages.certs.acme.client import Client, fetch_directory
from couchpages.certs.acme.errors import Cause
from couchpages.certs.acme.posting import MOST_NONCES
from couchpages.certs.acme.resources import Status
from couchpages.testing.acme.faults import Fault
from couchpages.testing.acme.messages import Answered, Asked, in_json
from tests.certs.acme.made import AcmeCase, account_key

EVERYWHERE = (
    "directory",
    "new-nonce",
    "new-account",
    "new-order",
    "authz",
    "challenge",
    "order",
    "finalize",
    "cert",
    "revoke",
)
CAUSES = {
    Fault.DOWN: Cause.UNREACHABLE,
    Fault.SILENT: Cause.TIMED_OUT,
    Fault.STALLED: Cause.TIMED_OUT,
    Fault.HTML: Cause.NONSENSE,
    Fault.GARBAGE: Cause.SERVER,
    Fault.ENDLESS: Cause.NONSENSE,
    Fault.REDIRECT: Cause.NONSENSE,
    Fault.BUSY: Cause.SERVER,
}


class Faulty(AcmeCase):
    """Each step with each fault."""

    async def everything(self) -> None:
        """Do all that a client does."""
        directory = await fetch_directory(self.exchange, self.authority.directory_url)
        client = Client(self.clock, self.exchange, directory, account_key())
        await client.register([], terms_agreed=True, external=None)
        await self.issued(client, ["example.org"])
        leaf = self.authority.issued[-1].certificate
        await client.revoke(leaf.public_bytes(Encoding.DER))

    def test_for_ever(self) -> None:
        """Whatever goes wrong at whatever step is a typed error in bounded time, with no timer left and few requests made."""
        for what in EVERYWHERE:
            for fault, cause in CAUSES.items():
                if (what, fault) in {
                    ("new-nonce", Fault.HTML),
                    ("new-nonce", Fault.ENDLESS),
                    ("new-nonce", Fault.STALLED),
                    ("challenge", Fault.HTML),
                    ("challenge", Fault.ENDLESS),
                    ("revoke", Fault.HTML),
                }:
                    continue
                with self.subTest(what=what, fault=fault):
                    self.setUp()
                    self.authority.fail(what, fault)
                    began = self.clock.seconds()
                    self.refused(self.everything(), cause)
                    self.assertLess(self.clock.seconds() - began, 600)
                    self.assertLess(self.authority.asked.total(), 60)

    def test_for_a_moment(self) -> None:
        """What passes while something is waited for does no harm: an order is not lost for one answer."""
        for what in ("order", "finalize"):
            for fault in (Fault.DOWN, Fault.GARBAGE, Fault.BUSY):
                self.setUp()
                self.authority.fail(what, fault, 1)
                self.run_(self.everything())

    def test_unheard_answer(self) -> None:
        """Who finalized and did not hear the answer finds the certificate there, and orders no other."""
        answer, self.agent._answers = self.agent._answers, lambda asked: self.deaf(answer, asked)
        self.lost = 0
        self.run_(self.everything())
        self.assertEqual((self.lost, len(self.authority.issued)), (1, 1))

    def deaf(self, answer: Any, asked: Asked) -> Answered:
        """Do what was asked, but lose the answer."""
        result = answer(asked)
        if asked.path.endswith("/finalize") and not self.lost:
            self.lost += 1
            return Answered(502, b"", ())
        return result  # type: ignore[no-any-return]

    def test_never(self) -> None:
        """What never comes is waited for as long as the patience says, and asked for some times only."""
        client = self.client()
        for name, words in (
            ("never_checks", "did not look at the challenge in 60 seconds"),
            ("never_ready", "was not finished in 60 seconds"),
            ("never_valid", "was not finished in 60 seconds"),
        ):
            setattr(self.rules, name, True)
            self.authority.asked.clear()
            began = self.clock.seconds()
            self.refused(self.issued(client, ["example.org"]), Cause.TIMED_OUT, words)
            self.assertAlmostEqual(self.clock.seconds() - began, 60, delta=1)
            self.assertLess(self.authority.asked.total(), 20)
            setattr(self.rules, name, False)

    def test_slow_authorizations(self) -> None:
        """A hundred of them, each just in time, are not waited for; nor are more of them than names."""
        client = self.client()
        names = [f"{number}.example.org" for number in range(100)]
        order = self.run_(client.order(names))
        self.agent.latency = 50.0
        began = self.clock.seconds()
        self.refused(client.authorizations(order), Cause.TIMED_OUT, "took more than 300 seconds")
        self.assertLess(self.clock.seconds() - began, 400)
        self.agent.latency = 0.0
        order_of = self.authority.books.orders
        answer = self.agent._answers

        def demanding(asked: Asked) -> Answered:
            result = answer(asked)
            if asked.path != "/new-order":
                return result
            made = list(order_of.values())[-1]
            document = made.to_json(asked.base, "pending")
            document["authorizations"] = [f"https://ca.test/authz/{number}" for number in range(200)]
            return in_json(201, document, ("Location", asked.base + made.path))

        self.agent._answers = demanding
        self.refused(client.order(["example.org"]), Cause.NONSENSE, "more proven (200) than was ordered (1)")

    def test_ready_again(self) -> None:
        """An authority that takes request after request and stays ready is not fed for ever."""
        client = self.client()
        answer = self.agent._answers

        def forgetful(asked: Asked) -> Answered:
            if asked.path.endswith("/finalize"):
                self.authority.asked["finalize"] += 1
                order = self.authority.books.orders[asked.path.removesuffix("/finalize")]
                return in_json(200, order.to_json(asked.base, "ready"))
            return answer(asked)

        self.agent._answers = forgetful
        self.refused(self.issued(client, ["example.org"]), Cause.TIMED_OUT)
        self.assertEqual(self.authority.asked["finalize"], 3)


class Nonces(AcmeCase):
    """Nonces are used once, and those that are refused are replaced."""

    def test_thrice(self) -> None:
        """Three that are refused in a row cost three requests more, and nothing else."""
        client = self.client()
        self.rules.reject_nonces = 3
        self.run_(client.order(["example.org"]))
        self.assertEqual(self.authority.asked["new-order"], 4)
        self.assertEqual(self.authority.refused["badNonce"], 3)

    def test_for_ever(self) -> None:
        """An authority that refuses its own nonces is an error that says so, after some tries."""
        client = self.client()
        self.rules.reject_nonces = None
        error = self.refused(client.order(["example.org"]), Cause.NONSENSE, "refused 10 nonces in a row")
        self.assertEqual(error.type, "badNonce")
        self.assertEqual(self.authority.asked["new-order"], MOST_NONCES)

    def test_slowly(self) -> None:
        """Nor does one keep us that takes its time for each refusal."""
        client = self.client()
        self.rules.reject_nonces = None
        self.agent.latency = 50.0
        began = self.clock.seconds()
        self.refused(client.order(["example.org"]), Cause.NONSENSE, "refused 4 nonces in a row")
        self.assertEqual(self.clock.seconds() - began, 200)

    def test_none(self) -> None:
        """One that gives none is told apart from one that is no authority."""
        self.rules.no_nonces = True
        self.refused(self.client(register=False).find_account(), Cause.NONSENSE, "gave no nonce")

    def test_old(self) -> None:
        """After an hour a new one is fetched: the old one would be refused."""
        client = self.client()
        asked = self.authority.asked["new-nonce"]
        self.run_(client.find_account())
        self.assertEqual(self.authority.asked["new-nonce"], asked)
        self.clock.advance(3600)
        self.run_(client.find_account())
        self.assertEqual(self.authority.asked["new-nonce"], asked + 1)

    def test_at_once(self) -> None:
        """Several requests at once never use one nonce twice."""
        client = self.client()
        self.agent.latency = 1.0
        running = [self.started(client.order([f"{number}.example.org"])) for number in range(20)]
        for _ in range(10):
            self.clock.advance(1)
        for each in running:
            self.assertEqual(self.successResultOf(each).status, Status.PENDING)
        self.assertEqual(self.authority.refused.total(), 0)
        self.assertLessEqual(len(client._poster.nonces), 16)


class GivingUp(AcmeCase):
    """Whoever awaits may be cancelled at any moment."""

    def test_at_each_step(self) -> None:
        """Cancelled at any time, it fails as cancelled does, and leaves no timer."""
        self.agent.latency = 1.0
        for seconds in range(1, 40):
            client = self.client()
            running = self.started(self.issued(client, ["example.org"]))
            for _ in range(seconds):
                self.clock.advance(0.5)
            if running.called:
                self.successResultOf(running)
                break
            running.cancel()
            self.failureResultOf(running, CancelledError)
            self.assertEqual(self.clock.getDelayedCalls(), [])
        else:
            self.fail("it was never done")

    def test_while_silent(self) -> None:
        """Nor does one that waits for an answer, or for the rest of one, stay behind."""
        client = self.client()
        for fault in (Fault.SILENT, Fault.STALLED):
            self.authority.fail("new-order", fault)
            running = self.started(client.order(["example.org"]))
            self.clock.advance(10)
            running.cancel()
            self.failureResultOf(running, CancelledError)
            self.assertEqual(self.clock.getDelayedCalls(), [])
