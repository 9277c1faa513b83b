"""How the name servers of others are configured: one core, no limits of rates, no logs of queries (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.dns.zone import Zone

#: The name of the zone's file in a server's folder.
ZONE_FILE = "zone"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Files for the server's folder, by their names, and its command: a program and its arguments."""

    command: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)


def nsd(folder: Path, port: int, zone: Zone) -> Recipe:
    """One server process; the other two of NSD do nothing but wait."""
    text = f"""
server:
    server-count: 1
    ip-address: 127.0.0.1@{port}
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: "{folder}/pid"
    logfile: "{folder}/log"
    xfrdir: "{folder}"
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    rrl-ratelimit: 0
    minimal-responses: yes
remote-control:
    control-enable: no
zone:
    name: {zone.name}
    zonefile: {ZONE_FILE}
"""
    return Recipe(("nsd", "-d", "-c", f"{folder}/nsd.conf"), {"nsd.conf": text, ZONE_FILE: zone.text()})


def knot(folder: Path, port: int, zone: Zone) -> Recipe:
    """One thread for UDP."""
    text = f"""
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: "{folder}"
template:
  - id: default
    storage: "{folder}"
    zonefile-sync: -1
    journal-content: none
zone:
  - domain: {zone.name}
    file: {ZONE_FILE}
"""
    return Recipe(("knotd", "-c", f"{folder}/knot.conf"), {"knot.conf": text, ZONE_FILE: zone.text()})


#: What makes PowerDNS ask its backend for each query.
NO_CACHES = """
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
"""
#: Its own defaults keep answers for 20 seconds.
CACHES = ""


def powerdns_bind(folder: Path, port: int, zone: Zone, caches: str = CACHES) -> Recipe:
    """Read the zone from its file."""
    bind = f"launch=bind\nbind-config={folder}/named.conf\n"
    named = f'zone "{zone.name}" {{ type master; file "{folder}/{ZONE_FILE}"; }};\n'
    return _powerdns(folder, port, bind + caches, {"named.conf": named, ZONE_FILE: zone.text()})


def powerdns_remote(folder: Path, port: int, connection: str) -> Recipe:
    """Ask a program over *connection* for each query."""
    remote = f"launch=remote\nremote-connection-string={connection}\n"
    return _powerdns(folder, port, remote + NO_CACHES, {})


def _powerdns(folder: Path, port: int, own: str, files: Mapping[str, str]) -> Recipe:
    # With one thread behind that which receives, PowerDNS hands nothing over; that is the quickest on one core.
    text = f"""
local-address=127.0.0.1
local-port={port}
socket-dir={folder}
daemon=no
guardian=no
disable-syslog=yes
loglevel=3
security-poll-suffix=
receiver-threads=1
distributor-threads=1
{own}"""
    return Recipe(("pdns_server", f"--config-dir={folder}"), {"pdns.conf": text, **files})
