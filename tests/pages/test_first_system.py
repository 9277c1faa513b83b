"""The first system's upload calls, and what it left in CouchDB."""

import base64
import errno
import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

from couchpages.pages.submission import Limits
from couchpages.ports import Unavailable
from couchpages.testing.asking import Answer
from couchpages.testing.node import MemoryNode
from tests.pages.test_api import ApiCase

HOST = "a.example"
FILE, MANIFEST = "/api/v1/Upload/File", "/api/v1/Upload/Manifest"
COMMITS = ["1" * 40, "2" * 40, "3" * 40]


def upload(content: bytes, **changes: Any) -> dict[str, Any]:
    """Give the body that uploads *content*."""
    encoded = base64.b64encode(content).decode()
    body = {"Hash": sha256(content).hexdigest(), "FileName": "a.txt", "Base64EncodedFile": encoded}
    return {**body, **changes}


def manifest(content: bytes = b"x", **changes: Any) -> dict[str, Any]:
    """Give the body that deploys *content* as the index."""
    files = {"index.html": sha256(content).hexdigest()}
    return {"GitHash": COMMITS[0], "Hostname": HOST, "URLHashDictionary": files, "Preview": False, **changes}


class FileTests(ApiCase):
    """``Upload/File``."""

    def stored(self, body: object, content: bytes, status: int = 202) -> None:
        """Check that *body* stores *content*."""
        answer = self.call("POST", FILE, body)
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(self.node.files.stored[sha256(content).hexdigest()].attachments, {"data": content})

    def test_upload(self) -> None:
        """202 when stored, 200 when it was there, and found afterwards; no file is left over."""
        name = sha256(b"hello").hexdigest()
        self.refused(self.call("GET", f"{FILE}/{name}"), 404)
        self.stored(upload(b"hello"), b"hello")
        self.stored(upload(b"hello"), b"hello", 200)
        for written in (name, name.upper()):
            self.assertEqual(self.call("GET", f"{FILE}/{written}").status, 200)
        self.assertEqual(list((self.folder / "spool").iterdir()), [])
        self.refused(self.call("GET", f"{FILE}/x"), 422, "hash")

    def test_names_in_any_case(self) -> None:
        """The names of members are matched without regard to case, in any order, others are passed over."""
        body = {"BASE64encodedFILE": base64.b64encode(b"one").decode(), "Extra": 5, "hash": sha256(b"one").hexdigest()}
        self.stored(body, b"one")

    def test_as_system_text_json_writes(self) -> None:
        """Escapes of ``+`` and ``/``, an upper-case hash and white space are what the first system's clients send."""
        content = bytes([0xFB, 0xEF, 0xBE, 0xFF, 0xFF, 0xFF]) * 50
        encoded = base64.b64encode(content).decode().replace("+", "\\u002B").replace("/", "\\/")
        name = sha256(content).hexdigest().upper()
        self.stored(f'\ufeff {{ "Hash" : "{name}" ,\r\n\t"Base64EncodedFile" : "{encoded}" }} \n'[1:].encode(), content)

    def test_largest(self) -> None:
        """A file at the limit is taken; one byte more is not."""
        self.stored(upload(b"x" * 1000), b"x" * 1000)
        self.refused(self.call("POST", FILE, upload(b"x" * 1001)), 413, "Content-Length")

    def test_all_escaped(self) -> None:
        """A file at the limit is taken also when every character of its base64 has to be escaped with six."""
        content = b"\xfb\xef\xbe" * 10_000
        self.node = MemoryNode(Path(self.mktemp()), limits=Limits(len(content), 5, 5000))
        encoded = base64.b64encode(content).decode().replace("+", "\\u002B")
        self.stored(json.dumps(upload(content, Base64EncodedFile="@")).replace("@", encoded).encode(), content)

    def test_large_bodies(self) -> None:
        """A body that no file needs is refused by its length, announced or not."""
        for headers in ({}, {"Content-Length": "5"}):
            answer = self.call("POST", FILE, b" " * 80_000, headers=headers)
            self.refused(answer, 413, "Content-Length")

    def test_refused(self) -> None:
        """Bad JSON, bad base64 and missing members are 400, a wrong hash 422; nothing is stored, no file is left over."""
        for body, status, field in (
            (b"", 400, None),
            (b"{", 400, None),
            (b"[]", 400, None),
            (b"{}", 400, None),
            (upload(b"x", Hash=None), 400, "Hash"),
            (upload(b"x", Hash=5), 400, "Hash"),
            (upload(b"x", Base64EncodedFile=None), 400, "Base64EncodedFile"),
            ({"FileName": "x"}, 400, "Hash"),
            ({"Hash": "x"}, 400, "Base64EncodedFile"),
            (upload(b"x", Hash={}), 400, None),
            (upload(b"x", Base64EncodedFile="e*=="), 400, None),
            (upload(b"x", Base64EncodedFile="eA"), 400, None),
            (upload(b"x", Base64EncodedFile="eA==eA=="), 400, None),
            (upload(b"x", Base64EncodedFile="eA\n=="), 400, None),
            (upload(b"x", Hash="x"), 422, "Hash"),
            (upload(b"x", Hash="x" * 5000), 400, None),
            (upload(b"x", Hash="\ud800"), 422, "Hash"),
            (upload(b"x", Base64EncodedFile="eQ=="), 422, "sha256"),
            (upload(b"x", Base64EncodedFile=""), 422, "sha256"),
        ):
            self.refused(self.call("POST", FILE, body), status, field)
        self.nothing_stored()

    def test_faults(self) -> None:
        """CouchDB away 503, a full disk 507; the file is gone, and the call may be repeated."""
        self.node.files.fail("put_attachment", Unavailable("away"))
        self.refused(self.call("POST", FILE, upload(b"x")), 503)
        full = OSError(errno.ENOSPC, "no space left")
        for target in ("tempfile.mkstemp", "Spooled.finish", "Spooled.write"):
            with patch(f"couchpages.web.spool.{target}", side_effect=full):
                self.refused(self.call("POST", FILE, upload(b"x")), 507)
        self.nothing_stored()
        self.stored(upload(b"x"), b"x")


