"""Name servers of others, each pinned to core 1 and stopped by its id (starts processes)."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Protocol

from tests.bench.dns import configurations, usage
from tests.bench.dns.configurations import Place, Recipe
from tests.bench.dns.zone import Zone
from tests.bench.hot_path.peers import program, running
from tests.integration.node import free_ports

#: The core of the servers; the load has the other.
CORE = 1


class NameServer(Protocol):
    """A server that is prepared once, in an empty folder of its own, and then started and stopped any number of times.

    It answers on UDP *port* of 127.0.0.1 some time after ``start``, which does not wait for that. What cannot be raises
    :class:`~tests.bench.hot_path.peers.NotMeasurable`.
    """

    name: str
    port: int

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that do its work, their children not counted; while it runs."""
        ...

    def prepare(self, folder: Path, zone: Zone) -> None:
        """Give it the zone."""
        ...

    def start(self) -> None:
        """Start it."""
        ...

    def stop(self) -> None:
        """Stop it, and wait for its end; nothing, if it does not run."""
        ...


class Foreign:
    """A server made by a recipe: see :class:`NameServer`."""

    def __init__(self, name: str, recipe: Callable[[Place, Zone], Recipe]) -> None:
        self.name = name
        self.port, self._spare = free_ports(2)
        self._make = recipe
        self._stack = ExitStack()
        self._pids: list[int] = []

    @property
    def pids(self) -> tuple[int, ...]:
        """See :class:`NameServer`."""
        return tuple(self._pids)

    def prepare(self, folder: Path, zone: Zone) -> None:
        """See :class:`NameServer`."""
        self._folder, self._hosts = folder, zone.hosts
        self._recipe = self._make(Place(folder, self.port, self._spare), zone)
        for name, text in self._recipe.files.items():
            (folder / name).write_text(text)

    def start(self) -> None:
        """See :class:`NameServer`."""
        own, *arguments = self._recipe.command
        if self._recipe.backend:
            self._run_backend(*self._recipe.backend)
        self._run(lambda: True, program(own), *arguments)

    def stop(self) -> None:
        """See :class:`NameServer`."""
        self._stack.close()
        self._pids.clear()

    def _run_backend(self, way: str, where: str) -> None:
        ready = self._folder / "ready"
        words = (str(self._hosts), way, where, str(ready))
        self._run(ready.exists, sys.executable, "-m", "tests.bench.dns.backend", *words)

    def _run(self, ready: Callable[[], bool], *command: str) -> None:
        self._pids.append(self._stack.enter_context(running(self._folder, ready, *command, core=CORE)))


def memory(server: NameServer) -> float:
    """Give what its processes have in memory, in MB."""
    return usage.proportional(server.pids)


def nsd() -> NameServer:
    """Make NSD."""
    return Foreign("NSD, one server process", configurations.nsd)


def knot() -> NameServer:
    """Make Knot."""
    return Foreign("Knot, one thread", configurations.knot)


def powerdns() -> NameServer:
    """Make PowerDNS as Debian configures its caches."""
    return Foreign("PowerDNS, bind backend, caches on", configurations.powerdns_bind)


def powerdns_without_caches() -> NameServer:
    """Make PowerDNS with none."""
    recipe = partial(configurations.powerdns_bind, caches=configurations.NO_CACHES)
    return Foreign("PowerDNS, bind backend, caches off", recipe)


def powerdns_remote_unix() -> NameServer:
    """Make PowerDNS before a program, over a Unix socket."""
    name = "PowerDNS, remote backend over a Unix socket, caches off"
    return Foreign(name, configurations.powerdns_remote_unix)


def powerdns_remote_http() -> NameServer:
    """Make the first system's shape: PowerDNS before a program, over HTTP."""
    return Foreign("PowerDNS, remote backend over HTTP, caches off", configurations.powerdns_remote_http)


def powerdns_remote_http_unthreaded() -> NameServer:
    """Make the same with one thread that asks, so that its waiting is seen."""
    recipe = partial(configurations.powerdns_remote_http, threads=1)
    return Foreign("the same with distributor-threads=1 instead of its own 3", recipe)
