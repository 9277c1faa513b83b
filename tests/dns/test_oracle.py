"""The oracle, on zones made at random (pure)."""

import dns.name
from dns.rdatatype import RdataType
from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from tests.dns.oracle import expected, read_zones
from tests.dns.zones import World, worlds


class OracleTests(SynchronousTestCase):
    """What holds of every answer."""

    @settings(deadline=None)
    @given(worlds(occluding=True))
    def test_every_answer_is_of_one_kind(self, world: World) -> None:
        """An answer has data, a negative SOA, a referral, or an end outside; and NXDOMAIN only where no zone has the last name."""
        zones = read_zones(world.texts())
        for asked in world.names():
            found = expected(zones, dns.name.from_text(asked.name), RdataType.make(asked.type))
            kinds = {rr[2] for rr in found.authority}
            self.assertIn(kinds, [set(), {"SOA"}, {"NS"}])
            self.assertEqual(found.rcode == "NXDOMAIN", found.rcode == "NXDOMAIN" and kinds == {"SOA"})
            self.assertTrue(found.aa or kinds == {"NS"} or found.rcode == "REFUSED")
            self.assertFalse(found.glue and kinds != {"NS"})
            self.assertEqual(len(found.answer), len(set(found.answer)) if not found.links else len(found.answer))
