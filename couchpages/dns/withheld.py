"""Zones that came before their records, and are not answered yet, neither with what is here of them nor as foreign (timers; logs).

Zones and records replicate each for themselves. What is not here yet is not missing: "no such name" would be false (law 3). A zone of ours
tells how many records it was made with, and always has an SOA and NS. What was answered once goes on being answered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.logger import Logger

from couchpages.dns import codes
from couchpages.dns.holdings import Holdings
from couchpages.dns.last_served import LastServed
from couchpages.dns.names import Name, shown
from couchpages.dns.published import Published
from couchpages.metrics import Metrics

#: Seconds without another record after which a zone is answered with what is here of it: what its document says may be wrong.
PATIENCE = 600.0
#: Seconds between two looks for zones whose time is over.
LOOK = 30.0
#: Zones that are told by name.
NAMED = 20


@dataclass(slots=True)
class Wait:
    """How many records of a zone are here, and since when there are so many."""

    here: int
    since: float


class Withheld:
    """Used in *reactor*'s thread. *given_up* is called when zones are to be answered after all, which were noted to *holdings* then."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        holdings: Holdings,
        last: LastServed,
        published: Published,
        metrics: Metrics,
        given_up: Callable[[], object],
    ) -> None:
        self._reactor = reactor
        self._holdings = holdings
        self._last = last
        self._published = published
        self._given_up = given_up
        self._waits: dict[Name, Wait] = {}
        self._whole: set[Name] = set()
        self._timer: Any = None
        metrics.dns_withheld.set_function(lambda: len(self._waits))

    def __contains__(self, apex: object) -> bool:
        return apex in self._waits

    def withholds(self, apex: Name) -> bool:
        """Whether a zone that is not answered now is not to be answered yet; it is withheld, or no longer."""
        if apex in self._whole or (apex in self._last.served and apex not in self._last.gone) or not self.lacks(apex):
            self._waits.pop(apex, None)
            return False
        here, wait = self._here(apex), self._waits.get(apex)
        if wait is None or wait.here != here:
            self._waits[apex] = Wait(here, self._reactor.seconds())
        if wait is None:
            self._published.withhold(apex)
            self.log.info("{zone} is not answered yet: {why}", zone=shown(apex), why=self._why(apex))
        if self._timer is None:
            self._timer = self._reactor.callLater(LOOK, self._look)
        return True

    def lacks(self, apex: Name) -> bool:
        """Whether a zone that there is lacks records that it had when it was made."""
        zone = self._holdings.register.named(apex)
        if zone is None or not zone.promised:
            return False
        types = {record.type for _, record in self._holdings.records_at(zone.zone_id, apex) if not record.disabled}
        return not types >= {codes.SOA, codes.NS} or self._here(apex) < zone.promised

    def forget(self, apex: Name) -> None:
        """Note that a zone is gone."""
        self._whole.discard(apex)
        if self._waits.pop(apex, None) is not None:
            self._published.withdraw(apex)

    def stop(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def troubles(self) -> list[str]:
        """Give a sentence for each zone, or for the first of many."""
        told = [f"{shown(apex)} is not answered yet: {self._why(apex)}" for apex in list(self._waits)[:NAMED]]
        more = len(self._waits) - NAMED
        return [*told, f"{more} more zones are not answered yet"] if more > 0 else told

    def _look(self) -> None:
        self._timer = None
        now = self._reactor.seconds()
        # Of a zone without any record, surely none is here yet.
        over = [apex for apex, wait in self._waits.items() if wait.here and now - wait.since >= PATIENCE]
        for apex in over:
            self.log.warn(
                "{zone} is answered with what is here of it, though {why}, and no more came for {seconds} seconds",
                zone=shown(apex),
                why=self._why(apex),
                seconds=PATIENCE,
            )
            self._whole.add(apex)
            self._holdings.rebuild(apex)
        if self._waits:
            self._timer = self._reactor.callLater(LOOK, self._look)
        if over:
            self._given_up()

    def _here(self, apex: Name) -> int:
        """Count a zone's records, and those that were deleted: a later deletion does not make a zone look incomplete."""
        zone = self._holdings.register.named(apex)
        return len(self._holdings.shelf(zone.zone_id)) if zone is not None else 0

    def _why(self, apex: Name) -> str:
        zone = self._holdings.register.named(apex)
        promised, here = zone.promised if zone is not None else 0, self._here(apex)
        return f"{here} of {promised} records are here" if here < promised else "its SOA or its NS are not here"
