"""How the name servers of others are configured: one core, no limits of rates, no logs of queries (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.dns.zone import Zone

#: The name of the zone's file in a server's folder.
ZONE_FILE = "zone"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder and a port for the server, and a spare port for a program that it asks."""

    folder: Path
    port: int
    spare: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """Files for the server's folder, by their names, and its command: a program and its arguments.

    *backend*, if there is one, says in what way and where the program behind the server listens, which is started before.
    """

    command: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    backend: tuple[str, str] | None = None


def nsd(place: Place, zone: Zone) -> Recipe:
    """One server process; the other two of NSD do nothing but wait."""
    text = f"""
server:
    server-count: 1
    ip-address: 127.0.0.1@{place.port}
    username: ""
    chroot: ""
    zonesdir: "{place.folder}"
    database: ""
    pidfile: "{place.folder}/pid"
    logfile: "{place.folder}/log"
    xfrdir: "{place.folder}"
    xfrdfile: "{place.folder}/xfrd.state"
    zonelistfile: "{place.folder}/zone.list"
    rrl-ratelimit: 0
    minimal-responses: yes
remote-control:
    control-enable: no
zone:
    name: {zone.name}
    zonefile: {ZONE_FILE}
"""
    return Recipe(("nsd", "-d", "-c", f"{place.folder}/nsd.conf"), {"nsd.conf": text, ZONE_FILE: zone.text()})


def knot(place: Place, zone: Zone) -> Recipe:
    """One thread for UDP."""
    text = f"""
server:
    rundir: "{place.folder}"
    listen: 127.0.0.1@{place.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: "{place.folder}"
template:
  - id: default
    storage: "{place.folder}"
    zonefile-sync: -1
    journal-content: none
zone:
  - domain: {zone.name}
    file: {ZONE_FILE}
"""
    return Recipe(("knotd", "-c", f"{place.folder}/knot.conf"), {"knot.conf": text, ZONE_FILE: zone.text()})


#: What makes PowerDNS ask its backend for each query.
NO_CACHES = """
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
"""
#: Its own defaults keep answers for 20 seconds.
CACHES = ""


def powerdns_bind(place: Place, zone: Zone, caches: str = CACHES) -> Recipe:
    """Read the zone from its file."""
    bind = f"distributor-threads=1\nlaunch=bind\nbind-config={place.folder}/named.conf\n"
    named = f'zone "{zone.name}" {{ type master; file "{place.folder}/{ZONE_FILE}"; }};\n'
    return _powerdns(place, bind + caches, {"named.conf": named, ZONE_FILE: zone.text()})


#: PowerDNS's own number of threads that ask backends. They wait for a remote one, and are then quicker than one thread that does all;
#: with the bind backend one is.
THREADS = 3


def powerdns_remote_unix(place: Place, zone: Zone) -> Recipe:
    """Ask a program over a Unix socket for each query."""
    del zone
    path = f"{place.folder}/backend"
    return _powerdns(place, _remote(f"unix:path={path}", THREADS), {}, ("unix", path))


def powerdns_remote_http(place: Place, zone: Zone, threads: int = THREADS) -> Recipe:
    """Ask a program over HTTP for each query. PowerDNS waits a millisecond before each call, lest its connection was closed."""
    del zone
    way = _remote(f"http:url=http://127.0.0.1:{place.spare}", threads)
    return _powerdns(place, way, {}, ("http", str(place.spare)))


def _remote(connection: str, threads: int) -> str:
    return f"distributor-threads={threads}\nlaunch=remote\nremote-connection-string={connection}\n{NO_CACHES}"


def _powerdns(place: Place, own: str, files: Mapping[str, str], backend: tuple[str, str] | None = None) -> Recipe:
    text = f"""
local-address=127.0.0.1
local-port={place.port}
socket-dir={place.folder}
daemon=no
guardian=no
disable-syslog=yes
loglevel=3
security-poll-suffix=
receiver-threads=1
{own}"""
    return Recipe(("pdns_server", f"--config-dir={place.folder}"), {"pdns.conf": text, **files}, backend)
