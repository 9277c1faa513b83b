"""Law 3: a fault never becomes a false "does not exist". What cannot be read is 503 with Retry-After."""

from collections.abc import Mapping
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch import answers
from couchpages.dns import codes, journal, responder, swaps
from couchpages.dns.names import from_text
from couchpages.dns.query import Query
from couchpages.dns.reply import Reply, to_outcome
from couchpages.dns.responder import Responder
from couchpages.dns.served_zones import ServedZones
from couchpages.dns.verdicts import Outcome
from couchpages.dns.zone_keeper import ZoneKeeper
from couchpages.dns.zones import Zones
from couchpages.pages.manifest import to_document
from couchpages.pages.previews import Previews
from couchpages.pages.reconciling import ManifestRule
from couchpages.pages.sites import Sites, UnknownHost
from couchpages.pages.visits import Visits
from couchpages.ports import Change, NotFound, StoreError, Unavailable
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.node import MemoryNode
from couchpages.testing.zones import MemoryZones
from couchpages.web.problem import Problem
from tests.dns.own import responders, zone_of
from tests.laws.taken_out import NeedsItsCode, Without
from tests.laws.zones_of_a_node import WWW, ZONE, serving
from tests.pages.parts import deployed, live

HOST = "a.example"


class Law3(SynchronousTestCase):
    """Whatever cannot be read, in every way in which it cannot."""

    def setUp(self) -> None:
        """Make a site with a preview, that nobody has visited yet."""
        self.folder = Path(self.mktemp())
        node = MemoryNode(self.folder / "1")
        self.preview = f"{node.deploy(HOST, {'index.html': b'preview'}, branch='topic')['id']}.{HOST}"
        node.deploy(HOST, {"index.html": b"home"})
        self.node = node.restarted(self.folder / "2")

    def is_503(self, host: str, path: str = "/", node: MemoryNode | None = None) -> None:
        """Check that visitors are told to come again."""
        answer = (node or self.node).visit(host, path)
        self.assertEqual((answer.status, "retry-after" in answer.headers), (503, True))

    def test_before_everything_was_read(self) -> None:
        """Until all manifests were read, no host is unknown, and no list lacks what was not read."""
        started = self.node.restarted(self.folder / "3", couchdb_away=True)
        self.is_503("unknown.example", node=started)
        started.secrets.follow(started.key_conflicts)
        self.assertEqual(started.call("GET", "/api/v2/sites", key=self.node.key).status, 503)
        self.assertEqual(self.node.visit("unknown.example", "/").status, 404)

    def test_while_nothing_is_told(self) -> None:
        """While CouchDB is away, a host that this node does not know may be there since; known sites and their missing pages are known."""
        self.node.sites.believe(lambda: False)
        self.is_503("unknown.example")
        self.assertEqual((self.node.visit(HOST, "/").status, self.node.visit(HOST, "/missing").status), (200, 404))
        self.node.sites.believe(lambda: True)
        self.assertEqual(self.node.visit("unknown.example", "/").status, 404)

    def test_a_blob_that_cannot_be_had(self) -> None:
        """A file whose content cannot be read now, or is not there though a manifest names it, is 503."""
        (blob,) = self.node.manifests.documents_now()[HOST]["URLHashDictionary"].values()
        for error in (Unavailable("away"), NotFound("CouchDB says so")):
            self.node.files.fail("read_attachment", error)
            self.is_503(HOST)
        del self.node.files.stored[blob]
        self.is_503(HOST)

    def test_a_manifest_that_cannot_be_had(self) -> None:
        """A preview whose manifest cannot be read, or is gone while it is known, is 503."""
        self.node.manifests.fail("get", Unavailable("away"))
        self.is_503(self.preview)
        del self.node.manifests.stored[self.preview]
        self.is_503(self.preview)

    def test_a_malformed_manifest(self) -> None:
        """A site whose only manifest cannot be understood exists nevertheless."""
        self.node.manifests.seed("broken.example", {"GitHash": 5})
        self.is_503("broken.example")

    def test_a_deployment_that_is_not_here(self) -> None:
        """A site whose first deployment waits for blobs exists."""
        self.node.manifests.seed("new.example", to_document(live(deployed("x", ["ab" * 32], site="new.example"))))
        self.is_503("new.example")

    def test_not_couchdb(self) -> None:
        """What is not CouchDB's own "not_found", a proxy's page for instance, says nothing about what exists."""
        for body in (b"", b"<html>Not Found</html>", b'{"error":"no such route"}'):
            self.assertIsInstance(answers.error_for(404, body, "x"), Unavailable)
        for row in ({"key": "x", "error": "timeout"}, {"id": "x", "value": {}}):
            self.assertRaises(Unavailable, answers._row, row, "x")

    def test_a_database_that_is_gone(self) -> None:
        """That a database was deleted says nothing about what was in it: it may come back."""
        for reason in (b"Database does not exist.", b"no_db_file"):
            body = b'{"error":"not_found","reason":"' + reason + b'"}'
            self.assertIsInstance(answers.error_for(404, body, "x"), Unavailable)

    def test_a_conflict_is_no_absence(self) -> None:
        """A site whose competing documents cannot be read yet exists, and is served when its blobs are here."""
        doc = self.node.manifests.change(HOST).doc or {}
        fresh = self.node.restarted(self.folder / "4", couchdb_away=True)
        fresh.manifests.fail("leaves", Unavailable("away"), times=9)
        fresh.conflicts.apply(Change(HOST, {**doc, "_conflicts": ["1-other"]}))
        fresh.conflicts.loaded()
        self.assertEqual(fresh.visit(HOST, "/").body, b"home")
        self.successResultOf(fresh.conflicts.stop())


