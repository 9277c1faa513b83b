"""Rows with one file on one site: keep-alive, larger, a connection for each request, and nothing new (does I/O)."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.bench.deploying import Rows
from tests.bench.hot_path.asking import SITE, Ask, Load
from tests.bench.hot_path.peers import (
    BEFORE_TWISTED_WEB,
    CADDY,
    DEBIANS_NGINX,
    TUNED_NGINX,
    Peer,
    Server,
    ours,
)
from tests.bench.hot_path.turns import Bench, beside, rates
from tests.bench.hot_path.zipf import uniform
from tests.integration.visitor import Visitor

KIB = Ask("/one.css", 1024)
REFERERS = 1000
LARGER = Ask("/one.css", 64 * 1024)
#: A port that was used waits a minute in TIME_WAIT, and there are 28,000: the fewer are used, the better.
SHORT = 2
AIMS: Mapping[Peer, str] = {
    DEBIANS_NGINX: "at least 1.2",
    TUNED_NGINX: "at least 0.8",
    CADDY: "at least 4",
    BEFORE_TWISTED_WEB: "at least 6",
}


def keep_alive(bench: Bench) -> Rows:
    """1 KiB, beside everybody."""
    title = "1 KiB, keep-alive, 48 connections, thirteen headers as Chrome sends them; requests a second"
    return _compared(bench, title, KIB, AIMS)


def varied(bench: Bench) -> Rows:
    """1 KiB, with fields that are others each time: what we remember of a connection's last request is no use here."""
    asks = tuple(replace(KIB, more={"Referer": f"https://{SITE}/page-{number}.html"}) for number in range(REFERERS))
    load = Load(asks, uniform(REFERERS, 10 * REFERERS))
    title = f"the same with one of {REFERERS:,} Referer fields besides, another each time"
    return _compared(bench, title, load, {TUNED_NGINX: "none: for comparison"})


def larger(bench: Bench) -> Rows:
    """64 KiB."""
    return _compared(bench, "64 KiB, the same otherwise", LARGER, {TUNED_NGINX: "at least 1"})


def closing(bench: Bench) -> Rows:
    """1 KiB, on a connection for each request."""
    short = replace(bench, seconds=min(SHORT, bench.seconds))
    title = f"1 KiB, a new connection for each request (the client says Connection: close), rounds of {short.seconds} s"
    rows = _compared(short, title, replace(KIB, closing=True), {TUNED_NGINX: "at least 0.5"})
    return [*rows, ("… sockets in TIME_WAIT at the end", f"{_waiting():,}", "")]


def not_modified(bench: Bench) -> Rows:
    """304, beside one's own 200."""
    root = bench.site(one=KIB.length)
    with ExitStack() as stack:
        own = ours(bench.deployed(stack, root))
        other = bench.started(stack, TUNED_NGINX, root)
        servers = [each for each in (own, other) if isinstance(each, Server)]
        asked = {each.name: (bench.asking(each, KIB), bench.asking(each, _conditional(each))) for each in servers}
        found = bench.in_turns(
            {
                f"{name} {status}": partial(asking.rate, bench.seconds)
                for name, both in asked.items()
                for status, asking in zip((200, 304), both, strict=True)
            }
        )
    rows: Rows = [("304 to If-None-Match, keep-alive; requests a second", rates(found[f"{own.name} 304"]), "")]
    rows += beside(
        "… of couchpages' own answers 200 with 1 KiB",
        found[f"{own.name} 304"],
        found[f"{own.name} 200"],
        "at least 1",
    )
    if isinstance(other, str):
        return [*rows, ("… the same of tuned nginx", f"not measured: {other}", "")]
    return rows + beside("… the same of tuned nginx", found[f"{other.name} 304"], found[f"{other.name} 200"], "")


def _compared(bench: Bench, title: str, load: Load | Ask, aims: Mapping[Peer, str]) -> Rows:
    root = bench.site(one=load.length if isinstance(load, Ask) else load.asks[0].length)
    with ExitStack() as stack:
        own = ours(bench.deployed(stack, root))
        others = {peer: bench.started(stack, peer, root) for peer in aims}
        running: Sequence[Server] = [own, *(each for each in others.values() if isinstance(each, Server))]
        found = bench.in_turns({each.name: partial(bench.asking(each, load).rate, bench.seconds) for each in running})
    rows: Rows = [(f"{title}: couchpages", rates(found[own.name]), "")]
    for peer, other in others.items():
        figures = found[other.name] if isinstance(other, Server) else other
        rows += beside(f"… of {peer.name}", found[own.name], figures, aims[peer])
    return rows


def _conditional(server: Server) -> Ask:
    """Give the request of somebody who has the file already."""
    with Visitor(server.port) as visitor:
        etag = visitor.get(KIB.host, KIB.path).headers["etag"]
    return replace(KIB, status=304, length=0, more={"If-None-Match": etag})


def _waiting() -> int:
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        words = line.split()
        if words[0] == "TCP:":
            return int(words[words.index("tw") + 1])
    return 0
