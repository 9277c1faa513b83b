"""What other rooms ask of zones."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.ports import OwnZones, Unavailable
from couchpages.testing.zones import MemoryZones


class OwnZonesTests(SynchronousTestCase):
    """``OwnZones``."""

    def setUp(self) -> None:
        """Make a node with two zones, one below the other."""
        self.path = Path(self.mktemp())
        self.node = MemoryZones(self.path)
        self.node.create("example.org")
        self.node.create("sub.example.org")
        for server in ("NS1.Provider.example", "ns2.provider.example"):
            self.node.add("example.org", "example.org", "NS", server)
        self.node.add("example.org", "example.org", "A", "192.0.2.1")
        self.zones: OwnZones = self.node.zones.own_zones

    def start(self) -> None:
        """Follow."""
        self.node.follow()
        self.node.settle()

    def test_above(self) -> None:
        """The closest zone, whatever the case and the last dot; none for a name in none."""
        self.start()
        for name, zone in (
            ("example.org", "example.org"),
            ("_acme-challenge.WWW.Example.ORG.", "example.org"),
            ("a.sub.example.org", "sub.example.org"),
            ("sub.example.org", "sub.example.org"),
            ("example.com", None),
            ("org", None),
        ):
            self.assertEqual(self.zones.zone_above(name), zone, name)

    def test_nameservers(self) -> None:
        """The zone's own NS records; none of a zone without, or of what is none."""
        self.start()
        expected = ["ns1.provider.example", "ns2.provider.example"]
        self.assertEqual(sorted(self.zones.nameservers("example.org")), expected)
        self.assertEqual(sorted(self.zones.nameservers("Example.org.")), expected)
        for zone in ("sub.example.org", "www.example.org", "example.com", "a..b"):
            self.assertEqual(list(self.zones.nameservers(zone)), [], zone)

    def test_no_name(self) -> None:
        """What is no name is refused."""
        self.start()
        for name in ("a..b", "x" * 64 + ".example.org", ".".join(["x" * 60] * 5)):
            self.assertRaises(ValueError, self.zones.zone_above, name)

    def test_not_loaded(self) -> None:
        """Before all zones are known, also when some are from an earlier run, nothing is said about any (law 3)."""
        self.assert_unavailable(self.zones)
        self.start()
        again = MemoryZones(self.path, self.node.zone_database, self.node.record_database)
        self.assertEqual(len(again.published.zones), 2)
        self.assert_unavailable(again.zones.own_zones)
        again.follow()
        again.settle()
        self.assertEqual(again.zones.own_zones.zone_above("a.example.org"), "example.org")

    def assert_unavailable(self, zones: OwnZones) -> None:
        """Ask for both."""
        self.assertRaises(Unavailable, zones.zone_above, "a.example.org")
        self.assertRaises(Unavailable, zones.nameservers, "example.org")

    def test_withheld(self) -> None:
        """Of a zone whose records are not all here, its name servers are not known yet; that it is ours is."""
        self.start()
        self.node.create("late.example", promised=5)
        self.node.settle()
        self.assertEqual(self.zones.zone_above("a.late.example"), "late.example")
        self.assertRaises(Unavailable, self.zones.nameservers, "late.example")
