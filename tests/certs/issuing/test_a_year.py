"""A year of renewals, with an authority in memory that has profiles and renewal information."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.testing.acme.faults import Fault
from couchpages.testing.acme.rules import Profile
from couchpages.testing.memory_database import MemoryDatabase
from tests.certs.issuing.world import NodeInMemory, World
from tests.certs.made import DAY

HOUR = 3600.0


class AYear(SynchronousTestCase):
    """Sites in a zone of ours and elsewhere. The node looks every six hours, so that a year takes seconds."""

    def setUp(self) -> None:
        """Make the world."""
        self.world = World(Path(self.mktemp()))
        self.world.zones = self.world.public.zones = {"example.org"}
        self.world.sites = {"blog.example.org", "www.elsewhere.net"}
        self.secrets = MemoryDatabase("secrets")
        self.seen: dict[str, list[str]] = {}

    def node(self, name: str = "node1", **more: object) -> NodeInMemory:
        """Start a node."""
        return self.world.node(name, self.secrets, **{"check": 6 * HOUR, "lease": DAY, **more}).start()

    def live_through(self, node: NodeInMemory, days: int, *names: str) -> None:
        """Let days pass; every certificate is valid at each of them."""
        for day in range(days):
            self.world.advance(DAY)
            for name in names or sorted(self.world.sites or ()):
                found = node.certificate(name)
                assert found is not None, f"day {day}: {node.order(name)}"
                self.assertTrue(found.is_valid(self.world.clock.seconds()), f"day {day}: {found} {node.order(name)}")
                if found.fingerprint not in self.seen.setdefault(name, []):
                    self.seen[name].append(found.fingerprint)

    def test_ninety_days(self) -> None:
        """Certificates of 90 days are renewed with about a third of their life left: some six times a year, and no order fails."""
        self.world.authority.rules.renewal_info = False
        node = self.node()
        self.live_through(node, 365)
        for name, fingerprints in self.seen.items():
            self.assertIn(len(fingerprints), (6, 7), name)
        self.assertEqual(len(self.world.authority.books.accounts), 1)
        self.assertEqual(self.world.authority.asked["new-order"], sum(map(len, self.seen.values())))
        names = {each.names for each in self.world.authority.issued}
        self.assertEqual(names, {("blog.example.org", "*.blog.example.org"), ("www.elsewhere.net",)})

    def test_short_lived_profile(self) -> None:
        """Certificates of six days, by a profile, are renewed every four days or so."""
        self.world.authority.rules.profiles = {"shortlived": Profile("six days", 6 * DAY)}
        self.world.authority.rules.renewal_info = False
        node = self.node(profile="shortlived")
        self.live_through(node, 60)
        for name, fingerprints in self.seen.items():
            self.assertTrue(14 <= len(fingerprints) <= 17, f"{name}: {len(fingerprints)}")
        self.assertEqual({each.profile for each in self.world.authority.issued}, {"shortlived"})

    def test_renewal_information(self) -> None:
        """What the authority suggests counts, and each renewal says what it replaces; a window that is moved to now is followed at once."""
        node = self.node()
        self.live_through(node, 30)
        issued = self.world.authority.issued
        self.assertEqual(len(issued), 2)
        for each in issued:
            now = self.world.clock.seconds()
            self.world.authority.rules.windows[each.certificate_id] = now - DAY, now - HOUR
        self.live_through(node, 2)
        replaced = {each.replaces for each in self.world.authority.issued if each.replaces}
        self.assertEqual(replaced, {each.certificate_id for each in issued})
        self.live_through(node, 333)
        self.assertEqual(self.world.authority.refused["alreadyReplaced"], 0)

    def test_holder_is_gone(self) -> None:
        """When the issuer is gone, the other renews; both know all certificates."""
        self.world.authority.rules.renewal_info = False
        first, second = self.node("node1"), self.node("node2")
        self.live_through(second, 50)
        holder, other = (first, second) if first.lease.is_held else (second, first)
        # As if its power was cut: nothing is given up.
        holder.is_up = False
        holder.service._timer_service.stopService()
        self.live_through(other, 100)
        self.assertTrue(other.lease.is_held)
        self.assertEqual(other.order("blog.example.org").by, other.name)

    def test_authority_is_away(self) -> None:
        """An authority that is down for twenty days, when renewal is due, is asked again and again, and nothing expires."""
        self.world.authority.rules.renewal_info = False
        node = self.node()
        self.live_through(node, 55)
        self.world.authority.fail("*", Fault.DOWN)
        self.live_through(node, 20)
        self.assertEqual(node.order("blog.example.org").cause, "unreachable")
        self.world.authority.rules.faults.clear()
        self.live_through(node, 290)
        self.assertEqual(node.order("blog.example.org").failures, 0)
