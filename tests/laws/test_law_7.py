"""Law 7: two nodes that take writes at the same time, cut off from each other, converge to the same state everywhere, and nobody's
deployment is lost: the later deployment is live (ties: the greater id), the other stays listed. Resolving is deterministic, so two
nodes that resolve make no new conflict.

``tests.pages.test_converging`` lets Hypothesis look for orders in which this would not hold; here is what must hold of the plainest.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from twisted.trial.unittest import SynchronousTestCase

from couchpages.conflicts import Reconciler
from couchpages.dns import reading, records
from couchpages.dns.records import Record
from couchpages.dns.traces import Sums
from couchpages.pages import deployments, rivals
from couchpages.pages.manifest import Manifest
from couchpages.pages.reconciling import ManifestRule
from couchpages.ports import Change, Json, Judgement, NoRoom
from couchpages.testing.leaves import successor
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.node import MemoryNode
from couchpages.testing.zones import MemoryZones
from tests.laws.taken_out import NeedsItsCode, Without
from tests.laws.zones_of_a_node import WWW, ZONE, serving

HOST = "a.example"


class Law7(SynchronousTestCase):
    """Two nodes with databases of their own."""

    def setUp(self) -> None:
        """Serve a version on both."""
        folder = Path(self.mktemp())
        self.nodes = [MemoryNode(folder / name, name=name) for name in ("one", "other")]
        self.one, self.other = self.nodes
        self.first = self.one.deploy(HOST, {"index.html": b"first"})
        self.heal()

    def heal(self) -> int:
        """Replicate both ways until nothing is new; give the number of rounds."""
        for rounds in range(1, 12):
            before = self.revisions()
            for source, target in ((self.one, self.other), (self.other, self.one)):
                source.files.replicate_to(target.files)
                source.manifests.replicate_to(target.manifests)
            if self.revisions() == before:
                return rounds
        raise AssertionError("the nodes make revisions for each other without an end")

    def revisions(self) -> list[dict[str, set[str]]]:
        """Give every leaf of every document on both nodes."""
        return [
            {name: {leaf.rev for leaf in document.leaves} for name, document in node.manifests.stored.items()}
            for node in self.nodes
        ]

    def listed(self, node: MemoryNode) -> Any:
        """Give what the API lists."""
        return node.call("GET", f"/api/v2/sites/{HOST}/deployments").json

    def agree_on(self, live: str, *ids: str) -> None:
        """Check that both nodes serve one deployment, list all of these, show each, and have no conflict."""
        for node in self.nodes:
            listed = self.listed(node)
            self.assertEqual((listed["live"], listed["waiting"]), (live, None))
            self.assertEqual({each["id"] for each in listed["deployments"]}, {self.first["id"], live, *ids})
            for each in (live, *ids):
                self.assertEqual(node.visit(f"{each}.{HOST}", "/").status, 200)
            for name, document in node.manifests.stored.items():
                self.assertEqual(len(document.living), 1, name)
        self.assertEqual(self.one.manifests.documents_now(), self.other.manifests.documents_now())

    def test_the_later_one_is_live(self) -> None:
        """The later deployment is live on both nodes though CouchDB would choose the one with more edits; the other is listed."""
        self.one.deploy(HOST, {"index.html": b"a"})
        early = self.one.deploy(HOST, {"index.html": b"early"})
        self.other.reactor.advance(60)
        late = self.other.deploy(HOST, {"index.html": b"late"})
        self.heal()
        ids = [each["id"] for each in self.listed(self.one)["deployments"]]
        self.assertIn(early["id"], ids)
        self.agree_on(late["id"], *ids)
        for node in self.nodes:
            self.assertEqual(node.visit(HOST, "/").body, b"late")

    def test_at_the_same_moment(self) -> None:
        """Of two at the same moment the one with the greater id is live."""
        made = [node.deploy(HOST, {"index.html": node.name.encode()}) for node in self.nodes]
        self.assertEqual(made[0]["created"], made[1]["created"])
        self.heal()
        ids = sorted(each["id"] for each in made)
        self.agree_on(ids[1], ids[0])

    def test_a_clock_that_is_behind(self) -> None:
        """What a node does after it saw something is later than that, also when its clock is behind."""
        self.one.reactor.advance(3600)
        self.one.deploy(HOST, {"index.html": b"seen"})
        self.heal()
        after = self.other.deploy(HOST, {"index.html": b"after"})
        self.heal()
        for node in self.nodes:
            self.assertEqual((self.listed(node)["live"], node.visit(HOST, "/").body), (after["id"], b"after"))

    def test_nobodys_deployment_is_lost(self) -> None:
        """A losing deployment that stands nowhere but in the site's document gets a document of its own before that is removed."""
        early = self.one.deploy(HOST, {"index.html": b"early"})
        del self.one.manifests.stored[early["id"] + "." + HOST]
        self.other.reactor.advance(60)
        late = self.other.deploy(HOST, {"index.html": b"late"})
        self.heal()
        self.agree_on(late["id"], early["id"])

    def test_deleted_where_it_was_not_live(self) -> None:
        """What one node makes live while another, which cannot know, deletes it, stays visible, and listed when it is replaced."""
        second = self.one.deploy(HOST, {"index.html": b"second"})
        self.heal()
        self.one.call("POST", f"/api/v2/sites/{HOST}/rollback", {"id": self.first["id"]})
        deleted = self.other.call("DELETE", f"/api/v2/sites/{HOST}/deployments/{self.first['id']}")
        self.assertEqual(deleted.status, 204)
        self.heal()
        for node in self.nodes:
            for host in (HOST, f"{self.first['id']}.{HOST}"):
                self.assertEqual(node.visit(host, "/").body, b"first")
        third = self.other.deploy(HOST, {"index.html": b"third"})
        self.heal()
        self.agree_on(third["id"], self.first["id"], second["id"])

    def test_no_new_conflicts(self) -> None:
        """Both nodes resolve at the same time, and neither makes a revision that the other does not make too."""
        self.one.deploy(HOST, {"index.html": b"early"})
        self.other.reactor.advance(60)
        self.other.deploy(HOST, {"index.html": b"late"})
        taken = [list(node.manifests.stored.items()) for node in self.nodes]
        for items, target in ((taken[0], self.other), (taken[1], self.one)):
            for name, document in items:
                for leaf in document.leaves:
                    target.manifests.take(name, leaf)
        after = self.revisions()
        self.assertEqual(after[0], after[1])
        self.assertEqual((self.heal(), self.revisions()), (1, after))

    def test_not_removed_before_it_stands_elsewhere(self) -> None:
        """While the loser's document cannot be written, its revision stays."""
        early = self.one.deploy(HOST, {"index.html": b"early"})
        del self.one.manifests.stored[early["id"] + "." + HOST]
        self.other.reactor.advance(60)
        self.other.deploy(HOST, {"index.html": b"late"})
        for node in self.nodes:
            node.manifests.fail("put", NoRoom("full"), doc_id=early["id"] + "." + HOST, times=9)
        self.heal()
        for node in self.nodes:
            self.assertEqual(node.visit(HOST, "/").body, b"late")
            self.assertEqual(len(node.manifests.stored[HOST].living), 2)
            node.manifests.heal()
            node.conflicts.loaded()
        self.heal()
        self.agree_on(self.listed(self.one)["live"], early["id"])


