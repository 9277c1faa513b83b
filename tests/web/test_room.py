"""Room for newcomers."""

from dataclasses import dataclass

from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.room import PART, PAUSE, Room


@dataclass(eq=False)
class Place:
    """A connection."""

    since: float
    waits: bool = True


class Rooms(SynchronousTestCase):
    """Who goes."""

    def test_oldest_first(self) -> None:
        """Those who have waited longest go one after the other, however many come before anybody is looked at again."""
        places = [Place(float(number)) for number in range(10 * PART)]
        room: Room[Place] = Room()
        for number in range(10 * PART):
            found = room.longest(places, 0.0)
            assert found is not None
            self.assertEqual(found.since, float(number))
            places.remove(found)
        self.assertIsNone(room.longest(places, 0.0))

    def test_busy_meanwhile(self) -> None:
        """Who was found, and then asked something, stays; so does who asked and waits again, since later."""
        places = [Place(float(number)) for number in range(3 * PART)]
        room: Room[Place] = Room()
        self.assertIs(room.longest(places, 0.0), places[0])
        places[1].waits = False
        places[2].since = 100.0
        self.assertIs(room.longest(places[1:], 0.0), places[3])

    def test_a_newcomer_is_not_the_oldest(self) -> None:
        """Defect: who had just come went before who had been idle for long, because a head has less time than idling has."""
        places = [Place(0.0), *(Place(50.0) for _ in range(PART))]
        self.assertIs(Room[Place]().longest(reversed(places), 50.0), places[0])

    def test_looks_for_nobody_once_a_second(self) -> None:
        """Where nobody waits, newcomers in the same second cost no look at all connections."""
        place = Place(0.0, waits=False)
        room: Room[Place] = Room()
        self.assertIsNone(room.longest([place], 10.0))
        place.waits = True
        self.assertIsNone(room.longest([place], 10.5))
        self.assertIs(room.longest([place], 10.0 + PAUSE), place)
