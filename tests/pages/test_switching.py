"""When a node begins to serve a deployment: when all its blobs are here, and not before (law 2)."""

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.blobs import ATTACHMENT
from couchpages.pages.deployments import PATIENCE
from couchpages.pages.manifest import Manifest, to_document
from couchpages.pages.waiting import Incomplete
from couchpages.ports import Change, Unavailable
from couchpages.testing.asking import Answer
from couchpages.testing.node import MemoryNode
from tests.pages.parts import HOST, deployed, live


class SwitchingTests(SynchronousTestCase):
    """Two nodes; replication brings what a test lets it bring."""

    def setUp(self) -> None:
        """Serve a first version on both."""
        folder = Path(self.mktemp())
        self.one, self.other = MemoryNode(folder / "1", name="1"), MemoryNode(folder / "2", name="2")
        self.first = self.one.deploy(HOST, {"index.html": b"old", "page.html": b"old page"})
        self.replicate("files", "manifests")

    def replicate(self, *databases: str) -> None:
        """Bring databases from the first node to the other, in this order."""
        for name in databases:
            getattr(self.one, name).replicate_to(getattr(self.other, name))

    def seen(self, path: str = "/", host: str = HOST) -> tuple[int, bytes]:
        """Give what visitors of the other node get."""
        answer = self.other.visit(host, path)
        return answer.status, answer.body

    def listed(self) -> Answer:
        """Ask the other node for the deployments."""
        return self.other.call("GET", f"/api/v2/sites/{HOST}/deployments")

    def write(self, manifest: Manifest) -> None:
        """Make a deployment live on the other node as somebody else, with whatever blobs."""
        self.other.manifests.seed(HOST, to_document(live(manifest)))

    def test_manifest_first(self) -> None:
        """A manifest that arrives before its blobs changes nothing; the last blob switches the whole site, without a question."""
        made = self.one.deploy(HOST, {"index.html": b"new", "page.html": b"new page", "more.html": b"more"})
        self.replicate("manifests")
        self.assertEqual((self.seen(), self.seen("/page.html")), ((200, b"old"), (200, b"old page")))
        self.assertEqual(self.seen("/more.html")[0], 404)
        self.other.files.calls.clear()
        names = sorted(set(self.one.files.stored) - set(self.other.files.stored))
        for name in names[:-1]:
            self.one.files.replicate_to(self.other.files, [name])
            self.assertEqual(self.seen(), (200, b"old"))
        self.one.files.replicate_to(self.other.files, names[-1:])
        self.assertEqual(
            (self.seen(), self.seen("/page.html"), self.seen("/more.html")),
            ((200, b"new"), (200, b"new page"), (200, b"more")),
        )
        self.assertNotIn(("rows", ""), self.other.files.calls)
        self.assertEqual(self.listed().json["live"], made["id"])

    def test_told(self) -> None:
        """What is waited for is told by the API, readiness and metrics, until it is there."""
        made = self.one.deploy(HOST, {"index.html": b"new", "page.html": b"new page"})
        self.replicate("manifests")
        told = self.listed().json
        self.assertEqual((told["live"], told["waiting"]), (self.first["id"], made["id"]))
        newest, before = told["deployments"]
        self.assertEqual((newest["live"], newest["waiting"]["blobs"]), (False, 2))
        self.assertEqual((before["live"], before["waiting"]), (True, None))
        (site,) = self.other.call("GET", "/api/v2/sites").json["sites"]
        self.assertEqual((site["live"], site["waiting"]), (self.first["id"], made["id"]))
        self.assertEqual(self.other.sites.troubles(), [f"{HOST} waits for 2 blobs of deployment {made['id']}"])
        self.assertEqual(self.other.sites.obstacles(), [])
        value = self.other.metrics.registry.get_sample_value
        self.assertEqual((value("couchpages_deployments_waiting"), value("couchpages_waiting_blobs")), (1, 2))
        self.replicate("files")
        self.assertEqual((self.listed().json["waiting"], self.other.sites.troubles()), (None, []))
        self.assertEqual((value("couchpages_deployments_waiting"), value("couchpages_waiting_blobs")), (0, 0))

    def test_first_deployment(self) -> None:
        """A site whose first deployment is not all here is unavailable, not unknown (law 3); so are its previews."""
        other = "b.example"
        made = self.one.deploy(other, {"index.html": b"first"}, commit="abcdef0")
        self.replicate("manifests")
        self.other.sites.loaded()
        for host in (other, f"{made['id']}.{other}", f"abcdef0.{other}"):
            answer = self.other.visit(host, "/")
            self.assertEqual((answer.status, answer.headers["retry-after"]), (503, "5"), host)
        self.replicate("files")
        for host in (other, f"{made['id']}.{other}", f"abcdef0.{other}"):
            self.assertEqual(self.seen(host=host), (200, b"first"))

    def test_previews(self) -> None:
        """A preview is looked through once when it is visited first; while it waits nobody asks CouchDB for it."""
        made = self.one.deploy(HOST, {"index.html": b"preview"}, branch="topic")
        host = f"{made['id']}.{HOST}"
        self.replicate("manifests")
        self.assertEqual(self.seen(host=host)[0], 503)
        self.other.files.calls.clear()
        self.other.manifests.calls.clear()
        self.assertEqual((self.seen(host=host)[0], self.other.files.calls, self.other.manifests.calls), (503, [], []))
        listed = {each["id"]: each["waiting"] for each in self.listed().json["deployments"]}
        self.assertEqual((listed[made["id"]]["blobs"], self.listed().json["waiting"]), (1, None))
        self.replicate("files")
        self.assertEqual(self.seen(host=host), (200, b"preview"))

    def test_commit_deployed_again(self) -> None:
        """A commit's host goes on showing the older deployment of it while the newer one waits."""
        self.one.deploy(HOST, {"index.html": b"1"}, branch="topic", commit="abcdef0")
        self.replicate("files", "manifests")
        self.one.deploy(HOST, {"index.html": b"2"}, branch="topic", commit="abcdef0")
        self.replicate("manifests")
        host = f"abcdef0.{HOST}"
        self.assertEqual(self.seen(host=host), (200, b"1"))
        self.replicate("files")
        self.assertEqual(self.seen(host=host), (200, b"2"))

    def test_never_complete(self) -> None:
        """A deployment whose blobs exist nowhere disturbs nothing: the one before stays, and a later one becomes live."""
        self.write(deployed("never", ["ab" * 32], created=self.other.milliseconds() + 1))
        self.assertEqual((self.seen(), self.listed().json["waiting"]), ((200, b"old"), "never"))
        self.assertEqual(self.other.deploy(HOST, {"index.html": b"later"})["live"], True)
        self.assertEqual((self.seen(), self.listed().json["waiting"]), ((200, b"later"), None))

    def test_always_a_little_behind(self) -> None:
        """A node that gets every version's blobs late gets to the versions in between: new ones do not keep it from switching."""
        shown, blob = [], ""
        for number in range(2, 9):
            self.one.deploy(HOST, {"index.html": b"%d" % number})
            self.replicate("manifests")
            if number > 2:
                self.one.files.replicate_to(self.other.files, [blob])
            shown.append(self.seen()[1])
            blob = self.one.manifests.documents_now()[HOST]["URLHashDictionary"]["index.html"]
        self.assertEqual(shown, [b"old", b"2", b"3", b"4", b"5", b"6", b"7"])

    def test_rolled_back_while_it_waits(self) -> None:
        """A rollback to what is served is live at once; what waited is forgotten and does not come back with its blobs."""
        self.one.deploy(HOST, {"index.html": b"new"})
        self.replicate("manifests")
        self.one.call("POST", f"/api/v2/sites/{HOST}/rollback", {"id": self.first["id"]})
        self.replicate("manifests")
        self.assertEqual((self.seen(), self.listed().json["waiting"]), ((200, b"old"), None))
        self.replicate("files")
        self.assertEqual(self.seen(), (200, b"old"))

    def test_deleted_while_it_waits(self) -> None:
        """A site that is deleted is gone, whatever it waited for."""
        self.one.deploy(HOST, {"index.html": b"new"})
        self.replicate("manifests")
        self.one.call("DELETE", f"/api/v2/sites/{HOST}")
        self.replicate("manifests", "files")
        self.assertEqual((self.seen()[0], len(self.other.arrivals.waiting)), (404, 0))

    def test_a_blob_that_is_deleted_meanwhile(self) -> None:
        """A blob that leaves while another is awaited is awaited too."""
        a, b = self.other.upload(b"a"), "cd" * 32
        self.write(deployed("two", [a, b], created=self.other.milliseconds() + 1))
        rev = self.other.files.stored[a].rev
        self.successResultOf(Deferred.fromCoroutine(self.other.files.delete(a, rev)))
        self.other.files.seed_attachment(b, ATTACHMENT, b"")
        self.assertEqual(self.seen(), (200, b"old"))
        self.other.upload(b"a")
        self.assertEqual(self.listed().json["live"], "two")

    def test_told_again(self) -> None:
        """A feed that begins anew tells what is known: nothing waits, nothing is asked, nothing switches."""
        self.one.deploy(HOST, {"index.html": b"new"})
        self.replicate("manifests")
        self.other.files.calls.clear()
        for _ in range(3):
            self.other.sites.apply(self.other.manifests.change(HOST))
        self.assertEqual((len(self.other.arrivals.waiting), self.other.files.calls), (1, []))
        self.assertEqual(self.seen(), (200, b"old"))

    def test_older_again(self) -> None:
        """A database that was restored to what is served takes back what was announced since."""
        old = self.other.manifests.change(HOST)
        self.one.deploy(HOST, {"index.html": b"new"})
        self.replicate("manifests")
        self.other.sites.apply(old)
        self.replicate("files")
        self.assertEqual(self.seen(), (200, b"old"))

    def test_served_manifest_out_of_memory(self) -> None:
        """What is served is found when memory has let go of it, though CouchDB's live document is newer already."""
        small = MemoryNode(
            Path(self.mktemp()), files=self.other.files, manifests=self.other.manifests, memory=1, name="3"
        )
        self.one.deploy(HOST, {"index.html": b"new"})
        self.replicate("manifests")
        self.assertEqual(small.visit(HOST, "/").body, b"old")
        small.cut_off()
        self.assertEqual(small.visit(HOST, "/").body, b"old")

    def test_deleting_what_is_served(self) -> None:
        """What this node serves is not deleted while its successor waits."""
        self.one.deploy(HOST, {"index.html": b"new"})
        self.replicate("manifests")
        path = f"/api/v2/sites/{HOST}/deployments/{self.first['id']}"
        self.assertEqual(self.other.call("DELETE", path).status, 409)
        self.replicate("files")
        self.assertEqual(self.other.call("DELETE", path).status, 204)

    def test_rollback_to_what_is_not_here(self) -> None:
        """Rolling back to a deployment whose blobs are elsewhere is decided for all, and says that it is not served here yet."""
        second = self.one.deploy(HOST, {"index.html": b"second"})
        self.one.deploy(HOST, {"index.html": b"third"})
        self.replicate("manifests")
        waited = self.other.start("POST", f"/api/v2/sites/{HOST}/rollback", {"id": second["id"]})
        self.assertNoResult(waited)
        self.other.reactor.advance(PATIENCE)
        answer = self.successResultOf(waited)
        self.assertEqual((answer.status, answer.json["live"], answer.json["waiting"]["blobs"]), (200, False, 1))
        self.assertEqual(self.seen(), (200, b"old"))
        self.replicate("files")
        self.assertEqual(self.seen(), (200, b"second"))

    def test_couchdb_does_not_say(self) -> None:
        """While it cannot be asked which blobs are here, the site that is served stays, and a new one is not ready to be judged."""
        self.one.deploy("b.example", {"index.html": b"b"})
        self.one.deploy(HOST, {"index.html": b"new"})
        self.other.files.fail("rows", Unavailable("away"))
        self.replicate("files")
        self.other.deployments.blobs.forget_all()
        self.replicate("manifests")
        self.assertEqual((self.seen(), self.seen(host="b.example")[0]), ((200, b"old"), 503))
        # A node that serves is not taken out of service for a site that it does not have yet.
        self.assertEqual(self.other.sites.obstacles(), [])
        self.other.reactor.advance(60)
        self.assertEqual((self.seen(), self.seen(host="b.example")), ((200, b"new"), (200, b"b")))

    def test_ready_at_start(self) -> None:
        """A node that starts without anything on its disk is ready when it has looked through the sites that there are."""
        files = self.other.files
        files.fail("rows", Unavailable("away"))
        fresh = MemoryNode(Path(self.mktemp()), files=files, manifests=self.other.manifests, name="3")
        self.assertEqual(fresh.sites.obstacles(), ["1 sites are being looked through for missing blobs"])
        fresh.reactor.advance(60)
        self.assertEqual((fresh.sites.obstacles(), fresh.visit(HOST, "/").body), ([], b"old"))

    def test_incomplete_is_no_absence(self) -> None:
        """What waits is unavailable to whoever asks for its files (law 3)."""
        self.other.manifests.seed("c.example", to_document(live(deployed("x", ["ab" * 32], site="c.example"))))
        self.failureResultOf(Deferred.fromCoroutine(self.other.sites.files_for("c.example")), Incomplete)
        self.other.sites.apply(Change("c.example", None))
        self.assertEqual(self.seen(host="c.example")[0], 404)
