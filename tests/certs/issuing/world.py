"""A world in memory, with one clock: nodes that issue, each with a CouchDB, an authority that looks at them, and what is around them."""

from collections.abc import Coroutine
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.exchange import Exchange
from couchpages.certs.acme.keys import account_key_pem, new_account_key
from couchpages.certs.acme.signing import dns_value
from couchpages.certs.administration import Administration
from couchpages.certs.bundles import Bundles
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing import attempts
from couchpages.certs.issuing.accounts import AccountBook
from couchpages.certs.issuing.authority import Authority, Registration
from couchpages.certs.issuing.challenges.answers import Answers
from couchpages.certs.issuing.challenges.responders import DnsResponder, HttpResponder
from couchpages.certs.issuing.challenges.writer import ChallengeWriter
from couchpages.certs.issuing.issuer import Issuer
from couchpages.certs.issuing.lease_keeper import LeaseKeeper
from couchpages.certs.issuing.lookups.delegations import Delegations
from couchpages.certs.issuing.orders.book import OrderBook, OrderStore
from couchpages.certs.issuing.orders.order import Order
from couchpages.certs.issuing.outcomes import Outcomes
from couchpages.certs.issuing.outlook import Outlook
from couchpages.certs.issuing.reconciling import IssuersRule, is_issuers
from couchpages.certs.issuing.sealed_store import SealedStore
from couchpages.certs.issuing.service import IssuingService, Parts
from couchpages.certs.issuing.slices import Slices
from couchpages.certs.issuing.survey import Survey, Wishes
from couchpages.certs.issuing.windows import Windows
from couchpages.certs.kept_bundles import BundleFolder, BundleKeeper
from couchpages.certs.key_files import Keys
from couchpages.certs.pem import read_certificate
from couchpages.certs.reconciling import CertificateRule
from couchpages.conflicts import Reconciler
from couchpages.divided import Divided, Part
from couchpages.metrics import Metrics
from couchpages.ports import Change, Unavailable
from couchpages.testing.acme.messages import Problem
from couchpages.testing.acme.server import FakeAuthority
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.node import OPERATIONS, MemoryReactor, NoThreads
from tests.certs.issuing.surroundings import Network, Records, Side, Sites, Zones
from tests.certs.made import KEY, NOW, pems

CHECK, LEASE = 30.0, 300.0
ACCOUNT_KEYS = [account_key_pem(new_account_key()) for _ in range(2)]


