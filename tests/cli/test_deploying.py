from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.answers import RefusedError
from couchpages.cli.bodies import FileChangedError
from couchpages.cli.deploying import UNCHANGED, UNKNOWN, Deploying, Task
from couchpages.cli.errors import INTERRUPTED, CommandError, StoppedError
from couchpages.cli.plan import deployment_body
from couchpages.cli.progress import Silent
from tests.cli.fake_api import Call, HangUp, Reply, Silence, problem
from tests.cli.traversal import Traversal, make_files

SITE = "example.org"


class Counting(Silent):
    """Counts what progress is told."""

    def __init__(self) -> None:
        self.sent_octets = 0
        self.to_upload: list[tuple[int, int]] = []

    def uploading(self, files: int, octets: int) -> None:
        """Note it."""
        self.to_upload.append((files, octets))

    def sent(self, octets: int) -> None:
        """Add it up."""
        self.sent_octets += octets


class DeployingCase(SynchronousTestCase):
    """A folder of ten files, two of them alike, and the fake API."""

    def setUp(self) -> None:
        """Make both."""
        self.traversal = Traversal()
        self.fake = self.traversal.fake
        contents = {f"{number}.html": b"%d" % number * 100 for number in range(9)} | {"copy.html": b"3" * 100}
        self.files = make_files(Path(self.mktemp()), contents)
        self.progress = Counting()

    def deploy(self, parallel: int = 3, key: str = "once") -> Deferred[Any]:
        """Begin a deployment."""
        task = Task(SITE, self.files, deployment_body(self.files, "main", None), key)
        return self.traversal.start(Deploying(self.traversal.api, task, self.progress, parallel).run())

    def path_of(self, call: Call) -> str:
        """Give the path of the file whose blob was uploaded."""
        return next(file.path for file in self.files if call.path.endswith(file.sha256))


class StepTests(DeployingCase):
    """A deployment step by step."""

    def test_first(self) -> None:
        """Everything is checked, then uploaded once, then deployed."""
        deployed = self.successResultOf(self.deploy())
        self.assertEqual((deployed.uploaded_files, deployed.uploaded_octets), (9, 900))
        self.assertEqual((self.progress.sent_octets, self.progress.to_upload), (900, [(9, 900)]))
        self.assertEqual(self.fake.deployments[SITE][0]["files"], 10)
        self.assertEqual([call.method for call in self.fake.calls], ["POST", *["PUT"] * 9, "POST"])
        self.assertEqual(self.fake.calls[0].body, self.fake.calls[-1].body)

    def test_again(self) -> None:
        """Only what is missing is uploaded; nothing is a deployment too."""
        self.successResultOf(self.deploy())
        deployed = self.successResultOf(self.deploy(key="twice"))
        self.assertEqual((deployed.uploaded_files, deployed.deployment.id), (0, "deployment2"))

    def test_refused_before_the_upload(self) -> None:
        """What the server will not take is known before anything is uploaded."""
        for status in (401, 403, 413, 422):
            self.fake.fail("POST", problem(status, "files: no"))
            self.failureResultOf(self.deploy(), RefusedError)
        self.assertEqual(self.fake.made("PUT"), [])

    def test_parallel(self) -> None:
        """As many uploads are under way as asked for, not more."""
        for parallel in (1, 4):
            self.fake.calls.clear()
            self.fake.faults.clear()
            self.fake.fail("PUT", *[Silence()] * 20)
            self.deploy(parallel).addErrback(lambda _: None)
            self.assertEqual(len(self.fake.made("PUT")), parallel)

    def test_connections_lost(self) -> None:
        """Connections lost in the middle cost a retry each, and the deployment is whole."""
        self.fake.fail("PUT", HangUp(), Reply(502, b"<html>", "text/html"), HangUp())
        deploying = self.deploy()
        for _ in range(5):
            self.traversal.wait(2)
        self.assertEqual(self.successResultOf(deploying).uploaded_files, 9)
        self.assertEqual(self.progress.sent_octets, 900)
        self.assertEqual(len(self.fake.made("PUT")), 12)

    def test_the_answer_lost(self) -> None:
        """The last answer lost: asked again, there is still one deployment."""
        self.fake.fail(f"POST /sites/{SITE}/deployments", HangUp())
        deploying = self.deploy()
        self.traversal.wait(2)
        self.successResultOf(deploying)
        self.assertEqual(len(self.fake.deployments[SITE]), 1)

    def test_resumed(self) -> None:
        """A deployment that failed in the middle goes on where it was."""
        self.fake.fail("PUT", Reply(201), Reply(201), problem(507, "the disk is full"))
        self.failureResultOf(self.deploy(1), CommandError)
        self.assertNotIn(SITE, self.fake.deployments)
        stored = [call.path.rpartition("/")[2] for call in self.fake.made("PUT")[:2]]
        self.fake.blobs.update(dict.fromkeys(stored, b""))
        self.assertEqual(self.successResultOf(self.deploy()).uploaded_files, 7)


