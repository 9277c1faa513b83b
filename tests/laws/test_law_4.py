"""Law 4: a malformed document never stops a service: it is logged and counted, and the last good state stays."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch import changes
from couchpages.couch.database import DatabaseInfo
from couchpages.couch.follower import Follower
from couchpages.dns.holdings import Holdings
from couchpages.dns.intake import Intake
from couchpages.dns.reading import Arrival
from couchpages.pages import catalog
from couchpages.pages.catalog import Catalog
from couchpages.pages.manifest import Manifest
from couchpages.pages.sites import Sites
from couchpages.ports import Change, ChangesSink, Unavailable
from couchpages.testing.node import MemoryNode
from tests.laws.heard import Heard
from tests.laws.taken_out import NeedsItsCode, Without
from tests.laws.zones_of_a_node import WWW, ZONE, serving

HOST = "a.example"
#: Of every kind: what a manifest lacks, has in the wrong type, or has from a later version of this program.
MALFORMED: tuple[dict[str, Any], ...] = (
    {},
    {"foreign": 1},
    {"GitHash": 5, "URLHashDictionary": {}},
    {"GitHash": "abc", "URLHashDictionary": ["x"]},
    {"GitHash": "abc", "URLHashDictionary": {"index.html": "no hash"}},
    {"GitHash": "abc", "URLHashDictionary": {}, "couchpages": {"version": 2}},
    {
        "GitHash": "abc",
        "URLHashDictionary": {},
        "couchpages": {"version": 1, "id": "x", "site": "other.example", "created": "soon"},
    },
)


class Told:
    """A database whose feed a test writes."""

    name = "manifests"

    def __init__(self) -> None:
        self.receive: Any = None

    async def info(self) -> DatabaseInfo:
        """See FollowedDatabase."""
        return DatabaseInfo("1", "1")

    async def feed(self, query: dict[str, str], idle: float, receive: Any) -> None:
        """See FollowedDatabase: the first feed ends at once, the second goes on."""
        del idle
        if "timeout" in query:
            receive(b'{"last_seq":"1","pending":0}\n')
            return
        self.receive = receive
        await Deferred()


class Law4(SynchronousTestCase):
    """Documents of ``manifests`` as they come from CouchDB, to a node's sites."""

    def setUp(self) -> None:
        """Serve a site, and follow a feed that the test writes."""
        self.node = MemoryNode(Path(self.mktemp()))
        self.node.deploy(HOST, {"index.html": b"good"})
        self.told = Told()
        self.follower = Follower(Clock(), self.told, self.node.conflicts, self.node.metrics)
        self.follower.startService()
        self.addCleanup(self.follower.stopService)
        self.seq = 1
        self.heard = Heard(self)

    def tell(self, doc_id: str, doc: Any) -> None:
        """Let a document come."""
        self.seq += 1
        row = {"seq": f"{self.seq}", "id": doc_id, "doc": doc}
        self.told.receive(json.dumps(row).encode() + b"\n")

    def count(self) -> float | None:
        """Give the number of malformed documents."""
        name = "couchpages_malformed_documents_total"
        return self.node.metrics.registry.get_sample_value(name, {"database": "manifests"})

    def test_the_last_good_state_stays(self) -> None:
        """Whatever becomes of a site's document, visitors see what was good last, and it is what rolling back starts from."""
        live = self.node.sites.catalog.sites[HOST].live
        for place, doc in enumerate(MALFORMED):
            self.tell(HOST, {"_id": HOST, "_rev": f"{place + 2}-x", **doc})
            self.assertEqual(self.node.visit(HOST, "/").body, b"good", doc)
            self.assertEqual(self.node.sites.catalog.sites[HOST].live, live)

    def test_logged_and_counted(self) -> None:
        """Each is counted, and named in one line of the log, without a traceback."""
        for place, doc in enumerate(MALFORMED):
            self.tell(f"site{place}.example", {"_id": f"site{place}.example", "_rev": "1-x", **doc})
        self.assertEqual(self.count(), len(MALFORMED))
        lines = [event for event in self.heard.events if "malformed" in (event.get("log_format") or "")]
        self.assertEqual(
            [event["doc_id"] for event in lines], [f"site{place}.example" for place in range(len(MALFORMED))]
        )
        self.assertEqual([event for event in self.heard.events if "log_failure" in event], [])

    def test_the_service_goes_on(self) -> None:
        """What comes after a malformed document is taken, also when a sink has a defect that the document wakes."""
        self.tell("x.example", {"_id": "x.example", "odd": 1})
        self.tell(HOST, self.node.manifests.change(HOST).doc)
        self.tell("y.example", {"_id": "y.example", "_rev": "1-x", "GitHash": "abc", "URLHashDictionary": {}})
        self.assertIn("y.example", self.node.sites.catalog.sites)

    def test_a_line_that_cannot_be_read(self) -> None:
        """A document that is nested too deeply, or has a number of too many digits, is left out, and the feed goes on."""
        for value in ("[" * 100_000 + "]" * 100_000, "9" * 5000):
            self.told.receive(b'{"seq":"7","id":"deep.example","doc":{"_id":"deep.example","x":%s}}\n' % value.encode())
        self.assertEqual(self.count(), 2)
        self.tell("y.example", {"_id": "y.example", "_rev": "1-x", "GitHash": "abc", "URLHashDictionary": {}})
        self.assertIn("y.example", self.node.sites.catalog.sites)


