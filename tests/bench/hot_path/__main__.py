"""Prints rows of the table, and writes no document: ``python -m tests.bench.hot_path ROW… [--rounds N] [--seconds S]``."""

from tests.bench.hot_path.table import EVERY, row
from tests.bench.single_rows import printed

if __name__ == "__main__":
    printed("tests.bench.hot_path", __doc__, EVERY, row)
