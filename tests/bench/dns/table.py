"""All rows, by the names by which they are asked for."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench.deploying import Rows
from tests.bench.dns import speed_rows
from tests.bench.hot_path.peers import NotMeasurable
from tests.bench.hot_path.turns import ROUNDS, SECONDS, Bench
from tests.bench.hot_path.wrk import WrongAnswer

ROWS: Mapping[str, Callable[[Bench], Rows]] = {
    "existing": speed_rows.existing,
    "edns": speed_rows.edns,
    "missing": speed_rows.missing,
}


def measured() -> Rows:
    """Measure every row, and say how."""
    how = "every server on core 1, the load on core 0, limits of rates off; in each row all servers take turns"
    setting = (how, f"medians of {ROUNDS} rounds of {SECONDS} s, of ratios too", "")
    return [setting, *(line for name in ROWS for line in row(name))]


def row(name: str, rounds: int = ROUNDS, seconds: int = SECONDS) -> Rows:
    """Measure one row; one that cannot be measured here says why."""
    with tempfile.TemporaryDirectory(prefix="couchpages-bench-") as folder:
        try:
            return ROWS[name](Bench(Path(folder), rounds, seconds))
        except (NotMeasurable, WrongAnswer) as reason:
            return [(name, f"not measured: {str(reason).splitlines()[0]}", "")]