class IssuingNode:
    """A node called *name* on *database*, whose id is made of *letter*; *is_up* from ``start`` to ``stop``, or to ``lose``.

    Nodes on one database are as if replication between them took no time; those on others are cut off from them.
    """

    def __init__(
        self,
        world: "WorldCase",
        name: str,
        letter: str,
        database: MemoryDatabase,
        folder: Path,
        *,
        check: float,
        lease: float,
        kinds: tuple[Kind, ...] = (Kind.ECDSA,),
        configured: tuple[tuple[str, ...], ...] = (),
        excluded: tuple[str, ...] = (),
        directory: str | None = None,
        profile: str = "",
        asked: FakeAuthority | None = None,
    ) -> None:
        self.name, self.database, self.reactor = name, database, world.reactor
        self.metrics, self.keys, self.records = Metrics(), Keys((KEY,)), Records()
        self.zones, self.sites = world.zones, world.sites
        self.is_up = False
        self._drawn = 0
        wall = world.reactor.seconds
        keeper = BundleKeeper(self.reactor, cast("Any", NoThreads()), BundleFolder(folder / name), self.metrics)
        self.bundles = Bundles(self.reactor, database, keeper, self.metrics, wall)
        self.bundles.use(self.keys.keys)
        self.answers = Answers(self.reactor, self.records, self.metrics, wall)
        self.answers.use(self.keys.keys)
        self.book = OrderBook(OrderStore(database))
        directory = directory or world.authority.directory_url
        network: Any = world.network
        side: Any = Side(world.network, lambda: [node for node in world.up() if node.database is self.database])
        delegations = Delegations(self.reactor, network, self.zones)
        self.accounts = AccountBook(database, lambda: self.keys, self.entropy, lambda: ACCOUNT_KEYS[letter == "b"])
        exchange = Exchange(self.reactor, (asked or world.authority).agent(self.reactor), wall)
        authority = Authority(self.reactor, exchange, self.accounts, Registration(directory, (), True, None))
        writer = ChallengeWriter(database, letter * 16, lambda: self.keys, self.milliseconds)
        responders = [
            HttpResponder(writer, 120.0, side),
            DnsResponder(writer, 120.0, self.records, self.zones, side),
        ]
        known = self.bundles.certificates
        windows = Windows(self.reactor, authority.client)
        survey = Survey(
            Wishes(True, excluded, configured, kinds), directory, self.sites, delegations, known,
            lambda: self.bundles.is_loaded, self.book, windows,
            lambda certificate: self.administration().discard(certificate), Slices(self.reactor, lambda: 0.0),
        )  # fmt: skip
        self.lease = LeaseKeeper(self.reactor, database, letter * 16, name, lease)
        self.outcomes = Outcomes(self.book, known, name, directory, self.metrics, wall, lambda: 0.5)
        threads: Any = NoThreads()
        self.unable = ""
        store = SealedStore(known, self.administration, directory)
        issuer, looks = Issuer(self.reactor, threads, responders), Outlook(network, network, delegations)
        on = attempts.Parts(self.lease, looks, issuer, self.outcomes, known, self.book.orders, windows.of)
        tries = attempts.Attempts(self.reactor, on, attempts.Asking(kinds, profile), store)
        parts = Parts(authority, self.lease, survey, tries, self.outcomes, self.book.orders, lambda: self.unable)
        self.service = IssuingService(self.reactor, store, responders, check, parts, self.metrics, wall)
        self.bundles.tell(self.service.came)
        self.follow(database)

    def follow(self, database: MemoryDatabase) -> None:
        """Hear what *database* holds, and all changes."""
        divided = Divided(
            Part(is_issuers, self, IssuersRule(database, lambda: self.keys.keys)),
            Part(
                lambda _: True,
                self.bundles,
                CertificateRule(self.bundles.knows, lambda: self.keys.keys, database),
            ),
        )
        self.conflicts = Reconciler(self.reactor, database, divided, divided, self.metrics, chance=lambda: 0.5)
        database.follow(self.conflicts)

    def apply(self, change: Change) -> None:
        """See ChangesSink."""
        self.answers.apply(change)
        self.book.apply(change)

    def loaded(self) -> None:
        """See ChangesSink."""
        self.answers.loaded()

    def lose(self) -> None:
        """Be gone, as if the power was cut: nothing is given up."""
        self.is_up = False
        self.service._timer_service.stopService()

    def administration(self) -> Administration:
        """Give what changes certificates."""
        return Administration(self.database, self.keys, self.entropy, self.milliseconds)

    def entropy(self, count: int) -> bytes:
        """Give bytes, others each time, and on each node."""
        self._drawn += 1
        return sha256(f"{self.name}{self._drawn}".encode()).digest()[:count]

    def milliseconds(self) -> int:
        """Give the time since 1970."""
        return int(self.reactor.seconds() * 1000)

    def certificate(self, name: str, kind: Kind = Kind.ECDSA) -> Certificate | None:
        """Give a certificate that the node has."""
        return self.bundles.certificates.get((name, kind))

    def order(self, name: str) -> Order:
        """Give an order as the node knows it."""
        return self.book.of(name)

    def metric(self, name: str, **labels: str) -> Any:
        """Give a metric's value."""
        return self.metrics.registry.get_sample_value(f"couchpages_acme_{name}", labels)


