"""Several nodes that take writes while they are cut off from each other, in every order that Hypothesis finds (law 7)."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.deployments import PATIENCE, Deployed
from couchpages.pages.manifest import Activation, from_document
from couchpages.pages.submission import Submission
from couchpages.ports import StoreError
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.node import MemoryNode
from couchpages.web.problem import Problem

HOST = "a.example"
NODES = st.integers(0, 2)
CONTENTS = st.sampled_from("12345")
SOME = st.integers(0, 7)
DEPLOY = st.tuples(st.just("deploy"), NODES, CONTENTS)
PREVIEW = st.tuples(st.just("preview"), NODES, CONTENTS)
REPEATABLE = st.tuples(st.just("repeatable"), NODES, CONTENTS)
ROLLBACK = st.tuples(st.just("rollback"), NODES, SOME)
DELETE = st.tuples(st.just("delete"), NODES, SOME)
DELETE_SITE = st.tuples(st.just("delete_site"), NODES, SOME)
WAIT = st.tuples(st.just("wait"), NODES, st.integers(1, 50))
REPLICATE = st.tuples(st.just("replicate"), NODES, NODES, st.sampled_from(["files", "manifests", "both"]), SOME)


class Cluster:
    """Three nodes, each with databases of its own; replication runs only when a test lets it."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [MemoryNode(folder / str(number), name=str(number)) for number in range(3)]
        self.made: dict[str, bytes] = {}
        self.activated: list[tuple[int, str]] = []

    def do(self, step: tuple[Any, ...]) -> None:
        """Do one step; what a caller would be refused is refused."""
        kind, place, what, *more = step
        node = self.nodes[place]
        try:
            match kind:
                case "wait":
                    node.reactor.advance(what / 1000)
                case "replicate":
                    self.replicate(node, self.nodes[what], *more)
                case "deploy" | "preview" | "repeatable":
                    self.deploy(node, what, kind)
                case "rollback":
                    self.noted(self.now(node, node.deployments.rollback(HOST, self.some(node, what))), node)
                case "delete":
                    wanted = self.some(node, what)
                    if wanted is not None:
                        self.now(node, node.deployments.delete_deployment(HOST, wanted))
                case _:
                    self.now(node, node.deployments.delete_site(HOST))
        except (Problem, StoreError):
            pass

    def now(self, node: MemoryNode, work: Any) -> Any:
        """Give what a call gives, or raise its error; where blobs are missing it waits for them for a while."""
        results: list[Any] = []
        Deferred.fromCoroutine(work).addCallbacks(results.append, lambda failure: results.append(failure.value))
        if not results:
            node.reactor.advance(PATIENCE)
        if isinstance(results[0], Exception):
            raise results[0]
        return results[0]

    def deploy(self, node: MemoryNode, content: str, kind: str) -> None:
        """Deploy one page."""
        sha = node.upload(content.encode())
        submission = Submission(None, "topic" if kind == "preview" else "main", {"index.html": sha}, 1)
        key = "key" if kind == "repeatable" else None
        deployed = self.now(node, node.deployments.deploy(HOST, submission, key))
        self.made[deployed.deployment.id] = content.encode()
        self.noted(deployed, node)

    def noted(self, deployed: Deployed, node: MemoryNode) -> None:
        """Remember what was made live."""
        site = node.sites.catalog.sites.get(HOST)
        if deployed.live and site is not None and site.live is not None:
            self.activated.append((site.live.activated, site.live.deployment.id))

    def some(self, node: MemoryNode, number: int) -> str | None:
        """Choose one of the deployments that a node knows."""
        known = node.sites.catalog.sites.get(HOST)
        listed = sorted(known.deployments) if known is not None else []
        return listed[number % len(listed)] if listed else None

    def replicate(self, source: MemoryNode, target: MemoryNode, databases: str, number: int) -> None:
        """Bring some documents, or all, from one node to another."""
        for name in ("files", "manifests"):
            if databases in (name, "both"):
                database: MemoryDatabase = getattr(source, name)
                ids = sorted(database.stored)
                wanted = None if number == 0 else [doc for place, doc in enumerate(ids) if (place + number) % 3]
                database.replicate_to(getattr(target, name), wanted)

    def heal(self) -> int:
        """Replicate everything everywhere until nothing is new; give the number of rounds."""
        for rounds in range(1, 20):
            before = self.state()
            for source in self.nodes:
                for target in self.nodes:
                    if source is not target:
                        self.replicate(source, target, "both", 0)
            if self.state() == before:
                return rounds
        raise AssertionError("replication does not come to rest: nodes make new conflicts for each other")

    def state(self) -> list[Any]:
        """Give every leaf of every node."""
        return [
            {name: {leaf.rev for leaf in document.leaves} for name, document in node.manifests.stored.items()}
            for node in self.nodes
        ]


