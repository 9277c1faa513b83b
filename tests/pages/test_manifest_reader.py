"""Manifests from memory, disk and CouchDB."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.pages.manifest import to_document
from couchpages.pages.manifest_reader import ManifestReader
from couchpages.ports import Unavailable
from couchpages.testing.memory_database import MemoryDatabase, Turns
from tests.pages.parts import HOST, deployed, live

A, B = "ab" * 32, "cd" * 32


class ManifestReaderTests(SynchronousTestCase):
    """``ManifestReader``, without a disk (``test_kept_manifests`` has that)."""

    def setUp(self) -> None:
        """Make a live deployment in CouchDB."""
        self.manifests = MemoryDatabase("manifests")
        self.reader = ManifestReader(self.manifests, 100_000, Metrics(), None)
        self.old = deployed("old", [A])
        self.manifests.seed(f"old.{HOST}", to_document(self.old))
        self.rev = self.manifests.seed(HOST, to_document(live(self.old)))

    def begin(self) -> "Deferred[Any]":
        """Begin to ask for the files of what is live."""
        return Deferred.fromCoroutine(self.reader.live(HOST, self.rev, self.old.deployment))

    def test_from_couchdb_once(self) -> None:
        """What memory does not have is read once, also for many who ask at once."""
        turns = Turns()
        self.manifests.pause = turns.wait
        waiting = [self.begin() for _ in range(3)]
        while turns.waiting:
            turns.go()
        for each in waiting:
            self.assertEqual(self.successResultOf(each), self.old.files)
        self.successResultOf(self.begin())
        self.assertEqual(self.manifests.calls, [("get", HOST)])

    def test_overtaken(self) -> None:
        """When CouchDB's live document is a newer one, the deployment's own document has the files of what is served."""
        self.manifests.seed(HOST, to_document(live(deployed("new", [B]), 9)))
        self.assertEqual(self.successResultOf(self.begin()), self.old.files)
        self.assertEqual(self.manifests.calls, [("get", HOST), ("get", f"old.{HOST}")])

    def test_nowhere(self) -> None:
        """What is nowhere, malformed, or cannot be asked for is unavailable, never unknown (law 3)."""
        self.manifests.seed(HOST, to_document(live(deployed("new", [B]), 9)))
        self.manifests.seed(f"old.{HOST}", {"broken": True})
        self.failureResultOf(self.begin(), Unavailable)
        del self.manifests.stored[f"old.{HOST}"]
        self.failureResultOf(self.begin(), Unavailable)
        self.manifests.fail("get", Unavailable("away"))
        self.failureResultOf(self.begin(), Unavailable)

    def test_a_newer_one_stays(self) -> None:
        """A newer manifest that came into memory while an older one was read stays there."""
        turns = Turns()
        self.manifests.pause = turns.wait
        waiting = self.begin()
        turns.go()
        self.reader.hold(HOST, "9-z", {"new": B})
        turns.go()
        self.assertEqual(self.successResultOf(waiting), self.old.files)
        self.assertEqual(self.reader.held(HOST, "9-z"), {"new": B})
        self.assertIsNone(self.reader.held(HOST, self.rev))
