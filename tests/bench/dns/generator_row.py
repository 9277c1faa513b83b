"""The row that shows whether our generator, and dnsperf, can keep a server busy (starts processes)."""

from contextlib import ExitStack

from tests.bench.deploying import Rows
from tests.bench.dns import dnsperf, questions, servers
from tests.bench.dns.asking import flooded
from tests.bench.dns.outcome import shown
from tests.bench.dns.sessions import started
from tests.bench.dns.zone import Zone
from tests.bench.hot_path.turns import Bench

HOSTS = 1000


def generators(bench: Bench) -> Rows:
    """Measure the quickest servers by both."""
    zone = Zone(HOSTS)
    load = questions.existing(zone)
    file = bench.new_folder() / "questions"
    file.write_text(questions.for_dnsperf(zone))
    rows: Rows = []
    for make in (servers.nsd, servers.knot, servers.powerdns):
        with ExitStack() as stack:
            server = make()
            tried = started(bench, stack, server, zone)
            if isinstance(tried, str):
                rows.append((f"the load itself: {server.name}", f"not measured: {tried}", ""))
                continue
            ways = {
                "this benchmark's": lambda: flooded(server, load, bench.seconds),  # noqa: B023 -- called in this turn
                "dnsperf": lambda: dnsperf.asked(server, file, bench.seconds),  # noqa: B023
            }
            for way, outcomes in bench.in_turns(ways).items():
                rows.append((f"the load itself, {way}: {server.name}", shown(outcomes), ""))
    return rows
