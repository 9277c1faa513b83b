"""Nodes that issue, each with a CouchDB in memory, and an authority in memory; what they would ask of the network is answered here."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import dns.rdata
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.exchange import Exchange
from couchpages.certs.acme.keys import account_key_pem, new_account_key
from couchpages.certs.acme.signing import dns_value
from couchpages.certs.administration import Administration
from couchpages.certs.bundles import Bundles
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing.accounts import AccountBook
from couchpages.certs.issuing.answers import Answers
from couchpages.certs.issuing.authority import Authority, Registration
from couchpages.certs.issuing.challenge_writer import ChallengeWriter
from couchpages.certs.issuing.delegations import Delegations
from couchpages.certs.issuing.issuer import Issuer
from couchpages.certs.issuing.lease_keeper import LeaseKeeper
from couchpages.certs.issuing.order_book import OrderBook, OrderStore
from couchpages.certs.issuing.orders import Order
from couchpages.certs.issuing.outcomes import Outcomes
from couchpages.certs.issuing.outlook import Outlook
from couchpages.certs.issuing.reconciling import IssuersRule, is_issuers
from couchpages.certs.issuing.responders import DnsResponder, HttpResponder
from couchpages.certs.issuing.sealed_store import SealedStore
from couchpages.certs.issuing.service import Asking, IssuingService, Parts
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
from tests.certs.made import KEY, NOW, pems

CHECK, LEASE = 30.0, 300.0
ACCOUNT_KEYS = [account_key_pem(new_account_key()) for _ in range(2)]


class Network:
    """What the public DNS and the addresses of hosts say: a test changes it."""

    def __init__(self) -> None:
        self.delegated: set[str] = {"example.org"}
        self.not_ours: dict[str, str] = {}
        self.caa: dict[str, bytes] = {}
        self.broken: dict[str, Any] = {}
        self.hidden: Any = None

    async def addresses(self, host: str) -> list[str]:
        """See Resolving."""
        del host
        return ["192.0.2.1"]

    async def nameservers(self, zone: str) -> list[str]:
        """See Resolving."""
        await self._meet(f"NS {zone}")
        return ["ns1.example.net"] if zone in self.delegated else []

    async def alias_end(self, name: str) -> str:
        """See Resolving."""
        await self._meet(name)
        return f"_acme-challenge.{name.removeprefix('*.')}"

    async def records(self, name: str, type_: str) -> tuple[Any, ...]:
        """See Resolving."""
        value = self.caa.get(name)
        return (dns.rdata.from_text("IN", type_, f'0 issue "{value.decode()}"'),) if value is not None else ()

    async def check(self, host: str, *, without_silent: bool = False) -> list[str]:
        """See Reach."""
        del without_silent
        await self._meet(host)
        return [self.not_ours[host]] if host in self.not_ours else []

    async def shown(self, host: str, token: str, value: bytes, patience: float) -> list[str]:
        """See Reach."""
        del token, value, patience
        await self._meet(f"shown {host}")
        return []

    async def wait(self, zone: str, owner: str, value: str, own: Any, patience: float) -> list[str]:
        """See Propagation."""
        del zone, value, own, patience
        await self._meet(f"shown {owner}")
        return []

    async def _meet(self, name: str) -> None:
        found = self.broken.get(name)
        if isinstance(found, Deferred):
            await found
        elif found is not None:
            raise found


class Zones:
    """See OwnZones."""

    def __init__(self) -> None:
        self.zones: set[str] = {"example.org"}
        self.loaded = True

    def zone_above(self, name: str) -> str | None:
        """See OwnZones."""
        if not self.loaded:
            raise Unavailable("the zones are not read yet")
        if ".." in name or len(name) > 253:
            raise ValueError("no name")
        while name:
            if name in self.zones:
                return name
            name = name.partition(".")[2]
        return None

    def nameservers(self, zone: str) -> Sequence[str]:
        """See OwnZones."""
        del zone
        return ["ns1.example.net"]


class Sites:
    """See LiveSites."""

    def __init__(self) -> None:
        self.sites: set[str] = set()
        self.loaded = True

    def live(self) -> set[str]:
        """See LiveSites."""
        if not self.loaded:
            raise Unavailable("the sites are not read yet")
        return self.sites


class Records:
    """See ChallengeRecords."""

    def __init__(self) -> None:
        self.texts: dict[str, tuple[str, Sequence[str], int]] = {}

    def hold(self, doc_id: str, name: str, texts: Sequence[str], generation: int) -> None:
        """See ChallengeRecords."""
        self.texts[doc_id] = name, tuple(texts), generation

    def loaded(self) -> None:
        """See ChallengeRecords."""

    async def when_answered(self, doc_id: str, generation: int, patience: float) -> None:
        """See ChallengeRecords."""
        del doc_id, generation, patience

    def at(self, name: str) -> list[str]:
        """Give what is answered at a name."""
        return sorted(text for owner, texts, _ in self.texts.values() if owner == name for text in texts)


class IssuingNode:
    """A node called *name* on *database*, whose id is made of *letter*. What it asks is *asked*, the world's authority without it."""

    def __init__(
        self,
        world: "World",
        name: str,
        letter: str,
        database: MemoryDatabase,
        folder: Path,
        *,
        kinds: tuple[Kind, ...] = (Kind.ECDSA,),
        configured: tuple[tuple[str, ...], ...] = (),
        excluded: tuple[str, ...] = (),
        directory: str | None = None,
        check: float = CHECK,
        asked: FakeAuthority | None = None,
    ) -> None:
        self.name, self.database, self.reactor = name, database, world.reactor
        self.metrics, self.keys, self.records, self.network = Metrics(), Keys((KEY,)), Records(), world.network
        self.zones, self.sites = world.zones, world.sites
        self._drawn = 0
        wall = world.reactor.seconds
        keeper = BundleKeeper(self.reactor, cast("Any", NoThreads()), BundleFolder(folder / name), self.metrics)
        self.bundles = Bundles(self.reactor, database, keeper, self.metrics, wall)
        self.bundles.use(self.keys.keys)
        self.answers = Answers(self.reactor, self.records, self.metrics, wall)
        self.answers.use(self.keys.keys)
        self.book = OrderBook(OrderStore(database))
        directory = directory or world.authority.directory_url
        resolving: Any = self.network
        reach: Any = self.network
        propagation: Any = self.network
        delegations = Delegations(self.reactor, resolving, self.zones)
        accounts = AccountBook(database, lambda: self.keys, self.entropy, lambda: ACCOUNT_KEYS[letter == "b"])
        exchange = Exchange(self.reactor, (asked or world.authority).agent(self.reactor), wall)
        authority = Authority(self.reactor, exchange, accounts, Registration(directory, (), True, None))
        writer = ChallengeWriter(database, letter * 16, lambda: self.keys, self.milliseconds)
        responders = [
            HttpResponder(writer, 120.0, reach),
            DnsResponder(writer, 120.0, self.records, self.zones, propagation),
        ]
        known = self.bundles.certificates
        survey = Survey(
            Wishes(True, excluded, configured, kinds), directory, self.sites, delegations, known,
            lambda: self.bundles.is_loaded, self.book, Windows(self.reactor, authority.client),
            lambda certificate: self.administration().discard(certificate), Slices(self.reactor, lambda: 0.0),
        )  # fmt: skip
        self.lease = LeaseKeeper(self.reactor, database, letter * 16, name, LEASE)
        self.outcomes = Outcomes(self.book, known, name, directory, self.metrics, wall, lambda: 0.5)
        threads: Any = NoThreads()
        parts = Parts(
            authority, self.lease, survey, Outlook(resolving, reach, delegations),
            Issuer(self.reactor, threads, responders), self.outcomes, known, self.book.orders, lambda: self.unable,
        )  # fmt: skip
        self.unable = ""
        store = SealedStore(known, self.administration, directory)
        asking = Asking(kinds)
        self.service = IssuingService(self.reactor, store, responders, check, parts, asking, self.metrics, wall)
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


