"""Rows with many files, and with many sites (does I/O)."""

import hashlib
import re
import urllib.request
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.bench.deploying import Rows
from tests.bench.documents import Documents
from tests.bench.hot_path.asking import Ask, Load
from tests.bench.hot_path.peers import TUNED_NGINX, Server, ours
from tests.bench.hot_path.plain_rows import KIB
from tests.bench.hot_path.turns import Bench, beside, rates
from tests.bench.hot_path.zipf import uniform, zipf
from tests.bench.real_site import copy_of_handbook
from tests.integration.node import Node, wait_until
from tests.integration.visitor import target

MEMORY = "64 MiB"
SITES = 10_000
#: Requests in an order, before it begins again.
DRAWS = 200_000
AT_ONCE = 500


def real_site(bench: Bench) -> Rows:
    """Measure a site of 8,000 files, of which few are asked for often."""
    root = bench.new_folder() / "handbook"
    described = copy_of_handbook(root)
    load = _load_of(root)
    with ExitStack() as stack:
        own = ours(bench.deployed(stack, root, {"cache": {"memory": MEMORY}}))
        other = bench.started(stack, TUNED_NGINX, root)
        running = [each for each in (own, other) if isinstance(each, Server)]
        found = bench.in_turns({each.name: partial(bench.asking(each, load).rate, bench.seconds) for each in running})
    title = f"{described}, asked for by Zipf's law (s = 1), with `[cache] memory` of {MEMORY}; requests a second"
    rows: Rows = [(f"{title}: couchpages", rates(found[own.name]), "")]
    figures = found[other.name] if isinstance(other, Server) else other
    return rows + beside(f"… of {TUNED_NGINX.name}", found[own.name], figures, "at least 0.8")


def many_sites(bench: Bench) -> Rows:
    """Measure ten thousand sites of one file each, beside one."""
    root = bench.site(one=KIB.length)
    with ExitStack() as stack:
        made = bench.deployed(stack, root)
        _add_sites(made, hashlib.sha256((root / "one.css").read_bytes()).hexdigest())
        asks = tuple(Ask(KIB.path, KIB.length, host=_host(number)) for number in range(SITES))
        one = bench.asking(ours(made), KIB)
        many = bench.asking(ours(made), Load(asks, uniform(SITES, DRAWS)))
        found = bench.in_turns({"one": partial(one.rate, bench.seconds), "many": partial(many.rate, bench.seconds)})
    title = f"{SITES:,} sites of one file of 1 KiB, each as likely as any other, keep-alive; requests a second"
    return [
        (f"{title}: couchpages", rates(found["many"]), ""),
        *beside("… of the rate with one site only, on the same daemon", found["many"], found["one"], "at least 0.8"),
    ]


def _load_of(root: Path) -> Load:
    files = sorted(file for file in root.rglob("*") if file.is_file())
    published = [file for file in files if not any(part[0] == "." for part in file.relative_to(root).parts)]
    asks = tuple(Ask(target(str(file.relative_to(root))), file.stat().st_size) for file in published)
    return Load(asks, zipf(len(asks), DRAWS))


def _add_sites(made: Node, blob: str) -> None:
    """Have the sites arrive as by replication, all with one blob, which the store has already."""
    documents = Documents(made)
    for start in range(0, SITES, AT_ONCE):
        documents.bulk("manifests", [_live(_host(number), blob) for number in range(start, start + AT_ONCE)])
    # The site that was deployed is one more.
    wait_until(lambda: _known_sites(made) == SITES + 1, f"{SITES + 1} sites in the metrics")


def _host(number: int) -> str:
    return f"site{number}.test"


def _live(host: str, blob: str) -> dict[str, object]:
    """Give the document that says what is live on *host*."""
    ours_ = {
        "version": 1,
        "id": "ghjkmnpqrstv",
        "site": host,
        "commit": None,
        "branch": "main",
        "bytes": KIB.length,
        "created": "2026-01-01T00:00:00.000Z",
        "activated": "2026-01-01T00:00:00.000Z",
    }
    return {
        "_id": host,
        "GitHash": "ghjkmnpqrstv",
        "Hostname": host,
        "URLHashDictionary": {KIB.path.lstrip("/"): blob},
        "Preview": False,
        "couchpages": ours_,
    }


def _known_sites(made: Node) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{made.server}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    found = re.search(r"^couchpages_sites (\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0
