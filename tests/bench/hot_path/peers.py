"""The servers, each pinned to core 0, and stopped by its id (starts processes)."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from couchpages.testing.authority import Authority
from tests.bench import machine
from tests.bench.hot_path import configurations
from tests.bench.hot_path.configurations import Flavour
from tests.integration.node import ROOT, Node, environment, free_ports, wait_until
from tests.integration.requirements import program_path
from tests.integration.stores import EmbeddedStore, Settings

#: Chain and key of a row's certificate.
PEM = "certificate.pem"


class NotMeasurable(Exception):
    """Something that a measurement needs is not there; the message says what."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers on *port* of 127.0.0.1; its processes are *pid* and that one's children."""

    name: str
    port: int
    pid: int
    scheme: str = "http"

    def resident(self) -> float:
        """Give the resident memory of its processes, in MB."""
        return sum(map(machine.resident, self._pids()))

    def open_files(self) -> int:
        """Count the files and connections that its processes have open."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self._pids())

    def _pids(self) -> tuple[int, ...]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return (self.pid, *map(int, children))


@dataclass(frozen=True, slots=True)
class Peer:
    """A server of others: how it is called, and how it is started, with a new folder for itself and the folder that it serves."""

    name: str
    start: Callable[[Path, Path], AbstractContextManager[Server]]


@contextmanager
def node(folder: Path, settings: Settings | None = None) -> Iterator[Node]:
    """Run a daemon on the embedded store, pinned."""
    made = Node(folder / "node", EmbeddedStore(), settings)
    try:
        made.init()
        made.start()
        if machine.pinned(0):
            machine.run("taskset", "-a", "-c", "-p", "0", str(made.pid))
        yield made
    finally:
        made.remove()


def ours(made: Node) -> Server:
    """Give a running daemon as a server."""
    return Server("couchpages", made.http, made.pid)


@contextmanager
def _nginx(name: str, flavour: Flavour, folder: Path, root: Path) -> Iterator[Server]:
    (port,) = free_ports(1)
    text = configurations.files_by_nginx(flavour, folder, port, root, as_root=os.geteuid() == 0)
    with _running_nginx(name, folder, port, text) as server:
        yield server


@contextmanager
def _running_nginx(name: str, folder: Path, port: int, text: str) -> Iterator[Server]:
    configuration = folder / "nginx.conf"
    configuration.write_text(text)
    command = (program("nginx"), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration))
    with running(folder, lambda: _listens(port), *command) as pid:
        yield Server(name, port, pid)


@contextmanager
def _secure_nginx(folder: Path, root: Path) -> Iterator[Server]:
    """Run tuned nginx over TLS, with the certificate that lies beside *root*: see :func:`certified`."""
    (port,) = free_ports(1)
    pem = root.parent / PEM
    text = configurations.secure_files_by_nginx(folder, port, root, pem, as_root=os.geteuid() == 0)
    with _running_nginx("tuned nginx over TLS", folder, port, text) as server:
        yield replace(server, scheme="https")


def secured(made: Node) -> Server:
    """Give a running daemon's port for HTTPS as a server."""
    return Server("couchpages", made.https, made.pid, "https")


def certified(made: Node, folder: Path, *names: str) -> None:
    """Have an ECDSA certificate for *names* lie in *folder*, chain and key in one file, and import it into a node that has no key yet."""
    pem = folder / PEM
    pem.write_bytes(b"".join(Authority().issue(*names)))
    config = ("--config", str(made.config))
    for words in (("key", "new"), ("import", str(pem))):
        done = made.run("certs", *words, *config)
        if done.code:
            raise NotMeasurable(f"couchpages certs {words[0]}: {done.err}")


@contextmanager
def _caddy(folder: Path, root: Path) -> Iterator[Server]:
    (port,) = free_ports(1)
    (folder / "Caddyfile").write_text(configurations.files_by_caddy(port, root))
    command = (program("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile")
    own = {"GOMAXPROCS": "1", "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with running(folder, lambda: _listens(port), *command, env=own) as pid:
        yield Server("Caddy", port, pid)


@contextmanager
def _before_twisted_web(folder: Path, root: Path) -> Iterator[Server]:
    """Run nginx before an application that has the one file of *root* in its memory."""
    port, upstream = free_ports(2)
    (file,) = root.iterdir()
    module = (sys.executable, "-m", "tests.bench.hot_path.application", str(upstream))
    text = configurations.proxy_by_nginx(folder, port, upstream, as_root=os.geteuid() == 0)
    with (
        running(folder, lambda: _listens(upstream), *module, file.name, str(file.stat().st_size)),
        _running_nginx("nginx before twisted.web", folder, port, text) as server,
    ):
        yield server


@contextmanager
def running(
    folder: Path, ready: Callable[[], bool], *command: str, core: int = 0, env: dict[str, str] | None = None
) -> Iterator[int]:
    """Run a server until the end of the block; give its id when it is *ready*. What it writes lies in *folder*."""
    with (folder / "output").open("ab") as output:
        process = subprocess.Popen(
            machine.pinned(core, *command),
            cwd=ROOT,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: process.poll() is not None or ready(), f"{command[0]} to be ready")
        if process.poll() is not None:
            raise NotMeasurable(f"{command[0]} ended: {(folder / 'output').read_text(errors='replace')[-300:]!r}")
        yield process.pid
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def program(name: str) -> str:
    """Find a program."""
    path = program_path(name)
    if path is None:
        raise NotMeasurable(f"{name} is not installed")
    return path


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


DEBIANS_NGINX = Peer("nginx as Debian configures it", partial(_nginx, "Debian's nginx", configurations.DEBIAN))
TUNED_NGINX = Peer("tuned nginx", partial(_nginx, "tuned nginx", configurations.TUNED))
SECURE_NGINX = Peer("tuned nginx over TLS", _secure_nginx)
CADDY = Peer("Caddy", _caddy)
BEFORE_TWISTED_WEB = Peer("nginx before twisted.web, both on core 0", _before_twisted_web)
