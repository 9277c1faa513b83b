"""Nodes that issue, an authority, and a public DNS and Web between them, in memory and with one clock, for tests."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import succeed

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
from couchpages.certs.issuing.obstacles import LookupFailed, NotShown
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
from couchpages.certs.reconciling import CertificateRule
from couchpages.conflicts import Reconciler
from couchpages.divided import Divided, Part
from couchpages.metrics import Metrics
from couchpages.ports import Change, Unavailable
from couchpages.testing.acme.messages import Problem
from couchpages.testing.acme.server import FakeAuthority
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.node import MemoryReactor, NoThreads
from tests.certs.made import KEY, NOW

NAMESERVER = "ns1.example.org"


@dataclass(slots=True)
class Public:
    """What everybody sees: which *zones* are delegated to us, which hosts are *strayed*, with the reason; CAA forbids *forbidden* ones.

    *aliases* lead from a host to the end of its challenge's name. Nodes that are up answer.
    """

    zones: set[str] = field(default_factory=set)
    strayed: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    is_down: bool = False
    nodes: "list[NodeInMemory]" = field(default_factory=list)

    # As Resolving.

    async def nameservers(self, zone: str) -> list[str]:
        """Give a zone's name servers: ours, or somebody else's."""
        if self.is_down:
            raise LookupFailed("the resolver does not answer")
        return [NAMESERVER] if zone in self.zones else ["ns.other.net"]

    async def alias_end(self, name: str) -> str:
        """Give where a host's challenge is looked for."""
        return self.aliases.get(name, f"_acme-challenge.{name.removeprefix('*.')}")

    async def records(self, name: str, type_: str) -> tuple[Any, ...]:
        """Give no records."""
        del name, type_
        return ()

    # As Reach and Propagation.

    async def check(self, host: str, *, without_silent: bool = False) -> list[str]:
        """Say whether a host leads to us."""
        del without_silent
        return [self.strayed[host]] if host in self.strayed else []

    async def shown(self, host: str, token: str, value: bytes, patience: float) -> list[str]:
        """Ask every node that is up."""
        del patience
        if any(node.answers.file(host, token) != value for node in self.up()):
            raise NotShown(f"{host} does not show the challenge")
        return []

    async def wait(self, zone: str, owner: str, value: str, own: Collection[str], patience: float) -> list[str]:
        """Ask every name server that is up."""
        del zone, own, patience
        if any(value not in node.texts(owner) for node in self.up()):
            raise NotShown(f"{owner} does not show the record")
        return []

    def up(self) -> "list[NodeInMemory]":
        """Give the nodes that are up."""
        return [node for node in self.nodes if node.is_up]


class Records:
    """A :class:`couchpages.ports.ChallengeRecords` in no zone: *texts* by document, with the name where they stand."""

    def __init__(self) -> None:
        self.texts: dict[str, tuple[str, tuple[str, ...]]] = {}

    def hold(self, doc_id: str, name: str, texts: Sequence[str], generation: int) -> None:
        """Answer with TXT records."""
        del generation
        self.texts[doc_id] = name, tuple(texts)

    def loaded(self) -> None:
        """No serial waits for that."""

    def when_answered(self, doc_id: str, generation: int, patience: float) -> Any:
        """Wait for nothing."""
        del doc_id, generation, patience
        return succeed(None)


