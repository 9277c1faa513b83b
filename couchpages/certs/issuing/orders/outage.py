"""When an authority is asked again that failed for all names alike (pure). Moments and pauses are seconds."""

from couchpages.certs.issuing.orders.backoff import pause

#: When the authority is back, nobody shall wait for longer.
LONGEST = 900.0
#: Failures in a row after which a node lets others try: what is between it and the authority may not be between them.
STANDS_ASIDE = 3


class Outage:
    """However many names meet it at once, it is one failure; until it is over, nobody asks. *words* say what failed last."""

    def __init__(self) -> None:
        self.words = ""
        #: How often it failed in a row.
        self._failures = 0
        self._stood_aside = 0
        self._since = self._until = 0.0

    def lasts(self, now: float) -> bool:
        """Whether the authority is left alone *now*."""
        # A clock that was set back makes no pause longer.
        return self._since <= now < self._until

    def failed(self, words: str, now: float, chance: float, asked: float | None, left: float | None = None) -> float:
        """Take note of a failure, and of the pause that the authority *asked* for; give the seconds until the next try.

        *left* are the seconds until the certificate ends that was to be renewed: see :func:`couchpages.certs.issuing.orders.backoff.pause`.
        """
        self.words = words
        if not self.lasts(now):
            self._failures += 1
            self._since, self._until = now, now + min(pause(self._failures, chance, left), LONGEST)
        # It may ask for a day; whether it is well again before is worth a question now and then.
        self._until = max(self._until, now + min(asked or 0.0, LONGEST))
        return self._until - now

    def answers(self) -> None:
        """Take note that the authority takes orders: nobody has to hear of its failure any more, but it may fail again in the midst."""
        self.words = ""

    def over(self) -> None:
        """Take note that the authority did what it was asked to."""
        self.words, self._failures, self._until, self._stood_aside = "", 0, 0.0, 0

    def stands_aside(self) -> bool:
        """Whether it is time to let others try; said once for every so many failures."""
        turns, before = self._failures // STANDS_ASIDE, self._stood_aside
        self._stood_aside = turns
        return turns > before
