"""The service as a whole, with an authority in memory."""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import formatEvent

from couchpages.certs.certificates import Kind
from couchpages.certs.issuing.accounts import Account
from couchpages.certs.issuing.accounts import document_id as account_id
from couchpages.certs.issuing.accounts import to_document as to_account_document
from couchpages.certs.issuing.obstacles import LookupFailed
from couchpages.certs.issuing.orders.order import State, asked, document_id, to_document
from couchpages.certs.sealing import document_id as certificate_id
from couchpages.ports import Conflict, NoRoom, Unavailable
from couchpages.testing.acme.faults import Fault
from couchpages.testing.acme.messages import Problem
from couchpages.testing.acme.server import FakeAuthority
from couchpages.testing.memory_database import MemoryDatabase, Turns
from tests.certs.issuing.world import ACCOUNT_KEYS, CHECK, LEASE, WorldCase
from tests.certs.made import DAY, NONCE, OTHER_KEY

SITE = "blog.example.org"


class Issued(WorldCase):
    """What is wanted comes, and is renewed."""

    check = 3600.0

    def test_site_with_previews(self) -> None:
        """A site in a zone of ours gets a certificate with its previews' wildcard, by DNS; it is not asked for again."""
        self.sites.sites = {SITE}
        self.start()
        found = self.node.certificate(SITE)
        assert found is not None
        self.assertEqual(found.names, (SITE, f"*.{SITE}"))
        self.assertEqual(found.issued_by, self.authority.directory_url)
        self.assertIs(self.node.order(SITE).state, State.ISSUED)
        self.assertEqual((self.node.metric("lease"), self.node.metric("failing")), (1.0, 0.0))
        self.assertEqual(self.node.metric("certificates_issued_total"), 1.0)
        self.advance(DAY)
        self.assertEqual(len(self.authority.issued), 1)
        # Nothing is answered any more.
        self.assertEqual(self.node.records.at(f"_acme-challenge.{SITE}"), [])
        self.stop()
        self.ended()

    def test_site_elsewhere(self) -> None:
        """A site that is in no zone of ours is proved over HTTP, and gets no wildcard."""
        self.sites.sites = {"www.example.net"}
        self.start()
        found = self.node.certificate("www.example.net")
        assert found is not None
        self.assertEqual(found.names, ("www.example.net",))
        self.stop()
        self.ended()

    def test_renewed(self) -> None:
        """It is renewed once, before a third of its life is over that is left, and the authority is told what it replaces."""
        self.sites.sites = {SITE}
        self.start()
        first = self.node.certificate(SITE)
        assert first is not None
        self.advance(55 * DAY)
        self.assertEqual(len(self.authority.issued), 1)
        self.advance(DAY * 32)
        second = self.node.certificate(SITE)
        assert second is not None
        self.assertEqual(len(self.authority.issued), 2)
        self.assertNotEqual(first.fingerprint, second.fingerprint)
        self.assertIsNotNone(self.authority.issued[1].replaces)
        self.assertLess(second.not_before, first.not_after - 25 * DAY)
        self.assertEqual((len(self.node.order(SITE).issued), len(self.node.order(SITE).added)), (1, 1))
        self.stop()
        self.ended()

    def test_both_kinds(self) -> None:
        """With two kinds of keys both come; where one fails, the other stays, and that one alone is tried again."""
        node = self.make(MemoryDatabase("secrets"), kinds=(Kind.ECDSA, Kind.RSA))
        self.sites.sites = {SITE}
        self.authority.limit("new-order", 0, 60)
        self.start(node)
        self.assertIsNotNone(node.certificate(SITE, Kind.ECDSA))
        self.assertIsNotNone(node.certificate(SITE, Kind.RSA))
        self.assertEqual(len(self.authority.issued), 2)
        self.assertEqual((len(node.order(SITE).issued), len(node.order(SITE).added)), (2, 1))
        self.stop(node)
        self.ended()

    def test_second_kind_fails(self) -> None:
        """What CouchDB does not take at first is stored when it does, and not ordered again."""
        node = self.make(MemoryDatabase("secrets"), kinds=(Kind.ECDSA, Kind.RSA))
        self.sites.sites = {SITE}
        self.database = node.database
        node.database.fail("put", NoRoom("full"), doc_id=certificate_id(SITE, Kind.RSA))
        self.start(node)
        self.assertIsNotNone(node.certificate(SITE, Kind.ECDSA))
        self.assertIsNone(node.certificate(SITE, Kind.RSA))
        self.advance(2 * self.check)
        self.assertIsNotNone(node.certificate(SITE, Kind.RSA))
        self.assertEqual(len(self.authority.issued), 2)
        self.stop(node)
        self.ended()

    def test_imported(self) -> None:
        """What was imported is neither renewed nor overwritten, expired or not, whatever the directory; asking for it says so."""
        self.put(replace(self.imported(SITE), not_after=0))
        self.sites.sites = {SITE}
        self.start()
        self.done(self.node.book.change(SITE, lambda order: replace(asked(order, (SITE,), 5), by_hand=True)))
        self.advance(200 * DAY)
        self.assertEqual(self.authority.asked["new-order"], 0)
        found = self.node.certificate(SITE)
        assert found is not None
        self.assertEqual(found.issued_by, "")
        self.assertIn("imported", self.node.order(SITE).reason)
        self.stop()
        self.ended()

    def test_imported_meanwhile(self) -> None:
        """Defect: what was imported while an order was under way was overwritten by what came of that."""
        for kind in Kind:
            database = MemoryDatabase("secrets")
            node = self.make(database)
            self.sites.sites = {SITE}
            shown: Deferred[None] = Deferred()
            self.network.broken[f"shown _acme-challenge.{SITE}"] = shown
            self.start(node)
            self.put(self.imported(SITE, kind=kind), node)
            self.network.broken.clear()
            shown.callback(None)
            self.advance(3 * self.check)
            found = node.certificate(SITE, kind)
            assert found is not None
            self.assertEqual(found.issued_by, "")
            self.assertEqual(len(node.bundles.certificates), 1)
            self.assertEqual(node.outcomes.troubles(), [])
            self.stop(node)
            self.ended()

    def test_handed_over(self) -> None:
        """What was imported and is handed over is there until ours has come, also when that fails at first."""
        self.put(self.imported(SITE))
        self.sites.sites = {SITE}
        self.network.caa[SITE] = b"other.example"
        self.start()
        self.advance(self.check)
        self.assertNotIn(SITE, self.node.book.orders)
        imported = self.node.certificate(SITE)
        self.done(self.node.administration().hand_over(SITE))
        self.advance(self.check)
        handed = self.node.certificate(SITE)
        assert imported is not None and handed is not None
        self.assertEqual(handed.fingerprint, imported.fingerprint)
        self.assertEqual(self.node.order(SITE).cause, "caa")
        self.network.caa.clear()
        self.advance(DAY)
        found = self.node.certificate(SITE)
        assert found is not None
        self.assertEqual(found.issued_by, self.authority.directory_url)
        self.stop()
        self.ended()

    def test_imported_elsewhere_meanwhile(self) -> None:
        """What was imported on a node that is cut off, before we issued, wins when the two are joined, on both."""
        other = self.make(MemoryDatabase("secrets"))
        self.put(self.imported(SITE), other)
        self.advance(60)
        self.sites.sites = {SITE}
        self.start()
        self.join(other)
        for node in (self.node, other):
            found = node.certificate(SITE)
            assert found is not None
            self.assertEqual(found.issued_by, "")
        self.assertEqual(
            self.database.stored[certificate_id(SITE, Kind.ECDSA)].rev,
            other.database.stored[certificate_id(SITE, Kind.ECDSA)].rev,
        )
        self.advance(100 * DAY)
        self.assertEqual(len(self.authority.issued), 1)
        self.stop()

    def join(self, other: Any) -> None:
        """Replicate both ways until all is the same."""
        for _ in range(6):
            self.database.replicate_to(other.database)
            other.database.replicate_to(self.database)
            self.settle()

    def test_staging_to_production(self) -> None:
        """Another directory has everything issued anew; neither what failed at the first nor what it counted holds that up."""
        self.sites.sites = {SITE}
        node = self.make(self.database, directory="https://ca.test/directory/staging")
        self.start(node)
        found = node.certificate(SITE)
        assert found is not None
        self.assertEqual(found.issued_by, "https://ca.test/directory/staging")
        self.stop(node)
        order = replace(node.order(SITE), state=State.FAILED, next_try=node.milliseconds() + 86_400_000, failures=9)
        self.database.seed(document_id(SITE), to_document(order))
        self.start()
        found = self.node.certificate(SITE)
        assert found is not None
        self.assertEqual(found.issued_by, self.authority.directory_url)
        self.assertEqual(len(self.node.order(SITE).issued), 1)
        self.stop()
        self.ended()

    def test_deleted_site(self) -> None:
        """When a site is gone its certificate stays until it ends, is not renewed, and is removed then; so is its order, later."""
        self.sites.sites = {SITE, "a.example.org"}
        self.start()
        self.sites.sites = {"a.example.org"}
        self.advance(89 * DAY)
        self.assertIsNotNone(self.node.certificate(SITE))
        self.assertEqual(sum(SITE in each.names for each in self.authority.issued), 1)
        self.sites.loaded = False
        self.advance(5 * DAY)
        self.assertIsNotNone(self.node.certificate(SITE))
        self.sites.loaded = True
        self.zones.zones.add("a.example.org")
        self.network.broken["NS a.example.org"] = Deferred()
        self.advance(0)
        self.network.broken.clear()
        self.advance(DAY)
        self.assertIsNone(self.node.certificate(SITE))
        self.assertNotIn(SITE, self.node.book.orders)
        self.assertNotIn(document_id(SITE), self.database.documents_now())
        self.stop()

    def test_failed_then_deleted(self) -> None:
        """Defect: a site that had failed and was deleted was a trouble, and counted as failing, for ever."""
        self.sites.sites = {SITE}
        self.network.not_ours[SITE] = "192.0.2.1 is none of our nodes"
        self.start()
        self.advance(DAY)
        self.assertTrue(self.node.service.troubles())
        self.assertEqual(self.node.metric("failing"), 1.0)
        self.sites.sites = set()
        self.advance(self.check)
        self.assertEqual((self.node.service.troubles(), self.node.metric("failing")), ([], 0.0))
        self.stop()
        self.ended()


