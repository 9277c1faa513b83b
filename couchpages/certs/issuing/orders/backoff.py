"""When what failed is tried again (pure). Times are seconds."""

#: The first pause, doubling up to the longest. Let's Encrypt lets five validations of a name fail in an hour.
FIRST, LONGEST = 60.0, 6 * 3600.0
#: Pauses are this part longer or shorter, at random, so that what failed together is not tried together.
JITTER = 0.25
#: Doublings after which no number grows any more.
MOST_DOUBLINGS = 16
#: The part of what is left of a certificate that a pause takes at most, so that there are tries until its end.
PART_OF_REST = 4
#: Pauses are never shorter, except for certificates that live for minutes.
SHORTEST = 1.0


def pause(failures: int, chance: float, left: float | None, asked: float | None = None) -> float:
    """Give the seconds until the next try after so many *failures* in a row, at least one.

    *chance* is in [0, 1). *left* are the seconds until the certificate that is to be replaced ends: tries go on until then, at ever shorter
    pauses; None where there is none, or it has ended. The CA's *asked* pause (Retry-After) counts in any case.
    """
    doubled = min(LONGEST, FIRST * float(2 ** min(max(failures - 1, 0), MOST_DOUBLINGS)))
    jittered = doubled * (1 - JITTER + 2 * JITTER * chance)
    if left is not None and left > 0:
        jittered = min(jittered, max(left / PART_OF_REST, SHORTEST), left)
    return max(jittered, asked or 0.0)