class TroubleTests(DeployingCase):
    """What goes wrong on the way."""

    def test_an_upload_refused(self) -> None:
        """The first refusal ends all uploads and names the file."""
        self.fake.fail("PUT", problem(413, "too large"), *[Silence()] * 20)
        error = self.failureResultOf(self.deploy(), CommandError).value
        self.assertTrue(str(error).startswith(self.path_of(self.fake.made("PUT")[0])))
        self.assertIn("too large", str(error))
        self.assertEqual(self.traversal.clock.getDelayedCalls(), [])

    def test_blobs_missing_at_the_end(self) -> None:
        """Blobs that the server misses at the end are uploaded again, not for ever."""
        lost = self.files[0].sha256
        refused = problem(409, "not stored", missing=[lost])
        self.fake.fail(f"POST /sites/{SITE}/deployments", refused)
        self.successResultOf(self.deploy())
        self.assertEqual(len(self.fake.made(f"PUT /blobs/{lost}")), 2)
        self.fake.calls.clear()
        self.fake.fail(f"POST /sites/{SITE}/deployments", *[refused] * 9)
        self.assertEqual(self.failureResultOf(self.deploy(key="2"), RefusedError).value.status, 409)
        self.assertEqual(len(self.fake.made(f"PUT /blobs/{lost}")), 2)

    def test_another_conflict(self) -> None:
        """A conflict that no upload can mend is told at once."""
        self.fake.fail(f"POST /sites/{SITE}/deployments", problem(409, "two at once"))
        self.assertEqual(self.failureResultOf(self.deploy(), RefusedError).value.status, 409)

    def test_a_file_changed(self) -> None:
        """A file changed between hashing and upload is named, and nothing is deployed."""
        Path(self.files[4].source).write_bytes(b"changed")
        error = self.failureResultOf(self.deploy(), FileChangedError).value
        self.assertIn(self.files[4].path, str(error))
        self.assertNotIn(SITE, self.fake.deployments)

    def test_the_server_found_another_hash(self) -> None:
        """When the server finds another hash, the file tells whether it changed or the way there did it."""
        self.fake.fail("PUT", problem(422, "another hash"))
        self.failureResultOf(self.deploy(1), CommandError).trap(CommandError)
        self.fake.on_call = lambda call: self.change(call) if call.method == "PUT" else None
        self.fake.fail("PUT", problem(422, "another hash"))
        self.failureResultOf(self.deploy(1), FileChangedError)

    def change(self, call: Call) -> None:
        """Change the file that is just being uploaded."""
        path = self.path_of(call)
        Path(next(file.source for file in self.files if file.path == path)).write_bytes(b"other")


class InterruptedTests(DeployingCase):
    """Ctrl-C at every step."""

    def stopped(self, fault: str) -> str:
        """Be stopped while the server is silent at *fault*, and give the message."""
        self.fake.fail(fault, *[Silence()] * 9)
        deploying = self.deploy()
        deploying.cancel()
        self.traversal.flush()
        error = self.failureResultOf(deploying, StoppedError).value
        self.assertEqual(error.exit_code, INTERRUPTED)
        self.assertEqual(self.traversal.clock.getDelayedCalls(), [])
        return str(error)

    def test_before_and_while_uploading(self) -> None:
        """Until the deployment is asked for, the live one is unchanged, and that is said."""
        self.assertEqual(self.stopped(f"POST /sites/{SITE}/missing"), UNCHANGED)
        self.fake.faults.clear()
        self.assertEqual(self.stopped("PUT"), UNCHANGED)

    def test_at_the_end(self) -> None:
        """Once it is asked for, it may have been made: nothing else is claimed."""
        self.assertEqual(self.stopped(f"POST /sites/{SITE}/deployments"), UNKNOWN)

    def test_while_waiting_to_try_again(self) -> None:
        """Also between two tries."""
        self.fake.fail("PUT", *[problem(503, "later")] * 9)
        deploying = self.deploy()
        deploying.cancel()
        self.failureResultOf(deploying, StoppedError)
        self.assertEqual(self.traversal.clock.getDelayedCalls(), [])
