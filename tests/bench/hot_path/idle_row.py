"""The row with ten thousand idle connections beside the load (starts a process)."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.bench import machine
from tests.bench.deploying import Rows
from tests.bench.hot_path.peers import TUNED_NGINX, NotMeasurable, Server, ours
from tests.bench.hot_path.plain_rows import KIB
from tests.bench.hot_path.turns import Bench, beside, rates
from tests.bench.hot_path.wrk import Asking, WrongAnswer
from tests.integration.node import ROOT, wait_until

CONNECTIONS = 10_000


@dataclass(slots=True)
class _Found:
    """Of one server: requests a second alone and beside idle connections, and the memory of one of these in kB."""

    alone: list[float] = field(default_factory=list)
    crowded: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def idle(bench: Bench) -> Rows:
    """Measure 1 KiB without and with idle connections, and what they cost in memory."""
    root = bench.site(one=KIB.length)
    with ExitStack() as stack:
        own = ours(bench.deployed(stack, root))
        other = bench.started(stack, TUNED_NGINX, root)
        running = [each for each in (own, other) if isinstance(each, Server)]
        asked = {each.name: (each, bench.asking(each, KIB), _Found()) for each in running}
        for _ in range(bench.rounds):
            for server, asking, found in asked.values():
                _round(server, asking, found, bench.seconds)
    title = f"{CONNECTIONS:,} idle keep-alive connections beside the load of 1 KiB; requests a second: couchpages"
    rows = [(title, rates(asked[own.name][2].crowded), ""), *_lines(asked[own.name][2], "at least 0.9")]
    if isinstance(other, str):
        return [*rows, ("… the same of tuned nginx", f"not measured: {other}", "")]
    return rows + [(f"{what}: tuned nginx", figure, "") for what, figure, _ in _lines(asked[other.name][2], "")]


def _lines(found: _Found, aim: str) -> Rows:
    # What a server allocated for the first crowd it keeps for the next ones.
    return [
        *beside("… of the rate without them", found.crowded, found.alone, aim),
        ("… memory of one idle connection (RSS), the first time", f"{found.memory[0]:.1f} kB", ""),
    ]


def _round(server: Server, asking: Asking, found: _Found, seconds: int) -> None:
    found.alone.append(asking.rate(seconds))
    before = server.resident()
    with _held(server):
        found.memory.append((server.resident() - before) * 1000 / CONNECTIONS)
        found.crowded.append(asking.rate(seconds))
    # Whoever is measured next shares the core with this one's farewells.
    wait_until(lambda: server.open_files() < CONNECTIONS // 10, f"{server.name} to close its connections")


@contextmanager
def _held(server: Server) -> Iterator[None]:
    """Hold the connections during the block; raise when the server closed any of them meanwhile."""
    module = (sys.executable, "-m", "tests.bench.hot_path.holder", str(server.port), str(CONNECTIONS), str(KIB.length))
    process = subprocess.Popen(
        machine.pinned(1, *module),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(KIB.written().decode().replace("\r\n", "\n"))
        process.stdin.flush()
        if process.stdout.readline() != "held\n":
            raise NotMeasurable(f"{server.name} with {CONNECTIONS:,} connections: {_last_line(process)}")
        yield
        closed = int(process.communicate(timeout=60)[0])
    finally:
        process.kill()
        process.wait()
    if closed:
        raise WrongAnswer(f"{server.name} closed {closed} of {CONNECTIONS:,} idle connections within seconds")


def _last_line(process: "subprocess.Popen[str]") -> str:
    """Give what a process that ended said last."""
    lines = process.communicate(timeout=60)[1].splitlines()
    return lines[-1] if lines else f"it ended with {process.returncode}"