class ManifestTests(ApiCase):
    """``Upload/Manifest``."""

    def setUp(self) -> None:
        """Store two blobs."""
        super().setUp()
        self.node.upload(b"x")
        self.node.upload(b"y")

    def deploy(self, body: object) -> Answer:
        """Upload a manifest, a millisecond after what was before."""
        self.node.reactor.advance(0.001)
        return self.call("POST", MANIFEST, body)

    def test_deploy(self) -> None:
        """202, live, visited by the site and the commit; the same commit again is 409."""
        answer = self.deploy(manifest())
        self.assertEqual((answer.status, answer.json["Hostname"], answer.json["GitHash"]), (202, HOST, COMMITS[0]))
        for host in (HOST, f"{COMMITS[0]}.{HOST}", f"{answer.json['Id']}.{HOST}"):
            self.assertEqual(self.node.visit(host, "/").body, b"x")
        for body in (manifest(), manifest(b"y"), manifest(GitHash=COMMITS[0], Preview=True)):
            self.refused(self.deploy(body), 409, "GitHash")
        self.assertEqual(self.deploy(manifest(b"y", GitHash=COMMITS[1])).status, 202)
        self.assertEqual(self.node.visit(HOST, "/").body, b"y")
        self.refused(self.deploy(manifest()), 409, "GitHash")
        self.assertEqual(self.deploy(manifest(Hostname="b.example")).status, 202)

    def test_preview(self) -> None:
        """A preview is not live, whatever the branches are called."""
        self.assertEqual(self.deploy(manifest(Preview=True)).status, 202)
        self.assertEqual(self.node.visit(HOST, "/").status, 404)
        self.assertEqual(self.node.visit(f"{COMMITS[0]}.{HOST}", "/").body, b"x")
        self.refused(self.deploy(manifest(Preview=True)), 409, "GitHash")

    def test_names_in_any_case(self) -> None:
        """The names of members are matched without regard to case; paths may begin with a slash; Preview may be left out."""
        body = {name.upper(): value for name, value in manifest().items() if name != "Preview"}
        body["URLHASHDICTIONARY"] = {"/index.html": sha256(b"x").hexdigest().upper()}
        self.assertEqual(self.deploy(body).status, 202)
        self.assertEqual(self.node.visit(HOST, "/index.html").body, b"x")

    def test_refused(self) -> None:
        """Each member missing, of the wrong type or with a wrong content is named."""
        for changes, status, field in (
            ({"Hostname": None}, 400, "Hostname"),
            ({"Hostname": ""}, 400, "Hostname"),
            ({"Hostname": "192.0.2.1"}, 422, "host"),
            ({"GitHash": 5}, 400, "GitHash"),
            ({"GitHash": "main"}, 422, "GitHash"),
            ({"Preview": "false"}, 400, "Preview"),
            ({"URLHashDictionary": None}, 400, "URLHashDictionary"),
            ({"URLHashDictionary": {"a": 5}}, 400, "URLHashDictionary"),
            ({"URLHashDictionary": {"a": "x"}}, 422, "URLHashDictionary"),
            ({"URLHashDictionary": {}}, 422, "files"),
            ({"URLHashDictionary": {"../a": "0" * 64}}, 422, "files"),
            ({"URLHashDictionary": {str(number): "0" * 64 for number in range(6)}}, 413, "files"),
            ({"URLHashDictionary": {"a": "0" * 64}}, 409, "files"),
        ):
            self.refused(self.deploy(manifest(**changes)), status, field)
        self.assertEqual(self.node.manifests.stored, {})

    def test_lost_answers(self) -> None:
        """An upload that failed half-way, or whose answer was lost, is finished when it is repeated."""
        for number, (doc_id, happened, status) in enumerate(
            ((None, False, 202), (None, True, 202), (HOST, False, 202), (HOST, True, 409))
        ):
            body = manifest(b"xy"[number % 2 :][:1], GitHash=f"{number}" * 40)
            self.node.manifests.fail("put", Unavailable("lost"), doc_id=doc_id, happened=happened)
            self.refused(self.deploy(body), 503)
            self.assertEqual(self.deploy(body).status, status)
            self.assertEqual(self.node.visit(HOST, "/").body, b"xy"[number % 2 :][:1])
        self.assertEqual(len(self.node.manifests.documents_now()), 5)

    def test_not_loaded(self) -> None:
        """A node that starts does not say that a commit is new."""
        self.node.sites._loaded = False
        self.refused(self.deploy(manifest()), 503)