async def _not_found(sites: Sites, host: str) -> Mapping[str, str]:
    """Take what cannot be read for what does not exist."""
    try:
        return await FILES_FOR(sites, host)
    except StoreError:
        raise UnknownHost(host) from None


FILES_FOR = Sites.files_for


class Law3NeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: that whoever cannot read says so, and that this is kept apart from knowing that there is nothing."""

    law = Law3
    without = (
        Without("test_before_everything_was_read", Sites, "_unknown", lambda self, host: UnknownHost(host)),  # noqa: ARG005
        Without("test_before_everything_was_read", Sites, "require_loaded", lambda self: None),  # noqa: ARG005
        Without("test_while_nothing_is_told", Sites, "_unknown", lambda self, host: UnknownHost(host)),  # noqa: ARG005
        Without("test_a_blob_that_cannot_be_had", Visits, "_file", lambda self, *_: _unknown_host()),  # noqa: ARG005
        Without("test_a_manifest_that_cannot_be_had", Previews, "files", lambda self, doc_id: _unknown_host()),  # noqa: ARG005
        Without("test_a_malformed_manifest", Sites, "_unknown", lambda self, host: UnknownHost(host)),  # noqa: ARG005
        Without("test_a_deployment_that_is_not_here", Sites, "files_for", _not_found),
        Without("test_not_couchdb", answers, "_is_couchdb", lambda body: True),  # noqa: ARG005
        Without("test_a_database_that_is_gone", answers, "NO_DATABASE", ()),
        Without("test_a_conflict_is_no_absence", ManifestRule, "knows", lambda self, doc_id: True),  # noqa: ARG005
    )


async def _unknown_host() -> object:
    raise UnknownHost(HOST)


class Law3OfZones(SynchronousTestCase):
    """No zone is published that lacks what could not be read."""

    def test_before_everything_was_read(self) -> None:
        """Until both databases were read, no zone is published, none is said to be missing, and lists are refused."""
        node = MemoryZones()
        node.create(ZONE)
        node.add(ZONE, WWW, "A", "192.0.2.1")
        node.zone_database.follow(node.zones.zone_sink)
        node.settle()
        self.assertEqual((node.published.zones, node.published.is_complete), ({}, False))
        self.assertRaises(Problem, node.zones.require_loaded)

    def test_half_a_file(self) -> None:
        """A zone of whose records some cannot be read from disk is not published, nor one above it; from CouchDB both are."""
        folder = Path(self.mktemp())
        node = serving(folder)
        number = node.create("sub.example.org")
        node.add("sub.example.org", "a.sub.example.org", "A", "192.0.2.1")
        node.settle()
        node.stop()
        file = folder / f"{number:08x}"
        file.write_bytes(file.read_bytes().replace(b"sub", b"sob").replace(b"737562", b"736f62"))
        again = MemoryZones(folder, node.zone_database, node.record_database)
        self.assertEqual(again.published.zones, {})
        again.follow()
        again.settle()
        self.assertEqual(again.published.zones, node.published.zones)

    def test_no_part_is_kept(self) -> None:
        """A node that is stopped while it loads keeps no part of a zone."""
        folder = Path(self.mktemp())
        node = MemoryZones(folder, *databases())
        node.zone_database.follow(node.zones.zone_sink)
        node.zones.record_sink.apply(node.record_database.change(next(iter(node.record_database.stored))))
        node.settle()
        node.stop()
        self.assertEqual(MemoryZones(folder).published.zones, {})


def databases() -> tuple[MemoryDatabase, MemoryDatabase]:
    """Give the databases of a node that serves a zone."""
    node = serving()
    node.add(ZONE, "ftp.example.org", "A", "192.0.2.2")
    return node.zone_database, node.record_database


def _as_it_comes(self: Zones, database: str) -> None:
    self._loaded.add(database)
    self._swaps.loaded()


def _unchecked(before: str, payload: bytes) -> str:
    del payload
    return before


def _write_at_once(self: ZoneKeeper) -> object:
    self._may_write = False
    return Deferred.fromCoroutine(self._finish())


class Law3OfZonesNeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: waiting for both databases, hashes, and that nothing is written before everything is known."""

    law = Law3OfZones
    without = (
        Without("test_before_everything_was_read", Zones, "_is_loaded", _as_it_comes),
        Without("test_before_everything_was_read", Zones, "require_loaded", lambda self: None),  # noqa: ARG005
        Without("test_half_a_file", journal, "_digest", _unchecked),
        Without("test_half_a_file", swaps, "suffixes", lambda name: [name]),
        Without("test_no_part_is_kept", ZoneKeeper, "finish", _write_at_once),
    )


