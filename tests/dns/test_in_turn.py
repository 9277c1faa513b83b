from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.in_turn import InTurn


class InTurnTests(SynchronousTestCase):
    """One thing after the other, for each key."""

    def test_order(self) -> None:
        """A second work of the same key waits for the first, also where that fails; one of another key does not; nothing is kept."""
        in_turn, begun = InTurn(), []
        ends: list[Deferred[int]] = [Deferred() for _ in range(3)]

        async def work(place: int) -> int:
            begun.append(place)
            return await ends[place]

        one, two, other = (
            Deferred.fromCoroutine(in_turn.run(key, lambda place=place: work(place)))  # type: ignore[misc]
            for place, key in enumerate("aab")
        )
        self.assertEqual(begun, [0, 2])
        ends[0].errback(ValueError())
        self.failureResultOf(one, ValueError)
        self.assertEqual(begun, [0, 2, 1])
        ends[1].callback(1)
        ends[2].callback(2)
        self.assertEqual((self.successResultOf(two), self.successResultOf(other)), (1, 2))
        self.assertEqual(in_turn._locks, {})
