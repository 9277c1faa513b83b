"""Which of conflicting manifests stands."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.manifest import Manifest
from couchpages.pages.rivals import judge, resting_places, same_content
from couchpages.ports import Json
from tests.pages.parts import HOST, deployed, document, live

A, B = "ab" * 32, "cd" * 32


class RivalTests(SynchronousTestCase):
    """``judge``."""

    def check(self, *ranked: Json) -> None:
        """Check that the first wins against the others, however they are ordered."""
        for order in permutations(ranked):
            judgement = judge(order)
            assert judgement is not None
            self.assertEqual((judgement.winner, judgement.losers), (ranked[0], ranked[1:]))

    def test_the_later_activation(self) -> None:
        """The later activation wins, whatever CouchDB would choose, and whenever the deployments were made."""
        self.check(
            document(live(deployed("aa", [A]), 7), "1-a"), document(live(deployed("zz", [B], created=6), 6), "9-z")
        )

    def test_the_same_moment(self) -> None:
        """At the same moment the greater id wins (law 7), whichever was made later."""
        self.check(
            document(live(deployed("b", [A], created=1), 7), "1-a"),
            document(live(deployed("a", [B], created=6), 7), "2-a"),
        )

    def test_the_same_deployment(self) -> None:
        """Of one deployment's own documents the later wins; of what says the same, the one with more edits."""
        later, earlier = deployed("a", [A], created=6), deployed("a", [B], created=5)
        self.check(document(later, "1-a"), document(earlier, "2-a"))
        self.check(document(later, "10-a"), document(later, "9-b"), document(later, "9-a"))

    def test_first_system(self) -> None:
        """Documents of the first system, which notes no moment, lose against ours, and decide among themselves by the commit."""
        theirs = [
            {"_id": HOST, "_rev": f"{n}-a", "GitHash": commit, "URLHashDictionary": {"x": A}}
            for n, commit in ((1, "b" * 40), (2, "a" * 40))
        ]
        self.check(document(live(deployed("zz", [A]), 1)), *theirs)

    def test_what_cannot_be_read(self) -> None:
        """A revision that is malformed, or of a later version, neither wins nor is removed."""
        good = document(live(deployed("a", [A])))
        for bad in ({}, {"_id": HOST, "_rev": "9-z"}, {**good, "couchpages": {"version": 2}}):
            judgement = judge([bad, good])
            assert judgement is not None
            self.assertEqual((judgement.winner, judgement.losers), (good, ()))
        self.assertIsNone(judge([{}, {"_id": HOST}]))
        self.assertIsNone(judge([]))

    @given(
        st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1), st.data()
    )
    @settings(deadline=None)
    def test_every_node_alike(self, wrote: list[tuple[int, str, str]], data: st.DataObject) -> None:
        """The order in which revisions are read makes no difference."""
        leaves = [document(live(deployed(id_, [A], created=0), moment), f"1-{rev}") for moment, id_, rev in set(wrote)]
        first, second = (judge(data.draw(st.permutations(leaves))) for _ in range(2))
        assert first is not None
        self.assertEqual(first, second)
        self.assertEqual(len(first.losers), len(leaves) - 1)


class RestingTests(SynchronousTestCase):
    """Where a losing deployment goes."""

    def places(self, manifest: Manifest) -> list[str]:
        """Give the ids."""
        return [place.deployment.id for place in resting_places(manifest)]

    def test_places(self) -> None:
        """First its own id, then one that its content makes: the same on every node, whether it was live or not."""
        manifest = deployed("a", [A])
        own, other = self.places(manifest)
        self.assertEqual(own, "a")
        self.assertEqual(self.places(live(manifest, 99)), [own, other])
        others = {other, *(self.places(each)[1] for each in (deployed("a", [B]), deployed("a", [A], created=6)))}
        self.assertEqual(len(others), 3)

    def test_same_content(self) -> None:
        """What publishes the same is the same, whenever that was and whatever it is called."""
        self.assertTrue(same_content(deployed("a", [A]), live(deployed("b", [A], created=9), 10)))
        others = (
            deployed("a", [B]),
            deployed("a", [A, A]),
            deployed("a", [A], commit="c"),
            deployed("a", [A], site="x.example"),
        )
        for other in others:
            self.assertFalse(same_content(deployed("a", [A]), other))
