"""Writes results to stdout and remarks to stderr (I/O)."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from couchpages.cli.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

#: Characters below which a column of long cells cannot be read.
READABLE = 24
BETWEEN = "  "


def remark(text: str) -> None:
    """Write one line for people to stderr."""
    click.echo(f"couchpages: {text}", err=True)


def emit_json(value: object) -> None:
    """Write *value* as the one JSON document on stdout, in ASCII, so that any locale can."""
    click.echo(json.dumps(value, indent=2))


def emit_lines(lines: Sequence[str]) -> None:
    """Write lines to stdout, without control characters that a server might have put in."""
    for line in lines:
        click.echo(printable(line))


def emit_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, records: bool = False) -> None:
    """Write a table: drawn on a terminal; else one row a line, cells separated by tabs, no headings.

    With *records*, a terminal that is too narrow for the columns gets a paragraph for each row, a line for each cell that says something.
    """
    safe = [[printable(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in safe:
            click.echo("\t".join(row))
        return
    from rich.console import Console

    console = Console()
    if records and _needed(headings, safe) > console.width:
        for row in safe:
            _record(console, headings, row)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=None, pad_edge=False)
    for row in safe:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    console.print(table)


def _needed(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Give the columns of a terminal on which a table can be read: long cells may be folded, but not into shreds."""
    widths = [max(min(len(cell), READABLE) for cell in column) for column in zip(headings, *rows, strict=True)]
    return sum(widths) + len(BETWEEN) * (len(widths) - 1)


def _record(console: "Console", headings: Sequence[str], row: Sequence[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    console.print(Text(row[0], style="bold", overflow="fold"))
    cells = Table.grid(padding=(0, len(BETWEEN), 0, 0))
    for heading, cell in zip(headings[1:], row[1:], strict=True):
        if cell not in ("", "-"):
            cells.add_row(Text(BETWEEN + heading, no_wrap=True), Text(cell, overflow="fold"))
    console.print(cells)


def counted(files: int) -> str:
    """Give a number of files in words: ``1 file``, ``1,234 files``."""
    return "1 file" if files == 1 else f"{files:,} files"


def counted_blobs(blobs: int) -> str:
    """Give a number of blobs in words: ``1 blob``, ``1,234 blobs``."""
    return "1 blob" if blobs == 1 else f"{blobs:,} blobs"


def amount(octets: int) -> str:
    """Give a number of octets as people read it: ``189.1 MB``, decimal units (ISO 80000-13)."""
    value = float(octets)
    for unit in ("B", "kB", "MB"):
        if value < 1000:  # noqa: PLR2004 - the step between decimal units
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
