"""The zones that this node answers for (pure): swapped one by one, whoever holds answers made of them being told."""

from collections.abc import Callable, Collection
from typing import TypeAlias

from couchpages.dns.names import Name
from couchpages.dns.zone import Zone

Changed: TypeAlias = Callable[[Collection[Name] | None], object]
"""Told of the canonical names whose answers may be others now, but for an SOA's serial; of None where any may be."""


class ServedZones:
    """What questions are answered from.

    :ivar by_apex: the zones by their canonical names. The same dict always.
    :ivar withheld: the canonical names of zones that there are, and that are not answered yet, nor by a zone above. The same set always.
    :ivar all_known: whether every zone is known, so that a name outside of them is foreign.
    :ivar challenges_known: whether every challenge of certificate authorities is answered, so that one that is not there is none.
    """

    def __init__(self) -> None:
        self.by_apex: dict[Name, Zone] = {}
        self.withheld: set[Name] = set()
        self.all_known = False
        self.challenges_known = False
        self._told: list[Changed] = []

    def tell(self, changed: Changed) -> None:
        """Have *changed* called after every change."""
        self._told.append(changed)

    def publish(self, zone: Zone, touched: Collection[Name] | None) -> None:
        """Serve a zone from now on, in place of what was served of it; *touched* are the canonical names that changed, None for any."""
        before = self.by_apex.get(zone.apex)
        self.by_apex[zone.apex] = zone
        self.withheld.discard(zone.apex)
        # Where the zone's data end decides about all names below.
        everything = before is None or before.cuts != zone.cuts
        self._tell(None if everything else touched)

    def withhold(self, apex: Name) -> None:
        """Answer nothing about a zone's names until it is published or withdrawn."""
        if apex not in self.withheld:
            self.withheld.add(apex)
            self._tell(None)

    def withdraw(self, apex: Name) -> None:
        """Serve a zone no longer, nor withhold it."""
        served, withheld = self.by_apex.pop(apex, None) is not None, apex in self.withheld
        self.withheld.discard(apex)
        if served or withheld:
            self._tell(None)

    def complete(self) -> None:
        """Every zone is known now."""
        self.all_known = True
        self._tell(None)

    def complete_challenges(self) -> None:
        """Every challenge is answered now."""
        if not self.challenges_known:
            self.challenges_known = True
            self._tell(None)

    def _tell(self, touched: Collection[Name] | None) -> None:
        for changed in self._told:
            changed(touched)
