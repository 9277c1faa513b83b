from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.retry import (
    MOST_TRIES,
    MOST_TRIES_UNREACHED,
    MOST_WAITING,
    Lost,
    Outcome,
    Refused,
    Tries,
    Unreached,
    next_wait,
    retry_after_seconds,
)

FIRST = Tries(1, 0.0, reached=True)
OUTCOMES = st.one_of(
    st.just(Unreached()),
    st.just(Lost()),
    st.builds(Refused, st.integers(300, 599), st.none() | st.floats(0, 1000)),
)


def repeats(outcome: Outcome, *, repeatable: bool, tries: Tries = FIRST) -> bool:
    """Tell whether there is another try."""
    return next_wait(tries, outcome, repeatable=repeatable, chance=lambda: 0.5) is not None


class DecisionTests(SynchronousTestCase):
    """Which requests are sent again."""

    def test_table(self) -> None:
        """By outcome: whether it is repeated if it may happen twice, and if it may not."""
        table: list[tuple[Outcome, bool, bool]] = [
            (Unreached(), True, True),
            (Lost(), True, False),
            *((Refused(status), True, True) for status in (408, 429, 503)),
            *((Refused(status), True, False) for status in (502, 504)),
            *((Refused(status), False, False) for status in (301, 400, 401, 403, 404, 409, 413, 422, 500, 507)),
        ]
        for outcome, harmless, once in table:
            self.assertEqual(repeats(outcome, repeatable=True), harmless, outcome)
            self.assertEqual(repeats(outcome, repeatable=False), once, outcome)

    def test_bounds(self) -> None:
        """There is an end: fewer tries while the server was never reached."""
        for reached, most in ((True, MOST_TRIES), (False, MOST_TRIES_UNREACHED)):
            self.assertTrue(repeats(Lost(), repeatable=True, tries=Tries(most - 1, 0, reached)))
            self.assertFalse(repeats(Lost(), repeatable=True, tries=Tries(most, 0, reached)))

    def test_retry_after(self) -> None:
        """The server's wish is kept, and one beyond all patience ends it."""
        self.assertEqual(next_wait(FIRST, Refused(503, 7.0), repeatable=True, chance=lambda: 0), 7.0)
        self.assertIsNone(next_wait(FIRST, Refused(503, MOST_WAITING + 1), repeatable=True, chance=lambda: 0))

    def test_growth(self) -> None:
        """Waits double, and chance takes up to half away."""
        waits = [next_wait(Tries(n, 0, reached=True), Lost(), repeatable=True, chance=lambda: 0) for n in (1, 2, 3)]
        self.assertEqual(waits, [0.5, 1.0, 2.0])
        self.assertEqual(next_wait(FIRST, Lost(), repeatable=True, chance=lambda: 1), 0.25)

    @given(st.lists(OUTCOMES, min_size=MOST_TRIES), st.floats(0, 1), st.booleans())
    @settings(deadline=None)
    def test_always_ends(self, outcomes: list[Outcome], chance: float, repeatable: bool) -> None:
        """Whatever happens, tries and waiting stay within their bounds."""
        tries = FIRST
        for outcome in outcomes:
            wait = next_wait(tries, outcome, repeatable=repeatable, chance=lambda: chance)
            if wait is None:
                break
            tries = Tries(tries.number + 1, tries.waited + wait, reached=True)
        self.assertLessEqual(tries.number, MOST_TRIES)
        self.assertLessEqual(tries.waited, MOST_WAITING)


class RetryAfterTests(SynchronousTestCase):
    """Reading Retry-After."""

    def test_forms(self) -> None:
        """Seconds, dates, dates gone by, and nonsense."""
        now = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110 section 5.6.7
        for value, seconds in (
            (None, None),
            ("5", 5.0),
            (" 0 ", 0.0),
            ("-5", None),
            ("1.5", None),
            ("\u00b2", None),
            ("soon", None),
            ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
            ("Sun, 06 Nov 1994 08:49:07 GMT", 0.0),
            ("9" * 5000, 999999999.0),
        ):
            self.assertEqual(retry_after_seconds(value, now), seconds, value)

    @given(st.text())
    @settings(deadline=None)
    def test_anything(self, value: str) -> None:
        """No header makes it raise or go back in time."""
        seconds = retry_after_seconds(value, 0)
        self.assertTrue(seconds is None or seconds >= 0)
