"""Revision trees, decided: winners, merging, stemming."""

from collections.abc import Iterable, Sequence
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.errors import ApiError
from couchpages.couch.embedded.revisions import (
    Leaf,
    Revision,
    Tree,
    conflicts,
    merge,
    next_revision,
    parent_for,
    parse_revision,
    stem,
    winner,
)

Path = tuple[Revision, ...]

digests = st.sampled_from([letter * 32 for letter in "0123abcdef"]) | st.text("abcxyz", min_size=1, max_size=3)
revisions = st.builds(Revision, st.integers(1, 9), digests)
leaves = st.lists(st.builds(Leaf, revisions, st.booleans()), min_size=1, unique_by=lambda leaf: leaf.revision)


def merge_all(paths: Iterable[tuple[Path, bool]]) -> Tree:
    """Merge (path, deleted) pairs one after another, beginning with nothing."""
    return reduce(lambda tree, each: merge(tree, each[0], deleted=each[1]), paths, Tree({}))


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Path, bool]]:
    """Draw what several nodes could have written: paths from revisions that share ancestors, each tip dead or alive.

    Digests tell the whole ancestry, as real ones do, so that one name never has two parents.
    """
    branches = draw(st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=8, unique=True))
    dead = draw(st.sets(st.sampled_from(branches)))
    return [(_path(branch), branch in dead) for branch in branches]


def _path(branch: str) -> Path:
    return tuple(Revision(length, branch[:length]) for length in range(len(branch), 0, -1))


def _cut(path: Path, length: int) -> Path:
    return path[: max(1, length)]


class ParsingTests(SynchronousTestCase):
    """Names of revisions."""

    @settings(deadline=None)
    @given(revisions)
    def test_round_trip(self, revision: Revision) -> None:
        """What is written reads back."""
        self.assertEqual(parse_revision(str(revision)), revision)

    def test_hexadecimal_case(self) -> None:
        """Upper case in a digest of 32 hexadecimal digits means the same."""
        self.assertEqual(str(parse_revision("1-" + "AB" * 16)), "1-" + "ab" * 16)

    def test_malformed(self) -> None:
        """Everything else is refused."""
        for text in ("", "1", "1-", "-a", "x-a", "1-a b", 7, None, "１-a"):  # noqa: RUF001  # a wide digit
            with self.assertRaises(ApiError):
                parse_revision(text)


class WinnerTests(SynchronousTestCase):
    """Which leaf a reader sees."""

    @settings(deadline=None)
    @given(leaves, st.randoms())
    def test_order_does_not_matter(self, every: list[Leaf], random: object) -> None:
        """Every node chooses the same, in whatever order it knows the leaves."""
        shuffled = list(every)
        random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis gives a Random
        self.assertEqual(winner(shuffled), winner(every))

    @settings(deadline=None)
    @given(leaves)
    def test_living_before_dead(self, every: list[Leaf]) -> None:
        """A tombstone wins only when all are tombstones; among equals the greatest generation wins."""
        best = winner(every)
        self.assertEqual(best.deleted, all(leaf.deleted for leaf in every))
        rivals = [leaf for leaf in every if leaf.deleted is best.deleted]
        self.assertEqual(best.revision.generation, max(leaf.revision.generation for leaf in rivals))

    def test_digest_decides(self) -> None:
        """Of two of one generation, the greater digest wins."""
        every = [Leaf(Revision(2, "bbb"), deleted=False), Leaf(Revision(2, "ccc"), deleted=False)]
        self.assertEqual(winner(every).revision.digest, "ccc")

    @settings(deadline=None)
    @given(leaves)
    def test_everybody_else_conflicts(self, every: list[Leaf]) -> None:
        """The winner and the two lists of losers are all the leaves."""
        losers = conflicts(every, deleted=False) + conflicts(every, deleted=True)
        self.assertEqual({winner(every).revision, *losers}, {leaf.revision for leaf in every})
        self.assertEqual(len(losers), len(every) - 1)


class ParentTests(SynchronousTestCase):
    """What an edit may stand on."""

    living = Leaf(Revision(2, "a"), deleted=False)
    dead = Leaf(Revision(3, "b"), deleted=True)

    def test_first(self) -> None:
        """A document that is not there takes a first revision."""
        self.assertIsNone(parent_for([], None, deleted=False))
        self.assertIsNone(parent_for([], None, deleted=True))

    def test_living_leaf(self) -> None:
        """A leaf takes an edit while the winner lives, also when it is a tombstone."""
        for leaf in (self.living, self.dead):
            for deleted in (False, True):
                parent = parent_for([self.living, self.dead], leaf.revision, deleted=deleted)
                self.assertEqual(parent, leaf.revision)

    def test_continues_tombstone(self) -> None:
        """Without a revision, an edit continues the tombstone of a deleted document."""
        self.assertEqual(parent_for([self.dead], None, deleted=False), self.dead.revision)

    def test_conflicts(self) -> None:
        """Everything else is a conflict."""
        cases: list[tuple[Sequence[Leaf], Revision | None]] = [
            ([self.living], None),
            ([self.living], Revision(1, "x")),
            ([self.dead], self.dead.revision),
            ([], Revision(1, "x")),
        ]
        for every, claimed in cases:
            with self.assertRaises(ApiError) as caught:
                parent_for(every, claimed, deleted=False)
            self.assertEqual(caught.exception.status, 409)
        self.assertRaises(ApiError, parent_for, [self.dead], None, deleted=True)


