"""How long one `_replicate` call takes for a site's blobs, out of the embedded store and out of another CouchDB (does I/O).

It needs COUCHPAGES_TEST_COUCHDB. CouchDB does the replicating in all cases.
"""

import base64
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from tests.bench import machine
from tests.bench.deploying import Rows
from tests.couch.embedded.store_process import DATABASE, PASSWORD, USERNAME
from tests.integration.node import ROOT

BLOBS = 8000
MEDIAN = 6_000  # bytes; with SPREAD, the mean is about 18 kB and the largest some megabytes, like a web site's files
SPREAD = 1.5
LARGEST = 5_000_000
ROUNDS = 2
AT_ONCE = 200  # blobs written by one call


class Server:
    """A server that speaks CouchDB's protocol, at an address with name and password."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        parts = urlsplit(self.address)
        self._url = f"http://{parts.hostname}:{parts.port or 5984}"
        self._login = "Basic " + base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()

    def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Ask, and give the answer, which must be a good one."""
        headers = {"Authorization": self._login, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)  # noqa: S310 -- http, as given
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=3600) as answer:
            content = json.load(answer)
        return content if isinstance(content, dict) else {"results": content}


def measured(couchdb: Server, folder: Path) -> Rows:
    """Replicate the same blobs out of both, in turn."""
    with _embedded(folder / "store.sqlite") as store:
        size = _fill(store)
        source = f"bench-{uuid4().hex}"
        took: dict[str, list[float]] = {"embedded": [], "couchdb": []}
        try:
            # The first one is not counted: it makes what CouchDB is a source of.
            _replicate(couchdb, f"{store.address}/{DATABASE}", source)
            for _ in range(ROUNDS):
                took["embedded"].append(_timed(couchdb, f"{store.address}/{DATABASE}"))
                took["couchdb"].append(_timed(couchdb, f"{couchdb.address}/{source}"))
        finally:
            couchdb.ask("DELETE", f"/{source}")
    ratio = statistics.median(took["embedded"]) / statistics.median(took["couchdb"])
    what = f"{BLOBS} blobs, {size / 1e6:.0f} MB, by one `_replicate` call"
    return [
        (f"{what}: embedded store to CouchDB", machine.shown(took["embedded"], "s", 1), ""),
        (f"{what}: CouchDB to CouchDB", machine.shown(took["couchdb"], "s", 1), ""),
        ("… the first as a part of the second", f"{ratio:.2f}", ""),
    ]


@contextmanager
def _embedded(path: Path) -> Iterator[Server]:
    """Run a store in a process of its own."""
    command = [sys.executable, "-m", "tests.couch.embedded.store_process", str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("one\n")
    process.stdin.flush()
    child, port = (int(each) for each in process.stdout.readline().split())
    try:
        yield Server(f"http://{USERNAME}:{PASSWORD}@127.0.0.1:{port}")
    finally:
        os.kill(child, 9)
        process.communicate()


def _fill(store: Server) -> int:
    """Write the blobs, and give their bytes."""
    drawn, total = random.Random(8000), 0  # noqa: S311  # contents, not secrets
    for _ in range(0, BLOBS, AT_ONCE):
        docs = []
        for _ in range(AT_ONCE):
            data = drawn.randbytes(min(LARGEST, int(drawn.lognormvariate(0, SPREAD) * MEDIAN) + 1))
            total += len(data)
            attachment = {"content_type": "application/octet-stream", "data": base64.b64encode(data).decode()}
            docs.append({"_id": hashlib.sha256(data).hexdigest(), "_attachments": {"data": attachment}})
        store.ask("POST", f"/{DATABASE}/_bulk_docs", {"docs": docs})
    return total


def _timed(couchdb: Server, source: str) -> float:
    """Replicate into a new database, and give the seconds that it took."""
    target = f"bench-{uuid4().hex}"
    try:
        return machine.seconds(lambda: _replicate(couchdb, source, target))
    finally:
        couchdb.ask("DELETE", f"/{target}")


def _replicate(couchdb: Server, source: str, target: str) -> None:
    couchdb.ask("PUT", f"/{target}")
    job = {"source": source, "target": f"{couchdb.address}/{target}"}
    couchdb.ask("POST", "/_replicate", job)
    count = couchdb.ask("GET", f"/{target}")["doc_count"]
    if count != BLOBS:
        raise RuntimeError(f"{count} blobs arrived of {BLOBS}")
