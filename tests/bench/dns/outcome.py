"""What a generator tells of one run (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

#: Of the questions, what may be lost.
MOST_LOST = 0.001


@dataclass(frozen=True, slots=True)
class Outcome:
    """Answers in so many seconds, what was wrong with them, and the CPU seconds that the server and the generator used meanwhile."""

    answers: int
    seconds: float
    wrong: int
    lost: int
    stray: int
    server: float
    generator: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds

    @property
    def share(self) -> float:
        """The part of its core that the server used; much less than 1 means that something else was the limit."""
        return self.server / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Answers for each second of the server's CPU time."""
        return self.answers / self.server if self.server else 0.0

    def trouble(self) -> str | None:
        """Say why it means nothing, or give None."""
        if not self.answers or self.wrong:
            return f"{self.wrong} of {self.answers} answers were wrong"
        if self.lost > MOST_LOST * self.answers or self.stray > self.lost:
            return f"{self.lost} questions were lost and {self.stray} answers came late, beside {self.answers} in time"
        return None


def shown(outcomes: Sequence[Outcome]) -> str:
    """Give the median rate with the extremes, and who was busy."""
    rates = [each.rate for each in outcomes]
    parts = [
        f"{median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})",
        f"server busy {median(each.share for each in outcomes):.0%}",
        f"{median(each.per_cpu_second for each in outcomes):,.0f} a CPU second",
    ]
    lost = sum(each.lost for each in outcomes)
    return "; ".join([*parts, f"{lost} lost"] if lost else parts)


def ratio(own: Sequence[Outcome], other: Sequence[Outcome]) -> str:
    """Give the median of the rounds' ratios of rates, with the extremes."""
    ratios = [one.rate / two.rate for one, two in zip(own, other, strict=True)]
    digits = 2 if median(ratios) < 10 else 0
    return f"{median(ratios):.{digits}f} ({min(ratios):.{digits}f} to {max(ratios):.{digits}f})"