class LeftTests(ApiCase):
    """Documents that the first system left are served, listed, rolled back to and deleted."""

    limits = Limits(1000, 5, 5000)

    def setUp(self) -> None:
        """Leave a site with two deployments and a preview, as the first system wrote them."""
        super().setUp()
        contents = [b"first", b"second", b"preview"]
        for content in contents:
            name = sha256(content).hexdigest()
            self.node.files.seed_attachment(name, "data", content)
        docs = [manifest(each, GitHash=commit) for each, commit in zip(contents, COMMITS, strict=True)]
        docs[2]["Preview"] = True
        for doc in docs:
            self.node.manifests.seed(f"{doc['GitHash']}.{HOST}", doc)
        self.node.manifests.seed(HOST, docs[1])

    def seen(self, host: str = HOST) -> bytes:
        """Give what visitors see."""
        return self.node.visit(host, "/").body

    def test_served(self) -> None:
        """The site, and each deployment under its commit."""
        self.assertEqual(self.seen(), b"second")
        for commit, content in zip(COMMITS, (b"first", b"second", b"preview"), strict=True):
            self.assertEqual(self.seen(f"{commit}.{HOST}"), content)

    def test_listed(self) -> None:
        """The lists show them, with null for what was not noted."""
        listed = self.call("GET", f"/api/v2/sites/{HOST}/deployments").json
        self.assertEqual(listed["live"], COMMITS[1])
        self.assertEqual(
            [(each["id"], each["live"], each["preview"], each["created"]) for each in listed["deployments"]],
            [
                (COMMITS[2], False, True, None),
                (COMMITS[1], True, False, None),
                (COMMITS[0], False, False, None),
            ],
        )
        self.assertEqual(listed["deployments"][0]["addresses"], [f"http://{COMMITS[2]}.{HOST}:8080/"])
        sites = self.call("GET", "/api/v2/sites").json["sites"]
        self.assertEqual(
            sites, [{"site": HOST, "live": COMMITS[1], "waiting": None, "deployments": 3, "updated": None}]
        )

    def test_rollback(self) -> None:
        """Back to an earlier one by its commit, forward again, and to one of ours and back."""
        for wanted, content in ((COMMITS[0], b"first"), (COMMITS[1], b"second")):
            answer = self.call("POST", f"/api/v2/sites/{HOST}/rollback", {"id": wanted})
            self.assertEqual((answer.status, answer.json["id"], self.seen()), (200, wanted, content))
        ours = self.node.deploy(HOST, {"index.html": b"ours"})
        self.assertEqual((ours["live"], self.seen()), (True, b"ours"))
        answer = self.call("POST", f"/api/v2/sites/{HOST}/rollback", {})
        self.assertEqual((answer.status, self.seen()), (200, b"second"))
        self.assertEqual(len(self.call("GET", f"/api/v2/sites/{HOST}/deployments").json["deployments"]), 4)

    def test_uploaded_before(self) -> None:
        """A commit that the first system uploaded is 409 here too."""
        for commit in COMMITS:
            self.refused(self.call("POST", MANIFEST, manifest(b"first", GitHash=commit)), 409, "GitHash")

    def test_deleted(self) -> None:
        """The live one stays, the others go, and the site goes whole."""
        self.refused(self.call("DELETE", f"/api/v2/sites/{HOST}/deployments/{COMMITS[1]}"), 409, "id")
        self.assertEqual(self.call("DELETE", f"/api/v2/sites/{HOST}/deployments/{COMMITS[0]}").status, 204)
        self.assertEqual(self.call("DELETE", f"/api/v2/sites/{HOST}").status, 204)
        self.assertEqual(self.node.manifests.documents_now(), {})
