"""How soon the second node shows what was deployed on the first, and how much of that is CouchDB's own replication."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench import machine
from tests.bench.deploying import Rows
from tests.bench.feed import Arrivals
from tests.integration.publisher import Publisher
from tests.integration.requirements import COUCHDB_2
from tests.integration.two_nodes import TwoNodes
from tests.integration.visitor import Visitor

DEPLOYMENTS = 200
FILES, NEW = 20, 2
SITE = "lag.test"
#: Seconds between two looks at the second node's page.
LOOK = 0.002


@dataclass(slots=True)
class Lags:
    """Seconds from the answer 201 of the first node, one figure for each deployment; *ours* counts from what came last before."""

    visible: list[float] = field(default_factory=list)
    document: list[float] = field(default_factory=list)
    blobs: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)


def measured(pair: TwoNodes) -> Rows:
    """Deploy on the first node, again and again, and look at the second node and into its database."""
    lags = Lags()
    first, second = pair.sides
    with Publisher(first.node) as publisher, Visitor(second.node.http) as visitor:
        publisher.deploy(SITE, _files(0))
        # CouchDB begins to replicate some seconds after it was asked to.
        _wait_for(visitor, _files(0)["index.html"])
        with Arrivals(second.endpoint("manifests")) as manifests, Arrivals(second.endpoint("files")) as files:
            for version in range(1, DEPLOYMENTS + 1):
                _deploy(publisher, visitor, version, (manifests, files), lags)
    return _rows(lags)


def _deploy(publisher: Publisher, visitor: Visitor, version: int, feeds: tuple[Arrivals, Arrivals], lags: Lags) -> None:
    files = _files(version)
    deployment = publisher.deploy(SITE, files)["id"]
    deployed = time.perf_counter()
    visible = _wait_for(visitor, files["index.html"])
    document = feeds[0].moment_of(SITE, deployment)
    blobs = max(feeds[1].moment_of(hashlib.sha256(files[path]).hexdigest()) for path in list(files)[:NEW])
    lags.visible.append(visible - deployed)
    lags.document.append(document - deployed)
    lags.blobs.append(blobs - deployed)
    lags.ours.append(visible - max(document, blobs))


def _files(version: int) -> dict[str, bytes]:
    """Give the site: its first :data:`NEW` files are new in each version."""
    new = {"index.html": b"page of version %d" % version, "data.json": b'{"version": %d}' % version}
    return {**new, **{f"{number}.html": b"page %d " % number * 500 for number in range(FILES - NEW)}}


def _wait_for(visitor: Visitor, content: bytes) -> float:
    """Look until the page has this content; give the moment."""
    until = time.perf_counter() + 60
    while visitor.get(SITE, "/").body != content:
        if time.perf_counter() > until:
            raise AssertionError(f"the second node does not show {content!r}")
        time.sleep(LOOK)
    return time.perf_counter()


def _rows(lags: Lags) -> Rows:
    servers = "two servers on this machine" if COUCHDB_2 else "databases of one server"
    title = f"{DEPLOYMENTS} deployments of {FILES} files, {NEW} of them new each time; continuous replication both ways"
    return [
        (title, f"between {servers}", ""),
        ("from the 201 on the first node until the second shows it, p50 and p99", _two(lags.visible), "under 1 s"),
        ("… the slowest", f"{max(lags.visible):.2f} s", ""),
        ("… until the live document is readable in the second CouchDB, p50 and p99", _two(lags.document), ""),
        ("… until the last of its blobs is, p50 and p99", _two(lags.blobs), ""),
        ("… from the later of these until the second node shows it, p50 and p99", _two(lags.ours, 1000, "ms"), ""),
    ]


def _two(values: Sequence[float], factor: int = 1, unit: str = "s") -> str:
    digits = 2 if factor == 1 else 1
    return ", ".join(f"{machine.quantile(values, part) * factor:.{digits}f} {unit}" for part in (0.5, 0.99))
