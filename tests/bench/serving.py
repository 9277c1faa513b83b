"""Memory, idle and with a thousand sites."""

import hashlib
import time
import urllib.request

from tests.bench import machine
from tests.bench.deploying import Rows
from tests.bench.documents import Documents
from tests.integration.node import Node, wait_until

SITES, FILES = 1000, 100


def memory(node: Node) -> Rows:
    """Give the resident memory, then with a thousand sites of a hundred files known, then with all of them visited."""
    idle = machine.resident(node.pid)
    documents = Documents(node)
    for start in range(0, SITES, 50):
        documents.bulk("manifests", [_manifest(number) for number in range(start, start + 50)])
    wait_until(lambda: f"couchpages_sites {SITES}.0" in _metrics(node), "a thousand sites")
    known = machine.resident(node.pid)
    node.stop()
    began = time.perf_counter()
    node.start()
    ready = time.perf_counter() - began
    return [
        ("resident memory, idle, one process", f"{idle:.0f} MB", "80 MB"),
        (f"resident memory with {SITES:,} sites of {FILES} files, just deployed", f"{known:.0f} MB", ""),
        ("… after a restart", f"{machine.resident(node.pid):.0f} MB", ""),
        ("… and the start until /readyz", f"{ready:.2f} s", ""),
    ]


def _manifest(number: int) -> dict[str, object]:
    host = f"site{number}.test"
    files = {f"section{each % 10}/page-{each}.html": _sha256(f"{number} {each}") for each in range(FILES)}
    ours = {
        "version": 1, "id": "ghjkmnpqrstv", "site": host, "commit": None, "branch": "main", "bytes": 1000,
        "created": "2026-01-01T00:00:00.000Z", "activated": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip
    return {
        "_id": host, "GitHash": "ghjkmnpqrstv", "Hostname": host, "URLHashDictionary": files, "Preview": False, "couchpages": ours,
    }  # fmt: skip


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _metrics(node: Node) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{node.server}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text
