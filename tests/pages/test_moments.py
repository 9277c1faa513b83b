"""Moments as milliseconds and as text."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.moments import from_text, to_text

LAST = 253_370_764_799_999


class MomentTests(SynchronousTestCase):
    """``to_text`` and ``from_text``."""

    def test_form(self) -> None:
        """A moment is written as RFC 3339 has it, in UTC, with milliseconds."""
        self.assertEqual(to_text(0), "1970-01-01T00:00:00.000Z")
        self.assertEqual(to_text(1_795_442_400_123), "2026-11-23T14:00:00.123Z")

    @given(st.integers(0, LAST))
    @settings(deadline=None)
    def test_round_trip(self, moment: int) -> None:
        """What was written is read, to the millisecond."""
        self.assertEqual(from_text(to_text(moment)), moment)

    @given(st.lists(st.integers(0, LAST), min_size=2))
    @settings(deadline=None)
    def test_order(self, moments: list[int]) -> None:
        """Texts sort as the moments do."""
        self.assertEqual(sorted(map(to_text, moments)), list(map(to_text, sorted(moments))))

    def test_time_zones(self) -> None:
        """Other zones and precisions are read."""
        self.assertEqual(from_text("1970-01-01T01:00:00+01:00"), 0)
        self.assertEqual(from_text("1970-01-01T00:00:00.0019999Z"), 1)

    @given(st.one_of(st.text(max_size=30), st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")))
    @settings(deadline=None)
    def test_anything_else(self, text: str) -> None:
        """A text is a moment that can be written and has a next one, or a ValueError, and nothing else."""
        try:
            moment = from_text(text)
        except ValueError:
            return
        self.assertEqual(from_text(to_text(moment + 1)), moment + 1)

    def test_refused(self) -> None:
        """No zone, no moment, before 1970, and a broken clock's last year."""
        for text in ("2026-11-23T14:00:00", "", "yesterday", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59.999Z"):
            with self.assertRaises(ValueError):
                from_text(text)
