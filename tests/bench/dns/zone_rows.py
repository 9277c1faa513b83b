"""Rows with a great zone: loading it, its memory, and one record of it changed (does I/O)."""

import time
from functools import partial
from statistics import median

from tests.bench import machine
from tests.bench.deploying import Rows
from tests.bench.dns import probe, servers
from tests.bench.dns.own import Own, Writer
from tests.bench.dns.probe import FirstAnswer
from tests.bench.dns.servers import NameServer
from tests.bench.dns.sessions import serving
from tests.bench.dns.zone import Zone
from tests.bench.hot_path.peers import NotMeasurable
from tests.bench.hot_path.turns import Bench

HOSTS = 100_000
WRITES = 20
_AIM = "under 1 s"
_OTHERS = (servers.nsd, servers.knot, servers.powerdns)


def large(bench: Bench) -> Rows:
    """Load a zone of :data:`HOSTS` records, everybody in turns, and change single records of ours."""
    zone = Zone(HOSTS)
    own, others = Own(), [make() for make in _OTHERS]
    tried = {each.name: _prepared(bench, each, zone) for each in (own, *others)}
    ready = [each for each in (own, *others) if tried[each.name] is None]
    found = bench.in_turns({each.name: partial(_loaded, each, zone) for each in ready})
    rows: Rows = []
    for name, reason in tried.items():
        title = f"a zone of {HOSTS:,} records, from the start until it answers; memory (PSS): {name}"
        rows.append((title if name == own.name else f"… {name}", _shown(found[name]) if reason is None else reason, ""))
    what = f"… from a call that writes one of its records until the answer has it, median and greatest of {WRITES}"
    return [*rows, (what, tried[own.name] or _written(own, zone), _AIM)]


def _prepared(bench: Bench, server: NameServer, zone: Zone) -> str | None:
    """Give the server the zone, or say why that cannot be; its answers are right once before it is measured."""
    try:
        with serving(bench, server, zone):
            return None
    except (NotMeasurable, AssertionError) as reason:
        return f"not measured: {str(reason).splitlines()[0]}"


def _loaded(server: NameServer, zone: Zone) -> tuple[float, float]:
    """Give the seconds until it answers, and the memory in MB that it has then."""
    first = FirstAnswer(server.port, zone)
    try:
        server.start()
        return first.seconds(), servers.memory(server)
    finally:
        server.stop()


def _shown(found: list[tuple[float, float]]) -> str:
    return f"{machine.shown([took for took, _ in found], 's')}; {median(memory for _, memory in found):.0f} MB"


def _written(own: Own, zone: Zone) -> str:
    first = FirstAnswer(own.port, zone)
    try:
        own.start()
        first.seconds()
        with Writer(own.node, zone) as writer:
            took = sorted(_changed(own, writer, zone, number) for number in range(WRITES))
    finally:
        own.stop()
    return f"{median(took) * 1000:.1f} ms, {took[-1] * 1000:.1f} ms"


def _changed(own: Own, writer: Writer, zone: Zone, number: int) -> float:
    """Change a record, and give the seconds from before the call until it is answered."""
    began = time.perf_counter()
    writer.change(number, 1)
    while probe.address(own.port, zone.host(number)) != zone.address(number, 1):
        if time.perf_counter() - began > probe.LOADING:
            raise NotMeasurable(f"{zone.host(number)} was changed, and is not answered so")
    return time.perf_counter() - began
