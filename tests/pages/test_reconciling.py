"""Where the deployments of losing manifests go."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.manifest import Manifest, from_document, to_document
from couchpages.pages.reconciling import ManifestRule, keep_listed
from couchpages.pages.rivals import resting_places
from couchpages.ports import Unavailable
from couchpages.testing.memory_database import MemoryDatabase
from tests.pages.parts import HOST, deployed, document, live

A, B = "ab" * 32, "cd" * 32


class ManifestRuleTests(SynchronousTestCase):
    """``ManifestRule``."""

    def setUp(self) -> None:
        """Begin with an empty database."""
        self.manifests = MemoryDatabase("manifests")
        self.rule = ManifestRule(self.manifests, lambda doc_id: doc_id == HOST)

    def preserve(self, loser: Manifest, winner: Manifest) -> Any:
        """Preserve a losing manifest."""
        doc = document(loser)
        work = self.rule.preserve(doc["_id"], doc, document(winner))
        return self.successResultOf(Deferred.fromCoroutine(work))

    def listed(self) -> dict[str, list[str]]:
        """Give what stands in the database: names and blobs."""
        return {name: list(doc["URLHashDictionary"].values()) for name, doc in self.manifests.documents_now().items()}

    def seed(self, manifest: Manifest) -> None:
        """Write a deployment's document."""
        self.manifests.seed(manifest.deployment.document_id, to_document(manifest))

    def test_listed_already(self) -> None:
        """A deployment that has its own document is safe: nothing is written."""
        self.seed(deployed("a", [A]))
        self.assertTrue(self.preserve(live(deployed("a", [A])), live(deployed("b", [B]), 9)))
        self.assertEqual(self.manifests.calls, [("get", f"a.{HOST}")])

    def test_not_listed(self) -> None:
        """One that stands nowhere else gets its own document, as it would have been written in the first place."""
        manifest = deployed("a", [A], commit="abcdef0")
        self.assertTrue(self.preserve(live(manifest), live(deployed("b", [B]), 9)))
        doc = self.manifests.documents_now()[f"a.{HOST}"]
        self.assertEqual(doc, to_document(manifest))
        self.assertEqual(from_document({**doc, "_id": f"a.{HOST}"}), manifest)

    def test_its_name_is_taken(self) -> None:
        """When another deployment has its name, also one that cannot be read, it gets a name that its content makes, once."""
        manifest = deployed("a", [A])
        _, other = resting_places(manifest)
        for taken in (to_document(deployed("a", [B])), {"foreign": 1}):
            self.setUp()
            self.manifests.seed(f"a.{HOST}", taken)
            for _ in range(2):
                self.assertTrue(self.preserve(live(manifest), live(deployed("b", [B]), 9)))
            expected = {f"a.{HOST}": taken, other.deployment.document_id: to_document(other)}
            self.assertEqual(self.manifests.documents_now(), expected)

    def test_deleted_by_somebody(self) -> None:
        """A deployment that somebody deleted is not brought back for having lost, but is when it was live and is replaced."""
        manifest = deployed("a", [A])
        self.seed(manifest)
        self.successResultOf(
            Deferred.fromCoroutine(self.manifests.delete(f"a.{HOST}", self.manifests.stored[f"a.{HOST}"].rev))
        )
        self.assertTrue(self.preserve(live(manifest), live(deployed("b", [B]), 9)))
        self.assertEqual(self.listed(), {})
        self.assertTrue(self.successResultOf(Deferred.fromCoroutine(keep_listed(self.manifests, live(manifest)))))
        self.assertEqual(self.listed(), {f"a.{HOST}": [A]})

    def test_own_documents(self) -> None:
        """Of two documents of one id: the same content is one deployment; another gets another name."""
        self.assertTrue(self.preserve(deployed("a", [A], created=5), deployed("a", [A], created=6)))
        self.assertEqual(self.manifests.calls, [])
        self.assertTrue(self.preserve(deployed("a", [A]), deployed("a", [B])))
        self.assertEqual(list(self.listed().values()), [[A]])

    def test_two_nodes(self) -> None:
        """Two nodes that preserve the same at the same time write the same revision."""
        other = MemoryDatabase("manifests")
        for database in (self.manifests, other):
            self.rule = ManifestRule(database, lambda _: True)
            self.preserve(live(deployed("a", [A])), live(deployed("b", [B]), 9))
        self.manifests.replicate_to(other)
        self.assertEqual(len(other.stored[f"a.{HOST}"].leaves), 1)

    def test_couchdb_away(self) -> None:
        """What cannot be asked or written is an error, not a loss."""
        for operation in ("get", "put"):
            self.manifests.fail(operation, Unavailable("away"))
            doc = document(live(deployed("a", [A])))
            work = self.rule.preserve(HOST, doc, doc)
            self.failureResultOf(Deferred.fromCoroutine(work), Unavailable)

    def test_knows(self) -> None:
        """It asks the sink what is known."""
        self.assertEqual((self.rule.knows(HOST), self.rule.knows("b.example")), (True, False))
