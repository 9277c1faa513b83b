"""A database in which several features keep documents."""

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.divided import Divided, Part
from couchpages.ports import Change, Json, Judgement


class Feature:
    """A sink and a rule that remember."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def apply(self, change: Change) -> None:
        """Remember."""
        self.told.append(change.doc_id)

    def loaded(self) -> None:
        """Remember."""
        self.told.append("loaded")

    def knows(self, doc_id: str) -> bool:
        """Tell."""
        return doc_id in self.told

    def judge(self, doc_id: str, leaves: Sequence[Json]) -> Judgement | None:
        """Choose the first."""
        del doc_id
        return Judgement(leaves[0], ())

    async def preserve(self, doc_id: str, loser: Json, winner: Json) -> bool:
        """Agree."""
        del loser, winner
        self.told.append(f"preserve {doc_id}")
        return True


class DividedTests(SynchronousTestCase):
    """``Divided``."""

    def test_each_its_own(self) -> None:
        """Each feature hears of its own documents, the first that owns one; all hear that everything is loaded."""
        one, other = Feature(), Feature()
        divided = Divided(
            Part(lambda doc_id: doc_id.startswith("a"), one, one), Part(lambda doc_id: doc_id != "z", other, other)
        )
        for doc_id in ("a1", "b1", "z"):
            divided.apply(Change(doc_id, {}))
        divided.loaded()
        self.assertEqual((one.told, other.told), (["a1", "loaded"], ["b1", "loaded"]))
        self.assertEqual([divided.knows(each) for each in ("a1", "b1", "z", "b2")], [True, True, False, False])
        self.assertEqual(divided.judge("a1", [{"n": 1}]), Judgement({"n": 1}, ()))
        self.assertIsNone(divided.judge("z", [{"n": 1}]))
        for doc_id, kept in (("a1", True), ("z", False)):
            self.assertIs(self.successResultOf(Deferred.fromCoroutine(divided.preserve(doc_id, {}, {}))), kept)
        self.assertEqual(one.told[-1], "preserve a1")
