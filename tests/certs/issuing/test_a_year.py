"""A year of renewals, with an authority in memory that has profiles and renewal information."""

from couchpages.testing.acme.faults import Fault
from couchpages.testing.acme.rules import Profile
from tests.certs.issuing.world import IssuingNode, WorldCase
from tests.certs.made import DAY, NOW

HOUR = 3600.0


class AYear(WorldCase):
    """Sites in a zone of ours and elsewhere. The nodes look every six hours, so that a year takes seconds."""

    check, lease = 6 * HOUR, DAY

    def setUp(self) -> None:
        """Have sites."""
        super().setUp()
        self.sites.sites = {"blog.example.org", "www.elsewhere.net"}
        self.seen: dict[str, list[str]] = {}

    def live_through(self, node: IssuingNode, days: int) -> None:
        """Let days pass; every certificate is valid at each of them."""
        for day in range(days):
            self.advance(DAY)
            for name in sorted(self.sites.sites):
                found = node.certificate(name)
                assert found is not None, f"day {day}: {node.order(name)}"
                self.assertTrue(found.is_valid(self.reactor.seconds()), f"day {day}: {found} {node.order(name)}")
                if found.fingerprint not in self.seen.setdefault(name, []):
                    self.seen[name].append(found.fingerprint)

    def test_ninety_days(self) -> None:
        """Certificates of 90 days are renewed with about a third of their life left: some six times a year, and no order fails."""
        self.authority.rules.renewal_info = False
        self.start()
        self.live_through(self.node, 365)
        for name, fingerprints in self.seen.items():
            self.assertIn(len(fingerprints), (6, 7), name)
        self.assertEqual(len(self.authority.books.accounts), 1)
        self.assertEqual(self.authority.asked["new-order"], sum(map(len, self.seen.values())))
        names = {each.names for each in self.authority.issued}
        self.assertEqual(names, {("blog.example.org", "*.blog.example.org"), ("www.elsewhere.net",)})

    def test_short_lived_profile(self) -> None:
        """Certificates of six days, by a profile, are renewed every four days or so."""
        self.authority.rules.profiles = {"shortlived": Profile("six days", 6 * DAY)}
        self.authority.rules.renewal_info = False
        node = self.make(profile="shortlived")
        self.start(node)
        self.live_through(node, 60)
        for name, fingerprints in self.seen.items():
            self.assertTrue(14 <= len(fingerprints) <= 17, f"{name}: {len(fingerprints)}")
        self.assertEqual({each.profile for each in self.authority.issued}, {"shortlived"})

    def test_renewal_information(self) -> None:
        """What the authority suggests counts, and each renewal says what it replaces; a window that is moved to now is followed at once."""
        self.start()
        self.live_through(self.node, 30)
        issued = self.authority.issued
        self.assertEqual(len(issued), 2)
        # What the authority suggests is written down, where people see it.
        for each in issued:
            self.authority.rules.windows[each.certificate_id] = NOW + 40 * DAY, NOW + 41 * DAY
        self.live_through(self.node, 2)
        for name in self.sites.sites:
            renews = self.node.order(name).renews / 1000
            self.assertTrue(NOW + 40 * DAY <= renews <= NOW + 41 * DAY, renews)
        self.assertEqual(len(issued), 2)
        for each in issued:
            now = self.reactor.seconds()
            self.authority.rules.windows[each.certificate_id] = now - DAY, now - HOUR
        self.live_through(self.node, 2)
        replaced = {each.replaces for each in self.authority.issued if each.replaces}
        self.assertEqual(replaced, {each.certificate_id for each in issued})
        self.live_through(self.node, 331)
        self.assertEqual(self.authority.refused["alreadyReplaced"], 0)

    def test_holder_is_gone(self) -> None:
        """When the issuer is gone, the other renews; both know all certificates."""
        self.authority.rules.renewal_info = False
        first, second = self.node, self.make()
        for node in (first, second):
            self.start(node)
        self.live_through(second, 50)
        holder, other = (first, second) if first.lease.is_held else (second, first)
        holder.lose()
        self.live_through(other, 100)
        self.assertTrue(other.lease.is_held)
        self.assertEqual(other.order("blog.example.org").by, other.name)

    def test_authority_is_away(self) -> None:
        """An authority that is down for twenty days, when renewal is due, is asked again and again, and nothing expires."""
        self.authority.rules.renewal_info = False
        self.start()
        self.live_through(self.node, 55)
        self.authority.fail("*", Fault.DOWN)
        self.live_through(self.node, 20)
        self.assertEqual(self.node.order("blog.example.org").cause, "unreachable")
        self.authority.rules.faults.clear()
        self.live_through(self.node, 290)
        self.assertEqual(self.node.order("blog.example.org").failures, 0)
