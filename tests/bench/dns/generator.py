"""Floods a name server, and tells what came of it. Runs as a process of its own; JSON comes from stdin and goes to stdout."""

import json
import socket
import sys
import time
from dataclasses import asdict, replace

from tests.bench.dns import usage
from tests.bench.dns.flood import Counts, Flood
from tests.bench.dns.outcome import Outcome
from tests.bench.dns.questions import Load

#: Seconds in which caches fill, which do not count.
WARMING = 0.3
#: Octets that may wait for this process.
_BUFFER = 1 << 20


def main() -> None:
    """Read where and for how long, ask, and write the outcome."""
    asked = json.load(sys.stdin)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        server.connect(("127.0.0.1", asked["port"]))
        flood = Flood(server, Load.read(asked["load"]))
        flood.run(WARMING)
        flood.counts = replace(flood.counts, answers=0, lost=0)
        outcome = measured(flood, asked["seconds"], asked["pids"])
        flood.settle()
    json.dump(asdict(outcome), sys.stdout)


def measured(flood: Flood, seconds: float, pids: list[int]) -> Outcome:
    """Ask for so long, and see what CPU time the server and this process used."""
    servers, own = usage.cpu_seconds(pids), time.process_time()
    took = flood.run(seconds)
    servers, own = usage.cpu_seconds(pids) - servers, time.process_time() - own
    counts: Counts = flood.counts
    return Outcome(counts.answers, took, counts.wrong, counts.lost, counts.stray, servers, own)


if __name__ == "__main__":
    main()
