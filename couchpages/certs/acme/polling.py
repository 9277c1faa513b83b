"""How long to wait until an authority is asked once more about the same (pure)."""

SHORTEST, LONGEST = 1.0, 60.0
#: Seconds between two looks where the authority does not say: they grow, and stay short enough that nobody waits for nothing.
_FIRST, _GROWTH, _SLOWEST = 1.0, 1.5, 10.0


def pause(asked: int, retry_after: float | None) -> float:
    """Give the seconds to wait after it was *asked* so many times; what ``Retry-After`` said goes before, within bounds."""
    if retry_after is not None:
        return min(max(retry_after, SHORTEST), LONGEST)
    return min(_FIRST * _GROWTH ** min(max(asked - 1, 0), 20), _SLOWEST)
