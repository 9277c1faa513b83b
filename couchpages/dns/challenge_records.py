"""Takes challenges from whoever has them answered, and tells when they are (timers are its parts')."""

from collections.abc import Awaitable, Callable, Sequence

from couchpages.dns import codes
from couchpages.dns.challenges import read_challenge
from couchpages.dns.holdings import Holdings
from couchpages.dns.intake import Intake
from couchpages.dns.swaps import Swaps
from couchpages.sightings import Sightings


class ChallengeRecords:
    """A :class:`couchpages.ports.ChallengeRecords`. Used in the reactor's thread."""

    def __init__(self, holdings: Holdings, intake: Intake, swaps: Swaps, sightings: Sightings) -> None:
        self._holdings = holdings
        self._intake = intake
        self._swaps = swaps
        self._sightings = sightings

    def hold(self, doc_id: str, name: str, texts: Sequence[str], generation: int) -> None:
        """See :class:`couchpages.ports.ChallengeRecords`. Raises ValueError for what cannot be answered, and what was held stays."""
        if self._intake.challenge_came(doc_id, read_challenge(name, texts, generation)):
            self._swaps.came()

    def loaded(self) -> None:
        """See :class:`couchpages.ports.ChallengeRecords`. What is missing of what counted in serials before a restart is gone then."""
        self._swaps.challenges_loaded()

    def when_answered(self, doc_id: str, generation: int, patience: float) -> Awaitable[None]:
        """See :class:`couchpages.ports.ChallengeRecords`.

        What stands in no zone of ours, below a delegation or a DNAME in it, or beside a CNAME, is never answered.
        """
        return self._sightings.when(self._is_answered(doc_id, generation), patience)

    def _is_answered(self, doc_id: str, generation: int) -> Callable[[], bool]:
        def is_answered() -> bool:
            held = self._holdings.challenges.documents.get(doc_id)
            if held is None or held.generation < generation or self._intake.is_challenge_waiting(doc_id):
                return False
            if not held.rdatas:
                return True
            closest = self._holdings.register.above(held.owner)
            zone = self._swaps.zones.get(closest.apex) if closest is not None else None
            found = zone.nodes.get(held.owner, {}).get(codes.TXT) if zone is not None else None
            return found is not None and set(held.rdatas) <= set(found.rdatas)

        return is_answered
