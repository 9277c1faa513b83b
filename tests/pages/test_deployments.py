"""Making, activating and removing deployments."""

from hashlib import sha256
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.deployments import PATIENCE, Deployed, Deployments
from couchpages.pages.manifest import Activation, Deployment, Manifest, to_document
from couchpages.pages.stored_blobs import MISSING_SHOWN
from couchpages.pages.submission import Submission
from couchpages.ports import Conflict, Denied, NoRoom, NotFound, Row, Unavailable
from couchpages.testing.asking import now
from couchpages.testing.memory_database import Turns
from couchpages.testing.node import MemoryNode
from couchpages.web.problem import Problem

HOST = "a.example"


class DeploymentsTests(SynchronousTestCase):
    """``Deployments``, on databases in memory whose changes the node hears at once unless a test holds them back."""

    def setUp(self) -> None:
        """Make a node with blobs ``0`` to ``9``."""
        self.node = MemoryNode(Path(self.mktemp()))
        self.deployments: Deployments = self.node.deployments
        for digit in "0123456789":
            self.node.upload(digit.encode())
        self.node.manifests.calls.clear()

    def submission(self, content: str = "0", branch: str | None = "main", commit: str | None = None) -> Submission:
        """Give a submission of one file with *content*."""
        return Submission(commit, branch, {"index.html": sha256(content.encode()).hexdigest()}, 1)

    def begin(self, content: str = "0", key: str | None = None, branch: str = "main") -> "Deferred[Deployed]":
        """Begin to deploy, a millisecond after what was before."""
        self.node.reactor.advance(0.001)
        return Deferred.fromCoroutine(self.deployments.deploy(HOST, self.submission(content, branch), key))

    def deploy(self, content: str = "0", key: str | None = None, branch: str = "main") -> Deployed:
        """Deploy."""
        return now(self.begin(content, key, branch))

    def rollback(self, wanted: str | None = None, site: str = HOST) -> Deployed:
        """Roll back."""
        self.node.reactor.advance(0.001)
        return now(Deferred.fromCoroutine(self.deployments.rollback(site, wanted)))

    def delete(self, wanted: str) -> None:
        """Delete a deployment."""
        now(Deferred.fromCoroutine(self.deployments.delete_deployment(HOST, wanted)))

    def delete_site(self, site: str = HOST) -> None:
        """Delete a site."""
        now(Deferred.fromCoroutine(self.deployments.delete_site(site)))

    def problem(self, call: Any, *args: Any) -> Problem:
        """Give the problem that *call* raises."""
        with self.assertRaises(Problem) as caught:
            call(*args)
        problem: Problem = caught.exception
        return problem

    def served(self) -> str | None:
        """Give what visitors see, None where the host is unknown."""
        answer = self.node.visit(HOST, "/")
        self.assertIn(answer.status, (200, 404))
        return answer.body.decode() if answer.status == 200 else None

    def live(self) -> str:
        """Give the id that is live in CouchDB."""
        return str(self.node.manifests.documents_now()[HOST]["couchpages"]["id"])

    # Deploying.

    def test_production(self) -> None:
        """A production branch is live and has a document of its own; what this node serves when the call returns is the new one."""
        deployed = self.deploy("1")
        self.assertEqual((deployed.live, deployed.made, self.served()), (True, True, "1"))
        docs = self.node.manifests.documents_now()
        self.assertEqual(set(docs), {HOST, deployed.deployment.document_id})
        self.assertEqual(docs[HOST]["couchpages"]["activated"], docs[HOST]["couchpages"]["created"])
        self.assertTrue(self.deploy("2", branch="master").live)
        self.assertEqual(self.served(), "2")

    def test_preview(self) -> None:
        """Another branch is a preview: listed, visited by its own host, not live."""
        self.deploy("1")
        deployed = self.deploy("2", branch="feature")
        self.assertEqual((deployed.live, deployed.deployment.preview, self.served()), (False, True, "1"))
        self.assertEqual(self.node.visit(deployed.deployment.document_id, "/").body, b"2")

    def test_missing_blobs(self) -> None:
        """Blobs that are not stored are listed, up to a hundred, and nothing is written."""
        files = {f"{number}": f"{number:064x}" for number in range(150)}
        submission = Submission(None, "main", {**files, "known": sha256(b"1").hexdigest()}, 1)
        problem = self.problem(lambda: now(Deferred.fromCoroutine(self.deployments.deploy(HOST, submission, None))))
        self.assertEqual((problem.status, problem.field), (409, "files"))
        self.assertEqual(problem.more["missing"], sorted(files.values())[:MISSING_SHOWN])
        self.assertEqual(self.node.manifests.documents_now(), {})

    def test_a_later_version_of_couchpages(self) -> None:
        """What a later version wrote is not overwritten by this one; after an update of this node it is as ever."""
        self.deploy("1")
        doc = self.node.manifests.documents_now()[HOST]
        self.node.manifests.seed(HOST, {**doc, "couchpages": {**doc["couchpages"], "version": 2}})
        problem = self.problem(self.deploy, "2")
        self.assertEqual((problem.status, problem.field), (409, "host"))
        self.assertEqual(self.node.manifests.documents_now()[HOST]["couchpages"]["version"], 2)

    def test_name_of_a_preview(self) -> None:
        """A site cannot be named like another's preview; nothing is written."""
        deployed = self.deploy("1", branch="feature")
        before = self.node.manifests.documents_now()
        host = deployed.deployment.document_id
        call = self.deployments.deploy(host, self.submission("2"), None)
        problem = self.problem(lambda: now(Deferred.fromCoroutine(call)))
        self.assertEqual((problem.status, problem.field), (409, "host"))
        self.assertEqual(self.node.manifests.documents_now(), before)

    def test_id_that_is_taken(self) -> None:
        """An id that is taken, even by a site of another's, is not taken over: another is drawn."""
        drawn = iter([b"\x00" * 8, b"\x00" * 8, b"\x01" * 8])
        object.__setattr__(self.deployments, "entropy", lambda _: next(drawn))
        first, second = self.deploy("1"), self.deploy("2")
        self.assertNotEqual(first.deployment.id, second.deployment.id)
        self.assertEqual(self.node.visit(first.deployment.document_id, "/").body, b"1")

    def test_no_free_id(self) -> None:
        """Ids that are always taken are given up, and nothing is live."""
        object.__setattr__(self.deployments, "entropy", lambda _: b"\x00" * 8)
        self.deploy("1", branch="feature")
        self.assertRaises(Unavailable, self.deploy, "2")
        self.assertIsNone(self.served())

    def test_clock_behind(self) -> None:
        """A deployment after another that a faster clock made is later than it all the same."""
        self.deploy("1")
        ahead = self.node.manifests.documents_now()[HOST]
        ahead["couchpages"] = {**ahead["couchpages"], "activated": "2030-01-01T00:00:00.000Z"}
        self.node.manifests.seed(HOST, ahead)
        self.assertTrue(self.deploy("2").live)
        self.assertEqual(self.served(), "2")

    def test_malformed_live_document(self) -> None:
        """A live document that cannot be read is replaced by the next deployment."""
        self.node.manifests.seed(HOST, {"URLHashDictionary": "?"})
        self.assertTrue(self.deploy("1").live)
        self.assertEqual(self.served(), "1")

    def test_live_document_of_a_broken_clock(self) -> None:
        """One from the end of time counts as malformed: it must not stand for ever."""
        deployment = Deployment(HOST, "one", None, "main", 5, 1, 1, preview=False)
        doc = to_document(Manifest(Activation(deployment, 6), {}))
        doc["couchpages"]["activated"] = "9999-12-31T23:59:59.999Z"
        self.node.manifests.seed(HOST, doc)
        self.assertTrue(self.deploy("1").live)

    # Errors, and answers that were lost.

    def test_errors_change_nothing(self) -> None:
        """Before the live document is written, no error changes what is live."""
        self.deploy("1")
        for database, operation in (
            (self.node.files, "rows"), (self.node.manifests, "leaves"), (self.node.manifests, "put"),
        ):  # fmt: skip
            for error in (Unavailable("away"), NoRoom("full"), Denied("no")):
                # CouchDB is asked for the blobs again, as after its return.
                self.deployments.blobs.forget_all()
                database.fail(operation, error)
                self.assertRaises(type(error), self.deploy, "2")
                self.assertEqual((self.served(), self.node.reactor.getDelayedCalls()), ("1", []))
        self.node.manifests.fail("put", NoRoom("full"), doc_id=HOST)
        self.assertRaises(NoRoom, self.deploy, "2")
        self.assertEqual(self.served(), "1")

    def test_repeating_after_any_failure(self) -> None:
        """Whatever failed, or happened with its answer lost: the same call with its key ends with one deployment, live."""
        first = self.deploy("1", "first")
        self.node.manifests.calls.clear()
        self.deploy("9", "dry run")
        steps = len(self.node.manifests.calls)
        writes = [place for place, call in enumerate(self.node.manifests.calls) if call[0] == "put"]
        self.assertEqual(len(writes), 2)
        for number, (step, happened) in enumerate(
            (step, happened) for step in range(steps) for happened in (False, True)
        ):
            operation, doc_id = self.node.manifests.calls[:steps][step]
            key, content = f"try {number}", str(2 + number % 7)
            before = set(self.node.manifests.documents_now())
            self.node.manifests.fail(
                operation, Unavailable("lost"), happened=happened, doc_id=HOST if doc_id == HOST else None
            )
            self.assertRaises(Unavailable, self.deploy, content, key)
            deployed = self.deploy(content, key)
            self.assertTrue(deployed.live, (operation, happened))
            self.assertEqual((self.live(), self.served()), (deployed.deployment.id, content))
            self.assertEqual(len(set(self.node.manifests.documents_now()) - before), 1)
        self.assertEqual(first.deployment.id, self.deploy("1", "first").deployment.id)

    def test_repeated(self) -> None:
        """The same key for the same body gives the same deployment, and tells that it was not made now."""
        first = self.deploy("1", "key")
        again = self.deploy("1", "key")
        self.assertEqual((again.deployment, again.live, again.made), (first.deployment, True, False))
        self.assertEqual(len(self.node.manifests.documents_now()), 2)
        other = Deferred.fromCoroutine(self.deployments.deploy("b.example", self.submission("1"), "key"))
        self.assertNotEqual(now(other).deployment.id, first.deployment.id)

    def test_repeated_when_overtaken(self) -> None:
        """A repeated call does not bring back what a later deployment or a rollback replaced."""
        first = self.deploy("1", "one")
        self.deploy("2", "two")
        again = self.deploy("1", "one")
        self.assertEqual((again.live, again.made, self.served()), (False, False, "2"))
        self.rollback(first.deployment.id)
        again = self.deploy("2", "two")
        self.assertEqual((again.live, self.served()), (False, "1"))
        self.assertTrue(self.deploy("1", "one").live)

    def test_repeated_preview(self) -> None:
        """A repeated preview is not live, unless somebody made it so."""
        first = self.deploy("1", "key", "feature")
        self.assertFalse(self.deploy("1", "key", "feature").live)
        self.rollback(first.deployment.id)
        self.assertTrue(self.deploy("1", "key", "feature").live)

    def test_key_for_another_body(self) -> None:
        """The same key with other files, branch or commit is refused, and changes nothing."""
        self.deploy("1", "key")
        before = self.node.manifests.documents_now()
        for submission in (
            self.submission("2"), self.submission("1", "master"), self.submission("1", commit="abcdef0"),
        ):  # fmt: skip
            call = self.deployments.deploy(HOST, submission, "key")
            problem = self.problem(lambda: now(Deferred.fromCoroutine(call)))  # noqa: B023 -- called at once
            self.assertEqual((problem.status, problem.field), (422, "Idempotency-Key"))
        self.assertEqual(self.node.manifests.documents_now(), before)

    def test_repeated_and_malformed(self) -> None:
        """A deployment that became malformed is unavailable to who repeats it, not a defect."""
        first = self.deploy("1", "key")
        self.node.manifests.seed(first.deployment.document_id, {"URLHashDictionary": 5})
        self.assertRaises(Unavailable, self.deploy, "1", "key")

    def test_repeated_waits_until_it_is_served(self) -> None:
        """A repeated call whose first answer was lost returns when this node serves it, as the first would have."""
        self.node.replication.held = True
        self.node.manifests.fail("put", Unavailable("lost"), happened=True, doc_id=HOST)
        first = self.begin("1", "key")
        self.node.replication.deliver()
        self.failureResultOf(first, Unavailable)
        again = self.begin("1", "key")
        self.assertNoResult(again)
        self.node.replication.deliver()
        self.assertTrue(self.successResultOf(again).live)
        self.assertEqual((self.served(), self.node.reactor.getDelayedCalls()), ("1", []))

    # Read your writes.

    def test_read_your_writes(self) -> None:
        """No call returns before this node heard of its own change, or patience ended."""
        self.deploy("1", "one")
        self.deploy("2", "two")
        self.node.replication.held = True
        for begin, seen in (
            (lambda: self.begin("3"), "3"),
            (lambda: Deferred.fromCoroutine(self.deployments.rollback(HOST, None)), "2"),
            (lambda: Deferred.fromCoroutine(self.deployments.delete_site(HOST)), None),
        ):
            waiting: Deferred[Any] = begin()
            while self.node.replication.kept:
                self.assertNoResult(waiting)
                self.node.replication.deliver(1)
            self.successResultOf(waiting)
            self.assertEqual((self.served(), self.node.reactor.getDelayedCalls()), (seen, []))

    def test_follower_away(self) -> None:
        """While changes do not come, a call ends after its patience, also the deletion of many."""
        for _ in range(5):
            self.deploy("1")
        self.node.replication.held = True
        waiting = self.begin("2")
        for _ in range(2):
            self.assertNoResult(waiting)
            self.node.reactor.advance(PATIENCE)
        self.successResultOf(waiting)
        deleting = Deferred.fromCoroutine(self.deployments.delete_site(HOST))
        self.assertNoResult(deleting)
        self.node.reactor.advance(PATIENCE)
        self.successResultOf(deleting)
        self.assertEqual(self.node.reactor.getDelayedCalls(), [])

    # Two at once.

    def test_live_document_changed_meanwhile(self) -> None:
        """A conflict on the live document is met again with what is live now."""
        self.deploy("1")
        self.node.manifests.fail("put", Conflict("other"), doc_id=HOST, times=3)
        self.assertTrue(self.deploy("2").live)
        self.node.manifests.fail("put", Conflict("other"), doc_id=HOST, times=100)
        self.assertRaises(Unavailable, self.deploy, "3")
        self.assertEqual(self.served(), "2")

    def test_earlier_deployment_arriving_late(self) -> None:
        """Of two at once the later is live in the end, also when the earlier comes to its last step after it (law 7)."""
        turns = Turns()
        self.node.manifests.pause = turns.wait
        early, late = self.begin("1"), self.begin("2")
        while f"put {HOST}" not in turns.waiting:
            turns.go(0)
        self.finish(turns, late, keep=f"put {HOST}")
        self.assertTrue(self.successResultOf(late).live)
        self.finish(turns, early)
        self.assertFalse(self.successResultOf(early).live)
        self.node.manifests.pause = None
        self.assertEqual((self.served(), len(self.node.manifests.documents_now())), ("2", 3))

    def finish(self, turns: Turns, waiting: "Deferred[Deployed]", keep: str | None = None) -> None:
        """Let everything go on until *waiting* ends, but the first that is called *keep*."""
        while not waiting.called:
            kept = turns.waiting.index(keep) if keep is not None else -1
            turns.go(next(place for place in range(len(turns.waiting)) if place != kept))

    # Rolling back.

    def test_rollback(self) -> None:
        """Without an id to the production deployment before, by id or commit to any, also forwards and to a preview."""
        ids = [self.deploy(content).deployment.id for content in "123"]
        preview = self.deploy("4", branch="feature").deployment.id
        for wanted, seen in ((None, "2"), (None, "1"), (ids[2], "3"), (preview, "4"), (ids[0].upper(), "1")):
            rolled = self.rollback(wanted)
            self.assertEqual((rolled.live, self.served()), (True, seen))
        problem = self.problem(self.rollback)
        self.assertEqual((problem.status, problem.field), (409, "id"))
        self.assertTrue(self.deploy("5").live)
        self.assertEqual(self.served(), "5")

    def test_rollback_to_what_is_live(self) -> None:
        """To what is live already: nothing is written, also where its own document is gone."""
        deployed = self.deploy("1").deployment
        docs = self.node.manifests.documents_now()
        self.assertTrue(self.rollback(deployed.id).live)
        self.assertEqual(self.node.manifests.documents_now(), docs)
        del self.node.manifests.stored[deployed.document_id]
        self.assertTrue(self.rollback(deployed.id).live)

    def test_rollback_to_nothing(self) -> None:
        """An unknown site, an unknown deployment, one that was deleted meanwhile: 404. A malformed one is unavailable."""
        self.assertEqual(self.problem(self.rollback).status, 404)
        first = self.deploy("1").deployment
        self.deploy("2")
        for wanted in ("", "nobody", "\ud800" * 1000):
            problem = self.problem(self.rollback, wanted)
            self.assertEqual(problem.status, 404)
            self.assertLess(problem.response().length, 1000)
        self.node.replication.held = True
        self.node.manifests.seed(first.document_id, {"URLHashDictionary": 5})
        self.assertRaises(Unavailable, self.rollback, first.id)
        del self.node.manifests.stored[first.document_id]
        self.assertEqual(self.problem(self.rollback, first.id).status, 404)
        self.assertEqual(self.served(), "2")

    def test_before_everything_is_loaded(self) -> None:
        """A node that starts knows of nothing that it is not there (law 3)."""
        self.deploy("1")
        self.node.sites._loaded = False
        for call in (lambda: self.rollback("x"), lambda: self.delete("x"), lambda: self.delete_site("x.example")):
            self.assertRaises(Unavailable, call)

    # Deleting.

    def test_delete(self) -> None:
        """A deployment that is not live goes; the live one does not; what is gone is not found."""
        first, second = self.deploy("1").deployment, self.deploy("2").deployment
        problem = self.problem(self.delete, second.id)
        self.assertEqual((problem.status, problem.field), (409, "id"))
        self.delete(first.id)
        self.assertEqual(set(self.node.manifests.documents_now()), {HOST, second.document_id})
        self.assertEqual(self.problem(self.delete, first.id).status, 404)
        self.assertEqual(self.node.visit(first.document_id, "/").status, 404)

    def test_delete_what_became_live_elsewhere(self) -> None:
        """What is live is asked of CouchDB, because this node may not have heard yet."""
        first = self.deploy("1").deployment
        self.deploy("2")
        self.node.replication.held = True
        activation = to_document(Manifest(Activation(first, 2**42), self.submission("1").files))
        self.node.manifests.seed(HOST, activation)
        self.assertEqual(self.problem(self.delete, first.id).status, 409)

    def test_delete_while_the_live_document_is_malformed(self) -> None:
        """What visitors see from memory is not deleted under them."""
        first = self.deploy("1").deployment
        self.node.manifests.seed(HOST, {"URLHashDictionary": 5})
        self.assertEqual(self.served(), "1")
        self.assertEqual(self.problem(self.delete, first.id).status, 409)

    def test_delete_site(self) -> None:
        """A site goes with all its deployments; other sites stay; deploying to it again begins anew."""
        for content in "123":
            self.deploy(content)
        now(Deferred.fromCoroutine(self.deployments.deploy(f"b.{HOST}", self.submission("4"), None)))
        self.delete_site()
        self.assertIsNone(self.served())
        self.assertEqual(list(self.node.sites.catalog.names()), [f"b.{HOST}"])
        self.assertEqual(self.problem(self.delete_site).status, 404)
        self.assertTrue(self.deploy("5").live)
        self.assertEqual(self.served(), "5")

    def test_delete_meets_conflicts(self) -> None:
        """Changes of others meanwhile do not keep a deletion from its end; too many, and CouchDB's errors, are told."""
        first = self.deploy("1").deployment
        self.deploy("2")
        self.node.manifests.fail("bulk", Conflict("other"), doc_id=first.document_id, times=3)
        self.delete(first.id)
        self.assertNotIn(first.document_id, self.node.manifests.documents_now())
        for error, raised in ((Conflict("other"), Unavailable), (NoRoom("full"), NoRoom), (Denied("no"), Denied)):
            self.node.manifests.fail("bulk", error, doc_id=HOST, times=100)
            self.assertRaises(raised, self.delete_site)
            self.node.manifests.heal()
        self.delete_site()
        self.assertEqual(self.node.manifests.documents_now(), {})

    def test_delete_twice_at_once(self) -> None:
        """Two who delete the same both succeed."""
        self.deploy("1")
        turns = Turns()
        self.node.manifests.pause = turns.wait
        both = [Deferred.fromCoroutine(self.deployments.delete_site(HOST)) for _ in range(2)]
        while turns.waiting:
            turns.go()
        for each in both:
            self.successResultOf(each)
        self.assertEqual(self.node.manifests.documents_now(), {})

    def test_memory_database_is_in_order(self) -> None:
        """The double answers as CouchDB does where these tests count on it."""
        manifests = self.node.manifests
        rev = now(Deferred.fromCoroutine(manifests.put("x", {"a": 1})))
        with self.assertRaises(Conflict):
            now(Deferred.fromCoroutine(manifests.put("x", {"a": 2})))
        now(Deferred.fromCoroutine(manifests.delete("x", rev)))
        with self.assertRaises(NotFound):
            now(Deferred.fromCoroutine(manifests.get("x")))
        self.assertEqual(now(Deferred.fromCoroutine(manifests.rows(["x"]))), [Row("x", None, None)])
        self.assertTrue(now(Deferred.fromCoroutine(manifests.put("x", {}))).startswith("3-"))
