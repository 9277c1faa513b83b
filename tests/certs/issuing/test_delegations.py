"""Which zones are delegated to us."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from couchpages.certs.issuing.lookups.delegations import NOT_OURS, OURS, PATIENCE, UNKNOWN, Delegations
from couchpages.certs.issuing.obstacles import LookupFailed
from tests.certs.issuing.surroundings import Network, Zones
from tests.certs.issuing.working import WorkingCase


class Delegated(WorkingCase):
    """``Delegations``."""

    def setUp(self) -> None:
        """Have a zone that is ours, and one that is not yet."""
        self.clock, self.network, self.zones = Clock(), Network(), Zones()
        self.zones.zones |= {"example.net"}
        network: Any = self.network
        self.delegations = Delegations(self.clock, network, self.zones)

    def refresh(self, *zones: str) -> None:
        """Ask."""
        self.done(self.delegations.refresh(zones))

    def test_told(self) -> None:
        """It is told of each when it was asked; what is in no zone, or no name, is nobody's."""
        self.assertIsNone(self.delegations.is_ours("example.org"))
        self.refresh("example.org", "example.net")
        self.assertIs(self.delegations.is_ours("example.org"), True)
        self.assertIs(self.delegations.is_ours("example.net"), False)
        self.assertEqual(self.delegations.zone_of("a.example.org"), "example.org")
        self.assertIsNone(self.delegations.zone_of("a.test"))
        self.assertIsNone(self.delegations.zone_of("a..b"))

    def test_asked_again(self) -> None:
        """It is asked again after a while, sooner where it is not ours; and when a clock was set back."""
        self.refresh("example.org", "example.net")
        self.network.delegated = {"example.net"}
        self.clock.advance(NOT_OURS)
        self.refresh("example.org", "example.net")
        self.assertEqual([self.delegations.is_ours(zone) for zone in ("example.org", "example.net")], [True, True])
        self.clock.advance(OURS - NOT_OURS)
        self.refresh("example.org")
        self.assertIs(self.delegations.is_ours("example.org"), False)
        self.network.delegated = {"example.org"}
        self.clock.rightNow = 0.0
        self.refresh("example.org")
        self.assertIs(self.delegations.is_ours("example.org"), True)

    def test_faults(self) -> None:
        """A fault changes nothing that is known, and is not met again with every look."""
        self.refresh("example.org")
        self.clock.advance(OURS)
        for zone in ("example.org", "example.net"):
            self.network.broken[f"NS {zone}"] = LookupFailed("no answer")
        self.refresh("example.org", "example.net")
        self.assertIs(self.delegations.is_ours("example.org"), True)
        self.assertIsNone(self.delegations.is_ours("example.net"))
        self.network.broken.clear()
        self.refresh("example.net")
        self.assertIsNone(self.delegations.is_ours("example.net"))
        self.clock.advance(UNKNOWN)
        self.refresh("example.net")
        self.assertIs(self.delegations.is_ours("example.net"), False)

    def test_patience(self) -> None:
        """Defect: where the public DNS did not answer, nothing was looked after until every zone was given up on."""
        slow: Deferred[None] = Deferred()
        self.network.broken["NS example.org"] = slow
        asking = self.begun(self.delegations.refresh(["example.org"]))
        self.assertNoResult(asking)
        self.clock.advance(PATIENCE)
        self.successResultOf(asking)
        self.assertIsNone(self.delegations.is_ours("example.org"))
        slow.callback(None)
        self.assertIs(self.delegations.is_ours("example.org"), True)

    def test_stopped(self) -> None:
        """What is under way is left, and nothing is behind it."""
        self.network.broken["NS example.org"] = Deferred()
        asking = self.begun(self.delegations.refresh(["example.org"]))
        self.delegations.stop()
        self.successResultOf(asking)
        self.assertEqual(self.clock.getDelayedCalls(), [])
