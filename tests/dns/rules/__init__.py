"""The rules of an authoritative server, as a table: zones, questions, and what must come of these.

``checking.faults(row, ask)`` asks a row of anything that takes a query's bytes and gives an answer's.
"""

from tests.dns.rules import aliases, cuts, dnames, lookups, odd_names, protocol, sizes, types, wildcards
from tests.dns.rules.row import Row

ALL: tuple[Row, ...] = (
    *lookups.ROWS,
    *wildcards.ROWS,
    *cuts.ROWS,
    *aliases.ROWS,
    *dnames.ROWS,
    *odd_names.ROWS,
    *types.ROWS,
    *sizes.ROWS,
    *protocol.ROWS,
)
