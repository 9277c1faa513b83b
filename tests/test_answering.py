"""What nodes have of issuing, whether they issue or not."""

from collections.abc import Sequence
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.answering import Answering
from couchpages.metrics import Metrics
from couchpages.testing.memory_database import MemoryDatabase


class Records:
    """A :class:`couchpages.ports.ChallengeRecords` that remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def hold(self, doc_id: str, name: str, texts: Sequence[str], generation: int) -> None:
        """See ChallengeRecords."""
        self.told.append((doc_id, name, tuple(texts), generation))

    def loaded(self) -> None:
        """See ChallengeRecords."""
        self.told.append(("loaded",))

    async def when_answered(self, doc_id: str, generation: int, patience: float) -> None:
        """See ChallengeRecords."""


class Keys:
    """What of a :class:`couchpages.certificate_store.CertificateStore` is needed for challenges."""

    def tell_keys(self, use: Any) -> None:
        """Tell none."""
        use([])


class AnsweringTests(SynchronousTestCase):
    """``Answering``."""

    def test_loaded(self) -> None:
        """Once all documents were told, so that each was given to hold, who answers them in DNS is told so."""
        records = Records()
        answering = Answering(Clock(), MemoryDatabase("secrets"), Metrics(), cast("Any", Keys()), records)
        self.assertEqual(records.told, [])
        answering.loaded()
        self.assertEqual(records.told, [("loaded",)])
