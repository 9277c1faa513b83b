"""The metric families, declared in one place.

A registry of our own instead of prometheus-client's global one, so that tests and several nodes in one process do not share
figures. Nothing here imports a reactor: ``prometheus_client.twisted`` would.
"""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from couchpages.families import (
    AcmeFamilies,
    CertificateFamilies,
    Counters,
    HandshakeFamilies,
    Histograms,
    QueryFamilies,
    plain_counter,
    site_families,
)
from couchpages.tallies import PlainCounter, Tallies

TEXT = "text/plain; version=0.0.4; charset=utf-8"
END_OF_FILE = b"# EOF\n"
COUCHDB_STATES = ("answering", "away", "refused")
FOLLOWER_STATES = ("stopped", "connecting", "loading", "following", "waiting")


@dataclass(slots=True)
class Metrics:
    """What a node counts. Units stand in the names, as Prometheus asks."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    #: Whoever serves sites is given their tallies, and tells which sites there are: ``tallies.is_known``.
    tallies: Tallies = field(default_factory=Tallies)
    responses: Counters = field(init=False)
    response_seconds: Histograms = field(init=False)
    connections: Gauge = field(init=False)
    blob_reads: PlainCounter = field(init=False)
    access_log_dropped: Counter = field(init=False)
    cache_bytes: Gauge = field(init=False)
    cache_faults: Counter = field(init=False)
    malformed: Counter = field(init=False)
    changes: Counter = field(init=False)
    couchdb_state: Gauge = field(init=False)
    couchdb_away_seconds: Gauge = field(init=False)
    couchdb_requests: Counter = field(init=False)
    follower_state: Gauge = field(init=False)
    follower_heard: Gauge = field(init=False)
    follower_pending: Gauge = field(init=False)
    follower_failures: Counter = field(init=False)
    uploads: Counter = field(init=False)
    deployments: Counter = field(init=False)
    deployments_waiting: Gauge = field(init=False)
    waiting_blobs: Gauge = field(init=False)
    conflicts: Counter = field(init=False)
    sites: Gauge = field(init=False)
    queries: QueryFamilies = field(init=False)
    dns_connections: Gauge = field(init=False)
    dns_zones: Gauge = field(init=False)
    dns_records: Gauge = field(init=False)
    dns_change_age: Gauge = field(init=False)
    dns_swaps: Counter = field(init=False)
    dns_guarded: Gauge = field(init=False)
    dns_withheld: Gauge = field(init=False)
    certificates: CertificateFamilies = field(init=False)
    acme: AcmeFamilies = field(init=False)
    tls: HandshakeFamilies = field(init=False)

    def __post_init__(self) -> None:
        """Declare every family."""
        registry = self.registry
        ProcessCollector(registry=registry)
        self.responses = Counters(
            "couchpages_http_responses",
            "Responses sent, by port (public, api) and status.",
            ("port", "status"),
            registry=registry,
        )
        self.response_seconds = Histograms(
            "couchpages_http_response_seconds",
            "Seconds from a request's last byte to its response's head.",
            "port",
            registry=registry,
        )
        self.connections = Gauge(
            "couchpages_http_connections", "Connections that are open, by port.", ["port"], registry=registry
        )
        self.access_log_dropped = Counter(
            "couchpages_access_log_dropped",
            "Records of the access log that were not written: the disk is full, or does not keep up.",
            registry=registry,
        )
        self.blob_reads = plain_counter(
            "couchpages_blob_reads",
            "Blobs that visitors needed, by where they were found (memory, disk, couchdb, nowhere).",
            ["found"],
            registry=registry,
        )
        self.cache_bytes = Gauge(
            "couchpages_cache_bytes",
            "Bytes held by a cache (manifests, blobs_memory, blobs_disk).",
            ["cache"],
            registry=registry,
        )
        self.cache_faults = Counter(
            "couchpages_cache_faults",
            "Contents refused: not the bytes that their hash promises, broken off, or not writable, by cache "
            "(blobs_disk, manifests_disk, zones_disk, certificates_disk, couchdb).",
            ["cache"],
            registry=registry,
        )
        self.malformed = Counter(
            "couchpages_malformed_documents",
            "Documents left out because they are not what they should be, by database.",
            ["database"],
            registry=registry,
        )
        self.changes = Counter(
            "couchpages_follower_changes", "Changes applied, by database.", ["database"], registry=registry
        )
        self.couchdb_state = Gauge(
            "couchpages_couchdb_state",
            "1 for how CouchDB is (answering, away, refused: it does not take our name and password).",
            ["state"],
            registry=registry,
        )
        self.couchdb_away_seconds = Gauge(
            "couchpages_couchdb_away_seconds",
            "Seconds since CouchDB is not answering; 0 while it is.",
            registry=registry,
        )
        self.couchdb_requests = Counter(
            "couchpages_couchdb_requests",
            "Requests to CouchDB, by outcome (answered, failed, unanswered, unreachable, refused, not_asked, cancelled).",
            ["outcome"],
            registry=registry,
        )
        self.follower_state = Gauge(
            "couchpages_follower_state",
            "1 for the state that a database's follower is in.",
            ["database", "state"],
            registry=registry,
        )
        self.follower_heard = Gauge(
            "couchpages_follower_silent_seconds",
            "Seconds since CouchDB was last heard on a feed (lag is at most this).",
            ["database"],
            registry=registry,
        )
        self.follower_pending = Gauge(
            "couchpages_follower_pending_changes",
            "Changes that CouchDB had ready beyond the ones applied, when it last said so.",
            ["database"],
            registry=registry,
        )
        self.follower_failures = Counter(
            "couchpages_follower_failures",
            "Feeds that broke or could not be opened, by database.",
            ["database"],
            registry=registry,
        )
        self.uploads = Counter(
            "couchpages_blob_uploads",
            "Blobs uploaded, by outcome (stored, known, refused).",
            ["outcome"],
            registry=registry,
        )
        self.deployments = Counter(
            "couchpages_deployments", "Deployments made on this node, by outcome.", ["outcome"], registry=registry
        )
        self.deployments_waiting = Gauge(
            "couchpages_deployments_waiting",
            "Deployments that this node does not serve yet because blobs of theirs are missing.",
            registry=registry,
        )
        self.waiting_blobs = Gauge(
            "couchpages_waiting_blobs", "Blobs that deployments wait for on this node.", registry=registry
        )
        self.conflicts = Counter(
            "couchpages_conflicts_resolved",
            "Documents whose conflicting revisions were brought back to one, by database.",
            ["database"],
            registry=registry,
        )
        self.sites = Gauge("couchpages_sites", "Sites that this node serves.", registry=registry)
        self.queries = QueryFamilies(registry)
        self.dns_connections = Gauge(
            "couchpages_dns_connections", "TCP connections to the name server that are open.", registry=registry
        )
        self._declare_zones()
        self.certificates = CertificateFamilies(registry)
        self.acme = AcmeFamilies(registry)
        self.tls = HandshakeFamilies(registry)

    def _declare_zones(self) -> None:
        registry = self.registry
        self.dns_zones = Gauge("couchpages_dns_zones", "Zones that this node answers from.", registry=registry)
        self.dns_records = Gauge(
            "couchpages_dns_records", "Records that this node knows, disabled ones included.", registry=registry
        )
        self.dns_change_age = Gauge(
            "couchpages_dns_change_age_seconds",
            "Seconds since the zones that this node answers from changed last, or since it started.",
            registry=registry,
        )
        self.dns_swaps = Counter(
            "couchpages_dns_swaps",
            "Times that changed zones were put in place of those before, all that had changed at once.",
            registry=registry,
        )
        self.dns_guarded = Gauge(
            "couchpages_dns_guarded_zones",
            "Zones whose serial would have gone back, and is counted on by this node alone.",
            registry=registry,
        )
        self.dns_withheld = Gauge(
            "couchpages_dns_zones_withheld",
            "Zones that are not answered yet, because records that they were made with are not here.",
            registry=registry,
        )

    def couchdb_is(self, state: str) -> None:
        """Note how CouchDB is, one of :data:`COUCHDB_STATES`."""
        for each in COUCHDB_STATES:
            self.couchdb_state.labels(each).set(each == state)

    def follower_is(self, database: str, state: str) -> None:
        """Note the state of a database's follower, one of :data:`FOLLOWER_STATES`."""
        for each in FOLLOWER_STATES:
            self.follower_state.labels(database, each).set(each == state)

    def exposition(self, accept: str) -> tuple[str, bytes]:
        """Give content type and body for a scraper that accepts *accept*."""
        if "application/openmetrics-text" in accept:
            rest = generate_openmetrics(self.registry).removesuffix(END_OF_FILE)
            return OPENMETRICS, rest + site_families(self.tallies, openmetrics=True).encode() + END_OF_FILE
        return TEXT, generate_latest(self.registry) + site_families(self.tallies, openmetrics=False).encode()
