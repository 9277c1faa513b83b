"""A node in memory: sites, API and keys on databases in memory, asked without sockets (files only in the folder that it is given).

>>> node = MemoryNode(Path(folder))
>>> node.deploy("example.org", {"index.html": b"hello"})
>>> node.visit("example.org", "/").body
b'hello'
"""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from couchpages.access import keys
from couchpages.access.keyring import Keyring
from couchpages.access.reconciling import KeyRule
from couchpages.conflicts import Reconciler
from couchpages.dns.administration import Administration
from couchpages.dns.api import DnsApi
from couchpages.dns.first_system import FirstSystemDns
from couchpages.dns.names import from_text
from couchpages.dns.new_zone import ZoneDefaults
from couchpages.dns.record_administration import RecordAdministration
from couchpages.dns.record_writer import RecordWriter
from couchpages.dns.slices import Slices
from couchpages.metrics import Metrics
from couchpages.pages.api import PublicAddress, SitesApi
from couchpages.pages.arrivals import Arrivals
from couchpages.pages.blobs import BlobReader
from couchpages.pages.challenges import ChallengesFirst
from couchpages.pages.deployments import Deployments
from couchpages.pages.disk_cache import DiskCache
from couchpages.pages.first_system import FirstSystemApi
from couchpages.pages.kept_manifests import ManifestFolder, ManifestKeeper
from couchpages.pages.reconciling import ManifestRule
from couchpages.pages.sites import Sites
from couchpages.pages.stored_blobs import StoredBlobs
from couchpages.pages.submission import Limits
from couchpages.pages.trace import Place
from couchpages.pages.visits import Visits
from couchpages.ports import Change, ChangesSink, Unavailable
from couchpages.testing.asking import Answer, exchange, head_of, now, received
from couchpages.testing.memory_catalogue import MemoryCatalogue
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.web.hosts import ByHost
from couchpages.web.message import Response
from couchpages.web.proxies import Network
from couchpages.web.routes import Routes
from couchpages.web.spool import Spool

API_HOST = "api.example"
NAMESERVERS = ("ns1.provider.example", "ns2.provider.example")
#: What can be asked of a database.
OPERATIONS = ("get", "leaves", "put", "delete", "bulk", "rows", "documents", "put_attachment", "read_attachment")
#: 2026-11-23T14:00:00Z, in milliseconds since 1970: when :class:`MemoryNode`'s clock begins.
BEGINNING = 1_795_442_400_000


class MemoryReactor(Clock):
    """A Clock that also takes what threads hand back; with :class:`NoThreads`, at once."""

    def callFromThread(self, call: Callable[..., object], *args: Any, **more: Any) -> None:  # noqa: N802 -- Twisted's name
        """Call *call* now."""
        call(*args, **more)


class NoThreads:
    """Stands for a ThreadPool: does the work at once, in the caller's thread. *work* counts how often."""

    def __init__(self) -> None:
        self.work = 0

    def callInThreadWithCallback(  # noqa: N802 -- Twisted's name
        self, done: Callable[[bool, Any], object], work: Callable[..., Any], *args: Any, **more: Any
    ) -> None:
        """Do *work* and tell *done* whether it succeeded, and its result or failure."""
        self.work += 1
        try:
            result = work(*args, **more)
        except Exception:  # noqa: BLE001 -- as ThreadPool does
            done(False, Failure())
        else:
            done(True, result)


class Replication:
    """Stands between a database and a sink: hands changes on at once, or keeps them back while it is *held*."""

    def __init__(self, sink: ChangesSink) -> None:
        self._sink = sink
        self.held = False
        self.kept: list[Change] = []

    def apply(self, change: Change) -> None:
        """Take a change."""
        if self.held:
            self.kept.append(change)
        else:
            self._sink.apply(change)

    def loaded(self) -> None:
        """Everything was told."""
        self._sink.loaded()

    def deliver(self, count: int | None = None) -> None:
        """Hand on the *count* oldest changes that were kept back, or all of them."""
        for _ in range(len(self.kept) if count is None else count):
            self._sink.apply(self.kept.pop(0))


