import json
import os
import re
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.errors import printable
from couchpages.cli.output import amount, emit_json, emit_lines, emit_table
from couchpages.cli.progress import Bar, Lines, Progress, Silent, choose


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class OutputTests(SynchronousTestCase):
    """What is written, and where."""

    def test_table_in_a_pipe(self) -> None:
        """One row a line, cells separated by tabs, nothing cut, no headings."""
        with redirect_stdout(StringIO()) as out:
            emit_table(("a", "b"), [("x" * 300, "[red]y"), ("1", "2\tz\n")])
        self.assertEqual(out.getvalue(), "x" * 300 + "\t[red]y\n1\t2 z\n")

    def test_table_on_a_terminal(self) -> None:
        """Headings and cells; square brackets are no markup."""
        with redirect_stdout(Terminal()) as out:
            emit_table(("site", "live"), [("[b]x", "-")])
        for word in ("site", "live", "[b]x"):
            self.assertIn(word, out.getvalue())

    def test_records(self) -> None:
        """Defect: on a terminal of 80 columns, ten columns were folded into shreds. What has room is a table all the same."""
        headings, row = ("name", "kind", "order"), ("www.example.com", "-", "renewed [red] " * 8)
        for columns, is_table in ((40, False), (80, True)):
            lines = self.on_a_terminal(columns, headings, row)
            self.assertLessEqual(max(map(len, lines)), columns)
            self.assertEqual(any(line.split() == list(headings) for line in lines), is_table)
        self.assertEqual(
            self.on_a_terminal(20, headings, ("[b]example", "-", "renewed"), ("b.example", "ecdsa", "-")),
            ["[b]example", "  order  renewed", "b.example", "  kind  ecdsa"],
        )
        with redirect_stdout(StringIO()) as out:
            emit_table(headings, [row], records=True)
        self.assertEqual(out.getvalue().count("\n"), 1)

    def on_a_terminal(self, columns: int, headings: tuple[str, ...], *rows: tuple[str, ...]) -> list[str]:
        """Give the lines of what may be records, without what is bold in them."""
        with patch.dict(os.environ, {"COLUMNS": str(columns)}), redirect_stdout(Terminal()) as out:
            emit_table(headings, rows, records=True)
        return [re.sub(r"\x1b\[\d*m", "", line).rstrip() for line in out.getvalue().splitlines()]

    def test_json(self) -> None:
        """One document, in ASCII."""
        with redirect_stdout(StringIO()) as out:
            emit_json({"a": "\u00e9"})
        self.assertTrue(out.getvalue().isascii())
        self.assertEqual(json.loads(out.getvalue()), {"a": "\u00e9"})

    def test_control_characters(self) -> None:
        """A server cannot write escape sequences to the terminal."""
        with redirect_stdout(StringIO()) as out:
            emit_lines(["\x1b[31mred"])
        self.assertNotIn("\x1b", out.getvalue())

    @given(st.text())
    @settings(deadline=None)
    def test_printable(self, text: str) -> None:
        """Whatever comes in, one printable line comes out."""
        self.assertTrue(printable(text).isprintable())

    def test_amounts(self) -> None:
        """Decimal units."""
        for octets, told in (
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (189_100_000, "189.1 MB"),
            (5 * 10**9, "5.0 GB"),
        ):
            self.assertEqual(amount(octets), told)


class ProgressTests(SynchronousTestCase):
    """Progress goes to stderr, as a bar only on a terminal."""

    def shown(self, stream: StringIO, *, quiet: bool, terminal: bool) -> tuple[Progress, str]:
        """Go through a deployment and give what was shown."""
        with redirect_stderr(stream), redirect_stdout(StringIO()) as out:
            progress = choose(quiet=quiet, terminal=terminal)
            progress.hashing(2)
            progress.hashed(2)
            progress.notice("left out 1 [x]")
            progress.uploading(1, 10)
            progress.sent(10)
            progress.sent(-10)
            progress.close()
            progress.close()
        self.assertEqual(out.getvalue(), "")
        return progress, stream.getvalue()

    def test_quiet(self) -> None:
        """Nothing at all."""
        progress, shown = self.shown(Terminal(), quiet=True, terminal=True)
        self.assertIsInstance(progress, Silent)
        self.assertEqual(shown, "")

    def test_log(self) -> None:
        """A line for each remark."""
        progress, shown = self.shown(StringIO(), quiet=False, terminal=False)
        self.assertIsInstance(progress, Lines)
        self.assertEqual(shown, "couchpages: left out 1 [x]\ncouchpages: uploading 1 file, 10 B\n")

    def test_terminal(self) -> None:
        """A bar, with the remarks above it."""
        progress, shown = self.shown(Terminal(), quiet=False, terminal=True)
        self.assertIsInstance(progress, Bar)
        self.assertIn("couchpages: left out 1 [x]", shown)
        self.assertIn("hashing", shown)
