"""The present second."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.web.second import Second
from tests.web.wire import WALL


class SecondTests(SynchronousTestCase):
    """``Second``, on a clock that begins in the middle of a second."""

    def setUp(self) -> None:
        """Make one."""
        self.clock = Clock()
        self.second = Second(self.clock, lambda: WALL + 0.75 + self.clock.seconds())
        self.heard: list[float] = []
        self.second.each(self.heard.append)

    def test_before_it_starts(self) -> None:
        """It knows the time from its making on, and has no timer."""
        self.assertIn(b"\r\ndate: Tue, 24 Nov 2026 12:00:00 GMT\r\n", self.second.start_of(200))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_ticks_with_the_wall_clock(self) -> None:
        """It ticks just behind the beginning of each second, so that Date is right, and tells everybody the reactor's time."""
        self.second.start()
        self.second.start_of(200)
        self.clock.advance(0.25)
        self.assertIn(200, self.second.starts)
        self.clock.advance(0.002)
        self.assertEqual(self.second.starts, {})
        self.assertIn(b"date: Tue, 24 Nov 2026 12:00:01 GMT\r\n", self.second.start_of(200))
        self.clock.pump([0.1] * 30)
        self.assertIn(b"date: Tue, 24 Nov 2026 12:00:04 GMT\r\n", self.second.start_of(200))
        self.assertEqual(len(self.heard), 5)
        self.assertAlmostEqual(self.second.now, self.heard[-1])

    def test_starts(self) -> None:
        """The beginning of a head is made once a second for each status, and knows words that Python's table does not."""
        self.assertTrue(
            self.second.start_of(422).startswith(b"HTTP/1.1 422 Unprocessable Content\r\nserver: couchpages\r\n")
        )
        self.assertIs(self.second.starts[422], self.second.starts.get(422))

    def test_once(self) -> None:
        """Starting twice makes one timer, stopping leaves none, also before the start and twice; and it can start again."""
        self.second.stop()
        self.second.start()
        self.second.start()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.second.stop()
        self.second.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.second.start()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_one_that_fails(self) -> None:
        """A defect in what is called does not stop the clock."""

        def fail(now: float) -> None:
            raise ZeroDivisionError(now)

        self.second.each(fail)
        self.assertRaises(ZeroDivisionError, self.second.start)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_clock_set_back(self) -> None:
        """When the wall clock is set back, the next tick still comes within a second or so, and Date follows the clock."""
        walls = [WALL + 0.5]
        second = Second(self.clock, lambda: walls[0])
        second.start()
        walls[0] = WALL - 3600
        self.clock.advance(1.1)
        self.assertIn(b"date: Tue, 24 Nov 2026 11:00:00 GMT\r\n", second.start_of(200))
        (call,) = self.clock.getDelayedCalls()
        self.assertLessEqual(call.getTime() - self.clock.seconds(), 1.1)
