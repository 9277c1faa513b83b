"""Certificates without their previews' wildcard, where something keeps that alone out, with an authority in memory."""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import formatEvent

from couchpages.certs.acme.ari import certificate_id
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.issuing.issuer import Issuer
from couchpages.certs.issuing.obstacles import NotShown
from couchpages.certs.issuing.orders.order import State, asked, revoked
from couchpages.certs.pem import certificates_in
from couchpages.ports import Unavailable
from tests.certs.issuing.world import IssuingNode, WorldCase
from tests.certs.made import DAY

SITE = "blog.example.org"
PREVIEWS = f"*.{SITE}"


class LeftOut(WorldCase):
    """A site whose previews can have no certificate."""

    check = 1800.0

    def setUp(self) -> None:
        """Have a site."""
        super().setUp()
        self.sites.sites = {SITE}

    def forbid(self) -> None:
        """Have CAA forbid wildcards."""
        self.network.caa_of_wildcards[SITE] = b"other.example"

    def found(self, node: IssuingNode | None = None, kind: Kind = Kind.ECDSA) -> Certificate:
        """Give the site's certificate."""
        found = (node or self.node).certificate(SITE, kind)
        assert found is not None
        return found

    def test_caa_of_wildcards(self) -> None:
        """Where CAA forbids the previews' wildcard alone, the site has its certificate, and the reason is told; a command tries again."""
        self.forbid()
        self.start()
        self.advance(5 * DAY)
        found, order = self.found(), self.node.order(SITE)
        self.assertEqual((found.names, order.state, order.left_out), ((SITE,), State.ISSUED, (PREVIEWS,)))
        self.assertEqual((order.cause, order.failures), ("caa", 0))
        self.assertIn("allows other.example alone for wildcards", order.reason)
        self.assertIn(f"issued without {PREVIEWS}: {PREVIEWS}: CAA of", "\n".join(map(formatEvent, self.events)))
        self.assertEqual(self.authority.asked["new-order"], 1)
        self.network.caa_of_wildcards.clear()
        self.done(self.node.book.change(SITE, lambda order: asked(order, (), self.node.milliseconds())))
        self.advance(self.check)
        found, order = self.found(), self.node.order(SITE)
        self.assertEqual((found.names, order.left_out, order.reason), ((SITE, PREVIEWS), (), ""))
        self.stop()
        self.ended()

    def test_caa_of_wildcards_at_a_renewal(self) -> None:
        """What forbids the wildcard holds up the renewal of a certificate with both until it ends soon; then the site has one alone."""
        self.start()
        first = self.found()
        self.forbid()
        ends, sixth = first.not_after, (first.not_after - first.not_before) / 6
        self.advance(ends - sixth - DAY - self.reactor.seconds())
        self.assertEqual((self.node.certificate(SITE), self.node.order(SITE).cause), (first, "caa"))
        self.advance(ends - sixth / 2 - self.reactor.seconds())
        found = self.found()
        self.assertEqual((found.names, self.node.order(SITE).state), ((SITE,), State.ISSUED))
        self.stop()
        self.ended()

    def test_wildcard_that_somebody_asked_for(self) -> None:
        """What somebody asked for by its very name is not left out in silence."""
        self.forbid()
        names = (SITE, PREVIEWS)
        self.done(self.node.book.change(SITE, lambda order: replace(asked(order, names, 5), by_hand=True)))
        self.start()
        self.assertEqual((self.node.order(SITE).state, self.node.order(SITE).cause), (State.FAILED, "caa"))
        self.assertIsNone(self.node.certificate(SITE))
        self.stop()
        self.ended()

    def test_previews_that_cannot_be_proved(self) -> None:
        """A site whose challenges in DNS lead elsewhere has its certificate by HTTP, without its previews."""
        self.network.aliases[f"_acme-challenge.{SITE}"] = "challenges.provider.net"
        self.zones.written.add(f"_acme-challenge.{SITE}")
        self.start()
        found, order = self.found(), self.node.order(SITE)
        self.assertEqual((found.names, order.left_out, order.cause), ((SITE,), (PREVIEWS,), "unprovable"))
        self.advance(DAY)
        self.assertEqual(self.authority.asked["new-order"], 1)
        self.stop()
        self.ended()

    def test_two_kinds_of_keys(self) -> None:
        """Defect: as long as one kind failed, the other was issued anew with each of its tries."""
        make = Issuer._key

        async def key(issuer: Issuer, kind: Kind) -> Any:
            if kind is Kind.RSA:
                raise NotShown("nobody shows it")
            return await make(issuer, kind)

        self.patch(Issuer, "_key", key)
        self.forbid()
        node = self.make(kinds=(Kind.ECDSA, Kind.RSA))
        self.start(node)
        self.advance(2 * DAY)
        self.assertEqual(len(self.authority.issued), 1)
        self.assertEqual((self.found(node).names, node.order(SITE).left_out), ((SITE,), (PREVIEWS,)))
        self.assertIsNone(node.certificate(SITE, Kind.RSA))
        self.assertGreater(node.order(SITE).failures, 5)
        self.stop(node)
        self.ended()

    def test_not_written_down(self) -> None:
        """Defect: where it was not written down how it ended, it was issued again for the want of the wildcard."""
        written = self.node.outcomes.issued
        left = [5]

        async def issued(*told: Any) -> None:
            left[0] -= 1
            if left[0] >= 0:
                raise Unavailable("CouchDB went away")
            await written(*told)

        self.patch(self.node.outcomes, "issued", issued)
        self.forbid()
        self.start()
        self.advance(2 * DAY)
        self.assertEqual((len(self.authority.issued), self.found().names), (1, (SITE,)))
        self.assertEqual((self.node.order(SITE).state, self.node.metric("failing")), (State.ISSUED, 0.0))
        self.stop()
        self.ended()

    def test_asked_for_later(self) -> None:
        """Defect: the wildcard that somebody asked for by its name, and that failed once, was not tried again."""
        self.forbid()
        self.start()
        names = (SITE, PREVIEWS)
        self.done(self.node.book.change(SITE, lambda order: replace(asked(order, names, 5), by_hand=True)))
        self.advance(self.check)
        self.assertEqual((self.found().names, self.node.order(SITE).state), ((SITE,), State.FAILED))
        self.network.caa_of_wildcards.clear()
        self.advance(3600)
        self.assertEqual((self.found().names, self.node.order(SITE).state), (names, State.ISSUED))
        self.stop()
        self.ended()

    def test_configured_later(self) -> None:
        """Defect: the wildcard that was written into the configuration did not come, nor was anything said of it."""
        self.forbid()
        self.start()
        self.stop()
        self.network.caa_of_wildcards.clear()
        node = self.make(configured=((SITE, PREVIEWS),))
        self.start(node)
        self.advance(self.check)
        self.assertEqual(self.found(node).names, (SITE, PREVIEWS))
        self.stop(node)
        self.ended()

    def test_from_staging(self) -> None:
        """Defect: where CAA permitted the site alone to the other authority, that of tests was served on for most of its life."""
        staging = self.make(directory="https://ca.test/directory/staging")
        self.start(staging)
        self.assertEqual(self.found(staging).names, (SITE, PREVIEWS))
        self.stop(staging)
        self.forbid()
        self.start()
        found = self.found()
        self.assertEqual((found.names, found.issued_by), ((SITE,), self.authority.directory_url))
        self.stop()
        self.ended()

    def test_recalled(self) -> None:
        """Defect: one that the authority is about to revoke was served on, where the wildcard could not be had any more."""
        self.start()
        first = self.found()
        self.forbid()
        named = certificate_id(certificates_in(first.chain)[0])
        self.authority.rules.windows[named] = (self.reactor.seconds() - 2 * DAY, self.reactor.seconds() - DAY)
        self.advance(3 * DAY)
        self.assertEqual(self.found().names, (SITE,))
        self.stop()
        self.ended()

    def test_revoked(self) -> None:
        """Defect: one that was revoked was served on, where the wildcard could not be had any more."""
        self.authority.rules.renewal_info = False
        self.start()
        first = self.found()
        self.forbid()
        self.done(self.node.book.change(SITE, lambda order: revoked(order, first.fingerprint, 5)))
        self.advance(self.check)
        self.assertEqual((self.found().names, self.node.order(SITE).revoked), ((SITE,), ()))
        self.stop()
        self.ended()

    def test_revoked_meanwhile(self) -> None:
        """Defect: one that was revoked while the other kind of key was being proved was taken for replaced, and served on."""
        self.authority.rules.renewal_info = False
        node, make, hung = self.make(kinds=(Kind.ECDSA, Kind.RSA)), Issuer._key, Deferred[None]()

        async def key(issuer: Issuer, kind: Kind) -> Any:
            if kind is Kind.RSA:
                await hung
            return await make(issuer, kind)

        self.patch(Issuer, "_key", key)
        self.start(node)
        first = self.found(node)
        self.assertIsNone(node.certificate(SITE, Kind.RSA))
        self.done(node.book.change(SITE, lambda order: revoked(order, first.fingerprint, 5)))
        hung.callback(None)
        self.advance(DAY)
        self.assertNotEqual(self.found(node), first)
        self.assertEqual((len(self.authority.issued), node.order(SITE).revoked), (3, ()))
        self.stop(node)
        self.ended()

    def test_revoked_beside_another_kind(self) -> None:
        """Defect: one that was revoked was served on as long as the other kind, which was due as well, was worth keeping."""
        self.authority.rules.renewal_info = False
        node = self.make(kinds=(Kind.ECDSA, Kind.RSA))
        self.start(node)
        first = self.found(node)
        self.forbid()
        self.advance(0.7 * (first.not_after - first.not_before))
        self.assertEqual((self.found(node), node.order(SITE).cause), (first, "caa"))
        self.done(node.book.change(SITE, lambda order: revoked(order, first.fingerprint, 5)))
        self.advance(self.check)
        self.assertEqual([self.found(node, kind).names for kind in Kind], [(SITE,), (SITE,)])
        self.stop(node)
        self.ended()

    def test_revoked_and_refused(self) -> None:
        """Defect: one that was revoked was served on for good, when the first try to replace it failed."""
        self.authority.rules.renewal_info = False
        self.start()
        first = self.found()
        self.network.caa[SITE] = b"other.example"
        self.done(self.node.book.change(SITE, lambda order: revoked(order, first.fingerprint, 5)))
        self.advance(self.check)
        self.assertEqual((self.found(), self.node.order(SITE).cause), (first, "caa"))
        self.network.caa.clear()
        self.advance(3600)
        self.assertNotEqual(self.found(), first)
        self.stop()
        self.ended()
