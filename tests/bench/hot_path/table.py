"""All rows, by the names by which they are asked for."""

import resource
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench.deploying import Rows
from tests.bench.hot_path import idle_row, latency_row, plain_rows, site_rows, tls_rows
from tests.bench.hot_path.peers import NotMeasurable
from tests.bench.hot_path.turns import ROUNDS, SECONDS, Bench
from tests.bench.hot_path.wrk import WrongAnswer

ROWS: Mapping[str, Callable[[Bench], Rows]] = {
    "keep-alive": plain_rows.keep_alive,
    "varied": plain_rows.varied,
    "larger": plain_rows.larger,
    "closing": plain_rows.closing,
    "not-modified": plain_rows.not_modified,
    "real-site": site_rows.real_site,
    "many-sites": site_rows.many_sites,
    "idle": idle_row.idle,
    "latency": latency_row.latency,
}
#: The same over TLS, a table of their own.
SECURE_ROWS: Mapping[str, Callable[[Bench], Rows]] = {
    "tls-keep-alive": tls_rows.keep_alive,
    "tls-larger": tls_rows.larger,
    "tls-closing": tls_rows.closing,
    "tls-resuming": tls_rows.resuming,
    "tls-http2": tls_rows.over_http2,
    "tls-certificates": tls_rows.certificates,
}
EVERY = {**ROWS, **SECURE_ROWS}

#: What the daemon has in its section ``[http]`` for a row that its defaults are not made for: the open loop keeps its connections, as
#: tuned nginx does. No row has more than 50 connections from one address.
LIMITS: Mapping[str, Mapping[str, int]] = {"latency": {"requests_per_connection": 1_000_000}}


def measured() -> Rows:
    """Measure every row, and say how."""
    return [_setting(), *(line for name in ROWS for line in row(name))]


def measured_securely() -> Rows:
    """Measure every row over TLS, and say how."""
    return [_setting(), *(line for name in SECURE_ROWS for line in row(name))]


def row(name: str, rounds: int = ROUNDS, seconds: int = SECONDS) -> Rows:
    """Measure one row; one that cannot be measured here says why. Raises :class:`~tests.bench.hot_path.wrk.WrongAnswer`."""
    _allow_many_files()
    with tempfile.TemporaryDirectory(prefix="couchpages-bench-") as folder:
        # nginx's worker may be another user, and reads what it serves.
        Path(folder).chmod(0o755)
        try:
            return _with_limits(EVERY[name](Bench(Path(folder), rounds, seconds, LIMITS.get(name, {}))), name)
        except (NotMeasurable, WrongAnswer) as reason:
            return [(name, f"not measured: {str(reason).splitlines()[0]}", "")]


def _with_limits(rows: Rows, name: str) -> Rows:
    """Say in the first line with which limits the row was measured."""
    said = ", ".join(f"{key} = {value:,}" for key, value in LIMITS.get(name, {}).items())
    (what, *rest), *others = rows
    return [(f"{what}, with `[http]` {said}", rest[0], rest[1]), *others] if said else rows


def _setting() -> tuple[str, str, str]:
    what = "every server on core 0, the load on core 1; in each row all servers take turns"
    return (what, f"medians of {ROUNDS} rounds of {SECONDS} s, ratios of medians", "")


def _allow_many_files() -> None:
    """Let this process and those that it starts open as many files as the machine allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
