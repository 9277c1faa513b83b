"""When certificates are renewed, and when what failed is tried again."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.ari import RenewalInfo
from couchpages.certs.issuing.orders import backoff
from couchpages.certs.issuing.orders.backoff import pause
from couchpages.certs.issuing.orders.outage import LONGEST, Outage
from couchpages.certs.issuing.renewal import renewal
from tests.certs.made import DAY, NOW, certificate

CHANCES = st.floats(min_value=0, max_value=1, exclude_max=True)


class Renewals(SynchronousTestCase):
    """``renewal``."""

    def setUp(self) -> None:
        """Have a certificate of 90 days."""
        self.certificate = replace(certificate(), not_before=NOW, not_after=NOW + 90 * DAY)

    def test_third(self) -> None:
        """It is renewed with a third of its life left, or up to a thirtieth of its life earlier: always the same for one certificate."""
        moments = set()
        for number in range(50):
            each = replace(self.certificate, fingerprint=f"{number * 85_000_000:08x}")
            moment = renewal(each, None)
            self.assertEqual(moment, renewal(each, None))
            self.assertTrue(NOW + 57 * DAY <= moment <= NOW + 60 * DAY)
            moments.add(moment)
        self.assertEqual(len(moments), 50)

    def test_short_lives(self) -> None:
        """A certificate of six days is renewed after four, one of a minute after forty seconds."""
        for life in (6 * DAY, 60.0):
            moment = renewal(replace(self.certificate, not_after=NOW + life), None)
            self.assertTrue(NOW + life * 0.63 <= moment <= NOW + life * 2 / 3)

    def test_window(self) -> None:
        """Where the CA names a window, it is renewed within; not later than with a sixth of its life left."""
        moment = renewal(self.certificate, RenewalInfo(NOW + 30 * DAY, NOW + 32 * DAY))
        self.assertTrue(NOW + 30 * DAY <= moment <= NOW + 32 * DAY)
        self.assertEqual(renewal(self.certificate, RenewalInfo(NOW + 89 * DAY, NOW + 400 * DAY)), NOW + 75 * DAY)

    def test_window_in_the_past(self) -> None:
        """A window in the past means at once; but a CA that names such a one for whatever it issues is not asked again and again."""
        past = RenewalInfo(NOW - 9 * DAY, NOW - 8 * DAY)
        self.assertEqual(renewal(self.certificate, past), NOW + DAY)


class Pauses(SynchronousTestCase):
    """``pause``."""

    def test_doubles(self) -> None:
        """Pauses double, a quarter more or less, up to six hours."""
        self.assertEqual([pause(number, 0.5, None) for number in (1, 2, 3, 20, 10**12)], [60, 120, 240, 21600, 21600])
        self.assertEqual(pause(1, 0.0, None), 45.0)
        self.assertLess(pause(1, 0.999, None), 75.0)

    @given(st.integers(min_value=0, max_value=2**53), CHANCES, st.floats(min_value=1e-3, max_value=1e8))
    @settings(deadline=None)
    def test_never_past_the_end(self, failures: int, chance: float, left: float) -> None:
        """As long as something is left of a certificate, the next try comes before its end. Defect: not in its last second."""
        self.assertLessEqual(pause(failures, chance, left), left)

    @given(st.integers(min_value=0, max_value=99), CHANCES, st.floats(min_value=-9, max_value=1e6), st.floats(0, 1e6))
    @settings(deadline=None)
    def test_asked(self, failures: int, chance: float, left: float, asked: float) -> None:
        """What the CA asks for counts in any case; without an end, or past it, pauses are as ever."""
        self.assertGreaterEqual(pause(failures, chance, left, asked), asked)
        self.assertEqual(pause(failures, chance, -1.0), pause(failures, chance, None))
        self.assertLessEqual(pause(failures, chance, None), backoff.LONGEST * 1.25)


class Outages(SynchronousTestCase):
    """``Outage``."""

    def test_one_for_all(self) -> None:
        """However many meet it at once, it counts once; it lasts longer with each try, a quarter of an hour at most."""
        outage, now = Outage(), 1000.0
        for expected in (60.0, 120.0, 240.0, 480.0, LONGEST, LONGEST):
            self.assertFalse(outage.lasts(now))
            rests = [outage.failed("down", now, 0.5, None) for _ in range(10)]
            self.assertEqual(rests, [expected] * 10)
            self.assertTrue(outage.lasts(now + expected - 1))
            now += expected
        outage.over()
        self.assertFalse(outage.lasts(now - 1))
        self.assertEqual((outage.words, outage.failed("down", now, 0.5, None)), ("", 60.0))

    def test_asked(self) -> None:
        """What the CA asks for is respected, by whomever it is told, but for a quarter of an hour at most: it may be well before."""
        outage = Outage()
        outage.failed("down", 1000.0, 0.5, None)
        self.assertEqual(outage.failed("down", 1000.0, 0.5, 500.0), 500.0)
        self.assertEqual(outage.failed("down", 1000.0, 0.5, 5000.0), LONGEST)
        self.assertTrue(outage.lasts(1000.0 + LONGEST - 1))

    def test_others_try(self) -> None:
        """After every three failures in a row it is time for others, told once."""
        outage, now, told = Outage(), 1000.0, []
        for _ in range(7):
            now += outage.failed("down", now, 0.5, None)
            told.append((outage.stands_aside(), outage.stands_aside()))
        self.assertEqual([first for first, _ in told], [False, False, True, False, False, True, False])
        self.assertFalse(any(second for _, second in told))
        outage.over()
        self.assertFalse(outage.stands_aside())

    def test_near_its_end(self) -> None:
        """When a certificate is about to end, the CA is asked again soon enough to replace it."""
        outage = Outage()
        self.assertEqual(outage.failed("down", 1000.0, 0.5, None, 20.0), 5.0)
        self.assertFalse(outage.lasts(1005.0))

    def test_clock_set_back(self) -> None:
        """A clock that is set back makes it no longer."""
        outage = Outage()
        outage.failed("down", 1e6, 0.5, None)
        self.assertFalse(outage.lasts(1000.0))