def _trusting(doc: dict[str, Any]) -> Manifest:
    """Read a manifest as if it were one."""
    return Manifest(doc["couchpages"]["entry"], doc["URLHashDictionary"])


def _drop_first(self: Catalog, change: Change) -> Manifest | None:
    """Let go of what was known before it is known whether there is something better."""
    self._drop(change.doc_id)
    return APPLY(self, change)


def _stop_when_malformed(self: Sites, change: Change) -> None:
    """Serve no longer what cannot be understood."""
    try:
        SITES_APPLY(self, change)
    except ValueError:
        self._stop_serving(change.doc_id)
        raise


def _straight_on(self: Follower, change: Change) -> None:
    sink: ChangesSink = self._sink
    sink.apply(change)


def _unreadable(line: bytes, error: Exception) -> object:
    raise Unavailable(f"{len(line)} bytes: {error}")


APPLY = Catalog.apply
SITES_APPLY = Sites.apply


class Law4NeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: reading before letting go, a follower that catches, and a parser that skips."""

    law = Law4
    without = (
        Without("test_the_last_good_state_stays", Catalog, "apply", _drop_first),
        Without("test_the_last_good_state_stays", Sites, "apply", _stop_when_malformed),
        Without("test_logged_and_counted", Follower, "_apply", _straight_on),
        Without("test_logged_and_counted", catalog, "from_document", _trusting),
        Without("test_the_service_goes_on", Follower, "_apply", _straight_on),
        Without("test_a_line_that_cannot_be_read", changes, "_unreadable", _unreadable),
    )


class Law4OfZones(SynchronousTestCase):
    """Documents of ``dns_zones`` and ``dns_records``."""

    def setUp(self) -> None:
        """Serve a zone."""
        self.node = serving()
        self.heard = Heard(self)

    def test_the_last_good_state_stays(self) -> None:
        """A record and a zone whose documents become malformed answer as before."""
        (doc_id,) = self.node.record_database.stored
        for malformed in MALFORMED_RECORDS:
            self.node.record_database.seed(doc_id, malformed)
            self.node.zone_database.seed(ZONE, {"zoneId": malformed})
            self.node.settle()
            self.assertEqual(self.node.answers(ZONE), {WWW: {"A": ["192.0.2.1"]}})

    def test_logged_and_counted(self) -> None:
        """Each is logged with the document's name, and counted; the zone stays, and takes what is well-formed."""
        for number, malformed in enumerate(MALFORMED_RECORDS):
            self.node.record_database.seed(f"bad{number}", malformed)
        self.node.add(ZONE, "ftp.example.org", "A", "192.0.2.2")
        self.node.settle()
        for number in range(len(MALFORMED_RECORDS)):
            self.assertIn(f"dns_records/bad{number} is malformed and left out", self.heard.text)
        counted = self.node.sample("malformed_documents_total", database="dns_records")
        self.assertEqual(counted, len(MALFORMED_RECORDS))
        self.assertEqual(set(self.node.answers(ZONE)), {WWW, "ftp.example.org"})


#: What a record lacks, has in the wrong type, or has as no zone file could.
MALFORMED_RECORDS: tuple[dict[str, Any], ...] = (
    {},
    {"type": "A", "name": WWW, "content": "192.0.2.9", "ttl": 60},
    {"type": "A", "name": WWW, "content": "192.0.2.999", "ttl": 60, "zone_id": 7},
    {"type": "A", "name": "a..b", "content": "192.0.2.9", "ttl": 60, "zone_id": 7},
    {"type": "MX", "name": WWW, "content": "mail", "ttl": 60, "zone_id": 7},
    {"type": "ANY", "name": WWW, "content": "x", "ttl": 60, "zone_id": 7},
    {"type": "A", "name": WWW, "content": "192.0.2.9", "ttl": -1, "zone_id": 7},
    {"type": "TXT", "name": WWW, "content": ["x"], "ttl": 60, "zone_id": 7},
)


def _forget_first(self: Holdings, arrival: Arrival) -> None:
    self.hold(arrival.doc_id, None)
    HOLDINGS_APPLY(self, arrival)


def _unguarded(self: Intake, database: str, doc_id: str, apply: Callable[[], None]) -> None:
    del self, database, doc_id
    apply()


HOLDINGS_APPLY = Holdings.apply


class Law4OfZonesNeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: holding what was known, and reading that fails for one document alone."""

    law = Law4OfZones
    without = (
        Without("test_the_last_good_state_stays", Holdings, "apply", _forget_first),
        Without("test_the_last_good_state_stays", Intake, "_try", _unguarded),
        Without("test_logged_and_counted", Intake, "_try", _unguarded),
        Without("test_logged_and_counted", Intake, "_malformed", lambda self, *_: None),  # noqa: ARG005
    )
