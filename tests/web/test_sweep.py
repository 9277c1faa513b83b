"""Finding what is overdue among many."""

from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.sweep import TURNS, Sweep


class Item:
    """Something with a deadline."""

    def __init__(self, deadline: float = inf) -> None:
        self.deadline = deadline


class SweepTests(SynchronousTestCase):
    """``Sweep``."""

    def test_every_item_within_its_turns(self) -> None:
        """What is overdue is found within so many turns, however many items there are, and nothing else is."""
        items = [Item(deadline) for deadline in (1.0, 2.0, 3.0, inf) for _ in range(50)]
        sweep: Sweep[Item] = Sweep()
        for item in items:
            sweep.add(item)
        found = [item for _ in range(TURNS) for item in sweep.overdue(2.0)]
        self.assertEqual(sorted(map(id, found)), sorted(id(item) for item in items if item.deadline <= 2.0))

    def test_new_deadline(self) -> None:
        """A deadline that is set anew counts from the next look on, without a word to the sweep."""
        item = Item(1.0)
        sweep: Sweep[Item] = Sweep()
        sweep.add(item)
        item.deadline = 5.0
        self.assertEqual([each for _ in range(TURNS) for each in sweep.overdue(2.0)], [])
        self.assertEqual([each for _ in range(TURNS) for each in sweep.overdue(5.0)], [item])

    def test_changed_while_looked_through(self) -> None:
        """Items may go while somebody goes through all of them, or through those that are overdue."""
        sweep: Sweep[Item] = Sweep()
        for _ in range(20):
            sweep.add(Item(0.0))
        for item in sweep:
            sweep.discard(item)
            sweep.add(Item(0.0))
        for _ in range(TURNS):
            for item in sweep.overdue(1.0):
                sweep.discard(item)
        self.assertEqual(len(sweep), 0)

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=50))
    def test_against_a_set(self, events: list[tuple[int, bool]]) -> None:
        """It holds what a set would, says of what is let go whether it was there, and gives each once."""
        items = [Item() for _ in range(10)]
        sweep: Sweep[Item] = Sweep()
        model: set[Item] = set()
        for place, comes in events:
            item = items[place]
            if comes:
                sweep.add(item)
                model.add(item)
            else:
                self.assertEqual(sweep.discard(item), item in model)
                model.discard(item)
            self.assertEqual(len(sweep), len(model))
            self.assertEqual(sorted(map(id, sweep)), sorted(map(id, model)))
