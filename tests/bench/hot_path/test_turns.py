from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.hot_path.turns import Bench, beside, rates


class TurnsTests(SynchronousTestCase):
    """Tests of the rounds, and of how figures are shown."""

    def test_in_turns(self) -> None:
        """In each round everybody has a turn, in the same order."""
        asked: list[str] = []

        def measure(name: str) -> float:
            asked.append(name)
            return float(len(asked))

        found = Bench(Path(), rounds=2).in_turns({"a": lambda: measure("a"), "b": lambda: measure("b")})
        self.assertEqual(asked, ["a", "b", "a", "b"])
        self.assertEqual(found, {"a": [1, 3], "b": [2, 4]})

    def test_medians(self) -> None:
        """A ratio is that of medians."""
        self.assertEqual(rates([90_000, 100_000, 70_000]), "90,000 (70,000 to 100,000)")
        (row,) = beside("… of it", [10, 90, 20], [40, 10, 90], "at least 1")
        self.assertEqual(row, ("… of it", "0.50, beside 40 (10 to 90)", "at least 1"))

    def test_missing(self) -> None:
        """A server that is not there says why."""
        self.assertEqual(
            beside("… of it", [1], "caddy is not installed", "4"),
            [("… of it", "not measured: caddy is not installed", "4")],
        )
