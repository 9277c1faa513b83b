from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.hot_path.zipf import uniform, zipf


class OrderTests(SynchronousTestCase):
    """Tests of the orders of requests."""

    def test_same_each_time(self) -> None:
        """Every server and every run gets the same order."""
        self.assertEqual(zipf(100, 50), zipf(100, 50))
        self.assertEqual(uniform(100, 50), uniform(100, 50))

    def test_in_proportion(self) -> None:
        """The first by rank comes twice as often as the second, and three times as often as the third."""
        (_, first), (_, second), (_, third) = Counter(zipf(1000, 100_000)).most_common(3)
        self.assertLess(abs(first / second - 2), 0.15)
        self.assertLess(abs(first / third - 3), 0.25)

    def test_uniform(self) -> None:
        """Each comes about as often as any other."""
        counts = Counter(uniform(10, 10_000))
        self.assertEqual(len(counts), 10)
        self.assertLess(max(counts.values()) / min(counts.values()), 1.3)