class Failing(WorldCase):
    """What goes wrong."""

    def test_one_bad_name(self) -> None:
        """One that is not ours fails with words that help, is tried again ever later, and holds up nobody."""
        self.network.not_ours["typo.example.org"] = "192.0.2.1 answered with something else"
        self.sites.sites = {SITE, "typo.example.org"}
        self.start()
        self.assertIsNotNone(self.node.certificate(SITE))
        order = self.node.order("typo.example.org")
        self.assertEqual((order.state, order.cause, order.failures), (State.FAILED, "not_reached", 1))
        self.assertEqual(order.reason, "typo.example.org: 192.0.2.1 answered with something else")
        self.assertEqual(self.authority.asked["new-order"], 1)
        self.advance(DAY)
        self.assertLess(self.node.order("typo.example.org").failures, 14)
        self.assertGreater(self.node.order("typo.example.org").failures, 8)
        self.network.not_ours.clear()
        self.advance(9 * 3600)
        self.assertIsNotNone(self.node.certificate("typo.example.org"))
        self.stop()
        self.ended()

    def test_ten_that_hang(self) -> None:
        """Names whose addresses do not answer hold up others for as long as they are waited for, and no longer."""
        bad = [f"bad{number}.example.org" for number in range(30)]
        hung: list[Deferred[None]] = []

        def hang(name: str) -> None:
            self.network.broken[name] = Deferred()
            hung.append(self.network.broken[name])

        for name in bad:
            hang(name)
        self.sites.sites = {*bad, SITE}
        self.start()
        self.assertIsNone(self.node.certificate(SITE))
        for each in hung:
            each.errback(Exception("a defect"))
        self.settle()
        self.assertIsNotNone(self.node.certificate(SITE))
        self.assertEqual(len(self.flushLoggedErrors()), 30)
        # Those that failed come behind those that did not.
        self.sites.sites.add("aaa.example.org")
        for name in bad:
            self.network.broken[name] = Deferred()
        self.advance(100)
        self.assertIsNotNone(self.node.certificate("aaa.example.org"))
        self.stop()
        self.ended()

    def test_caa(self) -> None:
        """What CAA forbids is not ordered."""
        self.network.caa[SITE] = b"other.example"
        self.sites.sites = {SITE}
        self.start()
        self.assertEqual(self.node.order(SITE).cause, "caa")
        self.assertEqual(self.authority.asked["new-order"], 0)
        self.stop()
        self.ended()

    def test_refused(self) -> None:
        """What the authority did not find is told in its words, and counted as refused."""
        self.authority.rules.validates = lambda *_: Problem("connection", "192.0.2.1: Connection refused")
        self.sites.sites = {"www.example.net"}
        self.start()
        order = self.node.order("www.example.net")
        self.assertEqual(order.cause, "connection")
        self.assertIn(
            "could not fetch http://www.example.net/.well-known/acme-challenge/…: 192.0.2.1: Connection", order.reason
        )
        self.assertEqual(len(order.refused), 1)
        self.assertEqual(self.node.metric("failures_total", cause="connection"), 1.0)
        self.stop()
        self.ended()

    def test_authority_down(self) -> None:
        """Defect: each name that met an authority that was down doubled the pause of all, to hours; it is one failure for all."""
        self.sites.sites = {f"s{number}.example.org" for number in range(30)}
        self.authority.fail("*", Fault.DOWN)
        self.start()
        self.assertLess(self.authority.asked["directory"], 5)
        self.assertTrue(any("ca.test" in each for each in self.node.service.troubles()))
        self.assertLess(sum(order.state is State.FAILED for order in self.node.book.orders.values()), 12)
        self.advance(3 * 3600)
        self.assertLess(self.authority.asked["directory"], 40)
        self.authority.rules.faults.clear()
        self.advance(1800)
        self.assertEqual(len(self.authority.issued), 30)
        self.assertEqual(self.node.service.troubles(), [])
        self.stop()
        self.ended()

    def test_retry_after(self) -> None:
        """The authority's Retry-After is respected, days of it too."""
        self.sites.sites = {SITE}
        self.authority.limit("new-order", 1, 5 * DAY)
        self.start()
        order = self.node.order(SITE)
        self.assertEqual(order.cause, "rate_limited")
        self.assertGreaterEqual(order.next_try, self.node.milliseconds() + int(5 * DAY * 1000) - 2000)
        self.advance(5 * DAY - 60)
        self.assertEqual(self.authority.asked["new-order"], 1)
        self.advance(DAY)
        self.assertIsNotNone(self.node.certificate(SITE))
        self.stop()
        self.ended()

    def test_asked_for(self) -> None:
        """What somebody asks for is tried at once, though it was to wait; what cannot be had is said, and not tried again."""
        self.network.not_ours[SITE] = "elsewhere"
        self.sites.sites = {SITE}
        self.start()
        self.advance(DAY)
        self.network.not_ours.clear()
        for name in (SITE, "nothing.example.org"):
            order = asked(self.node.order(name), (name,), self.node.milliseconds())
            self.database.seed(document_id(name), to_document(order))
        self.advance(CHECK)
        self.assertIsNotNone(self.node.certificate(SITE))
        order = self.node.order("nothing.example.org")
        self.assertFalse(order.is_asked_for)
        self.assertIn("nothing wants it", order.reason)
        self.assertEqual(self.node.metric("failing"), 0.0)
        self.stop()
        self.ended()

    def test_not_loaded(self) -> None:
        """Until sites and zones are known nothing is issued nor removed, and that is a trouble; then it is."""
        self.sites.sites = {SITE}
        self.sites.loaded = self.zones.loaded = False
        self.start()
        self.assertIn("sites are not read", self.node.service.troubles()[0])
        self.sites.loaded = True
        self.advance(CHECK)
        self.assertIn("zones are not read", self.node.service.troubles()[0])
        self.zones.loaded = True
        self.advance(CHECK)
        self.assertEqual(self.node.service.troubles(), [])
        self.assertIsNotNone(self.node.certificate(SITE))
        self.stop()
        self.ended()

    def test_site_that_is_no_name(self) -> None:
        """Defect: one site that DNS has no name for kept all others from being looked after."""
        self.sites.sites = {SITE, "a..example.org"}
        self.start()
        self.assertIsNotNone(self.node.certificate(SITE))
        self.stop()
        self.flushLoggedErrors()

    def test_public_dns_away(self) -> None:
        """Where the public DNS does not tell whose the zones are, others are issued, and nothing is taken for somebody else's zone."""
        self.sites.sites = {SITE, "www.example.net"}
        self.network.broken["NS example.org"] = Deferred()
        self.start()
        self.advance(15)
        self.assertIsNotNone(self.node.certificate("www.example.net"))
        self.assertIsNone(self.node.certificate(SITE))
        self.network.broken.pop("NS example.org").callback(None)
        self.advance(2 * CHECK)
        self.assertIsNotNone(self.node.certificate(SITE))
        self.stop()
        self.ended()

    def test_zone_that_cannot_be_found_out(self) -> None:
        """It is a trouble of the node that issues, with the zone's name, until it is found out."""
        self.sites.sites = {SITE}
        self.network.broken["NS example.org"] = LookupFailed("the resolver refuses")
        self.start()
        other = self.make(self.database)
        self.start(other)
        (trouble,) = self.node.service.troubles()
        self.assertIn("the name servers of example.org cannot be found out", trouble)
        self.assertEqual(other.service.troubles(), [])
        # Another one took over, and sees for itself.
        self.database.seed("lease", {**self.database.documents_now()["lease"], "holder": "b" * 16, "node": "web2"})
        self.advance(CHECK)
        self.assertFalse(self.node.lease.is_held)
        self.assertEqual(self.node.service.troubles(), [])
        self.network.broken.clear()
        self.advance(LEASE + 2 * CHECK)
        self.assertIsNotNone(other.certificate(SITE))
        self.assertEqual(other.service.troubles(), [])
        for node in (self.node, other):
            self.stop(node)
        self.ended()

    def test_asked_for_in_an_outage(self) -> None:
        """Who asks by a command is heard at once, though the authority is left alone for a while, as it was away."""
        self.sites.sites = {SITE, "a.example.org"}
        self.authority.fail("*", Fault.DOWN)
        self.start()
        self.advance(3 * 3600)
        self.authority.rules.faults.clear()
        order = asked(self.node.order(SITE), (), self.node.milliseconds())
        self.database.seed(document_id(SITE), to_document(order))
        self.assertTrue(self.node.outcomes.is_outage)
        self.advance(CHECK)
        self.assertIsNotNone(self.node.certificate(SITE))
        self.stop()
        self.ended()

    def test_account_of_a_lost_key(self) -> None:
        """Defect: with a new key file nothing was ever issued again, a defect for each name. It is told once, with what to do."""
        self.sites.sites = {SITE, "a.example.org", "b.example.org"}
        lost = to_account_document(Account(self.authority.directory_url, ACCOUNT_KEYS[0]), OTHER_KEY, NONCE)
        self.database.seed(account_id(self.authority.directory_url), lost)
        self.start()
        self.advance(CHECK)
        self.assertEqual((self.authority.asked["new-order"], self.node.lease.is_held), (0, False))
        (trouble,) = self.node.service.troubles()
        self.assertIn("couchpages certs delete-account", trouble)
        self.assertIn(OTHER_KEY.id, trouble)
        self.done(self.node.accounts.delete(self.authority.directory_url))
        self.advance(1800)
        self.assertEqual(len(self.authority.issued), 3)
        self.assertEqual(self.node.service.troubles(), [])
        self.stop()
        self.ended()

    def test_forgotten_account(self) -> None:
        """An authority that has forgotten our account gets another one at once, and the order goes on."""
        self.sites.sites = {SITE}
        self.start()
        self.authority.books.accounts.clear()
        self.sites.sites.add("a.example.org")
        self.advance(CHECK)
        self.assertIsNotNone(self.node.certificate("a.example.org"))
        self.assertEqual(len(self.authority.books.accounts), 1)
        self.assertEqual(self.node.metric("failures_total", cause="account"), None)
        self.stop()
        self.ended()

    def test_no_key(self) -> None:
        """A node that has no key to seal with leaves the lease to those that have, and says so."""
        self.sites.sites = {SITE}
        self.node.unable = "there is no key"
        self.start()
        other = self.make(self.database)
        self.start(other)
        self.assertIsNotNone(other.certificate(SITE))
        self.assertIn("there is no key", self.node.service.troubles()[0])
        other.unable = "gone"
        self.advance(CHECK)
        self.node.unable = ""
        self.advance(CHECK)
        self.assertTrue(self.node.lease.is_held)
        for node in (self.node, other):
            self.stop(node)
        self.ended()

    def test_wishes_of_strangers(self) -> None:
        """An order that is called otherwise than what it wants is none; a malformed one changes nothing."""
        order = replace(asked(self.node.order("a.example.net"), ("b.example.net",), 5), by_hand=True)
        self.database.seed(document_id("a.example.net"), to_document(order))
        self.database.seed(document_id("c.example.net"), {"type": "order", "names": "x"})
        self.start()
        self.advance(CHECK)
        self.assertEqual(self.authority.issued, [])
        self.stop()
        self.ended()


