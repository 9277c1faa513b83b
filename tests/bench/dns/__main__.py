"""Prints rows of the table, and writes no document: ``python -m tests.bench.dns ROW… [--rounds N] [--seconds S]``."""

from tests.bench.dns.table import ROWS, row
from tests.bench.single_rows import printed

if __name__ == "__main__":
    printed("tests.bench.dns", __doc__, ROWS, row)
