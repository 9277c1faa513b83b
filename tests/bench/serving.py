"""Requests a second, beside nginx in the same run; memory idle and with a thousand sites."""

import hashlib
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.bench import machine
from tests.bench.deploying import Rows
from tests.bench.documents import Documents
from tests.integration.node import Node, free_ports, wait_until
from tests.integration.requirements import program_path

ROUNDS = 3
SECONDS = 5
CONNECTIONS = 48
SITES, FILES = 1000, 100

NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 768; }}
http {{
  sendfile on; tcp_nopush on; types_hash_max_size 2048; default_type application/octet-stream; types {{ text/html html; }}
  access_log off; gzip off; keepalive_requests 1000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def requests_a_second(node: Node, folder: Path) -> Rows:
    """Compare 1 KiB over keep-alive with nginx as Debian configures it (one worker, no access log, no gzip)."""
    if not program_path("wrk"):
        return [("requests a second", "not measured: wrk is not installed", "")]
    site = folder / "one-kib"
    site.mkdir()
    (site / "index.html").write_bytes(b"x" * 1024)
    node.deploy(site, "localhost")
    _pin(node.pid)
    rates: dict[str, list[float]] = {"couchpages": [], "nginx": []}
    with _nginx(folder / "nginx", site) as nginx:
        for _ in range(ROUNDS):
            rates["couchpages"].append(_wrk(node.http))
            if nginx is not None:
                rates["nginx"].append(_wrk(nginx))
    rows = [("requests a second, 1 KiB, keep-alive, 48 connections", machine.shown(rates["couchpages"], "", 0), "")]
    if rates["nginx"]:
        ratio = median(rates["couchpages"]) / median(rates["nginx"])
        rows.append(("… of nginx as Debian configures it, in the same run", f"{ratio:.2f}", "an issue of its own"))
    return rows


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


def _wrk(port: int) -> float:
    command = machine.pinned(1, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", f"http://localhost:{port}/")
    out = machine.run(*command).stdout
    found = re.search(r"Requests/sec:\s+([0-9.]+)", out)
    if found is None or "Non-2xx" in out:
        raise AssertionError(out)
    return float(found[1])


def _pin(pid: int) -> None:
    if machine.pinned(0)[:1] == ["taskset"]:
        machine.run("taskset", "-a", "-c", "-p", "0", str(pid))


@contextmanager
def _nginx(folder: Path, root: Path) -> Iterator[int | None]:
    program = program_path("nginx")
    if program is None:
        yield None
        return
    folder.mkdir()
    root.chmod(0o755)
    (port,) = free_ports(1)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, root=root))
    command = machine.pinned(0, program, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf"))
    process = subprocess.Popen(command)
    try:
        wait_until(lambda: _answers(port), "nginx")
        yield port
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"http://127.0.0.1:{port}/", timeout=2
        ) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