class NamingTests(SynchronousTestCase):
    """Revisions follow from their contents."""

    def test_same(self) -> None:
        """The same contents on the same parent have the same name, in whatever order attachments are told."""
        attachments = [("a", "text/plain", b"1"), ("b", "text/plain", b"2")]
        one = next_revision(None, deleted=False, body=b"{}", attachments=attachments)
        two = next_revision(None, deleted=False, body=b"{}", attachments=reversed(attachments))
        self.assertEqual(one, two)
        self.assertEqual((one.generation, len(one.digest)), (1, 32))

    def test_different(self) -> None:
        """Every part of the contents changes the name."""
        parent = Revision(1, "a")
        names = {
            next_revision(parent, deleted=False, body=b"{}", attachments=[]),
            next_revision(parent, deleted=True, body=b"{}", attachments=[]),
            next_revision(parent, deleted=False, body=b'{"a":1}', attachments=[]),
            next_revision(parent, deleted=False, body=b"{}", attachments=[("a", "t", b"1")]),
            next_revision(parent, deleted=False, body=b"{}", attachments=[("a", "u", b"1")]),
            next_revision(Revision(1, "b"), deleted=False, body=b"{}", attachments=[]),
        }
        self.assertEqual(len(names), 6)
        self.assertEqual({name.generation for name in names}, {2})


class MergeTests(SynchronousTestCase):
    """Paths from everywhere make one tree."""

    @settings(deadline=None)
    @given(histories(), st.randoms())
    def test_order_does_not_matter(self, paths: list[tuple[Path, bool]], random: object) -> None:
        """Two nodes that hear the same revisions in different orders have the same tree."""
        shuffled = list(paths)
        random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis gives a Random
        self.assertEqual(merge_all(shuffled), merge_all(paths))

    @settings(deadline=None)
    @given(histories())
    def test_again(self, paths: list[tuple[Path, bool]]) -> None:
        """Hearing everything a second time changes nothing."""
        self.assertEqual(merge_all([*paths, *paths]), merge_all(paths))

    @settings(deadline=None)
    @given(histories())
    def test_leaves(self, paths: list[tuple[Path, bool]]) -> None:
        """The leaves are the tips that nobody continued, each as dead as it was told."""
        inner = {each for path, _ in paths for each in path[1:]}
        expected = {Leaf(path[0], dead) for path, dead in paths if path[0] not in inner}
        self.assertEqual(set(merge_all(paths).leaves()), expected)

    @settings(deadline=None)
    @given(histories(), st.integers(1, 4), st.randoms())
    def test_grafts(self, paths: list[tuple[Path, bool]], length: int, random: object) -> None:
        """Paths that were cut short are joined by whole ones that come before or after."""
        cut = [(_cut(path, length), dead) for path, dead in paths]
        mixed = [*cut, *paths]
        random.shuffle(mixed)  # type: ignore[attr-defined]  # Hypothesis gives a Random
        self.assertEqual(merge_all(mixed), merge_all(paths))

    def test_ancestor_that_comes_late(self) -> None:
        """A revision that is known as an ancestor does not become a leaf when it comes itself."""
        tree = merge(Tree({}), [Revision(2, "b"), Revision(1, "a")], deleted=False)
        self.assertEqual(merge(tree, [Revision(1, "a")], deleted=True), tree)


class StemTests(SynchronousTestCase):
    """Old ancestors are forgotten."""

    @settings(deadline=None)
    @given(histories(), st.integers(1, 6))
    def test_leaves_stay(self, paths: list[tuple[Path, bool]], limit: int) -> None:
        """Leaves stay, each with its newest ancestors up to the limit at least."""
        tree = merge_all(paths)
        stemmed = stem(tree, limit)
        self.assertEqual(set(stemmed.leaves()), set(tree.leaves()))
        for leaf in tree.leaves():
            self.assertEqual(stemmed.path(leaf.revision)[:limit], tree.path(leaf.revision)[:limit])

    def test_forgets(self) -> None:
        """What lies deeper is gone."""
        tree = merge(Tree({}), _path("aaaaa"), deleted=False)
        self.assertEqual(len(stem(tree, 2).parents), 2)
