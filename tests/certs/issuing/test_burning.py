"""Orders that fail after the authority took them, again and again: how often it is asked, and who is held up."""

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred

from couchpages.certs.acme.errors import AcmeError
from couchpages.certs.acme.identifiers import Identifier
from couchpages.certs.acme.resources import Authorization, Status
from couchpages.certs.issuing.issuer import _proof_of
from couchpages.certs.issuing.orders.order import asked
from couchpages.certs.issuing.proofs import Proof, Type
from couchpages.certs.key_files import Keys
from couchpages.testing.acme.faults import CertificateFault, Fault
from tests.certs.issuing.world import WorldCase
from tests.certs.made import DAY, OTHER_KEY

SITE = "blog.example.org"
HOUR = 3600.0
#: Tries in a day that pauses of a minute, doubled up to six hours, leave.
MOST = 16


class Burning(WorldCase):
    """What each failure costs in a day."""

    def test_issues_nothing(self) -> None:
        """Where the CA takes orders and never issues, each name backs off by itself, and the others' orders are not held up."""
        self.sites.sites = {SITE, "a.example.org", "b.example.org"}
        self.authority.fail("finalize", Fault.GARBAGE)
        self.start()
        self.advance(DAY)
        orders = [self.node.order(site) for site in self.sites.sites]
        self.assertTrue(all(order.failures > 5 for order in orders), orders)
        self.assertLessEqual(self.authority.asked["new-order"], 3 * MOST)
        self.authority.rules.faults.clear()
        self.advance(7 * HOUR)
        self.assertTrue(all(self.node.certificate(site) for site in self.sites.sites))
        self.stop()
        self.ended()

    def test_issues_what_cannot_be_used(self) -> None:
        """Certificates that were issued and are of no use count as issued, and no more are ordered than after other failures."""
        self.sites.sites = {SITE}
        self.authority.rules.certificate_fault = CertificateFault.OTHER_KEY
        self.start()
        self.advance(DAY)
        issued = len(self.authority.issued)
        self.assertTrue(2 < issued <= MOST, issued)
        self.assertEqual(len(self.node.order(SITE).issued), issued)
        self.stop()
        self.ended()

    def test_busy(self) -> None:
        """A CA that has too much to do, whatever it calls that, is left alone for all alike; when it is back, all are served soon."""
        self.sites.sites = {f"s{number}.example.org" for number in range(20)}
        self.authority.fail("new-nonce", Fault.BUSY)
        self.start()
        self.advance(6 * HOUR)
        self.assertEqual({self.node.order(site).failures for site in self.sites.sites}, {0})
        self.assertIn("503", " ".join(self.node.service.troubles()) + self.node.order("s1.example.org").reason)
        self.authority.rules.faults.clear()
        self.advance(HOUR)
        self.assertTrue(all(self.node.certificate(site) for site in self.sites.sites))
        self.assertEqual(self.node.service.troubles(), [])
        self.stop()
        self.ended()

    def test_other_keys(self) -> None:
        """A node that cannot open our account leaves the lease to those that can, and says so."""
        self.sites.sites = {SITE}
        self.start()
        self.assertIsNotNone(self.node.certificate(SITE))
        self.stop()
        other = self.make(self.database)
        other.keys = Keys((OTHER_KEY,))
        self.start(other)
        self.advance(2 * self.check)
        self.assertFalse(other.lease.is_held)
        self.assertIn("our account at", other.service.troubles()[0])
        self.start()
        self.advance(2 * self.check)
        self.assertTrue(self.node.lease.is_held)
        for node in (self.node, other):
            self.stop(node)
        self.ended()


class Proving(WorldCase):
    """Where names are proved. The node looks every six hours, so that a quarter of a year takes a moment."""

    check, lease = 6 * HOUR, DAY

    def changed(self, work: Coroutine[Any, Any, Any]) -> None:
        """Have an order changed."""
        self.successResultOf(Deferred.fromCoroutine(work))

    def test_wildcard_that_leads_elsewhere(self) -> None:
        """A wildcard CNAME of ours does not keep names below it from being proved in our zone; one that is written there does."""
        self.sites.sites = {SITE}
        own = f"_acme-challenge.{SITE}"
        self.network.aliases[own] = "lb.provider.net"
        self.start()
        self.assertIsNotNone(self.node.certificate(SITE))
        self.zones.written.add(own)
        self.changed(self.node.book.change(SITE, lambda order: asked(order, (), int(self.reactor.seconds() * 1000))))
        self.advance(2 * self.check)
        self.assertIn("lb.provider.net is in no zone", self.node.order(SITE).reason)
        self.stop()
        self.ended()

    def test_zone_that_moves(self) -> None:
        """What was asked for by hand is what is renewed, and not the wildcard that was added to it while the zone was ours."""
        self.sites.sites = {SITE}
        self.changed(self.node.book.change(SITE, lambda order: replace(asked(order, (SITE,), 5), by_hand=True)))
        self.start()
        first = self.node.certificate(SITE)
        assert first is not None
        self.assertEqual(sorted(first.names), sorted([SITE, f"*.{SITE}"]))
        self.network.delegated.clear()
        self.advance(95 * DAY)
        second = self.node.certificate(SITE)
        assert second is not None
        self.assertEqual(second.names, (SITE,))
        self.assertTrue(second.is_valid(self.reactor.seconds()))
        self.stop()
        self.ended()

    def test_wildcard_that_is_not_said_to_be_one(self) -> None:
        """An authorization for a wildcard is known where the authority does not mark it; one for what nobody ordered is nonsense."""
        proof = Proof("w.example.org", Type.DNS, "_acme-challenge.w.example.org", "example.org")
        made: Any = Authorization("u", Identifier("dns", "w.example.org"), False, Status.PENDING, None, ())
        self.assertIs(_proof_of(made, {"*.w.example.org": proof}), proof)
        self.assertRaises(AcmeError, _proof_of, made, {"other.example.org": proof})
