"""How long to wait before the next try, decided (pure)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter: seconds up to *first* before the first repetition, doubling up to *most*.

    Full jitter spreads clients that failed together evenly over the whole interval; half of the interval is kept as a
    floor so that a retry never follows at once.
    """

    first: float = 0.2
    most: float = 5.0
    tries: int = 4

    def delay(self, failures: int, chance: float) -> float:
        """Give the seconds to wait after the *failures*-th failure in a row (from 1); *chance* is random in [0, 1)."""
        # The exponent is bounded so that a node that waits for days does not compute huge powers.
        ceiling = min(self.most, self.first * 2.0 ** min(failures - 1, 32))
        return ceiling * (0.5 + chance / 2)
