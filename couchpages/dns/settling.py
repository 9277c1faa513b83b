"""When what came is put in place: soon, but all of a burst at once (pure)."""

from dataclasses import dataclass

#: Seconds of quiet after which a burst is over.
QUIET = 0.05
#: Seconds after which what came first is not kept waiting for more.
MOST = 0.5


@dataclass(slots=True)
class Settling:
    """Since when something that was read waits (None: nothing does), and when more was; times in seconds on any clock."""

    first: float | None = None
    last: float = 0.0

    def note(self, now: float) -> None:
        """Something was read."""
        self.first = now if self.first is None else self.first
        self.last = now

    @property
    def due(self) -> float | None:
        """When it is to be put in place, if nothing more comes; None while nothing waits."""
        return None if self.first is None else min(self.last + QUIET, self.first + MOST)

    def is_overdue(self, now: float) -> bool:
        """Whether it waited as long as it may."""
        return self.first is not None and now >= self.first + MOST

    def is_due(self, now: float) -> bool:
        """Whether it is to be put in place."""
        due = self.due
        return due is not None and now >= due