CHALLENGED = """
@ 300 SOA ns host 1 2 3 4 300
*.wild 300 TXT "of the wildcard"
_acme-challenge.written 300 TXT "written"
cut 300 NS ns.example.net.
_acme-challenge.linked 300 CNAME elsewhere.example.net.
_acme-challenge.aliased 300 CNAME _acme-challenge.here
"""


class Law3OfAnswers(SynchronousTestCase):
    """What resolvers are told about names that no zone has."""

    def test_while_zones_may_be_missing(self) -> None:
        """Until all zones are known, a name outside of those that are gets SERVFAIL, also when it was asked before; then REFUSED."""
        zones = ServedZones()
        zones.publish(zone_of("@ 300 SOA ns host 1 2 3 4 300\nns 300 A 192.0.2.1\n", ZONE), None)
        self.by_transport = responders(zones)
        for _ in range(2):
            self.assertEqual(self.rcodes("www.elsewhere.example"), [codes.SERVFAIL] * 2)
            self.assertEqual(self.rcodes(f"nowhere.{ZONE}"), [codes.NXDOMAIN] * 2)
        zones.complete()
        self.assertEqual(self.rcodes("www.elsewhere.example"), [codes.REFUSED] * 2)

    def test_while_challenges_may_be_missing(self) -> None:
        """Until all challenges are answered, names for them get SERVFAIL where there is nothing but what a wildcard says, and then that."""
        zones = ServedZones()
        zones.publish(zone_of(CHALLENGED, ZONE), None)
        zones.complete()
        self.by_transport = responders(zones)
        names = (f"_acme-challenge.{ZONE}", f"_ACME-challenge.x.wild.{ZONE}", f"_acme-challenge.aliased.{ZONE}")
        texts, addresses = [codes.NXDOMAIN, codes.NOERROR, codes.NXDOMAIN], [codes.NXDOMAIN] * 3
        for _ in range(2):
            for name in names:
                self.assertEqual(self.rcodes(name, codes.TXT), [codes.SERVFAIL] * 2, name)
                self.assertEqual(self.rcodes(name), [codes.SERVFAIL] * 2, name)
            for known in ("written", "cut", "linked"):
                self.assertEqual(self.rcodes(f"_acme-challenge.{known}.{ZONE}", codes.TXT), [codes.NOERROR] * 2, known)
            self.assertEqual(self.rcodes(f"nowhere.{ZONE}", codes.TXT), [codes.NXDOMAIN] * 2)
            self.assertEqual(self.rcodes(f"x.wild.{ZONE}", codes.TXT), [codes.NOERROR] * 2)
        zones.complete_challenges()
        addresses[1] = codes.NOERROR
        self.assertEqual([self.rcodes(name, codes.TXT) for name in names], [[rcode] * 2 for rcode in texts])
        self.assertEqual([self.rcodes(name) for name in names], [[rcode] * 2 for rcode in addresses])

    def rcodes(self, name: str, type_: int = codes.A) -> list[int]:
        """Ask for a name, over UDP and TCP."""
        head = b"id" + bytes([0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        question = head + from_text(name) + bytes([0, type_, 0, 1])
        return [(each.answer(question) or bytes(4))[3] & 15 for each in self.by_transport.values()]


def _as_if_known(self: Responder, question: bytes, query: Query, outcome: Outcome) -> Reply:
    """Answer as if what no zone has did not concern this node."""
    return to_outcome(question, query, outcome, self._opt, self._sizes.limit(query))


class Law3OfAnswersNeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: a responder that asks whether all is known, and is told when it is."""

    law = Law3OfAnswers
    without = (
        Without("test_while_zones_may_be_missing", Responder, "_written", _as_if_known),
        Without("test_while_zones_may_be_missing", ServedZones, "complete", lambda self: None),  # noqa: ARG005
        Without("test_while_challenges_may_be_missing", responder, "may_lack_challenge", lambda *_: False),
        Without("test_while_challenges_may_be_missing", ServedZones, "complete_challenges", lambda self: None),  # noqa: ARG005
    )
