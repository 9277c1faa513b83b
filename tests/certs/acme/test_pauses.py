"""Nonces, and pauses between two looks."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.nonces import MOST, Nonces
from couchpages.certs.acme.polling import LONGEST, SHORTEST, pause


class Small(SynchronousTestCase):
    """Nonces and pauses."""

    def test_nonces(self) -> None:
        """The newest goes first, each once; old ones and too many are dropped; what is none is not kept (RFC 8555 section 6.5.1)."""
        nonces = Nonces()
        for number in range(100):
            nonces.add(f"n{number}", 0.0)
        for bad in ("", "a b", "ü", "a=", "a" * 600, "a\n"):
            nonces.add(bad, 0.0)
        self.assertEqual(len(nonces), MOST)
        self.assertEqual([nonces.take(1.0), nonces.take(1.0)], ["n99", "n98"])
        self.assertIsNone(nonces.take(1000.0))
        self.assertEqual(len(nonces), 0)

    @given(st.integers(0, 10**9), st.none() | st.floats(allow_nan=False))
    @settings(deadline=None)
    def test_pauses(self, asked: int, retry_after: float | None) -> None:
        """There is always one, and it is never long."""
        self.assertTrue(SHORTEST <= pause(asked, retry_after) <= LONGEST)

    def test_growing(self) -> None:
        """They grow from one second to ten."""
        pauses = [pause(asked, None) for asked in range(1, 10)]
        self.assertEqual((pauses[0], pauses[-1]), (1.0, 10.0))
        self.assertEqual(pauses, sorted(pauses))
