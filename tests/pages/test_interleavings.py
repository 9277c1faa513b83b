"""Several who change one site at once, in every order that Hypothesis finds."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.deployments import PATIENCE, Deployed
from couchpages.pages.manifest import from_document
from couchpages.pages.submission import Submission
from couchpages.ports import StoreError, Unavailable
from couchpages.testing.memory_database import Turns
from couchpages.testing.node import MemoryNode
from couchpages.web.problem import Problem

HOST = "a.example"
DEPLOY = st.tuples(st.just("deploy"), st.sampled_from("123"), st.sampled_from(["k1", "k2", None]))
OTHERS = st.tuples(
    st.sampled_from(["rollback", "delete", "delete_site"]), st.sampled_from(["first", "second"]), st.none()
)
FAULTS = st.lists(st.tuples(st.sampled_from(["get", "put", "bulk", "rows"]), st.booleans()), max_size=3)


@dataclass
class Call:
    """A call that was begun, and what became of it."""

    kind: str
    key: str | None
    content: str
    outcome: Any = None


class Play:
    """A node, calls that are under way, and their operations, which wait until their turn comes."""

    def __init__(self, folder: Path) -> None:
        self.node = MemoryNode(folder)
        self.hashes = {content: self.node.upload(content.encode()) for content in "0123"}
        self.ids = {}
        for name in ("first", "second"):
            self.ids[name] = self.deploy("0", None).outcome.deployment.id
        self.turns = Turns()
        self.node.manifests.pause = self.turns.wait
        self.calls: list[Call] = []

    def deploy(self, content: str, key: str | None) -> Call:
        """Begin to deploy, a millisecond later than what was before."""
        self.node.reactor.advance(0.001)
        submission = Submission(None, "main", {"index.html": self.hashes[content]}, 1)
        return self.began(Call("deploy", key, content), self.node.deployments.deploy(HOST, submission, key))

    def other(self, kind: str, name: str) -> Call:
        """Begin something else."""
        self.node.reactor.advance(0.001)
        deployments = self.node.deployments
        if kind == "delete_site":
            return self.began(Call(kind, None, ""), deployments.delete_site(HOST))
        wanted = self.ids[name]
        work: Any = (
            deployments.rollback(HOST, wanted) if kind == "rollback" else deployments.delete_deployment(HOST, wanted)
        )
        return self.began(Call(kind, None, ""), work)

    def began(self, call: Call, work: Any) -> Call:
        """Note the outcome of *work* when it comes."""
        Deferred.fromCoroutine(work).addBoth(lambda result: setattr(call, "outcome", result or "done"))
        return call

    def finish(self, data: st.DataObject) -> None:
        """Let what waits go on in an order that Hypothesis draws, until nothing waits."""
        steps = 0
        while self.turns.waiting:
            self.turns.go(data.draw(st.integers(0, len(self.turns.waiting) - 1)))
            steps += 1
            assert steps < 2000
        for _ in range(40):
            self.node.reactor.advance(PATIENCE)
        self.node.manifests.pause = None

    def check(self, test: SynchronousTestCase) -> None:
        """Check what must hold after anything."""
        for call in self.calls:
            test.assertIsNotNone(call.outcome, "every call ends")
            if isinstance(call.outcome, Failure):
                test.assertIsInstance(call.outcome.value, Problem | StoreError, call.outcome.getTraceback())
        test.assertEqual(self.node.reactor.getDelayedCalls(), [])
        docs = self.node.manifests.documents_now()
        live = docs.get(HOST)
        shown = self.node.visit(HOST, "/")
        if live is None:
            test.assertEqual(shown.status, 404)
        else:
            (name,) = live["URLHashDictionary"].values()
            test.assertEqual(sha256(shown.body).hexdigest(), name)
        for doc_id, doc in docs.items():
            from_document({**doc, "_id": doc_id})


class InterleavingTests(SynchronousTestCase):
    """Calls whose operations on CouchDB take turns."""

    @given(st.lists(st.sampled_from("123"), min_size=2, max_size=4), st.data())
    @settings(deadline=None, max_examples=150)
    def test_deployments(self, contents: list[str], data: st.DataObject) -> None:
        """Of deployments at the same time every one is listed and the latest is live, and only its call says so in the end (law 7)."""
        with TemporaryDirectory() as folder:
            play = Play(Path(folder))
            play.calls = [play.deploy(content, None) for content in contents]
            play.finish(data)
            play.check(self)
            made: list[Deployed] = [call.outcome for call in play.calls]
            self.assertEqual({each.made for each in made}, {True})
            site = play.node.sites.catalog.sites[HOST]
            self.assertEqual({each.deployment.id for each in made} | set(play.ids.values()), set(site.deployments))
            latest = max(made, key=lambda each: (each.deployment.created, each.deployment.id))
            assert site.live is not None
            self.assertEqual(site.live.deployment.id, latest.deployment.id)
            self.assertTrue(latest.live)

    @given(st.lists(st.sampled_from(["k1", "k2"]), min_size=2, max_size=5), st.data())
    @settings(deadline=None, max_examples=100)
    def test_the_same_key(self, keys: list[str], data: st.DataObject) -> None:
        """Calls with the same key at the same time make one deployment."""
        with TemporaryDirectory() as folder:
            play = Play(Path(folder))
            play.calls = [play.deploy("1" if key == "k1" else "2", key) for key in keys]
            play.finish(data)
            play.check(self)
            made = {(call.key, call.outcome.deployment.id) for call in play.calls}
            self.assertEqual(len(made), len(set(keys)))
            self.assertEqual(sum(call.outcome.made for call in play.calls), len(set(keys)))

    @given(st.lists(DEPLOY | OTHERS, min_size=2, max_size=5), FAULTS, st.data())
    @settings(deadline=None, max_examples=250)
    def test_anything_at_once(
        self, calls: list[tuple[str, str, str | None]], faults: list[tuple[str, bool]], data: st.DataObject
    ) -> None:
        """Whatever happens at once, with whatever faults: each call ends with an answer or an error, visitors see what CouchDB says."""
        with TemporaryDirectory() as folder:
            play = Play(Path(folder))
            for operation, happened in faults:
                play.node.manifests.fail(operation, Unavailable("lost"), happened=happened)
            for kind, what, key in calls:
                play.calls.append(play.deploy(what, key) if kind == "deploy" else play.other(kind, what))
            play.finish(data)
            play.node.manifests.heal()
            play.check(self)
            for call in play.calls:
                if call.key is not None:
                    self.repeat(play, call)

    def repeat(self, play: Play, call: Call) -> None:
        """Repeat a call with a key: it ends well, unless the key was used for another body."""
        again = play.deploy(call.content, call.key)
        if isinstance(again.outcome, Failure):
            problem: Any = again.outcome.value
            self.assertIsInstance(problem, Problem)
            self.assertEqual(problem.status, 422)
        else:
            listed = play.node.sites.catalog.sites[HOST].deployments
            self.assertIn(again.outcome.deployment.id, listed)
