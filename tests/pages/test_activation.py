"""Which deployment is live."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.activation import (
    ID_LENGTH,
    ID_LETTERS,
    deployment_id,
    is_superseded,
    moment_after,
    previous,
    repeatable_entropy,
)
from couchpages.pages.catalog import Site
from couchpages.pages.manifest import Activation, Deployment


def deployment(id_: str, created: int = 0, *, preview: bool = False) -> Deployment:
    """Make a deployment."""
    return Deployment("example.org", id_, None, "main", created, 1, 1, preview)


def site(live: Activation | None, *deployments: Deployment) -> Site:
    """Make a site."""
    return Site("example.org", live, {each.id: each for each in deployments})


class IdTests(SynchronousTestCase):
    """``deployment_id`` and ``repeatable_entropy``."""

    @given(st.binary(min_size=8, max_size=64))
    @settings(deadline=None)
    def test_form(self, entropy: bytes) -> None:
        """An id is twelve letters, none of which is a hexadecimal digit: never a commit, always a DNS label."""
        id_ = deployment_id(entropy)
        self.assertEqual(len(id_), ID_LENGTH)
        self.assertLessEqual(set(id_), set(ID_LETTERS) - set("0123456789abcdef"))

    def test_every_letter_counts(self) -> None:
        """Six bytes make all of an id, and each bit of them matters."""
        ids = {deployment_id((1 << bit).to_bytes(6, "big") + b"xx") for bit in range(48)}
        self.assertEqual(len(ids), 48)

    def test_repeatable(self) -> None:
        """The same key for the same site gives the same; neither may be shifted into the other."""
        self.assertEqual(repeatable_entropy("a", "k"), repeatable_entropy("a", "k"))
        all_of_them = {
            repeatable_entropy(*each) for each in (("a", "k"), ("b", "k"), ("a", "l"), ("ak", ""), ("", "ak"))
        }
        self.assertEqual(len(all_of_them), 5)


class MomentTests(SynchronousTestCase):
    """``moment_after`` and ``is_superseded``."""

    @given(st.integers(1, 10**13), st.integers(0, 10**13))
    @settings(deadline=None)
    def test_later_than_seen(self, now: int, activated: int) -> None:
        """What happens after something was seen is later than it, whatever the clock says, and never behind the clock."""
        moment = moment_after(now, Activation(deployment("a"), activated))
        self.assertGreater(moment, activated)
        self.assertGreaterEqual(moment, now)
        self.assertEqual(moment_after(now, None), now)

    def test_superseded(self) -> None:
        """Overtaken by what is later, was live already if it is the same; at the same moment the greater id stays."""
        mine = deployment("m", 100)
        self.assertFalse(is_superseded(mine, None))
        self.assertFalse(is_superseded(mine, Activation(deployment("z"), 99)))
        self.assertTrue(is_superseded(mine, Activation(deployment("a"), 101)))
        self.assertTrue(is_superseded(mine, Activation(mine, 100)))
        self.assertTrue(is_superseded(mine, Activation(deployment("n"), 100)))
        self.assertFalse(is_superseded(mine, Activation(deployment("l"), 100)))

    @given(st.permutations([deployment("a", 1), deployment("b", 2), deployment("c", 2), deployment("d", 1)]))
    @settings(deadline=None)
    def test_order_does_not_matter(self, arriving: list[Deployment]) -> None:
        """Deployments of the same time end with the same one live, in whatever order they arrive (law 7)."""
        live: Activation | None = None
        for each in arriving:
            if not is_superseded(each, live):
                live = Activation(each, each.created)
        self.assertEqual(live, Activation(deployment("c", 2), 2))


class PreviousTests(SynchronousTestCase):
    """``previous``: where a rollback without an id leads."""

    def test_the_one_before(self) -> None:
        """The newest production deployment older than the live one; previews and newer ones are passed over."""
        first, second, third, fourth = (deployment(name, created) for created, name in enumerate("abcd", 1))
        seen = deployment("p", 3, preview=True)
        self.assertEqual(previous(site(Activation(fourth, 4), first, second, fourth, seen)), second)
        self.assertEqual(previous(site(Activation(second, 9), first, second, third)), first)

    def test_nothing_before(self) -> None:
        """Nothing is older, or only previews are: None."""
        only = deployment("a", 1)
        self.assertIsNone(previous(site(Activation(only, 1), only)))
        self.assertIsNone(previous(site(Activation(only, 1), only, deployment("p", 0, preview=True))))
        self.assertIsNone(previous(site(None)))

    def test_nothing_live(self) -> None:
        """Without a live one, the newest production deployment."""
        self.assertEqual(
            previous(site(None, deployment("a", 1), deployment("b", 2), deployment("p", 3, preview=True))),
            deployment("b", 2),
        )

    def test_live_without_a_document(self) -> None:
        """A live one whose own document is gone is no target of its own rollback."""
        older = deployment("a", 1)
        self.assertEqual(previous(site(Activation(deployment("b", 2), 2), older)), older)