class World(SynchronousTestCase):
    """Tests of whole nodes. One is there from the beginning; all share the clock, the network, sites and zones."""

    check = CHECK

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
            check=self.check,
            **options,
        )
        self.nodes.append(made)
        return made

    def validate(self, name: str, type_: str, token: str, key_authorization: str) -> Problem | None:
        """Look at a challenge: every node has to answer it whose CouchDB has heard of it, and one at least."""
        host = name.removeprefix("*.")
        if type_ == "http-01":
            found = any(node.answers.file(host, token) == key_authorization.encode() for node in self.nodes)
        else:
            value = dns_value(key_authorization)
            found = any(value in node.records.at(f"_acme-challenge.{host}") for node in self.nodes)
        return None if found else Problem("unauthorized", f"{name}: nobody answers")

    def start(self, node: IssuingNode | None = None) -> None:
        """Start a node, or the first."""
        (node or self.node).service.startService()
        self.settle()

    def stop(self, node: IssuingNode | None = None) -> None:
        """Stop it: that is over at once, and nothing is left behind of it."""
        self.successResultOf((node or self.node).service.stopService())
        (node or self.node).answers.stop()

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

    def put(self, certificate: Certificate, node: IssuingNode | None = None) -> None:
        """Import it."""
        self.successResultOf(Deferred.fromCoroutine((node or self.node).administration().put(certificate)))
        self.settle()

    def ended(self) -> None:
        """Nothing is left behind: no timer, no error that nobody saw, no defect."""
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.flushLoggedErrors(), [])
