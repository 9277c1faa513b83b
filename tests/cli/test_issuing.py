"""``couchpages certs issue``, ``renew`` and ``revoke``, on a database in memory and without a daemon."""

import json
from collections.abc import Callable, Coroutine
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from hashlib import sha256
from io import StringIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.administration import Administration
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing.orders.book import OrderStore
from couchpages.certs.issuing.orders.order import Order, State
from couchpages.certs.key_files import Keys
from couchpages.cli import issuing
from couchpages.cli.errors import CommandError
from couchpages.cli.issuing import COMMANDS
from couchpages.ports import Unavailable
from couchpages.settings import AcmeSettings, Settings
from couchpages.testing.memory_database import MemoryDatabase
from tests.certs.made import KEY, certificate

DIRECTORY = "https://ca.test/directory"
#: Looks after which a test has waited long enough.
MOST_LOOKS = 1000


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Store:
    """What of :class:`couchpages.cli.own_couchdb.OwnCouchDB` is needed; *refusals* say why which kind is not revoked."""

    secrets: MemoryDatabase
    reactor: Clock = field(default_factory=Clock)
    refusals: dict[Kind, Exception] = field(default_factory=dict)
    revoked: list[Kind] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Have a key."""
        self.certificates = Administration(
            self.secrets, Keys((KEY,)), lambda count: sha256(b"x").digest()[:count], lambda: 5000
        )
        self.orders = OrderStore(self.secrets)

    async def revoke(self, each: Certificate, directory: str, reason: int) -> None:
        """See OwnCouchDB."""
        del directory, reason
        if each.kind in self.refusals:
            raise self.refusals[each.kind]
        self.revoked.append(each.kind)


class IssuingCase(SynchronousTestCase):
    """Commands on a store, which an issuer works on while they wait."""

    def setUp(self) -> None:
        """Have an empty store, and nobody who issues."""
        self.store = Store(MemoryDatabase("secrets"))
        self.patch(issuing, "with_couchdb", self.with_couchdb)
        self.patch(issuing, "node_settings", lambda _: Settings(acme=AcmeSettings(directory=DIRECTORY)))
        self.issuer: Callable[[], Any] = lambda: None

    def with_couchdb(self, config: str | None, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        """Do the work on the store, while the issuer does his."""
        del config
        running = Deferred.fromCoroutine(work(self.store))
        for _ in range(MOST_LOOKS):
            if running.called:
                break
            self.issuer()
            self.store.reactor.advance(issuing.LOOK)
        failures: list[Failure] = []
        running.addErrback(failures.append)
        for failure in failures:
            failure.raiseException()
        return self.successResultOf(running)

    def done(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Give what comes of *work*."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def run_command(self, name: str, *arguments: str) -> Ended:
        """Run one, and give how it ended."""
        command = next(each for each in COMMANDS if each.name == name)
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            try:
                code = command.main(arguments, standalone_mode=False) or 0
            except CommandError as error:
                code, _ = error.exit_code, err.write(f"couchpages: {error}\n")
        return Ended(code, out.getvalue(), err.getvalue())

    def order(self, name: str = "a.test") -> Order:
        """Give an order as it stands."""
        found = self.done(self.store.orders.get(name))
        assert isinstance(found, Order)
        return found

    def put(self, *names: str, kind: Kind = Kind.ECDSA, issued_by: str = DIRECTORY) -> None:
        """Have a certificate."""
        self.done(self.store.certificates.put(replace(certificate(*names, kind=kind), issued_by=issued_by)))

    def issue(self, *names: str, state: State = State.ISSUED, reason: str = "") -> None:
        """Do as an issuer does that deals with the request by a certificate for these names."""
        if state is State.ISSUED:
            self.put(*names)

        def alter(order: Order) -> Order:
            return replace(order, names=names, state=state, by="web1", reason=reason, handled=order.requested)

        self.done(self.store.orders.change(names[0], alter))


class Issue(IssuingCase):
    """``issue`` and ``renew``."""

    def test_issued(self) -> None:
        """What was issued for all names is told so, with 0."""
        self.issuer = lambda: self.issue("a.test", "b.test")
        self.assertEqual(self.run_command("issue", "A.test", "b.test"), Ended(0, "issued a.test\n", ""))
        self.assertTrue(self.order().by_hand)
        ended = self.run_command("renew", "--all", "--json")
        (order,) = json.loads(ended.out)["orders"]
        self.assertEqual((ended.code, order["done"], order["missing"]), (0, True, []))

    def test_without_previews(self) -> None:
        """What a certificate was issued without is told, with 0; where that was asked for by name, it is missing."""

        def issue() -> None:
            self.issue("a.test", reason="*.a.test: CAA forbids")
            self.done(
                self.store.orders.change(
                    "a.test", lambda order: replace(order, names=("a.test", "*.a.test"), left_out=("*.a.test",))
                )
            )

        self.issuer = issue
        ended = self.run_command("issue", "a.test")
        self.assertEqual((ended.code, ended.out), (0, "issued a.test\n"))
        self.assertIn("a.test: without *.a.test: *.a.test: CAA forbids", ended.err)
        self.assertEqual(self.run_command("issue", "a.test", "*.a.test").code, 1)

    def test_not_for_all_names(self) -> None:
        """Defect: it said "issued" where the configuration decided about the certificate, and had it issued for less."""
        self.issuer = lambda: self.issue("a.test")
        ended = self.run_command("issue", "a.test", "b.test", "c.test")
        self.assertEqual((ended.code, ended.out), (1, ""))
        self.assertIn("not for b.test, c.test: the configuration or a site decides", ended.err)
        ended = self.run_command("issue", "a.test", "b.test", "--json")
        (order,) = json.loads(ended.out)["orders"]
        self.assertEqual(
            (ended.code, order["state"], order["done"], order["missing"]), (1, "issued", False, ["b.test"])
        )

    def test_under_way_again(self) -> None:
        """Defect: it said "issued" of an order that was under way, because the request had been dealt with."""
        self.issuer = lambda: self.issue("a.test", state=State.ORDERING)
        ended = self.run_command("issue", "a.test", "--wait", "2")
        self.assertEqual((ended.code, ended.out), (1, ""))
        self.assertIn("not done in 2 seconds: web1 is still at it", ended.err)

    def test_failed(self) -> None:
        """The reason is told, once, with 1; a request of somebody else that is newer changes nothing."""

        def fail() -> None:
            self.issue("a.test", state=State.FAILED, reason="a.test: no")
            self.done(self.store.orders.change("a.test", lambda order: replace(order, requested=order.requested + 1)))

        self.issuer = fail
        self.assertEqual(self.run_command("issue", "a.test"), Ended(1, "", "couchpages: a.test: no\n"))

    def test_nobody(self) -> None:
        """Without an issuer that is said, and with --wait 0 nothing is."""
        ended = self.run_command("issue", "a.test", "--wait", "1")
        self.assertEqual((ended.code, ended.out), (1, ""))
        self.assertIn("no issuer has taken it up", ended.err)
        self.assertEqual(self.run_command("issue", "a.test", "--wait", "0"), Ended(0, "", ""))

    def test_names_that_nobody_issues_for(self) -> None:
        """Defect: an IP address, or a name of one label, became an order that no authority takes, again and again."""
        self.put("a.test", issued_by="")
        for name, words in (
            ("192.0.2.1", "is an IP address"),
            ("2001:DB8::1", "2001:db8::1 is an IP address"),
            ("*.192.0.2", "is an IP address"),
            ("mail", "mail has one label only"),
            ("*.test", "has one label only"),
            ("a b", "is no name"),
        ):
            ended = self.run_command("issue", "a.test", name, "--replace-imported")
            self.assertEqual((ended.code, ended.out, ended.err.count("\n")), (2, "", 1))
            self.assertIn(words, ended.err)
        ended = self.run_command("issue", *(f"{number}.test" for number in range(101)))
        self.assertEqual(
            (ended.code, ended.err), (2, "couchpages: a certificate has 100 names at most, and these are 101\n")
        )
        self.assertEqual(self.done(self.store.orders.all()), {})
        self.assertEqual([each.certificate.issued_by for each in self.done(self.store.certificates.all())], [""])


class Revoke(IssuingCase):
    """``revoke``."""

    def setUp(self) -> None:
        """Have a certificate of each kind."""
        super().setUp()
        for kind in Kind:
            self.put("a.test", kind=kind)

    def test_both(self) -> None:
        """Both are revoked, and new ones asked for."""
        ended = self.run_command("revoke", "a.test")
        self.assertEqual((ended.code, ended.out), (0, "revoked a.test (ecdsa)\nrevoked a.test (rsa)\n"))
        self.assertEqual(ended.err, "couchpages: a new one is asked for; 'couchpages certs list' shows how that goes\n")
        self.assertTrue(self.order().is_asked_for)
        known = {each.certificate.fingerprint for each in self.done(self.store.certificates.all())}
        self.assertEqual(set(self.order().revoked), known)

    def test_one_fails(self) -> None:
        """Defect: when the second could not be revoked, no new one was asked for, and the revoked one stayed in service."""
        for refused, gone in ((Kind.RSA, Kind.ECDSA), (Kind.ECDSA, Kind.RSA)):
            self.store.refusals = {refused: AcmeError(Cause.SERVER, "the CA is ill")}
            self.done(self.store.orders.delete("a.test"))
            ended = self.run_command("revoke", "a.test", "--json")
            told = json.loads(ended.out)
            self.assertEqual((ended.code, self.store.revoked), (1, [gone]))
            self.assertEqual([each["kind"] for each in told["certificates"]], [gone])
            self.assertEqual([(each["kind"], each["reason"]) for each in told["failed"]], [(refused, "the CA is ill")])
            self.assertTrue(told["replacement"])
            self.assertIn(f"a.test ({refused}) was not revoked: the CA is ill\n", ended.err)
            self.assertTrue(self.order().is_asked_for)
            self.store.revoked.clear()

    def test_none(self) -> None:
        """Where nothing was revoked, no new one is asked for, and nothing is said of what is served."""
        self.store.refusals = dict.fromkeys(Kind, ValueError("no key opens it"))
        ended = self.run_command("revoke", "a.test")
        self.assertEqual((ended.code, ended.out, ended.err.count("\n")), (1, "", 2))
        self.assertIsNone(self.done(self.store.orders.get("a.test")))

    def test_revoked_before(self) -> None:
        """What was revoked before, by a try whose rest failed, is revoked, and a new one is asked for."""
        error = AcmeError(Cause.BAD_REQUEST, "it is revoked", type="alreadyRevoked")
        self.store.refusals = dict.fromkeys(Kind, error)
        self.assertEqual(self.run_command("revoke", "a.test").code, 0)
        self.assertTrue(self.order().is_asked_for)

    def test_not_replaced(self) -> None:
        """With --no-replace it is said that what was revoked goes on being served."""
        ended = self.run_command("revoke", "a.test", "--no-replace")
        self.assertEqual(ended.code, 0)
        self.assertEqual(
            ended.err,
            "couchpages: what was revoked of a.test goes on being served until it is deleted: 'couchpages certs delete a.test'\n",
        )
        self.assertIn(
            "delete a.test --kind rsa", self.run_command("revoke", "a.test", "--kind", "rsa", "--no-replace").err
        )
        self.assertIsNone(self.done(self.store.orders.get("a.test")))

    def test_imported(self) -> None:
        """Nothing is put in the place of what was imported, which is said; without a directory, nothing is revoked at all."""
        self.put("b.test", issued_by="")
        ended = self.run_command("revoke", "b.test")
        self.assertEqual((ended.code, ended.out), (0, "revoked b.test (ecdsa)\n"))
        self.assertIn("goes on being served", ended.err)
        self.patch(issuing, "node_settings", lambda _: Settings())
        self.put("a.test", kind=Kind.ECDSA, issued_by="")
        self.store.revoked.clear()
        ended = self.run_command("revoke", "a.test")
        self.assertEqual((ended.code, self.store.revoked), (1, []))
        self.assertIn("names no directory", ended.err)

    def test_cannot_be_asked_for(self) -> None:
        """When CouchDB fails after the first was revoked, it is said what was, and what to do."""
        self.store.secrets.fail("put", Unavailable("it is away"), doc_id="order-a.test")
        self.store.secrets.fail("put", Unavailable("it is away"), doc_id="order-a.test")
        ended = self.run_command("revoke", "a.test")
        self.assertEqual((ended.code, ended.out), (1, "revoked a.test (ecdsa)\nrevoked a.test (rsa)\n"))
        self.assertIn(
            "a new one could not be asked for: CouchDB: it is away; 'couchpages certs renew a.test'", ended.err
        )
