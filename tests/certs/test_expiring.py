"""Warnings of certificates that end soon."""

from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.certificates import Certificate
from couchpages.certs.expiring import FIRST, ExpiryWarnings
from tests.certs.made import DAY, NOW, certificate


class Warnings(SynchronousTestCase):
    """What is logged, and when."""

    def setUp(self) -> None:
        """Make a service."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.certificates: list[Certificate] = []
        self.service = ExpiryWarnings(self.clock, lambda: self.certificates, self.clock.seconds)
        self.logged: list[str] = []
        observer: Any = lambda event: self.logged.append(formatEvent(event))  # noqa: E731 -- an interface that a function has
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def ending(self, days: float, issued_by: str = "") -> Certificate:
        """Make a certificate of 90 days that ends in *days*."""
        not_after = NOW + days * DAY
        return replace(certificate(), not_after=not_after, not_before=not_after - 90 * DAY, issued_by=issued_by)

    def test_imported(self) -> None:
        """One that was imported is warned of three weeks before its end, once a day, and when it has ended."""
        self.certificates = [self.ending(21.5)]
        self.service.startService()
        self.clock.advance(FIRST)
        self.assertEqual(self.logged, [])
        self.clock.advance(DAY)
        self.assertEqual(len(self.logged), 1)
        self.assertIn("in 20 days; it was imported, and is not renewed here", self.logged[0])
        self.clock.advance(DAY)
        self.assertEqual(len(self.logged), 2)
        self.clock.pump([DAY] * 20)
        self.assertIn("expired on", self.logged[-1])
        self.service.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_issued(self) -> None:
        """One that is renewed here is told of only when that should have happened long ago; one of six days on its last."""
        self.certificates = [self.ending(8, "https://ca.test/dir")]
        self.service.startService()
        self.clock.advance(FIRST)
        self.assertEqual(self.logged, [])
        self.clock.pump([DAY, DAY])
        self.assertIn("in 5 days", self.logged[-1])
        short = self.ending(30, "https://ca.test/dir")
        self.certificates = [replace(short, not_before=short.not_after - 6 * DAY)]
        self.logged.clear()
        self.clock.pump([DAY] * 26)
        self.assertEqual(self.logged, [])
        self.clock.pump([DAY])
        self.assertEqual(len(self.logged), 1)
        self.service.stopService()

    def test_stopped_before(self) -> None:
        """It may be stopped before it looked."""
        self.service.startService()
        self.service.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
