"""The API of sites, deployments and blobs: every row of docs/api.md."""

import errno
import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from couchpages.access.keys import document_id, id_of
from couchpages.pages.submission import Limits
from couchpages.ports import Denied, NoRoom, TooLarge, Unavailable
from couchpages.testing.asking import Answer
from couchpages.testing.node import MemoryNode

HOST = "a.example"
SITE = f"/api/v2/sites/{HOST}"
HASH = sha256(b"x").hexdigest()
CALLS = (
    ("PUT", f"/api/v2/blobs/{HASH}"),
    ("GET", "/api/v2/sites"),
    ("DELETE", SITE),
    ("POST", f"{SITE}/missing"),
    ("GET", f"{SITE}/deployments"),
    ("POST", f"{SITE}/deployments"),
    ("POST", f"{SITE}/rollback"),
    ("DELETE", f"{SITE}/deployments/x"),
    ("GET", f"/api/v1/Upload/File/{HASH}"),
    ("POST", "/api/v1/Upload/File"),
    ("POST", "/api/v1/Upload/Manifest"),
)
FULL = OSError(errno.ENOSPC, "no space left on device")


class ApiCase(SynchronousTestCase):
    """A node, and what every answer that is no success must look like."""

    limits = Limits(file_size=1000, files=5, document_size=5000)

    def setUp(self) -> None:
        """Make a node with small limits."""
        self.folder = Path(self.mktemp())
        self.node = MemoryNode(self.folder, limits=self.limits)

    def refused(self, answer: Answer, status: int, field: str | None = None) -> dict[str, Any]:
        """Check that *answer* is a problem as docs/api.md says; give its JSON."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        problem: dict[str, Any] = answer.json
        self.assertEqual((problem["status"], problem["type"], problem.get("field")), (status, "about:blank", field))
        self.assertTrue(problem["title"])
        self.assertTrue(problem["detail"])
        if status == 503:
            self.assertEqual(answer.headers["retry-after"], "5")
        return problem

    def call(self, method: str, path: str, body: object = b"", **more: Any) -> Answer:
        """Make a call."""
        return self.node.call(method, path, body, **more)

    def submission(self, **changes: Any) -> dict[str, Any]:
        """Give the body of a deployment of one blob that is stored, with *changes*."""
        return {"files": {"index.html": {"sha256": self.node.upload(b"x"), "size": 1}}, **changes}

    def nothing_stored(self) -> None:
        """Check that no database holds anything, and no file is left over."""
        self.assertEqual((self.node.files.stored, self.node.manifests.stored), ({}, {}))
        self.assertEqual(list((self.folder / "spool").iterdir()), [])


class KeyTests(ApiCase):
    """Who may call what."""

    def test_no_key_or_a_wrong_one(self) -> None:
        """401 with a challenge, before anything else is looked at."""
        revoked = self.node.add_key("*")
        self.node.secrets.seed(document_id(id_of(revoked) or ""), {"sites": "?"})
        wrong = (
            "",
            "Bearer",
            "Bearer nonsense",
            f"Basic {self.node.key}",
            f"Bearer {self.node.key}x",
            f"Bearer {revoked}",
        )
        for method, path in CALLS:
            for value in wrong:
                answer = self.call(method, path, b"x", headers={"Authorization": value})
                self.refused(answer, 401, "Authorization")
                self.assertIn("Bearer", answer.headers["www-authenticate"])
        self.nothing_stored()

    def test_first_systems_header(self) -> None:
        """The header ``ApiKey`` counts as well; beside a Bearer key that one counts."""
        headers = {"Authorization": "", "ApiKey": self.node.key}
        self.assertEqual(self.call("GET", "/api/v2/sites", headers=headers).status, 200)
        headers = {"Authorization": "Bearer wrong", "ApiKey": self.node.key}
        self.refused(self.call("GET", "/api/v2/sites", headers=headers), 401, "Authorization")

    def test_keys_not_loaded(self) -> None:
        """503 while the keys could not be read yet: nobody is told that a right key is wrong (law 3)."""
        self.node.keyring._loaded = False
        for method, path in CALLS:
            self.refused(self.call(method, path, b"x"), 503)

    def test_scopes(self) -> None:
        """A key for other sites: 403 for every call on a site, and the site stays as it is."""
        self.node.deploy(HOST, {"index.html": b"x"})
        before = self.node.manifests.documents_now()
        for key in (self.node.add_key("b.example"), self.node.add_key(f"*.{HOST}"), self.node.add_key()):
            for method, path in CALLS[2:8]:
                self.refused(self.call(method, path, self.submission(), key=key), 403)
            answer = self.call("GET", "/api/v2/sites", key=key)
            self.assertEqual(answer.json, {"sites": []})
            upload = {"Hostname": HOST, "GitHash": "abcdef0", "URLHashDictionary": {"x": HASH}}
            self.refused(self.call("POST", "/api/v1/Upload/Manifest", upload, key=key), 403)
        self.assertEqual(self.node.manifests.documents_now(), before)

    def test_reaching(self) -> None:
        """A key reaches its own sites and sees no others in the list."""
        for host in (HOST, f"www.{HOST}", "b.example"):
            self.node.deploy(host, {"index.html": b"x"})
        for scopes, seen in (
            ((HOST,), [HOST]),
            ((f"*.{HOST}",), [f"www.{HOST}"]),
            ((HOST, "b.example"), [HOST, "b.example"]),
            (("*",), [HOST, "b.example", f"www.{HOST}"]),
        ):
            key = self.node.add_key(*scopes)
            listed = self.call("GET", "/api/v2/sites", key=key).json["sites"]
            self.assertEqual([each["site"] for each in listed], seen)
            for host in seen:
                self.assertEqual(self.call("GET", f"/api/v2/sites/{host}/deployments", key=key).status, 200)


class CallTests(ApiCase):
    """What is no call, or cannot be one."""

    def test_no_such_call(self) -> None:
        """404 for paths that are none; 405 with Allow for the wrong method."""
        for path in (
            "/",
            "/api/v2",
            "/api/v2/sites/",
            "/api/v2/site",
            "/api/v3/sites",
            f"{SITE}/deployments/x/y",
            "/metrics",
        ):
            self.refused(self.call("GET", path), 404)
        for method, path, allow in (
            ("POST", f"/api/v2/blobs/{HASH}", "PUT"),
            ("PUT", f"{SITE}/deployments", "GET, HEAD, POST"),
            ("PATCH", SITE, "DELETE"),
            ("GET", f"{SITE}/rollback", "POST"),
        ):
            answer = self.call(method, path)
            self.refused(answer, 405)
            self.assertEqual(answer.headers["allow"], allow)

    def test_bad_hosts(self) -> None:
        """Host names that are none, over-long, addresses: 422; case and a trailing dot do not matter."""
        for host in (
            "192.0.2.1",
            "%5B::1%5D",
            "a%20b",
            "x" * 64,
            f"{'a.' * 100}b",
            "*.example.org",
            "a..b",
            "a%2Fb",
            "-a",
        ):
            for method, path in (
                ("POST", "missing"),
                ("POST", "deployments"),
                ("GET", "deployments"),
                ("POST", "rollback"),
            ):
                self.refused(self.call(method, f"/api/v2/sites/{host}/{path}", {}), 422, "host")
            self.refused(self.call("DELETE", f"/api/v2/sites/{host}"), 422, "host")
        self.refused(self.call("GET", "/api/v2/sites/%ff/deployments"), 400)
        self.node.deploy(HOST, {"index.html": b"x"})
        self.assertEqual(self.call("GET", "/api/v2/sites/A.EXAMPLE./deployments").json["site"], HOST)

    def test_bad_json(self) -> None:
        """Not JSON, not UTF-8, not an object, nested without end: 400 for every call that takes JSON."""
        for body in (b"{", b"\xff", b"[]", b"null", b'"x"', b"[" * 60_000, b'{"a":' * 10_000):
            for path in (f"{SITE}/missing", f"{SITE}/deployments", f"{SITE}/rollback", "/api/v1/Upload/Manifest"):
                self.refused(self.call("POST", path, body), 400)
        for path in (f"{SITE}/missing", f"{SITE}/deployments"):
            self.assertEqual(self.call("POST", path, b"").status, 400)
        self.nothing_stored()

    def test_large_bodies(self) -> None:
        """A JSON body above the limit is 413: by what is announced, or by what comes."""
        for path in ("missing", "deployments", "rollback"):
            for headers in ({}, {"Content-Length": "10"}):
                answer = self.call("POST", f"{SITE}/{path}", b" " * 90_000, headers=headers)
                self.refused(answer, 413, "Content-Length")

    def test_store_errors(self) -> None:
        """CouchDB away or denying: 503; full: 507; a document that it finds too large: 413. Nothing is live then."""
        body = self.submission()
        for error, status in (
            (Unavailable("away"), 503), (Denied("no"), 503), (NoRoom("full"), 507), (TooLarge("large"), 413),
        ):  # fmt: skip
            self.node.manifests.fail("put", error)
            self.refused(self.call("POST", f"{SITE}/deployments", body), status)
            self.assertEqual(self.node.visit(HOST, "/").status, 404)
            self.node.files.fail("put_attachment", error)
            self.refused(self.call("PUT", f"/api/v2/blobs/{HASH}", b"x"), status)
            self.node.files.fail("rows", error)
            self.refused(self.call("POST", f"{SITE}/missing", body), status)

    def test_not_loaded(self) -> None:
        """A node that starts lists nothing and denies nothing (law 3)."""
        self.node.sites._loaded = False
        for method, path, body in (
            ("GET", "/api/v2/sites", b""),
            ("GET", f"{SITE}/deployments", b""),
            ("POST", f"{SITE}/rollback", b"{}"),
            ("DELETE", SITE, b""),
            ("DELETE", f"{SITE}/deployments/x", b""),
        ):
            self.refused(self.call(method, path, body), 503)


class BlobTests(ApiCase):
    """``PUT /api/v2/blobs/{sha256}`` and ``missing``."""

    def test_upload(self) -> None:
        """201 when stored, 200 when it was there; visitors then get it from this node's disk without CouchDB."""
        for status in (201, 200):
            answer = self.call("PUT", f"/api/v2/blobs/{HASH.upper()}", b"x")
            self.assertEqual((answer.status, answer.json), (status, {"sha256": HASH, "size": 1}))
        self.assertEqual(self.node.files.stored[HASH].attachments, {"data": b"x"})
        self.assertEqual(self.node.disk.read(HASH, 10), b"x")
        self.assertEqual(list((self.folder / "spool").iterdir()), [])

    def test_empty(self) -> None:
        """The empty content is a blob."""
        self.assertEqual(self.call("PUT", f"/api/v2/blobs/{sha256(b'').hexdigest()}").status, 201)

    def test_wrong_hash(self) -> None:
        """Content with another hash: 422, counted, and nothing is stored, in CouchDB or on disk (law 5)."""
        problem = self.refused(self.call("PUT", f"/api/v2/blobs/{HASH}", b"y"), 422, "sha256")
        self.assertIn(sha256(b"y").hexdigest(), problem["detail"])
        self.nothing_stored()
        self.assertEqual(self.node.disk.held, 0)
        refused = self.node.metrics.registry.get_sample_value("couchpages_blob_uploads_total", {"outcome": "refused"})
        self.assertEqual(refused, 1)

    def test_no_hash(self) -> None:
        """An address that names no hash: 422."""
        for name in ("x", HASH[1:], "g" * 64, HASH + "0"):
            self.refused(self.call("PUT", f"/api/v2/blobs/{name}", b"x"), 422, "sha256")

    def test_length(self) -> None:
        """Without Content-Length 411; above the limit 413, by what is announced or by what comes, before CouchDB hears of it."""
        for length in ("", "chunked", "-1"):
            answer = self.call("PUT", f"/api/v2/blobs/{HASH}", b"x", headers={"Content-Length": length})
            self.refused(answer, 411, "Content-Length")
        large = b"x" * 1001
        name = sha256(large).hexdigest()
        for length in ("1001", "1", "9" * 30):
            answer = self.call("PUT", f"/api/v2/blobs/{name}", large, headers={"Content-Length": length})
            self.refused(answer, 413, "Content-Length")
        self.nothing_stored()
        self.assertEqual(self.node.upload(b"x" * 1000), sha256(b"x" * 1000).hexdigest())

    def test_full_disk(self) -> None:
        """No room on this node's disk: 507 at whatever step, and the next upload succeeds."""
        for target in ("couchpages.web.spool.tempfile.mkstemp", "couchpages.web.spool.Spooled.write"):
            with patch(target, side_effect=FULL):
                self.refused(self.call("PUT", f"/api/v2/blobs/{HASH}", b"x"), 507)
        with patch("couchpages.web.spool.Spooled.finish", side_effect=FULL):
            self.refused(self.call("PUT", f"/api/v2/blobs/{HASH}", b"x"), 507)
        self.nothing_stored()
        with patch.object(Path, "replace", side_effect=FULL):
            self.assertEqual(self.call("PUT", f"/api/v2/blobs/{HASH}", b"x").status, 201)
        self.assertEqual(list((self.folder / "spool").iterdir()), [])

    def test_lost_answer(self) -> None:
        """A blob that was stored though the answer was lost is there when the upload is repeated."""
        self.node.files.fail("put_attachment", Unavailable("lost"), happened=True)
        self.refused(self.call("PUT", f"/api/v2/blobs/{HASH}", b"x"), 503)
        self.assertEqual(self.call("PUT", f"/api/v2/blobs/{HASH}", b"x").status, 200)

    def test_missing(self) -> None:
        """Of a list of hashes those that are not stored, sorted and each once."""
        self.node.upload(b"x")
        wanted = [sha256(each).hexdigest() for each in (b"z", b"x", b"y", b"z")]
        answer = self.call("POST", f"{SITE}/missing", {"hashes": wanted})
        self.assertEqual(answer.json, {"missing": sorted({wanted[0], wanted[2]})})
        self.assertEqual(self.call("POST", f"{SITE}/missing", {"hashes": []}).json, {"missing": []})

    def test_missing_of_a_deployment(self) -> None:
        """The body of the deployment to come is checked against every rule and limit before anything is uploaded."""
        entry = {"sha256": HASH, "size": 1}
        answer = self.call("POST", f"{SITE}/missing", {"files": {"a": entry, "b": entry}})
        self.assertEqual(answer.json, {"missing": [HASH]})
        for body, status, field in (
            ({"files": {"../a": entry}}, 422, "files"),
            ({"files": {"a": {**entry, "size": 1001}}}, 413, "files"),
            ({"files": {str(number): entry for number in range(6)}}, 413, "files"),
            ({"files": {f"{number}{'x' * 1000}": entry for number in range(5)}}, 413, "files"),
            ({"files": {}}, 422, "files"),
            ({"files": {"a": entry}, "commit": "x"}, 422, "commit"),
            ({"hashes": [HASH] * 6}, 413, "hashes"),
            ({"hashes": ["x"]}, 422, "hashes"),
            ({"hashes": HASH}, 400, "hashes"),
            ({}, 400, "hashes"),
        ):
            self.refused(self.call("POST", f"{SITE}/missing", body), status, field)
            if "files" in body:
                self.refused(self.call("POST", f"{SITE}/deployments", body), status, field)
        self.nothing_stored()


