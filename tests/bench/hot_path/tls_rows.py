"""Rows over TLS 1.3, beside tuned nginx: keep-alive, larger, handshakes whole and resumed; and what many certificates cost (does I/O)."""

import os
import re
import signal
import ssl
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from couchpages.certs.boxes import NONCE_BYTES, SealingKey
from couchpages.certs.pem import read_certificate
from couchpages.certs.sealing import document_id, seal
from couchpages.testing.authority import Authority
from tests.bench import machine
from tests.bench.deploying import Rows
from tests.bench.hot_path import h2load
from tests.bench.hot_path.asking import SITE, Ask, Load
from tests.bench.hot_path.peers import SECURE_NGINX, NotMeasurable, Server, certified, program, secured
from tests.bench.hot_path.turns import Bench, beside, rates
from tests.integration.https_case import Secured, trusting_all
from tests.integration.node import wait_until

KIB = Ask("/one.css", 1024)
#: wrk names the address that it connects to, nobody else does.
NAMES = (SITE, "127.0.0.1")
MANY = 1000


def keep_alive(bench: Bench) -> Rows:
    """1 KiB."""
    return _compared(bench, "1 KiB over TLS 1.3, keep-alive, 48 connections; requests a second", KIB, "at least 0.8")


def larger(bench: Bench) -> Rows:
    """64 KiB."""
    return _compared(bench, "64 KiB over TLS 1.3, the same otherwise", replace(KIB, length=65_536), "at least 1")


def closing(bench: Bench) -> Rows:
    """1 KiB, with a whole handshake for each request."""
    title = "1 KiB over TLS 1.3, a new connection with a full handshake for each request"
    return _compared(bench, title, replace(KIB, closing=True), "at least 0.6")


def resuming(bench: Bench) -> Rows:
    """Handshakes alone, whole and resumed, by ``openssl s_time``."""
    with ExitStack() as stack:
        own, other = _servers(bench, stack, KIB.length)
        running = [each for each in (own, other) if isinstance(each, Server)]
        kinds = {"full": "-new", "resumed": "-reuse"}
        found = bench.in_turns(
            {
                f"{each.name} {kind}": partial(_handshakes, each, option, bench.seconds)
                for each in running
                for kind, option in kinds.items()
            }
        )
    full, resumed = (found[f"{own.name} {kind}"] for kind in kinds)
    rows: Rows = [("handshakes one after the other, full; a second", rates(full), "")]
    rows += beside("… resumed, of full ones", resumed, full, "above 1")
    for kind in kinds:
        figures = found[f"{other.name} {kind}"] if isinstance(other, Server) else other
        rows += beside(f"… {kind}, of tuned nginx", found[f"{own.name} {kind}"], figures, "none: for comparison")
    return rows


def over_http2(bench: Bench) -> Rows:
    """1 KiB over HTTP/2."""
    title = f"1 KiB over HTTP/2, {h2load.CLIENTS} connections with {h2load.STREAMS} requests under way each"
    with ExitStack() as stack:
        own, other = _servers(bench, stack, KIB.length, http2=True)
        running = [each for each in (own, other) if isinstance(each, Server)]
        found = bench.in_turns({each.name: partial(h2load.over_http2, each, KIB, bench.seconds) for each in running})
    figures = found[other.name] if isinstance(other, Server) else other
    return [
        (f"{title} (by option); requests a second: couchpages", rates(found[own.name]), ""),
        *beside("… of tuned nginx over HTTP/2", found[own.name], figures, "none: until HTTP/2 is ours"),
    ]


def certificates(bench: Bench) -> Rows:
    """Have a thousand certificates: what they cost, and how soon after the start they answer."""
    authority = Authority()
    with ExitStack() as stack:
        made = bench.deployed(stack, bench.site(one=KIB.length))
        certified(made, bench.new_folder(), SITE)
        made.send(signal.SIGHUP)
        wait_until(lambda: _answers(made.https, SITE), "the first certificate")
        before = machine.resident(made.pid)
        sealing = SealingKey((made.data / "certs.key").read_bytes())
        issued = (read_certificate(*authority.issue(f"{number}.example"), made=number) for number in range(MANY))
        documents = [
            {"_id": document_id(each.name, each.kind), **seal(each, sealing, os.urandom(NONCE_BYTES))}
            for each in issued
        ]
        databases = made.store.databases
        made.store.access(made.data).call("POST", f"{databases['secrets']}/_bulk_docs", {"docs": documents})
        last = f"{MANY - 1}.example"
        wait_until(lambda: _answers(made.https, last), "the last certificate")
        time.sleep(5)
        after = machine.resident(made.pid)
        made.stop()
        began = time.perf_counter()
        made.start(ready=False)
        wait_until(lambda: _answers(made.https, last), "the last certificate after a start")
        took = time.perf_counter() - began
        return [
            (f"memory for {MANY:,} certificates", f"{after - before:.0f} MB", ""),
            (f"… from the start of the process to the first handshake with one of {MANY:,}", f"{took:.1f} s", ""),
        ]


def _compared(bench: Bench, title: str, ask: Ask, aim: str) -> Rows:
    with ExitStack() as stack:
        own, other = _servers(bench, stack, ask.length)
        running: Sequence[Server] = [each for each in (own, other) if isinstance(each, Server)]
        load = Load((ask,))
        found = bench.in_turns({each.name: partial(bench.asking(each, load).rate, bench.seconds) for each in running})
    figures = found[other.name] if isinstance(other, Server) else other
    return [
        (f"{title}: couchpages", rates(found[own.name]), ""),
        *beside("… of tuned nginx over TLS", found[own.name], figures, aim),
    ]


def _servers(bench: Bench, stack: ExitStack, length: int, *, http2: bool = False) -> tuple[Server, Server | str]:
    folder = bench.new_folder()
    root = folder / "root"
    root.mkdir(mode=0o755)
    (root / "one.css").write_bytes(b"x" * length)
    made = bench.deployed(stack, root, {"https": {"http2": True}} if http2 else None)
    certified(made, folder, *NAMES)
    made.send(signal.SIGHUP)
    wait_until(lambda: _answers(made.https, SITE), "the certificate")
    return secured(made), bench.started(stack, SECURE_NGINX, root)


def _answers(port: int, name: str) -> bool:
    """Whether a certificate other than the one for development answers for *name*."""
    try:
        with Secured(port, name, trusting_all(minimum_version=ssl.TLSVersion.TLSv1_3)):
            return True
    except OSError:
        return False


def _handshakes(server: Server, option: str, seconds: int) -> float:
    """Shake hands one after the other on one core; give how many a second."""
    address = f"127.0.0.1:{server.port}"
    command = (program("openssl"), "s_time", "-connect", address, option, "-time", str(seconds), "-www", "/one.css")
    out = machine.run(*machine.pinned(1, *command)).stdout
    found = re.search(r"(\d+) connections in (\d+) real seconds", out)
    if found is None:
        raise NotMeasurable("openssl s_time told nothing")
    return int(found[1]) / int(found[2])
