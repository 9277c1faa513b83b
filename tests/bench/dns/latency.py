"""Asks one question after the other, as a patient resolver would, and tells how long answers took. Runs as a process: see generator."""

import json
import socket
import sys
import time
from itertools import cycle

from tests.bench import machine
from tests.bench.dns.questions import Load


def main() -> None:
    """Read where and for how long, ask, and write p50 and p99 in seconds."""
    asked = json.load(sys.stdin)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.settimeout(1)
        server.connect(("127.0.0.1", asked["port"]))
        took = measured(server, Load.read(asked["load"]), asked["seconds"])
    json.dump({"p50": machine.quantile(took, 0.5), "p99": machine.quantile(took, 0.99)}, sys.stdout)


def measured(server: socket.socket, load: Load, seconds: float) -> list[float]:
    """Give the seconds that each answer took."""
    clock = time.perf_counter
    until = clock() + seconds
    took: list[float] = []
    for datagram in cycle(load.datagrams):
        began = clock()
        if began > until:
            break
        server.send(datagram)
        server.recv(4096)
        took.append(clock() - began)
    return took


if __name__ == "__main__":
    main()