class Turning(WorldCase):
    """Several issuers, and CouchDB."""

    def other(self) -> Any:
        """Give another node on the same CouchDB."""
        return self.make(self.database)

    def test_next_takes_over(self) -> None:
        """When the issuer is gone the next renews; when it stopped, the next takes over with its next look."""
        self.sites.sites = {SITE}
        other = self.other()
        self.start()
        self.start(other)
        self.assertEqual((self.node.metric("lease"), other.metric("lease")), (1.0, 0.0))
        self.stop()
        self.advance(CHECK)
        self.assertTrue(other.lease.is_held)
        self.advance(DAY)
        self.assertEqual(len(self.authority.issued), 1)
        self.assertEqual(len(self.authority.books.accounts), 1)
        self.stop(other)
        self.ended()

    def test_authority_unreachable_from_one(self) -> None:
        """A holder that does not reach the authority gives the lease up after some failures, and a node that does reach it issues."""
        self.sites.sites = {SITE}
        lost = FakeAuthority(wall=self.reactor.seconds)
        lost.fail("*", Fault.DOWN)
        cut_off = self.make(self.database, asked=lost)
        self.start(cut_off)
        self.advance(CHECK)
        self.start()
        self.advance(CHECK)
        self.assertTrue(cut_off.lease.is_held)
        self.advance(1800)
        self.assertIsNotNone(self.node.certificate(SITE))
        self.assertTrue(self.node.lease.is_held)
        for node in (self.node, cut_off):
            self.stop(node)
        self.ended()

    def test_paused_holder_does_not_finalize(self) -> None:
        """Defect: a holder that stood still while its challenge was looked at had its certificate issued, though another one issues."""
        self.sites.sites = {SITE}
        shown: Deferred[None] = Deferred()
        self.network.broken[f"shown _acme-challenge.{SITE}"] = shown
        self.start()
        other = self.other()
        self.start(other)
        # It stands still: no timer of its own runs, and the other one takes over.
        self.database.seed("lease", {**self.database.documents_now()["lease"], "holder": "b" * 16, "node": "web2"})
        self.network.broken.clear()
        finalized = self.authority.asked["finalize"]
        shown.callback(None)
        self.settle()
        self.assertEqual(self.authority.asked["finalize"], finalized)
        self.advance(LEASE + 2 * CHECK)
        self.assertIsNotNone(other.certificate(SITE))
        for node in (self.node, other):
            self.stop(node)
        self.ended()

    def test_cut_off_and_joined(self) -> None:
        """Two that are cut off from each other both issue; joined, all is one, the later certificate everywhere; nothing else breaks."""
        other = self.make(MemoryDatabase("secrets"))
        self.sites.sites = {SITE, "www.example.net"}
        self.start()
        self.advance(5)
        self.start(other)
        self.assertEqual(len(self.authority.issued), 4)
        for _ in range(6):
            self.database.replicate_to(other.database)
            other.database.replicate_to(self.database)
            self.advance(1)
        for name in (SITE, "www.example.net"):
            first, second = self.node.certificate(name), other.certificate(name)
            assert first is not None and second is not None
            self.assertEqual(first.fingerprint, second.fingerprint)
            self.assertEqual(self.node.order(name), other.order(name))
            self.assertEqual(len(self.node.order(name).issued), 2)
        for database in (self.database, other.database):
            for doc_id, document in database.stored.items():
                self.assertLessEqual(len(document.living), 1, doc_id)
        self.assertEqual(self.database.documents_now(), other.database.documents_now())
        self.advance(DAY)
        for node in (self.node, other):
            self.stop(node)
        self.ended()

    def test_couchdb_away_at_every_step(self) -> None:
        """CouchDB goes away at whichever of its operations, done or not, and comes back: the certificate comes all the same."""
        for happened in (False, True):
            for step in range(60):
                database = MemoryDatabase("secrets")
                node = self.make(database)
                del self.nodes[1:-1]
                self.sites.sites = {SITE}
                left = [step]

                async def pause(what: str, left: list[int] = left, happened: bool = happened) -> None:
                    is_answer = what.endswith("the answer")
                    if is_answer is happened:
                        left[0] -= 1
                        if left[0] == -1:
                            raise Unavailable("CouchDB went away")

                database.pause = pause
                self.start(node)
                self.advance(900)
                self.assertIsNotNone(node.certificate(SITE), f"{step} {happened}")
                self.stop(node)
                self.ended()

    def test_conflict_at_every_write(self) -> None:
        """Somebody else writes before each of our writes: the certificate comes all the same."""
        for step in range(40):
            database = MemoryDatabase("secrets")
            node = self.make(database)
            del self.nodes[1:-1]
            self.sites.sites = {SITE}
            left = [step]

            async def pause(what: str, left: list[int] = left) -> None:
                if what.startswith("put") and not what.endswith("the answer"):
                    left[0] -= 1
                    if left[0] == -1:
                        raise Conflict("somebody else")

            database.pause = pause
            self.start(node)
            self.advance(900)
            self.assertIsNotNone(node.certificate(SITE), str(step))
            self.stop(node)
            self.ended()
            if left[0] >= 0:
                break
        else:
            raise AssertionError("there are more steps")

    def test_stopped_at_every_step(self) -> None:
        """Defect: a check that was under way went on after the stop. Stopped at any moment, nothing hangs, the lease is given up."""
        for step in range(0, 200, 2):
            database, turns = MemoryDatabase("secrets"), Turns()
            node = self.make(database)
            del self.nodes[1:-1]
            self.sites.sites = {SITE, "www.example.net"}
            database.pause = turns.wait
            self.start(node)
            for _ in range(step):
                if not turns.waiting:
                    break
                turns.go()
                self.settle()
            is_over = not turns.waiting
            database.pause = None
            stopped = node.service.stopService()
            node.answers.stop()
            self.settle()
            self.successResultOf(stopped)
            self.settle()
            self.assertFalse(node.lease.is_held)
            lease = database.documents_now().get("lease", {"holder": ""})
            self.assertEqual(lease["holder"], "", str(step))
            self.ended()
            asked = sum(self.authority.asked.values())
            self.advance(3600)
            self.assertEqual(sum(self.authority.asked.values()), asked)
            self.ended()
            if is_over:
                break
        else:
            raise AssertionError("there are more steps")

    def test_stopped_while_many_wait(self) -> None:
        """Of those that wait for their turn, none begins because others are stopped."""
        self.sites.sites = {f"s{number}.example.org" for number in range(100)}
        for number in range(100):
            self.network.broken[f"s{number}.example.org"] = Deferred()
        self.start()
        begun = sum(doc_id.startswith("order-") for doc_id in self.database.stored)
        self.assertEqual(begun, 10)
        self.stop()
        self.assertEqual(sum(doc_id.startswith("order-") for doc_id in self.database.stored), begun)
        self.ended()

    def test_couchdb_away(self) -> None:
        """While CouchDB is away nothing is asked of the authority; when it is back, all goes on."""
        self.sites.sites = {SITE}
        self.cut_off()
        self.start()
        self.advance(3600)
        self.assertEqual(self.authority.asked["new-order"], 0)
        self.assertEqual(self.node.metric("lease"), 0.0)
        self.assertIn("away", self.node.service.troubles()[0])
        self.database.heal()
        self.advance(CHECK)
        self.assertIsNotNone(self.node.certificate(SITE))
        self.stop()
        self.ended()

    def test_nothing_secret_is_logged(self) -> None:
        """No key is in the log, nor in what is not sealed."""
        self.sites.sites = {SITE}
        self.start()
        self.stop()
        said = " ".join(formatEvent(event) for event in self.events)
        self.assertNotIn("PRIVATE", said + str(self.database.documents_now()))
