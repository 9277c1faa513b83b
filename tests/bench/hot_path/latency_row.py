"""The row with latencies at a rate that both servers can keep (starts processes)."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median

from tests.bench import machine
from tests.bench.deploying import Rows
from tests.bench.hot_path import h2load, open_loop
from tests.bench.hot_path.peers import TUNED_NGINX, NotMeasurable, Server, ours
from tests.bench.hot_path.plain_rows import KIB
from tests.bench.hot_path.turns import Bench
from tests.bench.hot_path.wrk import WrongAnswer
from tests.integration.node import ROOT

PART = 0.7
#: Of the rate that was asked for, what must have come of it.
KEPT = 0.98
_AIM = "at most 1"


@dataclass(frozen=True, slots=True)
class _Seen:
    """In seconds; *late* is by how much the 99th percentile of requests was sent later than it was due, None where nobody knows."""

    p50: float | None
    p99: float
    late: float | None = None


def latency(bench: Bench) -> Rows:
    """Measure the 99th percentile at 70 % of the slower one's greatest rate, or as near to that as the load can come."""
    root = bench.site(one=KIB.length)
    with ExitStack() as stack:
        own = ours(bench.deployed(stack, root))
        other = bench.started(stack, TUNED_NGINX, root)
        running = [each for each in (own, other) if isinstance(each, Server)]
        peaks = bench.in_turns({each.name: partial(bench.asking(each, KIB).rate, bench.seconds) for each in running})
        slower = min(peaks, key=lambda name: median(peaks[name]))
        peak = median(peaks[slower])
        rate = min(PART * peak, open_loop.MOST)
        title = f"latency at {rate:,.0f} requests a second, {rate / peak:.0%} of the peak of {slower}: p99"
        return _open(bench, running, rate, title) + _bursts(bench, running, rate)


def _open(bench: Bench, running: list[Server], rate: float, title: str) -> Rows:
    most = f" (no more than {open_loop.MOST:,}: what the load keeps)" if rate == open_loop.MOST else ""
    how = f"{title}{most}, open loop over {open_loop.CONNECTIONS} connections, counted from when a request was due"
    return _measured(bench, running, how, lambda server: _open_loop(server, rate, bench.seconds))


def _bursts(bench: Bench, running: list[Server], rate: float) -> Rows:
    how = f"… by h2load, whose {h2load.CLIENTS} clients all ask at the same moments (bursts): p99"
    return _measured(bench, running, how, lambda server: _by_h2load(bench, server, rate))


def _measured(bench: Bench, running: list[Server], how: str, measure: Callable[[Server], _Seen]) -> Rows:
    """Measure in turns; the first of *running* is ours. Rounds in which the rate was not kept are told, but have no latency."""
    seen: dict[str, list[_Seen]] = {each.name: [] for each in running}
    reasons: list[str] = []
    for server in [*running] * bench.rounds:
        try:
            seen[server.name].append(measure(server))
        except NotMeasurable as reason:
            reasons.append(str(reason))
    own, *others = seen
    if not all(seen.values()):
        return [(how, f"not measured: {reasons[-1]}", _AIM)]
    rows: Rows = [(f"{how}: couchpages", _shown(seen[own], bench.rounds), "")]
    for name in others:
        ratio = median(each.p99 for each in seen[own]) / median(each.p99 for each in seen[name])
        rows.append((f"… of {name}", f"{ratio:.2f}, beside {_shown(seen[name], bench.rounds)}", _AIM))
    return rows


def _shown(seen: list[_Seen], rounds: int) -> str:
    parts = [machine.shown([each.p99 * 1000 for each in seen], "ms")]
    late = [each.late * 1000 for each in seen if each.late is not None]
    halves = [each.p50 * 1000 for each in seen if each.p50 is not None]
    if late:
        parts += [f"p50 {median(halves):.2f} ms", f"sent late, p99: {median(late):.2f} ms"]
    if len(seen) < rounds:
        parts.append(f"the rate was kept in {len(seen)} of {rounds} rounds")
    return "; ".join(parts)


def _open_loop(server: Server, rate: float, seconds: int) -> _Seen:
    command = (sys.executable, "-m", open_loop.__name__, str(server.port), str(rate), str(seconds), str(KIB.length))
    request = KIB.written().decode().replace("\r\n", "\n")
    done = subprocess.run(
        machine.pinned(1, *command), cwd=ROOT, input=request, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise WrongAnswer(f"{server.name}: {done.stderr}")
    told = json.loads(done.stdout)
    _check(server, told["rate"], rate)
    return _Seen(told["p50"], told["p99"], told["late"])


def _by_h2load(bench: Bench, server: Server, rate: float) -> _Seen:
    kept, p99 = h2load.p99(bench.folder, server, KIB, rate, bench.seconds)
    _check(server, kept, rate)
    return _Seen(None, p99)


def _check(server: Server, kept: float, rate: float) -> None:
    if kept < KEPT * rate:
        raise NotMeasurable(f"with {server.name} {kept:,.0f} requests a second were done only, instead of {rate:,.0f}")
