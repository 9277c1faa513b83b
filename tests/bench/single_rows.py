"""Prints rows of a table, for whoever tunes, and writes no document (does I/O)."""

import argparse
from collections.abc import Callable, Iterable

from tests.bench.deploying import Rows
from tests.bench.document import section
from tests.bench.hot_path.turns import ROUNDS, SECONDS


def printed(module: str, about: str | None, known: Iterable[str], row: Callable[[str, int, int], Rows]) -> None:
    """Measure the rows that the command line names, in so many rounds of so many seconds; all of them without names."""
    names = list(known)
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(names))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    asked = parser.parse_args()
    unknown = set(asked.rows) - set(names)
    if unknown:
        parser.error(f"there is no row {min(unknown)}; there are {', '.join(names)}")
    for name in asked.rows or names:
        print(section(name, row(name, asked.rounds, asked.seconds)), flush=True)  # noqa: T201 -- its purpose
