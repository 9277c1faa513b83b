"""Has h2load ask over HTTP/1.1 at a given rate, or over HTTP/2 as fast as it is answered (starts a process), and reads what it says.

Its loop is open only in parts (1.52): with ``--rps`` all its clients send at the same moments, so that requests come in bursts of one for
each client, and a client whose answer is late sends its next request after it, and counts from then.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import machine
from tests.bench.hot_path.asking import Ask
from tests.bench.hot_path.peers import NotMeasurable, Server
from tests.bench.hot_path.wrk import WrongAnswer
from tests.integration.requirements import program_path

CLIENTS = 48
#: Requests that each client of HTTP/2 has under way: a browser that loads a page.
STREAMS = 10
_RATE = re.compile(r"finished in [^,]+, ([0-9.]+) req/s")
_STATUSES = re.compile(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx")


@dataclass(frozen=True, slots=True)
class Logged:
    """Answers a second, and seconds that each took."""

    rate: float
    took: list[float]


def logged(text: str) -> Logged:
    """Read ``--log-file``: microseconds since 1970, the status and the microseconds taken, one line an answer. Raises WrongAnswer."""
    lines = [tuple(map(int, line.split("\t"))) for line in text.splitlines()]
    statuses = Counter(status for _, status, _ in lines)
    if set(statuses) != {200}:
        raise WrongAnswer(f"h2load met these statuses: {dict(statuses)}")
    starts = [start for start, _, _ in lines]
    return Logged((len(starts) - 1) * 1e6 / (max(starts) - min(starts)), [each / 1e6 for _, _, each in lines])


def with_omitted(took: Sequence[float], interval: float) -> list[float]:
    """Add what clients who ask every *interval* would have met while they waited (as HdrHistogram corrects coordinated omission)."""
    return [*took, *(each - step * interval for each in took for step in range(1, int(each / interval) + 1))]


def p99(folder: Path, server: Server, ask: Ask, rate: float, seconds: int) -> tuple[float, float]:
    """Ask *rate* times a second, and give the rate that came of it, and the 99th percentile in seconds, corrected."""
    if not program_path("h2load"):
        raise NotMeasurable("h2load (nghttp2-client) is not installed")
    log = folder / "h2load.log"
    log.unlink(missing_ok=True)
    headers = [f"-H{name}: {value}" for name, value in ask.headers.items() if name not in ("Host", "Connection")]
    pace = rate / CLIENTS
    options = ("--h1", "-t1", f"-c{CLIENTS}", f"-D{seconds}", "--warm-up-time=1", f"--rps={pace:.3f}")
    where = (f"--log-file={log}", f"--connect-to=127.0.0.1:{server.port}", f"http://{ask.host}:{server.port}{ask.path}")
    machine.run(*machine.pinned(1, "h2load", *options, *headers, *where))
    seen = logged(log.read_text())
    return seen.rate, machine.quantile(with_omitted(seen.took, 1 / pace), 0.99)


def over_http2(server: Server, ask: Ask, seconds: int) -> float:
    """Ask over HTTP/2 within TLS, and give the answers a second. Raises WrongAnswer."""
    if not program_path("h2load"):
        raise NotMeasurable("h2load (nghttp2-client) is not installed")
    headers = [f"-H{name}: {value}" for name, value in ask.headers.items() if name not in ("Host", "Connection")]
    options = ("-t1", f"-c{CLIENTS}", f"-m{STREAMS}", f"-D{seconds}", "--warm-up-time=1")
    where = (f"--connect-to=127.0.0.1:{server.port}", f"https://{ask.host}:{server.port}{ask.path}")
    said = machine.run(*machine.pinned(1, "h2load", *options, *headers, *where)).stdout
    rate, statuses = _RATE.search(said), _STATUSES.search(said)
    if rate is None or statuses is None or "Application protocol: h2" not in said:
        raise WrongAnswer(f"h2load did not speak HTTP/2: {said[-500:]}")
    if any(int(statuses[kind]) for kind in (2, 3, 4)) or not int(statuses[1]):
        raise WrongAnswer(f"h2load met others than 2xx: {statuses[0]}")
    return float(rate[1])
