from twisted.trial.unittest import SynchronousTestCase

from tests.bench.hot_path.h2load import logged, with_omitted
from tests.bench.hot_path.wrk import WrongAnswer


class LogTests(SynchronousTestCase):
    """Tests of what is read from h2load's log."""

    def test_read(self) -> None:
        """The rate comes from the moments at which requests began."""
        seen = logged("1000000\t200\t329\n1500000\t200\t400\n2000000\t200\t1000\n")
        self.assertEqual(seen.rate, 2)
        self.assertEqual(seen.took, [0.000329, 0.0004, 0.001])

    def test_wrong(self) -> None:
        """An answer other than 200 makes all figures void."""
        self.assertRaises(WrongAnswer, logged, "1000000\t200\t329\n1500000\t503\t400\n")


class OmittedTests(SynchronousTestCase):
    """Tests of the correction of coordinated omission."""

    def test_long(self) -> None:
        """Who waited three and a half intervals would have waited with three more requests."""
        self.assertEqual(with_omitted([3.5, 0.5], 1), [3.5, 0.5, 2.5, 1.5, 0.5])

    def test_short(self) -> None:
        """Who was answered within the interval missed nothing."""
        self.assertEqual(with_omitted([0.2, 0.9], 1), [0.2, 0.9])