def played(folder: str, steps: Iterable[tuple[Any, ...]]) -> Cluster:
    """Give a cluster after these steps and healing."""
    cluster = Cluster(Path(folder))
    for step in steps:
        cluster.do(step)
    cluster.heal()
    return cluster


class ConvergingTests(SynchronousTestCase):
    """Partitions, and what becomes of them."""

    def check_agreement(self, cluster: Cluster) -> None:
        """All nodes have the same documents without a conflict, and serve and list the same."""
        first = cluster.nodes[0]
        for node in cluster.nodes:
            self.assertEqual(node.manifests.documents_now(), first.manifests.documents_now())
            for name, document in node.manifests.stored.items():
                self.assertLessEqual(len(document.living), 1, name)
            self.assertEqual(list(node.arrivals.waiting), [])
            self.assertEqual(node.visit(HOST, "/").body, first.visit(HOST, "/").body)
            listed = node.call("GET", f"/api/v2/sites/{HOST}/deployments")
            self.assertEqual(listed.body, first.call("GET", f"/api/v2/sites/{HOST}/deployments").body)
            self.assertEqual(node.reactor.getDelayedCalls(), [])
        live = first.manifests.documents_now().get(HOST)
        if live is not None:
            entry = from_document({**live, "_id": HOST}).entry
            assert isinstance(entry, Activation)
            self.assertEqual(first.sites.served(HOST), entry)
            (blob,) = live["URLHashDictionary"].values()
            self.assertEqual(sha256(first.visit(HOST, "/").body).hexdigest(), blob)

    @given(st.lists(DEPLOY | PREVIEW | ROLLBACK | WAIT | REPLICATE, max_size=14))
    @settings(deadline=None, max_examples=200)
    def test_nobodys_deployment_is_lost(self, steps: list[tuple[Any, ...]]) -> None:
        """Without deletions, every deployment is listed everywhere, with its content, and the one activated last is live."""
        with TemporaryDirectory() as folder:
            cluster = played(folder, steps)
            self.check_agreement(cluster)
            for node in cluster.nodes:
                site = node.sites.catalog.sites.get(HOST)
                self.assertEqual(set(site.deployments if site else ()), set(cluster.made))
                for id_, content in cluster.made.items():
                    self.assertEqual(node.visit(f"{id_}.{HOST}", "/").body, content)
                served = node.sites.served(HOST)
                if cluster.activated:
                    assert served is not None
                    self.assertEqual((served.activated, served.deployment.id), max(cluster.activated))

    @given(st.lists(REPEATABLE | DEPLOY | WAIT | REPLICATE, max_size=12))
    @settings(deadline=None, max_examples=150)
    def test_the_same_key_on_several_nodes(self, steps: list[tuple[Any, ...]]) -> None:
        """Calls with one Idempotency-Key on nodes that are apart make one deployment, or where they differ, none is lost."""
        with TemporaryDirectory() as folder:
            cluster = played(folder, steps)
            self.check_agreement(cluster)
            contents = {
                node.visit(f"{id_}.{HOST}", "/").body
                for node in cluster.nodes
                for id_ in (node.sites.catalog.sites[HOST].deployments if cluster.made else ())
            }
            self.assertLessEqual(set(cluster.made.values()), contents)

    @given(st.lists(DEPLOY | REPEATABLE | ROLLBACK | DELETE | DELETE_SITE | WAIT | REPLICATE, max_size=14))
    @settings(deadline=None, max_examples=250)
    def test_whatever_happens(self, steps: list[tuple[Any, ...]]) -> None:
        """Whatever was done where and came when: in the end all nodes agree, and make no more revisions."""
        with TemporaryDirectory() as folder:
            cluster = played(folder, steps)
            self.check_agreement(cluster)
            before = cluster.state()
            self.assertEqual(cluster.heal(), 1)
            self.assertEqual(cluster.state(), before)
