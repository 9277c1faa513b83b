"""Text of strangers in messages."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.quoting import LONGEST_NAME, SHOWN, named, quoted


class QuotingTests(SynchronousTestCase):
    """``quoted`` and ``named``."""

    @given(st.text(max_size=2 * SHOWN))
    @settings(deadline=None)
    def test_one_short_line(self, text: str) -> None:
        """Whatever it is, it is one line that can be written as UTF-8, and not long."""
        for shown in (quoted(text), named(text)):
            self.assertEqual(len(shown.splitlines()), 1 if shown else 0)
            shown.encode()
            self.assertLessEqual(len(shown), max(LONGEST_NAME, 12 * SHOWN))

    def test_names(self) -> None:
        """Names as there are stay as they are; what breaks a line is escaped, what fills it is cut."""
        for name in ("a.example", "_design/x", "ü", "with space"):
            self.assertEqual(named(name), name)
        self.assertEqual(named("a\nb"), '"a\\nb"')
        self.assertLess(len(named("x" * 10_000)), 100)
