"""Has a generator ask a running server, on core 0 (starts processes)."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tests.bench import machine
from tests.bench.dns.outcome import Outcome
from tests.bench.dns.questions import Load
from tests.bench.dns.servers import NameServer
from tests.bench.hot_path.wrk import WrongAnswer
from tests.integration.node import ROOT

#: The core of whatever asks.
CORE = 0


def flooded(server: NameServer, load: Load, seconds: float) -> Outcome:
    """Ask as fast as answers come. Raises :class:`WrongAnswer` when they were not right, or did not come."""
    words = {"port": server.port, "seconds": seconds, "pids": server.pids, "load": load.written()}
    outcome = Outcome(**told("tests.bench.dns.generator", words))
    trouble = outcome.trouble()
    if trouble:
        raise WrongAnswer(f"{server.name}: {trouble}")
    return outcome


def told(module: str, words: Mapping[str, Any]) -> Any:
    """Run one of our modules with JSON on its stdin, and give the JSON that it writes."""
    command = machine.pinned(CORE, sys.executable, "-m", module)
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(words), capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongAnswer(f"{module}: {done.stderr[-500:]}")
    return json.loads(done.stdout)
