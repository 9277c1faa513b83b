"""All rows, by the names by which they are asked for."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench.deploying import Rows
from tests.bench.dns import changing_row, generator_row, latency_row, speed_rows, usage, zone_rows
from tests.bench.dns.asking import CORE
from tests.bench.hot_path.peers import NotMeasurable
from tests.bench.hot_path.turns import ROUNDS, SECONDS, Bench
from tests.bench.hot_path.wrk import WrongAnswer

ROWS: Mapping[str, Callable[[Bench], Rows]] = {
    "generators": generator_row.generators,
    "existing": speed_rows.existing,
    "edns": speed_rows.edns,
    "missing": speed_rows.missing,
    "large": zone_rows.large,
    "changing": changing_row.changing,
    "latency": latency_row.latency,
}


def measured() -> Rows:
    """Measure every row, and say how."""
    how = "every server on core 1, the load on core 0, limits of rates off; in each row all servers take turns"
    backend = "what stands behind PowerDNS's remote backend answers from memory, which flatters it: the first system's asked CouchDB"
    setting = (how, f"medians of {ROUNDS} rounds of {SECONDS} s, of ratios too; {backend}", "")
    return [setting, *(line for name in ROWS for line in row(name))]


def row(name: str, rounds: int = ROUNDS, seconds: int = SECONDS) -> Rows:
    """Measure one row; one that cannot be measured here says why."""
    with tempfile.TemporaryDirectory(prefix="couchpages-bench-") as folder, usage.on_core(CORE):
        try:
            return ROWS[name](Bench(Path(folder), rounds, seconds))
        except (NotMeasurable, WrongAnswer) as reason:
            return [(name, f"not measured: {str(reason).splitlines()[0]}", "")]
