"""Deployments that wait for blobs."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.manifest import Deployment
from couchpages.pages.waiting import MOST, Wait, WaitingList

DEPLOYMENT = Deployment("a.example", "one", None, None, 0, 1, 1, preview=False)
BLOBS = st.sampled_from("abcde")
STEPS = st.lists(
    st.tuples(st.just("add"), st.sampled_from(["x", "y"]), st.sets(BLOBS, min_size=1))
    | st.tuples(st.sampled_from(["arrived", "left"]), BLOBS, st.none())
    | st.tuples(st.just("withdraw"), st.sampled_from(["x", "y"]), st.none()),
    max_size=25,
)


def wait(doc_id: str, *blobs: str, missing: str | None = None) -> Wait:
    """Give a wait for *blobs*, of which those in *missing*, or all, are not here."""
    lacking = set(blobs if missing is None else missing)
    return Wait(doc_id, "1-a", DEPLOYMENT, frozenset(blobs), lacking, 0, lambda _: None)


@dataclass
class Model:
    """The same, by looking at everything each time."""

    here: set[str] = field(default_factory=set)
    waits: list[Wait] = field(default_factory=list)

    def of(self, doc_id: str) -> list[Wait]:
        """Give a document's waits."""
        return [each for each in self.waits if each.doc_id == doc_id]

    def whole(self) -> list[Wait]:
        """Take out what is whole, newest first, and what came before it."""
        found = []
        for each in reversed(list(self.waits)):
            if each in self.waits and each.blobs <= self.here:
                found.append(each)
                before = self.of(each.doc_id)
                gone = before[: before.index(each) + 1]
                self.waits = [other for other in self.waits if other not in gone]
        return found


class WaitingTests(SynchronousTestCase):
    """``WaitingList``."""

    def test_the_last_blob(self) -> None:
        """Only the last blob makes a deployment whole; then it waits no more."""
        waiting = WaitingList()
        mine = wait("x", "a", "b", "c", missing="bc")
        waiting.add(mine)
        self.assertEqual((waiting.arrived("a"), waiting.arrived("c"), waiting.wanted()), ([], [], {"b"}))
        self.assertEqual(waiting.arrived("b"), [mine])
        self.assertEqual((len(waiting), waiting.wanted(), waiting.arrived("b")), (0, set(), []))

    def test_a_blob_that_leaves(self) -> None:
        """A blob that was here and is deleted is waited for too; of others nobody minds."""
        waiting = WaitingList()
        mine = wait("x", "a", "b", missing="b")
        waiting.add(mine)
        self.assertEqual((waiting.left("a"), waiting.left("a"), waiting.left("z")), (True, False, False))
        self.assertEqual((waiting.arrived("b"), waiting.arrived("a")), ([], [mine]))

    def test_versions_in_between(self) -> None:
        """A newer version that is whole makes the older ones forgotten, an older one only those before it."""
        waiting = WaitingList()
        first, second, third = wait("x", "a"), wait("x", "b"), wait("x", "c")
        for each in (first, second, third):
            waiting.add(each)
        self.assertEqual((waiting.arrived("b"), waiting.of("x"), waiting.wanted()), ([second], [third], {"c"}))

    def test_newer_first_in_the_list(self) -> None:
        """Two that become whole with one blob are told once each, or only the newer one when it was told first."""
        waiting = WaitingList()
        older, newer = wait("x", "a", "b", missing="b"), wait("x", "a", "c", missing="a")
        waiting.add(older)
        waiting.add(newer)
        waiting.left("a")
        self.assertEqual(waiting.arrived("b"), [])
        self.assertEqual(waiting.arrived("a"), [newer])
        self.assertEqual(len(waiting), 0)

    def test_bound(self) -> None:
        """Of too many versions the oldest, which are nearest to being whole, and the newest stay."""
        waiting = WaitingList()
        waits = [wait("x", f"{number}") for number in range(20)]
        for each in waits:
            waiting.add(each)
        self.assertEqual(waiting.of("x"), [*waits[: MOST - 1], waits[-1]])
        self.assertEqual(len(waiting.wanted()), MOST)

    @given(STEPS)
    @settings(deadline=None)
    def test_against_a_model(self, steps: list[tuple[str, str, Any]]) -> None:
        """Whatever comes and goes: nobody is whole too early, nobody is forgotten, nothing is left behind."""
        waiting, model = WaitingList(), Model()
        for step, name, blobs in steps:
            told: list[Wait] = []
            match step:
                case "add" if not blobs <= model.here and len(model.of(name)) < MOST:
                    mine = wait(name, *blobs, missing="".join(blobs - model.here))
                    waiting.add(mine)
                    model.waits.append(mine)
                case "arrived":
                    model.here.add(name)
                    told = waiting.arrived(name)
                case "left":
                    model.here.discard(name)
                    waiting.left(name)
                case "withdraw":
                    waiting.withdraw(name)
                    model.waits = [each for each in model.waits if each.doc_id != name]
            expected = model.whole()
            # The newest of each document is told for certain; one before it may be told just before.
            self.assertTrue({id(each) for each in expected} <= {id(each) for each in told})
            self.assertTrue(all(each.blobs <= model.here for each in told))
            self.assertEqual(
                [id(each) for each in waiting], [id(each) for each in sorted(model.waits, key=self.place(waiting))]
            )
            self.assertEqual(waiting.wanted(), {blob for each in model.waits for blob in each.blobs - model.here})

    def place(self, waiting: WaitingList) -> Any:
        """Order waits as the list does."""
        order = {id(each): place for place, each in enumerate(waiting)}
        return lambda each: order.get(id(each), -1)
