"""Who has work takes turns."""

from collections.abc import Callable
from itertools import count

from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.turns import TURN, Turns


class Reactor:
    """Keeps what is asked for at once until the next :meth:`turn`."""

    def __init__(self) -> None:
        self.due: list[Callable[[], object]] = []

    def callLater(self, seconds: float, call: Callable[[], object]) -> None:
        """Keep a call."""
        assert seconds == 0
        self.due.append(call)

    def turn(self) -> None:
        """Do what was asked for before, and nothing that is asked for meanwhile."""
        due, self.due = self.due, []
        for call in due:
            call()


class TurnsTests(SynchronousTestCase):
    """``couchpages.dns.turns``."""

    def setUp(self) -> None:
        """Make them; a piece of work takes half of a turn."""
        self.reactor = Reactor()
        ticks = count()
        self.turns = Turns(self.reactor, lambda: next(ticks) * TURN / 2)
        self.done: list[int] = []

    def test_order(self) -> None:
        """Work is done in its order, as much as fits into a turn, and the rest in the next ones."""
        for number in range(5):
            self.turns.take(lambda number=number: self.done.append(number))  # type: ignore[misc]  # bound now
        for wanted in ([0, 1], [0, 1, 2, 3], [0, 1, 2, 3, 4]):
            self.reactor.turn()
            self.assertEqual(self.done, wanted)
        self.assertEqual(self.reactor.due, [])

    def test_defect(self) -> None:
        """What fails does not keep others from their turn."""
        self.turns.take(lambda: 1 / 0)
        self.turns.take(lambda: self.done.append(1))
        self.assertRaises(ZeroDivisionError, self.reactor.turn)
        self.reactor.turn()
        self.assertEqual(self.done, [1])
