"""The oracle, on zones made at random (pure)."""

import dns.name
from dns.rdatatype import RdataType
from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from tests.dns.oracle import expected, read_zones
from tests.dns.zones import World, worlds


class OracleTests(SynchronousTestCase):
    """What holds of every answer."""

    @settings(deadline=None, max_examples=50)
    @given(worlds(occluding=True))
    def test_every_answer_is_of_one_kind(self, world: World) -> None:
        """An answer has no authority, or one negative SOA, or one cut's NS; glue comes with the latter alone."""
        zones = read_zones(world.texts())
        for asked in world.names():
            found = expected(zones, dns.name.from_text(asked.name), RdataType.make(asked.type))
            kinds = [rr[2] for rr in found.authority]
            self.assertIn(set(kinds), [set(), {"SOA"}, {"NS"}])
            self.assertLessEqual(kinds.count("SOA"), 1)
            self.assertFalse(found.glue and "NS" not in kinds)
            self.assertTrue(found.aa or "NS" in kinds or found.rcode == "REFUSED")
            self.assertEqual(len(found.answer), len(set(found.answer)))

    @settings(deadline=None, max_examples=50)
    @given(worlds(occluding=True))
    def test_an_owner_exists(self, world: World) -> None:
        """No name that owns records in its closest zone is answered with NXDOMAIN, unless the chain from it ends so."""
        zones = read_zones(world.texts())
        for zone in zones:
            for owner in zone.nodes:
                closest = max((each.apex for each in zones if owner.is_subdomain(each.apex)), key=len)
                found = expected(zones, owner, RdataType.make("TXT"))
                self.assertFalse(found.rcode == "NXDOMAIN" and not found.answer and closest == zone.apex, owner)
