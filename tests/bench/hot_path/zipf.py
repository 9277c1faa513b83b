"""Orders of requests, the same in every run (pure)."""

import random

SEED = 20261124


def zipf(count: int, draws: int, exponent: float = 1.0) -> tuple[int, ...]:
    """Draw indices below *count*; the one of rank r, ranks being dealt at random, comes in proportion to 1 / r ** exponent."""
    chance = random.Random(SEED)  # noqa: S311 -- the same order each time
    ranked = list(range(count))
    chance.shuffle(ranked)
    weights = [(rank + 1) ** -exponent for rank in range(count)]
    return tuple(chance.choices(ranked, weights, k=draws))


def uniform(count: int, draws: int) -> tuple[int, ...]:
    """Draw indices below *count*, each as likely as any other."""
    chance = random.Random(SEED)  # noqa: S311 -- the same order each time
    return tuple(chance.choices(range(count), k=draws))
