"""What lasts is left out of garbage collections."""

import gc

from twisted.trial.unittest import SynchronousTestCase

from couchpages.garbage import Lasting
from couchpages.ports import Change


class Sink:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def apply(self, change: Change) -> None:
        """Note it."""
        self.told.append(change.doc_id)

    def loaded(self) -> None:
        """Note it."""
        self.told.append("loaded")


class LastingTests(SynchronousTestCase):
    """``Lasting``."""

    def test_freezes_once(self) -> None:
        """Everything is passed on; what was loaded first is frozen, and what comes when the follower connects again is not."""
        self.addCleanup(gc.unfreeze)
        gc.unfreeze()
        sink = Sink()
        lasting = Lasting(sink)
        lasting.apply(Change("a", None))
        self.assertEqual(gc.get_freeze_count(), 0)
        lasting.loaded()
        frozen = gc.get_freeze_count()
        self.assertGreater(frozen, 0)
        later = [[] for _ in range(1000)]  # type: ignore[var-annotated]  # of nothing
        lasting.apply(Change("b", None))
        lasting.loaded()
        self.assertLess(gc.get_freeze_count(), frozen + len(later))
        self.assertEqual(sink.told, ["a", "loaded", "b", "loaded"])