def _pass_on(self: Reconciler, change: Change) -> None:
    """Take CouchDB's choice."""
    self._sink.apply(change)


async def _trust(self: ManifestRule, doc_id: str, loser: Json, winner: Json) -> bool:
    """Suppose that it stands elsewhere."""
    del self, doc_id, loser, winner
    return True


async def _never(manifests: MemoryDatabase, manifest: Manifest) -> bool:
    """Let what is replaced go."""
    del manifests, manifest
    return False


def _couchdbs(self: ManifestRule, doc_id: str, leaves: Sequence[Json]) -> Judgement | None:
    """Judge as CouchDB does."""
    del self, doc_id
    ranked = sorted(leaves, key=lambda leaf: (int(leaf["_rev"].partition("-")[0]), leaf["_rev"]), reverse=True)
    return Judgement(ranked[0], tuple(ranked[1:]))


def _lesser_id(manifest: Manifest, leaf: Json) -> list[int]:
    """Rank by the id the other way round."""
    del leaf
    return [-ord(letter) for letter in manifest.deployment.id]


async def _reassert(self: Reconciler, doc_id: str, losers: list[Json]) -> None:
    """Remove losers, and write the winner anew with the name of the node that did so."""
    await REMOVE(self, doc_id, losers)
    database: Any = self._database
    winner = database.stored[doc_id].winner
    if losers:
        database.take(doc_id, successor(winner, {**winner.body, "by": id(self)}, {}))


