"""Prints rows of the table, and writes no document: ``python -m tests.bench.hot_path ROW… [--rounds N] [--seconds S]``."""

import argparse

from tests.bench.document import section
from tests.bench.hot_path.table import ROWS, row
from tests.bench.hot_path.turns import ROUNDS, SECONDS


def main() -> None:
    """Measure the rows that are named; all of them without names."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hot_path", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    asked = parser.parse_args()
    unknown = set(asked.rows) - set(ROWS)
    if unknown:
        parser.error(f"there is no row {min(unknown)}; there are {', '.join(ROWS)}")
    for name in asked.rows or ROWS:
        print(section(name, row(name, asked.rounds, asked.seconds)), flush=True)  # noqa: T201 -- its purpose


if __name__ == "__main__":
    main()
