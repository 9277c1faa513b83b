"""Several servers with the same zone at the same time, and how their figures stand in the table (starts processes)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from tests.bench import machine
from tests.bench.deploying import Rows
from tests.bench.dns import probe, usage
from tests.bench.dns.outcome import Outcome, ratio, shown
from tests.bench.dns.own import Own
from tests.bench.dns.servers import CORE, NameServer
from tests.bench.dns.zone import Zone
from tests.bench.hot_path.peers import NotMeasurable
from tests.bench.hot_path.turns import Bench
from tests.integration.node import wait_until


@dataclass(frozen=True, slots=True)
class Compared:
    """A server of others, and what the row aims at beside it."""

    make: Callable[[], NameServer]
    aim: str = ""


@contextmanager
def serving(bench: Bench, server: NameServer, zone: Zone) -> Iterator[NameServer]:
    """Prepare and start a server, and see that its answers are right; stop it at the end of the block."""
    server.prepare(bench.new_folder(), zone)
    try:
        server.start()
        wait_until(lambda: probe.answers(server.port, zone), f"{server.name} to answer", probe.LOADING)
        if machine.pinned(CORE):
            usage.pin(server.pids, CORE)
        probe.check(server.name, server.port, zone)
        yield server
    finally:
        server.stop()


def started(bench: Bench, stack: ExitStack, server: NameServer, zone: Zone) -> NameServer | str:
    """Enter :func:`serving`, or say why that cannot be."""
    try:
        return stack.enter_context(serving(bench, server, zone))
    except (NotMeasurable, AssertionError) as reason:
        return str(reason).splitlines()[0]


def compared(
    bench: Bench, title: str, zone: Zone, others: Sequence[Compared], measure: Callable[[NameServer], Outcome]
) -> Rows:
    """Measure ours and the others in turns."""
    with ExitStack() as stack:
        made = [Own(), *(each.make() for each in others)]
        servers = {server.name: started(bench, stack, server, zone) for server in made}
        running = {name: server for name, server in servers.items() if not isinstance(server, str)}
        found = bench.in_turns({name: partial(measure, server) for name, server in running.items()})
    own, *names = servers
    rows: Rows = [(f"{title}: couchpages", _figures(found, servers, own), "")]
    for name, each in zip(names, others, strict=True):
        rows.append((f"… of {name}", _beside(found, servers, own, name), each.aim))
    return rows


def _figures(found: Mapping[str, list[Outcome]], servers: Mapping[str, NameServer | str], name: str) -> str:
    return shown(found[name]) if name in found else f"not measured: {servers[name]}"


def _beside(found: Mapping[str, list[Outcome]], servers: Mapping[str, NameServer | str], own: str, name: str) -> str:
    figures = _figures(found, servers, name)
    if name not in found or own not in found:
        return figures
    return f"{ratio(found[own], found[name])}, beside {figures}"