REMOVE = Reconciler._remove


class Law7NeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: a reconciler between follower and sink, a rule of ours, a place for losers, a clock that looks at what it saw."""

    law = Law7
    without = (
        Without("test_the_later_one_is_live", Reconciler, "apply", _pass_on),
        Without("test_the_later_one_is_live", ManifestRule, "judge", _couchdbs),
        Without("test_at_the_same_moment", Reconciler, "apply", _pass_on),
        Without("test_at_the_same_moment", rivals, "_rank", _lesser_id),
        Without("test_a_clock_that_is_behind", deployments, "moment_after", lambda now, current: now),  # noqa: ARG005
        Without("test_nobodys_deployment_is_lost", ManifestRule, "preserve", _trust),
        Without("test_deleted_where_it_was_not_live", deployments, "keep_listed", _never),
        Without("test_no_new_conflicts", Reconciler, "_remove", _reassert),
        Without("test_not_removed_before_it_stands_elsewhere", ManifestRule, "preserve", _trust),
    )


class Law7OfZones(SynchronousTestCase):
    """Zones on two nodes that were cut off from each other; tests/dns/test_serials_converging.py has every order."""

    def setUp(self) -> None:
        """Serve a zone on two nodes, each of which changes it by itself."""
        self.nodes = (serving(), MemoryZones())
        self.meet()
        self.nodes[1].follow()
        one, other = self.nodes
        (doc_id,) = one.record_database.stored
        one.add(ZONE, WWW, "A", "192.0.2.1", ttl=60)
        one.add(ZONE, "same.example.org", "A", "192.0.2.5")
        other.add(ZONE, "same.example.org", "A", "192.0.2.5")
        other.remove(doc_id)
        other.replace_soa(ZONE, 1000)
        for node in self.nodes:
            node.settle()
        self.apart = [node.serial(ZONE) for node in self.nodes]

    def meet(self) -> None:
        """Replicate both ways, and settle."""
        for source, target in (self.nodes, self.nodes[::-1]):
            source.zone_database.replicate_to(target.zone_database)
            source.record_database.replicate_to(target.record_database)
        for node in self.nodes:
            node.settle()

    def test_same_answers(self) -> None:
        """Both serve the same zone, and have one document of the record that both added."""
        self.meet()
        self.assertEqual(*(node.published.zones for node in self.nodes))
        self.assertEqual(len(self.nodes[0].record_database.documents_now()), 3)

    def test_same_serial(self) -> None:
        """Both have the same serial, which is above those that they had apart."""
        self.meet()
        one, other = (node.serial(ZONE) for node in self.nodes)
        self.assertEqual(one, other)
        self.assertGreater(one, max(self.apart))


def _by_the_clock(self: Sums, number: int) -> int:
    """Count the changes that this node saw."""
    del number
    SEEN[id(self)] = SEEN.get(id(self), 0) + 1
    return SEEN[id(self)]


def _by_chance(record: Record) -> str:
    del record
    return str(uuid4())


SEEN: dict[int, int] = {}


class Law7OfZonesNeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: ids that follow from the records, and serials that follow from the documents."""

    law = Law7OfZones
    without = (
        Without("test_same_answers", records, "document_id", _by_chance),
        Without("test_same_serial", Sums, "generations", _by_the_clock),
        Without("test_same_serial", reading, "generations", lambda revs: 1),  # noqa: ARG005
    )
