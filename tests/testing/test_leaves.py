"""The leaves of a document in memory, beside the embedded store's revision trees, which the contract suite holds against CouchDB."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.revisions import Leaf as StoreLeaf
from couchpages.couch.embedded.revisions import Tree, merge, parse_revision
from couchpages.couch.embedded.revisions import winner as store_winner
from couchpages.testing.leaves import Document, Leaf, graft, successor

EDITS = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["a", "b", None])), min_size=1, max_size=8)


def grown(edits: list[tuple[int, str | None]]) -> list[Leaf]:
    """Give revisions, each an edit of an earlier one or a first one."""
    made: list[Leaf] = []
    for place, text in edits:
        parent = made[place % len(made)] if made and place % 3 else None
        made.append(successor(parent, None if text is None and parent else {"text": text}, {}))
    return made


class LeavesTests(SynchronousTestCase):
    """``graft`` and ``Document``."""

    @given(EDITS, st.randoms(use_true_random=False))
    @settings(deadline=None)
    def test_like_a_tree(self, edits: list[tuple[int, str | None]], random: Random) -> None:
        """In whatever order revisions come, leaves and winner are those of the whole tree."""
        revisions = grown(edits)
        random.shuffle(revisions)
        leaves: tuple[Leaf, ...] = ()
        tree = Tree({})
        for each in revisions:
            leaves = graft(leaves, each)
            tree = merge(tree, [parse_revision(rev) for rev in each.history], deleted=each.body is None)
        expected = {StoreLeaf(parse_revision(each.rev), each.body is None) for each in leaves}
        self.assertEqual(set(tree.leaves()), expected)
        self.assertEqual(str(store_winner(tree.leaves()).revision), Document(leaves).rev)

    def test_same_edit_same_name(self) -> None:
        """What two nodes write alike is one revision: no conflict."""
        first = successor(None, {"a": 1}, {})
        self.assertEqual(successor(first, {"a": 2}, {"x": b"1"}), successor(first, {"a": 2}, {"x": b"1"}))
        self.assertNotEqual(successor(first, {"a": 2}, {"x": b"1"}).rev, successor(first, {"a": 2}, {"x": b"2"}).rev)