class MemoryNode:
    """A node whose parts tests may look at: databases, sites, deployments, blobs, keyring.

    *public* answers on the public port, *challenges* (by host and token) first, most of the rest by *visits*; *private* on the API port.
    Two nodes may share *files* and *manifests*, as if replication took no time, or have their own, between which ``replicate_to``
    replicates. ``replication.held = True`` keeps the manifests' changes from this node until ``replication.deliver()``. *name* makes its
    deployments' ids its own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        files: MemoryDatabase | None = None,
        manifests: MemoryDatabase | None = None,
        secrets: MemoryDatabase | None = None,
        dns_zones: MemoryDatabase | None = None,
        dns_records: MemoryDatabase | None = None,
        nameservers: tuple[str, ...] = NAMESERVERS,
        limits: Limits = Limits(25 * 2**20, 20_000, 8_000_000),  # noqa: B008 -- a frozen value
        memory: int = 2**20,
        disk: int = 2**24,
        couchdb_away: bool = False,
        trusted_proxies: tuple[Network, ...] = (),
        name: str = "",
    ) -> None:
        self.name = name
        self.reactor = MemoryReactor()
        self.threads = cast("Any", NoThreads())
        self.metrics = Metrics()
        self.files = files or MemoryDatabase("files")
        self.manifests = manifests or MemoryDatabase("manifests")
        self.secrets = secrets or MemoryDatabase("secrets")
        self.dns_zones = dns_zones or MemoryDatabase("dns_zones")
        self.dns_records = dns_records or MemoryDatabase("dns_records")
        self.keyring = Keyring()
        stored = StoredBlobs(self.files, self.metrics)
        self.arrivals = Arrivals(self.reactor, stored, self.metrics)
        self.keeper = ManifestKeeper(self.reactor, self.threads, ManifestFolder(folder / "manifests"), self.metrics)
        self.sites = Sites(
            self.reactor, self.manifests, memory, self.metrics, self.arrivals, self.milliseconds, self.keeper
        )
        self.disk = DiskCache(folder / "blobs", disk)
        self.spool = Spool(folder / "spool")
        self.blobs = BlobReader(
            self.reactor, self.threads, self.files, self.disk, memory, self.metrics, stored.distrust
        )
        self._drawn = 0
        self.deployments = Deployments(
            self.sites, stored, self.manifests,
            limits, ("main", "master"), self.milliseconds, self.entropy, self.metrics,
        )  # fmt: skip
        public_address = PublicAddress("http", 8080)
        self.api = SitesApi(
            self.reactor, self.threads, self.keyring, self.deployments, self.spool, public_address, self.disk.adopt
        )
        self.catalogue = MemoryCatalogue()
        slices = Slices(self.reactor, self.reactor.seconds)
        writing = RecordAdministration(self.catalogue, RecordWriter(self.dns_records, slices), slices)
        self.dns = Administration(
            self.dns_zones, self.dns_records, writing, ZoneDefaults(tuple(from_text(each) for each in nameservers))
        )
        dns = (*DnsApi(self.keyring, self.dns).routes(), *FirstSystemDns(self.keyring, self.dns).routes())
        self.private = Routes((*self.api.routes(), *FirstSystemApi(self.api).routes(), *dns))
        place = Place("node1", "Graz", "AT")
        self.visits = Visits(self.sites, self.blobs, place, trusted_proxies, lambda: self.milliseconds() / 1000)
        self.challenges: dict[tuple[str, str], bytes] = {}
        self.public = ChallengesFirst(
            lambda host, token: self.challenges.get((host, token)), ByHost([API_HOST], self.private, self.visits)
        )
        rule = ManifestRule(self.manifests, self.sites.knows)
        self.conflicts = Reconciler(self.reactor, self.manifests, self.sites, rule, self.metrics)
        self.replication = Replication(self.conflicts)
        key_rule = KeyRule(self.secrets, self.keyring.knows)
        self.key_conflicts = Reconciler(self.reactor, self.secrets, self.keyring, key_rule, self.metrics)
        self.disk.open()
        self.spool.open()
        self.sites.restore()
        self.key = self.add_key("*", zones=("*",))
        if not couchdb_away:
            self.follow()

    def follow(self) -> None:
        """Hear everything that the databases hold, and every change from now on, as when CouchDB is there."""
        self.files.follow(self.arrivals)
        self.manifests.follow(self.replication)
        self.secrets.follow(self.key_conflicts)
        self.dns_zones.follow(self.catalogue.zone_sink)
        self.dns_records.follow(self.catalogue.record_sink)

    def cut_off(self) -> None:
        """Have CouchDB refuse everything that it is asked, until the databases' ``heal``."""
        for database in (self.files, self.manifests, self.secrets, self.dns_zones, self.dns_records):
            for operation in OPERATIONS:
                database.fail(operation, Unavailable("CouchDB is away"), times=1000)

    def milliseconds(self) -> int:
        """Give this node's clock."""
        return BEGINNING + int(self.reactor.seconds() * 1000)

    def entropy(self, count: int) -> bytes:
        """Give bytes that are another each time and on each node of another name, and the same in each run."""
        self._drawn += 1
        return sha256(f"{self.name}{self._drawn}".encode()).digest()[:count]

    def add_key(self, *sites: str, zones: tuple[str, ...] = ()) -> str:
        """Give the text of a new API key for *sites* and *zones*."""
        digest = sha256(repr((sites, zones, len(self.secrets.stored))).encode()).digest()
        text, record = keys.new_key(digest[:5], digest, name="test", sites=sites, zones=zones, created="")
        self.secrets.seed(keys.document_id(record.key_id), keys.to_document(record))
        return text

    def start(
        self,
        method: str,
        path: str,
        body: object = b"",
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Deferred[Answer]":
        """Begin a call of the API; *body* is bytes, or what JSON holds. A blob's Content-Length is that of its body."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {
            "Host": "localhost",
            "Authorization": f"Bearer {key or self.key}",
            "Content-Length": str(len(content)),
            **(headers or {}),
        }

        async def answered() -> Answer:
            return received(await exchange(self.private, head_of(method, path, fields), content), method)

        return Deferred.fromCoroutine(answered())

    def call(
        self,
        method: str,
        path: str,
        body: object = b"",
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a call of the API that ends at once."""
        return now(self.start(method, path, body, key, headers))

    def ask(self, host: str, target: str | bytes, method: str = "GET", **headers: str) -> "Deferred[Response]":
        """Begin a visit; the names of *headers* have underscores for hyphens."""
        fields = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return Deferred.fromCoroutine(exchange(self.public, head_of(method, target, fields)))

    def visit(self, host: str, target: str | bytes, method: str = "GET", **headers: str) -> Answer:
        """Make a visit that ends at once."""
        return received(now(self.ask(host, target, method, **headers)), method)

    def upload(self, content: bytes) -> str:
        """Store a blob by the API; give its hash."""
        name = sha256(content).hexdigest()
        answer = self.call("PUT", f"/api/v2/blobs/{name}", content)
        if answer.status not in (200, 201):
            raise AssertionError(answer)
        return name

    def submission(self, files: Mapping[str, bytes], **more: object) -> dict[str, Any]:
        """Give the body that deploys *files*, whose blobs are uploaded."""
        listed = {path: {"sha256": self.upload(content), "size": len(content)} for path, content in files.items()}
        return {"files": listed, **more}

    def deploy(self, site: str, files: Mapping[str, bytes], **more: object) -> dict[str, Any]:
        """Upload and deploy *files*; give what the API tells of the deployment. Later by a millisecond than what was before."""
        self.reactor.advance(0.001)
        answer = self.call("POST", f"/api/v2/sites/{site}/deployments", self.submission(files, **more))
        if answer.status not in (200, 201):
            raise AssertionError(answer)
        deployed: dict[str, Any] = answer.json
        return deployed

    def restarted(self, folder: Path, *, couchdb_away: bool = False) -> "MemoryNode":
        """Give another node on the same databases, with nothing in its memory, and its files in *folder*."""
        return MemoryNode(
            folder,
            files=self.files,
            manifests=self.manifests,
            secrets=self.secrets,
            dns_zones=self.dns_zones,
            dns_records=self.dns_records,
            limits=self.deployments.limits,
            couchdb_away=couchdb_away,
        )
