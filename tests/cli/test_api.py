from pathlib import Path

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.answers import RefusedError, WrongAnswerError
from couchpages.cli.bodies import FileChangedError
from couchpages.cli.errors import CommandError
from couchpages.cli.plan import deployment_body
from tests.cli.fake_api import OTHER_KEY, HangUp, Reply, Silence, problem
from tests.cli.traversal import Traversal, make_files

SITE = "example.org"


class ApiCase(SynchronousTestCase):
    """A client on the fake API, and one file."""

    def setUp(self) -> None:
        """Make both."""
        self.traversal = Traversal()
        self.fake, self.api = self.traversal.fake, self.traversal.api
        self.folder = Path(self.mktemp())
        (self.file,) = make_files(self.folder, {"index.html": b"x" * 200_000})
        self.sent: list[int] = []

    def body(self) -> bytes:
        """Give the deployment's body."""
        return deployment_body([self.file], "main", None)


class CallTests(ApiCase):
    """Each call of docs/api.md, as it should go."""

    def test_deployment(self) -> None:
        """Missing, upload, deployment: the blob arrives whole, the key goes along, the Idempotency-Key too."""
        missing = self.successResultOf(self.traversal.start(self.api.missing(SITE, self.body())))
        self.assertEqual(missing, {self.file.sha256})
        self.successResultOf(self.traversal.start(self.api.put_blob(self.file, self.sent.append)))
        self.assertEqual(self.fake.blobs[self.file.sha256], b"x" * 200_000)
        self.assertEqual(sum(self.sent), 200_000)
        made = self.successResultOf(self.traversal.start(self.api.deploy(SITE, self.body(), "once")))
        self.assertEqual((made.site, made.live, made.files), (SITE, True, 1))
        headers = self.fake.calls[-1].headers
        self.assertEqual(headers["idempotency-key"], "once")
        self.assertEqual(headers["content-type"], "application/json")
        self.assertEqual(self.fake.made("PUT")[0].headers["content-length"], "200000")

    def test_an_empty_file(self) -> None:
        """An empty file is a blob like others."""
        (file,) = make_files(self.folder / "other", {"empty": b""})
        self.successResultOf(self.traversal.start(self.api.put_blob(file, self.sent.append)))
        self.assertEqual(self.fake.blobs, {file.sha256: b""})
        self.assertEqual(self.fake.calls[-1].headers["content-length"], "0")

    def test_lists_rollback_delete(self) -> None:
        """The other calls, on two deployments."""
        self.fake.blobs[self.file.sha256] = b""
        for key in ("one", "two"):
            self.successResultOf(self.traversal.start(self.api.deploy(SITE, self.body(), key)))
        _, sites = self.successResultOf(self.traversal.start(self.api.sites()))
        self.assertEqual([(site.name, site.live, site.deployments) for site in sites], [(SITE, "deployment2", 2)])
        back = self.successResultOf(self.traversal.start(self.api.rollback(SITE, None)))
        self.assertEqual(back.id, "deployment1")
        forth = self.successResultOf(self.traversal.start(self.api.rollback(SITE, "deployment2")))
        self.assertEqual(forth.id, "deployment2")
        self.successResultOf(self.traversal.start(self.api.delete(SITE, "deployment1")))
        _, left = self.successResultOf(self.traversal.start(self.api.deployments(SITE)))
        self.assertEqual([each.id for each in left], ["deployment2"])
        self.successResultOf(self.traversal.start(self.api.delete(SITE, None)))
        self.assertEqual(self.fake.deployments, {})

    def test_an_id_cannot_change_the_path(self) -> None:
        """An id with slashes or dots in it stays one segment."""
        self.fake.fail("DELETE", Reply(204))
        self.successResultOf(self.traversal.start(self.api.delete(SITE, "../../x?y")))
        self.assertEqual(self.fake.calls[-1].path, f"/sites/{SITE}/deployments/..%2F..%2Fx%3Fy")


class RefusalTests(ApiCase):
    """What the server refuses is told at once, and not tried again."""

    def test_statuses(self) -> None:
        """Each refusal comes with the server's detail and status."""
        for status in (400, 401, 403, 404, 409, 413, 422, 500, 507):
            self.fake.fail("POST", problem(status, f"because of {status}"))
            error = self.failureResultOf(self.traversal.start(self.api.missing(SITE, self.body())), RefusedError).value
            self.assertEqual(error.status, status)
            self.assertIn(f"because of {status}", str(error))
        self.assertEqual(self.traversal.notices, [])

    def test_wrong_keys(self) -> None:
        """A wrong key, and a right one for another site; neither is shown."""
        for key, status in (("cpk_wrong", 401), (OTHER_KEY, 403)):
            traversal = Traversal(key)
            error = self.failureResultOf(traversal.start(traversal.api.sites()), RefusedError).value
            self.assertEqual(error.status, status)
            self.assertNotIn(key, str(error))

    def test_a_redirect(self) -> None:
        """A redirect is not followed: the key goes nowhere else."""
        self.fake.fail("GET", Reply(302, headers=(("Location", "http://elsewhere/"),)))
        self.failureResultOf(self.traversal.start(self.api.sites()), RefusedError)
        self.assertEqual(len(self.fake.calls), 1)

    def test_wrong_answers(self) -> None:
        """A proxy's page and JSON cut off are one line, without a retry."""
        for body in (b"<html>", b'{"sites": [{"site"', b"", b'{"sites": 1}'):
            self.fake.fail("GET", Reply(200, body, "text/html"))
            self.failureResultOf(self.traversal.start(self.api.sites()), WrongAnswerError)
        self.assertEqual(self.traversal.notices, [])


