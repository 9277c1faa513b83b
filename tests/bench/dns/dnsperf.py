"""Has dnsperf ask, as our generator's witness (starts processes)."""

import re
import resource
from pathlib import Path

from tests.bench import machine
from tests.bench.dns import usage
from tests.bench.dns.asking import CORE
from tests.bench.dns.flood import WINDOW
from tests.bench.dns.outcome import Outcome
from tests.bench.dns.servers import NameServer
from tests.bench.hot_path.peers import program
from tests.bench.hot_path.wrk import WrongAnswer


def asked(server: NameServer, questions: Path, seconds: float) -> Outcome:
    """Ask what stands in a file. Raises :class:`WrongAnswer`."""
    where = ("-s", "127.0.0.1", "-p", str(server.port), "-d", str(questions))
    how = ("-T", "1", "-c", "1", "-q", str(WINDOW), "-l", str(seconds))
    servers, own = usage.cpu_seconds(server.pids), _children()
    out = machine.run(*machine.pinned(CORE, program("dnsperf"), *where, *how)).stdout
    outcome = outcome_of(out, usage.cpu_seconds(server.pids) - servers, _children() - own)
    trouble = outcome.trouble()
    if trouble:
        raise WrongAnswer(f"{server.name}: {trouble}\n{out}")
    return outcome


def outcome_of(out: str, server: float, generator: float) -> Outcome:
    """Read what dnsperf writes at its end; any answer but NOERROR is wrong."""
    completed, lost = (int(_found(rf"Queries {what}: +(\d+)", out)) for what in ("completed", "lost"))
    right = int(_found(r"Response codes: .*NOERROR (\d+)", out, default="0"))
    seconds = float(_found(r"Run time \(s\): +([\d.]+)", out))
    return Outcome(completed, seconds, completed - right, lost, 0, server, generator)


def _found(pattern: str, out: str, default: str | None = None) -> str:
    found = re.search(pattern, out)
    if found:
        return found[1]
    if default is None:
        raise WrongAnswer(f"dnsperf does not tell {pattern!r}:\n{out}")
    return default


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