class NodeInMemory:
    """A node that issues, called *name*, on *secrets*; *sites* are live on it, and *zones* are its own."""

    def __init__(self, world: "World", name: str, secrets: MemoryDatabase, folder: Path, **more: Any) -> None:
        self.name = name
        self.world = world
        self.secrets = secrets
        self.is_up = False
        self.metrics = Metrics()
        self.keys = Keys((KEY,))
        self._records = Records()
        self.book = OrderBook(OrderStore(secrets))
        self.answers = Answers(world.clock, self._records, self.metrics, world.clock.seconds)
        keeper = BundleKeeper(world.clock, cast("Any", NoThreads()), BundleFolder(folder), self.metrics)
        self.bundles = Bundles(world.clock, secrets, keeper, self.metrics, world.clock.seconds)
        self.answers.use(self.keys.keys)
        self.bundles.use(self.keys.keys)
        rule = CertificateRule(self.bundles.knows, lambda: self.keys.keys, secrets)
        divided = Divided(
            Part(is_issuers, self, IssuersRule(secrets, lambda: self.keys.keys)),
            Part(lambda _: True, self.bundles, rule),
        )
        self.conflicts = Reconciler(world.clock, secrets, divided, divided, self.metrics, chance=lambda: 0.5)
        self.service = self._service(f"{len(world.public.nodes) + 1:016x}", **more)
        self.bundles.tell(self.service.came)
        secrets.follow(self.conflicts)
        world.public.nodes.append(self)

    # As a sink of the issuers' documents, and as the rooms of sites and zones.

    def apply(self, change: Change) -> None:
        """Take a change; what is refused is counted by its sink."""
        with suppress(ValueError):
            self.answers.apply(change)
        with suppress(ValueError):
            self.book.apply(change)

    def loaded(self) -> None:
        """Everything was told."""
        self.answers.loaded()
        self.book.loaded()

    def live(self) -> Collection[str]:
        """Give the sites."""
        if self.world.sites is None:
            raise Unavailable("the manifests are not read from CouchDB yet")
        return self.world.sites

    def zone_above(self, name: str) -> str | None:
        """Give the closest zone of ours."""
        above = [zone for zone in self.world.zones if name == zone or name.endswith(f".{zone}")]
        return max(above, key=len, default=None)

    def nameservers(self, zone: str) -> Sequence[str]:
        """Give the zone's own NS."""
        return [NAMESERVER] if zone in self.world.zones else []

    # What tests ask.

    def texts(self, owner: str) -> set[str]:
        """Give the TXT records at a name."""
        return {text for name, texts in self._records.texts.values() if name == owner for text in texts}

    def start(self) -> "NodeInMemory":
        """Start it."""
        self.is_up = True
        self.service.startService()
        return self

    def stop(self) -> Any:
        """Stop it as a daemon is."""
        self.is_up = False
        return self.service.stopService()

    def certificate(self, name: str, kind: Kind = Kind.ECDSA) -> Certificate | None:
        """Give a certificate that it knows."""
        return self.bundles.certificates.get((name, kind))

    def order(self, name: str) -> Order:
        """Give how an order stands."""
        return self.book.of(name)

    def administration(self) -> Administration:
        """Give what changes certificates."""
        wall = self.world.clock.seconds
        return Administration(self.secrets, self.keys, self.world.entropy, lambda: int(wall() * 1000))

    def _service(self, me: str, **more: Any) -> IssuingService:
        world, clock, public = self.world, self.world.clock, cast("Any", self.world.public)
        settings = {"lease": 300.0, "check": 30.0, "kinds": (Kind.ECDSA,), "configured": (), "profile": "", **more}
        exchange = Exchange(clock, world.authority.agent(clock), clock.seconds)
        accounts = AccountBook(self.secrets, lambda: self.keys, world.entropy, world.new_key)
        registration = Registration(world.authority.directory_url, (), terms_agreed=True, external=None)
        self.authority = Authority(clock, exchange, accounts, registration)
        writer = ChallengeWriter(self.secrets, me, lambda: self.keys, lambda: int(clock.seconds() * 1000))
        responders = [HttpResponder(writer, 60.0, public), DnsResponder(writer, 60.0, self._records, self, public)]
        known = self.bundles.certificates
        delegations = Delegations(clock, public, self)
        self.lease = LeaseKeeper(clock, self.secrets, me, self.name, settings["lease"])
        survey = Survey(
            Wishes(sites=True, excluded=(), configured=settings["configured"], kinds=settings["kinds"]),
            registration.directory,
            self,
            delegations,
            known,
            lambda: self.bundles.is_loaded,
            self.book,
            Windows(clock, self.authority.client),
            lambda certificate: self.administration().discard(certificate),
            Slices(clock, lambda: 0.0),
        )
        outcomes = Outcomes(
            self.book, known, self.name, registration.directory, self.metrics, clock.seconds, lambda: 0.5
        )
        parts = Parts(
            self.authority,
            self.lease,
            survey,
            Outlook(public, public, delegations),
            Issuer(clock, cast("Any", NoThreads()), responders),
            outcomes,
            known,
            self.book.orders,
            lambda: "",
        )
        store = SealedStore(known, self.administration, registration.directory)
        asking = Asking(settings["kinds"], settings["profile"])
        return IssuingService(clock, store, responders, settings["check"], parts, asking, self.metrics, clock.seconds)


class World:
    """A clock, an authority that looks at what is public, and what sites and zones there are; *sites* are None until they are known."""

    def __init__(self, folder: Path) -> None:
        self.clock = MemoryReactor()
        self.clock.advance(NOW)
        self.folder = folder
        self.public = Public()
        self.authority = FakeAuthority(wall=self.clock.seconds)
        self.authority.rules.validates = self._look
        self.sites: set[str] | None = set()
        self.zones: set[str] = set()
        self._number = 0

    def node(self, name: str, secrets: MemoryDatabase, **more: Any) -> NodeInMemory:
        """Make a node."""
        return NodeInMemory(self, name, secrets, self.folder / name, **more)

    def entropy(self, number: int) -> bytes:
        """Give bytes that were never given before."""
        self._number += 1
        return self._number.to_bytes(number, "big")

    def new_key(self) -> bytes:
        """Give an account's key."""
        return account_key_pem(new_account_key())

    def advance(self, seconds: float) -> None:
        """Let time pass, as things that wait for it need it."""
        until = self.clock.seconds() + seconds
        while True:
            due = [call.getTime() for call in self.clock.getDelayedCalls() if call.getTime() <= until]
            if not due:
                break
            self.clock.advance(max(0.0, min(due) - self.clock.seconds()))
        self.clock.advance(until - self.clock.seconds())

    def _look(self, identifier: str, type_: str, token: str, key_authorization: str) -> Problem | None:
        """Look as an authority does, at any node that is up, wherever the challenge began."""
        for node in self.public.up():
            if type_ == "http-01" and node.answers.file(identifier, token) == key_authorization.encode():
                continue
            owner = self.public.aliases.get(identifier, f"_acme-challenge.{identifier}")
            if type_ == "dns-01" and dns_value(key_authorization) in node.texts(owner):
                continue
            return Problem("unauthorized", f"{node.name} does not answer {type_} for {identifier}", 403)
        return None