class RetryTests(ApiCase):
    """What passes is tried again."""

    def test_upload(self) -> None:
        """An upload that meets lost connections and busy servers arrives in the end, and is counted once."""
        html = Reply(502, b"<html>", "text/html")
        self.fake.fail("PUT", HangUp(), html, problem(503, "starting", ("Retry-After", "7")), problem(429, "slowly"))
        uploading = self.traversal.start(self.api.put_blob(self.file, self.sent.append))
        for wait in (0.5, 1.0, 7.0, 4.0):
            self.assertNoResult(uploading)
            self.traversal.wait(wait)
        self.successResultOf(uploading)
        self.assertEqual(self.fake.blobs[self.file.sha256], b"x" * 200_000)
        self.assertEqual(sum(self.sent), 200_000)
        self.assertEqual(len(self.traversal.notices), 4)

    def test_patience_ends(self) -> None:
        """A server that stays away is told, after a bounded number of tries."""
        self.fake.fail("GET", *[problem(503, "no CouchDB")] * 99)
        asking = self.traversal.start(self.api.sites())
        for _ in range(20):
            self.traversal.wait(15)
        error = self.failureResultOf(asking, RefusedError).value
        self.assertIn("no CouchDB", str(error))
        self.assertEqual(len(self.fake.calls), 6)

    def test_a_deployment_is_repeated(self) -> None:
        """A deployment whose answer was lost is asked for again, with the same Idempotency-Key."""
        self.fake.blobs[self.file.sha256] = b""
        self.fake.fail("POST", HangUp())
        deploying = self.traversal.start(self.api.deploy(SITE, self.body(), "once"))
        self.traversal.wait(1)
        self.successResultOf(deploying)
        self.assertEqual([call.headers["idempotency-key"] for call in self.fake.calls], ["once", "once"])

    def test_a_rollback_is_not(self) -> None:
        """A rollback without an id must not happen twice; with one it may."""
        self.fake.fail("POST", HangUp())
        error = self.failureResultOf(self.traversal.start(self.api.rollback(SITE, None)), CommandError).value
        self.assertIn("may have been done or not", str(error))
        self.fake.fail("POST", HangUp())
        self.assertNoResult(self.traversal.start(self.api.rollback(SITE, "x")))

    def test_a_deletion_done_already(self) -> None:
        """A deletion whose answer was lost, and that is repeated, has succeeded; at first, 404 is an error."""
        self.failureResultOf(self.traversal.start(self.api.delete(SITE, None)), RefusedError)
        self.fake.fail("DELETE", HangUp())
        deleting = self.traversal.start(self.api.delete(SITE, None))
        self.traversal.wait(1)
        self.successResultOf(deleting)

    def test_silence(self) -> None:
        """A server that says nothing is given up and tried again."""
        self.fake.fail("GET", Silence())
        asking = self.traversal.start(self.api.sites())
        self.traversal.wait(99)
        self.assertNoResult(asking)
        self.traversal.wait(1)
        self.assertIn("nothing came or went for 100 s", self.traversal.notices[0])
        self.traversal.wait(1)
        self.successResultOf(asking)

    def test_no_timer_stays(self) -> None:
        """When a call is done, nothing is scheduled any more."""
        self.successResultOf(self.traversal.start(self.api.sites()))
        self.assertEqual(self.traversal.clock.getDelayedCalls(), [])


class CancelTests(ApiCase):
    """Cancelling ends a call at once, without retries."""

    def test_while_waiting(self) -> None:
        """While the server thinks, and while the client waits to try again."""
        for fault in (Silence(), problem(503, "later")):
            self.fake.fail("GET", fault)
            asking = self.traversal.start(self.api.sites())
            asking.cancel()
            self.failureResultOf(asking, CancelledError)
        self.assertEqual(len(self.fake.calls), 2)
        self.assertEqual(self.traversal.clock.getDelayedCalls(), [])


class ChangedFileTests(ApiCase):
    """A file that is not what was hashed is not uploaded."""

    def test_before(self) -> None:
        """Changed, or gone, before its upload began."""
        Path(self.file.source).write_bytes(b"y" * 200_000)
        self.failureResultOf(self.traversal.start(self.api.put_blob(self.file, self.sent.append)), FileChangedError)
        Path(self.file.source).unlink()
        error = self.failureResultOf(self.traversal.start(self.api.put_blob(self.file, self.sent.append))).value
        self.assertEqual(str(error).partition(":")[0], "index.html")
        self.assertEqual(self.fake.calls, [])

    def test_meanwhile(self) -> None:
        """Changed while it was on its way: the last byte is not sent, and there is no retry."""

        def change(_octets: int) -> None:
            with Path(self.file.source).open("ab") as file:
                file.write(b"more")

        self.failureResultOf(self.traversal.start(self.api.put_blob(self.file, change)), FileChangedError)
        self.assertEqual((self.fake.blobs, self.traversal.notices), ({}, []))
