"""What takes the zones that are compiled, and answers from them: the Protocol (pure)."""

from collections.abc import Collection
from typing import Protocol

from couchpages.dns.names import Name
from couchpages.dns.zone import Zone


class Published(Protocol):
    """The zones that a node answers from. Used in the reactor's thread."""

    def publish(self, zone: Zone, touched: Collection[Name] | None) -> None:
        """Answer from *zone* from now on, instead of from the one with its apex before.

        *touched* are the canonical owner names whose data changed (the SOA's serial always does), None where any may have.
        """
        ...

    def withhold(self, apex: Name) -> None:
        """Answer nothing about the names of a zone that there is (SERVFAIL), until it is published or withdrawn."""
        ...

    def withdraw(self, apex: Name) -> None:
        """Answer from the zone of this name no longer, nor withhold it."""
        ...

    def complete(self) -> None:
        """Take note that every zone is known now: what is outside them is foreign (REFUSED), and before, unknown (SERVFAIL)."""
        ...

    def complete_challenges(self) -> None:
        """Take note that every challenge of certificate authorities is answered now: before, of one that is not there nothing is known."""
        ...
