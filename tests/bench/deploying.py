"""How long deployments take, and how soon they are seen."""

import time
import urllib.request
from pathlib import Path

from tests.bench import machine
from tests.bench.documents import Documents
from tests.bench.real_site import change_one, copy_of_handbook
from tests.integration.node import BIN, Node

ROUNDS = 5
SITE = "handbook.test"
Rows = list[tuple[str, str, str]]


def measured(node: Node, folder: Path) -> Rows:
    """Deploy a real site first and again with one file changed; time the answers' change."""
    site = folder / "site"
    described = copy_of_handbook(site)
    rows = [("the site", described, "")]
    rows += _first(node, site)
    rows += _repeated(node, site)
    rows += _visible(node, folder)
    return rows


def _first(node: Node, site: Path) -> Rows:
    command = (BIN / "couchpages", "deploy", site, "--site", SITE, "--branch", "main")
    began = time.perf_counter()
    peak = machine.run_for_peak(*command, env=node.environment())
    took = time.perf_counter() - began
    return [
        ("first deployment", f"{took:.1f} s", ""),
        ("… peak memory of the command", f"{peak:.0f} MB", ""),
        ("… peak memory of the daemon", f"{machine.peak(node.pid):.0f} MB", ""),
    ]


def _repeated(node: Node, site: Path) -> Rows:
    deployed, hashed = [], []
    for round_ in range(ROUNDS):
        change_one(site, round_)
        hashed.append(machine.seconds(lambda: _sha256sum(site)))
        deployed.append(machine.seconds(lambda: node.deploy(site, SITE)))
    aims = [1.5 * each + 1 for each in hashed]
    beside = sorted(one / aim for one, aim in zip(deployed, aims, strict=True))[ROUNDS // 2]
    return [
        ("`sha256sum` over its files", machine.shown(hashed, "s"), ""),
        ("deployed again, one file changed", machine.shown(deployed, "s"), "1.5 times sha256sum + 1 s"),
        ("… as a part of that aim", f"{beside:.2f}", "at most 1"),
    ]


def _sha256sum(site: Path) -> None:
    machine.run("sh", "-c", 'find "$1" -type f -print0 | xargs -0 sha256sum > /dev/null', "sh", str(site))


def _visible(node: Node, folder: Path) -> Rows:
    """Time from the end of the command, and from its last call, until the new version is served."""
    page = folder / "small"
    page.mkdir()
    after_end = []
    for round_ in range(20):
        (page / "index.html").write_text(f"version {round_}")
        node.deploy(page, "small.test")
        ended = time.perf_counter()
        _wait_for(node, f"version {round_}")
        after_end.append((time.perf_counter() - ended) * 1000)
    after_call = sorted(_rewritten(node, round_) * 1000 for round_ in range(50))
    return [
        ("from the end of `deploy` until the new version is served", machine.shown(after_end, "ms", 1), ""),
        (
            "from the manifest's write (by somebody else, in CouchDB) until it is served, median and greatest of 50",
            f"{after_call[25]:.1f} ms, {after_call[49]:.1f} ms",
            "300 ms",
        ),
    ]


def _rewritten(node: Node, round_: int) -> float:
    """Make another deployment live by writing CouchDB's document, as replication does; give the seconds until it is served."""
    database = Documents(node)
    live = database.get("manifests", "small.test")
    known = [each["id"] for each in node.run("deployments", "small.test", "--json").json()["deployments"]]
    wanted = database.get("manifests", f"{known[round_ % len(known)]}.small.test")
    activated = {**wanted["couchpages"], "activated": f"2099-01-01T00:{round_ // 60:02}:{round_ % 60:02}.000Z"}
    expected = database.blob(wanted["URLHashDictionary"]["index.html"])
    database.put(
        "manifests", "small.test", {**wanted, "_id": "small.test", "_rev": live["_rev"], "couchpages": activated}
    )
    began = time.perf_counter()
    _wait_for(node, expected)
    return time.perf_counter() - began


def _wait_for(node: Node, text: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"http://127.0.0.1:{node.http}/", headers={"Host": "small.test"})
    while opener.open(request, timeout=5).read().decode() != text:
        pass
