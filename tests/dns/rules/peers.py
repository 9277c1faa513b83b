"""NSD, Knot and BIND with the zones of a table (starts processes, and stops them by their ids)."""

import os
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tests.dns.rules.asking import query
from tests.dns.rules.row import asks
from tests.dns.rules.sockets import over_sockets

#: Seconds in which a server must begin to answer.
PATIENCE = 20.0


class Peer(ABC):
    """A server of others with *zones*, names to texts, on a free port of 127.0.0.1; all that it writes lies in *folder*."""

    program: ClassVar[str]
    name: ClassVar[str]
    #: Zones that it refuses to load, and why.
    refuses: ClassVar[Mapping[str, str]] = {}

    def __init__(self, folder: Path, zones: Mapping[str, str], path: str) -> None:
        self.port = free_port()
        self.folder = folder
        self.ask = over_sockets(self.port)
        folder.mkdir(parents=True)
        served = {zone: text for zone, text in zones.items() if zone not in self.refuses}
        for zone, text in served.items():
            (folder / f"{zone}.zone").write_text(text, "ascii")
        configuration = folder / "configuration"
        configuration.write_text(self.configured(list(served)), "ascii")
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [path, *self.arguments(configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
            )
        try:
            self._wait(list(served))
        except BaseException:
            self.stop()
            raise

    @abstractmethod
    def configured(self, zones: list[str]) -> str:
        """Give the text of the configuration."""

    @abstractmethod
    def arguments(self, configuration: Path) -> list[str]:
        """Give the arguments that keep it in the foreground."""

    def _wait(self, zones: list[str]) -> None:
        until = time.monotonic() + PATIENCE
        ask = over_sockets(self.port, patience=0.3)
        for zone in zones:
            asked = query(asks(f"{zone} SOA"))
            while not is_served(ask(asked, "udp")):
                if time.monotonic() > until or self._process.poll() is not None:
                    raise AssertionError(f"{self.name} does not serve {zone}:\n{self.log()}")
                time.sleep(0.05)

    def log(self) -> str:
        """Give what it wrote."""
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Nsd(Peer):
    """NLnet Labs' NSD."""

    name = program = "nsd"
    refuses: ClassVar[Mapping[str, str]] = {"occluded.test": "it takes data below a DNAME for an error of the zone"}

    def configured(self, zones: list[str]) -> str:
        """Give nsd.conf."""
        user = "root" if os.geteuid() == 0 else ""
        head = f"""
server:
  ip-address: 127.0.0.1@{self.port}
  username: "{user}"
  zonesdir: "{self.folder}"
  zonelistfile: "{self.folder}/zone.list"
  xfrdfile: "{self.folder}/xfrd.state"
  xfrdir: "{self.folder}"
  pidfile: "{self.folder}/pid"
  database: ""
  server-count: 1
  minimal-responses: yes
  rrl-ratelimit: 0
  identity: "peer"
remote-control:
  control-enable: no
"""
        return head + "".join(f'zone:\n  name: "{zone}"\n  zonefile: "{zone}.zone"\n' for zone in zones)

    def arguments(self, configuration: Path) -> list[str]:
        """Give what nsd is started with."""
        return ["-d", "-c", str(configuration)]


class Knot(Peer):
    """CZ.NIC's Knot DNS."""

    name = "knot"
    program = "knotd"
    refuses: ClassVar[Mapping[str, str]] = {"oldtypes.test": "it does not read the types X25, ISDN and PX"}

    def configured(self, zones: list[str]) -> str:
        """Give knot.conf."""
        head = f"""
server:
  rundir: "{self.folder}"
  listen: 127.0.0.1@{self.port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  identity: "peer"
  version: "peer"
log:
  - target: stdout
    any: warning
database:
  storage: "{self.folder}/db"
  journal-db-max-size: 16M
  kasp-db-max-size: 16M
  timer-db-max-size: 16M
template:
  - id: default
    storage: "{self.folder}"
    file: "%s.zone"
    semantic-checks: soft
    zonefile-sync: -1
    journal-content: none
zone:
"""
        return head + "".join(f'  - domain: "{zone}"\n' for zone in zones)

    def arguments(self, configuration: Path) -> list[str]:
        """Give what knotd is started with."""
        return ["-c", str(configuration)]


class Named(Peer):
    """ISC's BIND."""

    name = "bind"
    program = "named"

    def configured(self, zones: list[str]) -> str:
        """Give named.conf."""
        head = f"""
options {{
  directory "{self.folder}";
  pid-file "{self.folder}/pid";
  session-keyfile "{self.folder}/session.key";
  listen-on port {self.port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
  allow-transfer {{ none; }};
  minimal-responses no-auth;
  minimal-any yes;
  zero-no-soa-ttl no;
  max-records-per-type 0;
  empty-zones-enable no;
  check-names primary ignore;
  check-integrity no;
  dnssec-validation no;
  notify no;
  version "peer";
  hostname "peer";
  server-id "peer";
}};
controls {{ }};
"""
        return head + "".join(f'zone "{zone}" {{ type primary; file "{zone}.zone"; }};\n' for zone in zones)

    def arguments(self, configuration: Path) -> list[str]:
        """Give what named is started with."""
        return ["-g", "-n", "1", "-c", str(configuration)]


ALL: tuple[type[Peer], ...] = (Nsd, Knot, Named)


def is_served(answer: bytes | None) -> bool:
    """Tell whether an answer to a question for an apex's SOA is one that a server with the zone gives: AA, NOERROR."""
    return answer is not None and bool(answer[2] & 0x04) and not answer[3] & 0x0F


def free_port() -> int:
    """Give a port of 127.0.0.1 that is free for UDP and TCP."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            stream.bind(("127.0.0.1", 0))
            port: int = stream.getsockname()[1]
            try:
                datagrams.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
