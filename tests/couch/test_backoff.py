"""How long to wait."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.backoff import Backoff


class Backoffs(SynchronousTestCase):
    """``Backoff``."""

    def test_grows(self) -> None:
        """The pause doubles from its first value up to the most."""
        backoff = Backoff(first=0.5, most=3)
        self.assertEqual([backoff.delay(failures, 1.0) for failures in range(1, 6)], [0.5, 1, 2, 3, 3])

    @settings(deadline=None)
    @given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
    def test_bounds(self, failures: int, chance: float) -> None:
        """However many failures and whatever the chance, the pause is between half the first and the most."""
        backoff = Backoff(first=0.2, most=5.0)
        self.assertTrue(0.1 <= backoff.delay(failures, chance) <= 5.0)

    def test_jitter(self) -> None:
        """Chance spreads the pauses over half of the interval."""
        self.assertEqual([Backoff(first=2).delay(1, chance) for chance in (0.0, 0.5)], [1.0, 1.5])
