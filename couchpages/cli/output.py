"""Writes results to stdout and remarks to stderr (I/O)."""

import json
import sys
from collections.abc import Sequence

import click

from couchpages.cli.errors import printable

#: Cells that no terminal is too narrow for are measured in one so wide.
WIDEST = 100_000


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


def emit_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, may_stand: bool = False) -> None:
    """Write a table: drawn on a terminal; else one row a line, cells separated by tabs, no headings.

    Where it *may_stand* and is wider than the terminal, its rows stand one below the other, with a line for each cell.
    """
    safe = [[printable(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in safe:
            click.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=None, pad_edge=False)
    for row in safe:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    console = Console()
    if may_stand and console.measure(table, options=console.options.update(width=WIDEST)).maximum > console.width:
        _emit_standing(headings, safe)
    else:
        console.print(table)


def _emit_standing(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write each row as a paragraph: the first cell, and below it a line for each other that says something."""
    width = max(map(len, headings))
    for number, row in enumerate(rows):
        if number:
            click.echo()
        click.echo(row[0])
        for heading, cell in zip(headings[1:], row[1:], strict=True):
            if cell != "-":
                click.echo(f"  {heading:<{width}}  {cell}")


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