class WorldCase(SynchronousTestCase):
    """Tests of whole nodes. One is there from the beginning; all share the clock, the network, sites and zones.

    Nodes look at what is due every *check* seconds, and take the lease of one that is gone after *lease*.
    """

    check, lease = CHECK, LEASE

    def setUp(self) -> None:
        """Make the authority and a node."""
        self.reactor = MemoryReactor()
        self.reactor.advance(NOW)
        self.network, self.zones, self.sites = Network(), Zones(), Sites()
        self.authority = FakeAuthority(wall=self.reactor.seconds)
        self.authority.rules.validates = self.validate
        self.database = MemoryDatabase("secrets")
        self.nodes: list[IssuingNode] = []
        self.events: list[LogEvent] = []
        listener: Any = self.events.append
        globalLogPublisher.addObserver(listener)
        self.addCleanup(globalLogPublisher.removeObserver, listener)
        self.node = self.make()

    def make(self, database: MemoryDatabase | None = None, **options: Any) -> IssuingNode:
        """Give one more node."""
        number = len(self.nodes)
        made = IssuingNode(
            self,
            f"web{number + 1}",
            "abcdef"[number],
            database or self.database,
            Path(self.mktemp()),
            **{"check": self.check, "lease": self.lease, **options},
        )
        self.nodes.append(made)
        return made

    def up(self) -> list[IssuingNode]:
        """Give the nodes that are up."""
        return [node for node in self.nodes if node.is_up]

    def validate(self, name: str, type_: str, token: str, key_authorization: str) -> Problem | None:
        """Look at a challenge as an authority does: at any node that is up, wherever the challenge began."""
        host = name.removeprefix("*.")
        if type_ == "http-01":
            found = any(node.answers.file(host, token) == key_authorization.encode() for node in self.up())
        else:
            value = dns_value(key_authorization)
            found = any(value in node.records.at(f"_acme-challenge.{host}") for node in self.up())
        return None if found else Problem("unauthorized", f"{name}: nobody answers {type_}", 403)

    def start(self, node: IssuingNode | None = None) -> None:
        """Start a node, or the first."""
        started = node or self.node
        started.is_up = True
        started.service.startService()
        self.settle()

    def stop(self, node: IssuingNode | None = None) -> None:
        """Stop it: that is over at once, and nothing is left behind of it."""
        stopped = node or self.node
        self.successResultOf(stopped.service.stopService())
        stopped.is_up = False
        stopped.answers.stop()

    def settle(self) -> None:
        """Let happen what is to happen now."""
        for _ in range(2000):
            calls = self.reactor.getDelayedCalls()
            if not calls or calls[0].getTime() > self.reactor.seconds():
                return
            self.reactor.advance(0)
        raise AssertionError("it goes on and on")

    def advance(self, seconds: float) -> None:
        """Let time pass, moment after moment."""
        until = self.reactor.seconds() + seconds
        self.settle()
        while (calls := self.reactor.getDelayedCalls()) and calls[0].getTime() <= until:
            self.reactor.advance(max(calls[0].getTime() - self.reactor.seconds(), 0))
            self.settle()
        self.reactor.advance(max(until - self.reactor.seconds(), 0))

    def cut_off(self, database: MemoryDatabase | None = None) -> None:
        """Have CouchDB refuse everything, until ``heal``."""
        for operation in OPERATIONS:
            (database or self.database).fail(operation, Unavailable("CouchDB is away"), times=10_000)

    def imported(self, *names: str, kind: Kind = Kind.ECDSA, number: int = 7) -> Certificate:
        """Give a certificate to import."""
        return read_certificate(*pems(*names, kind=kind, number=number))

    def done(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Give what comes of *work*, which ends at once."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def put(self, certificate: Certificate, node: IssuingNode | None = None) -> None:
        """Import it."""
        self.done((node or self.node).administration().put(certificate))
        self.settle()

    def ended(self) -> None:
        """Nothing is left behind: no timer, no error that nobody saw, no defect."""
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.flushLoggedErrors(), [])
