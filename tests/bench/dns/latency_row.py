"""The row with one question outstanding at a time (starts processes)."""

from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import Any

from tests.bench.deploying import Rows
from tests.bench.dns import questions, servers
from tests.bench.dns.asking import told
from tests.bench.dns.own import Own
from tests.bench.dns.servers import NameServer
from tests.bench.dns.sessions import started
from tests.bench.dns.zone import Zone
from tests.bench.hot_path.turns import Bench

HOSTS = 1000
_MAKERS = (Own, servers.nsd, servers.knot, servers.powerdns)


def latency(bench: Bench) -> Rows:
    """Measure p50 and p99 of everybody."""
    zone = Zone(HOSTS)
    load = questions.existing(zone).written()

    def measure(server: NameServer) -> Any:
        return told("tests.bench.dns.latency", {"port": server.port, "seconds": bench.seconds, "load": load})

    with ExitStack() as stack:
        tried = {each.name: started(bench, stack, each, zone) for each in (make() for make in _MAKERS)}
        running = {name: server for name, server in tried.items() if not isinstance(server, str)}
        found = bench.in_turns({name: partial(measure, each) for name, each in running.items()})
    title = "latency with one question outstanding, p50 and p99: "
    return [
        (
            (title if name == Own.name else "… ") + name,
            _shown(found[name]) if name in found else f"not measured: {reason}",
            "",
        )
        for name, reason in tried.items()
    ]


def _shown(seen: list[dict[str, float]]) -> str:
    return ", ".join(f"{median(each[part] for each in seen) * 1e6:.0f} µs" for part in ("p50", "p99"))
