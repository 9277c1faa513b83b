"""Rows with 1,000 names: asked for as they exist, with EDNS, and as they do not exist (does I/O)."""

from functools import partial

from tests.bench.deploying import Rows
from tests.bench.dns import questions, servers
from tests.bench.dns.asking import flooded
from tests.bench.dns.flood import WINDOW
from tests.bench.dns.sessions import Compared, compared
from tests.bench.dns.zone import Zone
from tests.bench.hot_path.turns import Bench

HOSTS = 1000
_HOW = f"{WINDOW} outstanding; answers a second"


def existing(bench: Bench) -> Rows:
    """Names that exist, beside everybody."""
    others = (
        Compared(servers.nsd, "at least 0.85"),
        Compared(servers.powerdns, "at least 1.2"),
        Compared(servers.powerdns_remote_unix, "at least 20"),
        Compared(servers.powerdns_remote_http, "at least 400"),
        Compared(servers.powerdns_remote_http_unthreaded),
        Compared(servers.knot),
    )
    return _measured(bench, f"{HOSTS:,} A names over UDP", questions.existing(Zone(HOSTS)), others)


def edns(bench: Bench) -> Rows:
    """Ask for the same as resolvers do."""
    load = questions.existing(Zone(HOSTS), edns=True)
    others = (Compared(servers.nsd), Compared(servers.powerdns), Compared(servers.knot))
    return _measured(bench, "the same with EDNS, and with DO set", load, others)


def missing(bench: Bench) -> Rows:
    """Names at random, none of which exists or was asked for before."""
    others = (
        Compared(servers.powerdns_without_caches, "at least 1"),
        Compared(servers.nsd),
        Compared(servers.knot),
    )
    title = f"names at random that do not exist, in a zone of {HOSTS:,}"
    return _measured(bench, title, questions.missing(Zone(HOSTS)), others)


def _measured(bench: Bench, title: str, load: questions.Load, others: tuple[Compared, ...]) -> Rows:
    measure = partial(flooded, load=load, seconds=bench.seconds)
    return compared(bench, f"{title}, {_HOW}", Zone(HOSTS), others, measure)