class DeploymentTests(ApiCase):
    """Deployments, lists, rollback and deletion."""

    def test_deploy(self) -> None:
        """201 with every member of docs/api.md, and this node serves it when the call returns."""
        answer = self.call("POST", f"{SITE}/deployments", self.submission(commit="ABCDEF0", branch="main"))
        self.assertEqual(answer.status, 201)
        id_ = answer.json["id"]
        self.assertEqual(
            answer.json,
            {
                "id": id_,
                "site": HOST,
                "commit": "abcdef0",
                "branch": "main",
                "created": "2026-11-23T14:00:00.000Z",
                "files": 1,
                "bytes": 1,
                "preview": False,
                "live": True,
                "waiting": None,
                "addresses": [f"http://{host}:8080/" for host in (HOST, f"{id_}.{HOST}", f"abcdef0.{HOST}")],
            },
        )
        self.assertEqual(self.node.visit(HOST, "/").body, b"x")

    def test_wrong_members(self) -> None:
        """Each member of the wrong type is 400 and named; each with a wrong content is 422."""
        good = self.submission()
        for changes, status, field in (
            ({"files": []}, 400, "files"),
            ({"files": {"a": 5}}, 400, "files"),
            ({"files": {"a": {"sha256": 5, "size": 1}}}, 400, "files"),
            ({"files": {"a": {"sha256": HASH, "size": "1"}}}, 400, "files"),
            ({"branch": 5}, 400, "branch"),
            ({"commit": ["x"]}, 400, "commit"),
            ({"files": {"a": {"sha256": "x", "size": 1}}}, 422, "files"),
            ({"files": {"a": {"sha256": HASH, "size": -1}}}, 422, "files"),
            ({"commit": "main"}, 422, "commit"),
            ({"branch": "a\nb"}, 422, "branch"),
        ):
            self.refused(self.call("POST", f"{SITE}/deployments", {**good, **changes}), status, field)
        self.assertEqual(self.node.manifests.stored, {})

    def test_blobs_not_stored(self) -> None:
        """409 with the list of what is missing, and nothing is deployed."""
        body = {"files": {"a": {"sha256": HASH, "size": 1}}}
        problem = self.refused(self.call("POST", f"{SITE}/deployments", body), 409, "files")
        self.assertEqual(problem["missing"], [HASH])
        self.nothing_stored()

    def test_idempotency_key(self) -> None:
        """The same key and body: 201 and then 200 with the same deployment; another body 422; a key of the wrong length 422."""
        body, headers = self.submission(), {"Idempotency-Key": "k" * 200}
        first = self.call("POST", f"{SITE}/deployments", body, headers=headers)
        again = self.call("POST", f"{SITE}/deployments", body, headers=headers)
        self.assertEqual((first.status, again.status, again.json), (201, 200, first.json))
        other = self.call("POST", f"{SITE}/deployments", {**body, "branch": "other"}, headers=headers)
        self.refused(other, 422, "Idempotency-Key")
        for key in ("", "k" * 201):
            answer = self.call("POST", f"{SITE}/deployments", body, headers={"Idempotency-Key": key})
            self.refused(answer, 422, "Idempotency-Key")

    def test_lists(self) -> None:
        """Sites by name; deployments newest first, each as when it was made but for what is live now."""
        made = [self.node.deploy(HOST, {"index.html": content}) for content in (b"1", b"2")]
        preview = self.node.deploy(HOST, {"index.html": b"3"}, branch="feature")
        listed = self.call("GET", f"{SITE}/deployments").json
        self.assertEqual((listed["site"], listed["live"]), (HOST, made[1]["id"]))
        first = {**made[0], "live": False, "addresses": made[0]["addresses"][1:]}
        self.assertEqual(listed["deployments"], [preview, made[1], first])
        self.assertEqual(
            self.call("GET", "/api/v2/sites").json,
            {
                "sites": [
                    {
                        "site": HOST,
                        "live": made[1]["id"],
                        "waiting": None,
                        "deployments": 3,
                        "updated": preview["created"],
                    }
                ]
            },
        )
        self.refused(self.call("GET", "/api/v2/sites/b.example/deployments"), 404, "host")
        self.assertEqual(self.call("HEAD", "/api/v2/sites").status, 200)

    def test_list_with_a_strange_commit(self) -> None:
        """What another program wrote for a commit keeps nobody from listing (law 4)."""
        made = self.node.deploy(HOST, {"index.html": b"1"})
        for doc_id, doc in self.node.manifests.documents_now().items():
            self.node.manifests.seed(doc_id, {**doc, "couchpages": {**doc["couchpages"], "commit": "v1.0"}})
        listed = self.call("GET", f"{SITE}/deployments").json["deployments"]
        self.assertEqual([(each["id"], each["commit"]) for each in listed], [(made["id"], "v1.0")])

    def test_rollback(self) -> None:
        """To the one before, by id or by commit; an empty body is as good as ``{}``."""
        made = [
            self.node.deploy(HOST, {"index.html": content}, commit=f"abcdef{content.decode()}")
            for content in (b"1", b"2")
        ]
        for body, seen in (
            (b"", b"1"),
            ({"id": made[1]["id"]}, b"2"),
            ({}, b"1"),
            ({"id": "ABCDEF2"}, b"2"),
            ({"id": None}, b"1"),
        ):
            answer = self.call("POST", f"{SITE}/rollback", body)
            self.assertEqual((answer.status, answer.json["live"], self.node.visit(HOST, "/").body), (200, True, seen))
            self.assertEqual(answer.json["addresses"][0], f"http://{HOST}:8080/")
        self.refused(self.call("POST", f"{SITE}/rollback", {}), 409, "id")
        self.refused(self.call("POST", f"{SITE}/rollback", {"id": 5}), 400, "id")
        for wanted in ("nobody", "", "\ud800" * 300, "x" * 60_000):
            problem = self.refused(self.call("POST", f"{SITE}/rollback", {"id": wanted}), 404, "id")
            self.assertLess(len(json.dumps(problem)), 2000)
        self.refused(self.call("POST", "/api/v2/sites/b.example/rollback", {}), 404, "host")

    def test_delete(self) -> None:
        """204 without a body; the live one 409; what is not there 404; a site goes whole."""
        first = self.node.deploy(HOST, {"index.html": b"1"})
        second = self.node.deploy(HOST, {"index.html": b"2"})
        self.refused(self.call("DELETE", f"{SITE}/deployments/{second['id']}"), 409, "id")
        answer = self.call("DELETE", f"{SITE}/deployments/{first['id']}")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.refused(self.call("DELETE", f"{SITE}/deployments/{first['id']}"), 404, "id")
        self.assertEqual(self.call("DELETE", SITE).status, 204)
        self.refused(self.call("DELETE", SITE), 404, "host")
        self.assertEqual(self.node.visit(HOST, "/").status, 404)
        self.assertEqual(self.call("GET", "/api/v2/sites").json, {"sites": []})

    def test_name_of_a_preview(self) -> None:
        """Deploying to the host of another's preview is 409."""
        made = self.node.deploy(HOST, {"index.html": b"1"})
        path = f"/api/v2/sites/{made['id']}.{HOST}/deployments"
        self.refused(self.call("POST", path, self.submission()), 409, "host")
