"""The first system's calls, and its documents, on our node."""

import base64
import contextlib
import hashlib
import json
import urllib.error
from typing import Any

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.curl import Curled, curl, save
from tests.integration.node import Node, wait_until, write_files
from tests.integration.visitor import Answer, call_api, fetch


def sha256_of(content: bytes) -> str:
    """Give a SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class FirstSystemsCalls(NodeCase):
    """Its uploader, played with curl."""

    needs = ("curl",)

    def call(self, path: str, body: Any = None, key: str | None = None) -> Curled:
        """Call as its uploader does."""
        options = ["--header", f"ApiKey: {self.node.key if key is None else key}"]
        if body is not None:
            options += ["--header", "Content-Type: application/json", "--data-binary"]
            options.append(save(self.folder, "body", json.dumps(body).encode()))
        return curl(f"{self.node.server}/api/v1/Upload/{path}", *options)

    def test_upload(self) -> None:
        """Files and a manifest go up, with members in any case of their letters, and the site is served and listed."""
        contents = {
            "index.html": f"<h1>{self.site}</h1>".encode(),
            "data.bin": bytes(range(256)) * 3000 + self.site.encode(),
        }
        hashes = {path: sha256_of(content) for path, content in contents.items()}
        for (path, content), names in zip(
            contents.items(),
            (("Hash", "FileName", "Base64EncodedFile"), ("hASH", "filename", "BASE64encodedFILE")),
            strict=True,
        ):
            self.assertEqual(self.call(f"File/{hashes[path]}").status, 404)
            body = dict(zip(names, (hashes[path], path, base64.b64encode(content).decode()), strict=True))
            self.assertEqual([self.call("File", body).status for _ in range(2)], [202, 200])
            self.assertEqual(self.call(f"File/{hashes[path].upper()}").status, 200)
        commit = sha256_of(self.site.encode())[:40]
        manifest = {"gitHash": commit, "HOSTNAME": self.site, "urlhashdictionary": hashes, "Preview": False}
        self.assertEqual(self.call("Manifest", manifest).status, 202)
        for host in (self.site, f"{commit}.{self.site}"):
            for path, content in contents.items():
                answer = fetch(self.node.http, host, f"/{path}")
                self.assertEqual((answer.status, answer.body), (200, content), (host, path))
        self.assertEqual(fetch(self.node.http, self.site, "/").headers["content-type"], "text/html; charset=utf-8")
        self.assertIn(self.site, self.node.run("sites").out)
        again = self.call("Manifest", manifest)
        self.assertEqual(again.status, 409)

    def test_preview(self) -> None:
        """A manifest with Preview gets its own host and is not live."""
        content = self.site.encode()
        body = {"Hash": sha256_of(content), "FileName": "a", "Base64EncodedFile": base64.b64encode(content).decode()}
        self.assertEqual(self.call("File", body).status, 202)
        manifest = {
            "GitHash": "abcdef12",
            "Hostname": self.site,
            "URLHashDictionary": {"index.html": sha256_of(content)},
            "Preview": True,
        }
        self.assertEqual(self.call("Manifest", manifest).status, 202)
        self.assertEqual(fetch(self.node.http, self.site, "/").status, 404)
        self.assertEqual(fetch(self.node.http, f"abcdef12.{self.site}", "/").body, content)

    def test_bad_calls(self) -> None:
        """Content of another hash, base64 that is none, a wrong key, and a manifest with a blob that is not stored change nothing."""
        content = self.site.encode() + b"!"
        encoded = base64.b64encode(content).decode()
        absent = sha256_of(b"absent" + content)
        for body, status in (
            ({"Hash": absent, "FileName": "a", "Base64EncodedFile": encoded}, 422),
            ({"Hash": sha256_of(content), "FileName": "a", "Base64EncodedFile": "!!!!"}, 400),
            ({"Hash": sha256_of(content), "FileName": "a"}, 400),
            ({"Hash": 5, "FileName": "a", "Base64EncodedFile": encoded}, 400),
            ([], 400),
        ):
            self.assertEqual(self.call("File", body).status, status, body)
        self.assertEqual(self.call(f"File/{sha256_of(content)}").status, 404)
        manifest = {
            "GitHash": "abcdef13",
            "Hostname": self.site,
            "URLHashDictionary": {"index.html": absent},
            "Preview": False,
        }
        self.assertEqual(self.call("Manifest", manifest).status, 409)
        self.assertEqual(self.call("Manifest", {**manifest, "Hostname": "a b"}).status, 422)
        self.assertEqual(self.call(f"File/{absent}", key="wrong").status, 401)
        self.assertEqual(fetch(self.node.http, self.site, "/").status, 404)
        self.assert_serving(self.node)


class FirstSystemsCallsOnApacheCouchDB(OnApacheCouchDB, FirstSystemsCalls):
    """The same on Apache CouchDB."""


class FirstSystemsDocuments(NodeCase):
    """What it wrote into CouchDB, put there as it did."""

    def put(self, node: Node, database: str, doc_id: str, document: dict[str, Any]) -> None:
        """Write a document past the node."""
        access, name = node.store.access(node.data), node.store.databases[database]
        with contextlib.suppress(urllib.error.HTTPError):
            document = {**document, "_rev": access.call("GET", f"{name}/{doc_id}")["_rev"]}
        access.call("PUT", f"{name}/{doc_id}", document)

    def put_blob(self, node: Node, content: bytes, content_type: str) -> str:
        """Write a blob as it did: an empty document, and an attachment with a guessed type."""
        access, name = node.store.access(node.data), node.store.databases["files"]
        sha256 = sha256_of(content)
        rev = access.call("PUT", f"{name}/{sha256}", {})["rev"]
        access.send("PUT", f"{name}/{sha256}/data?rev={rev}", content, content_type)
        return sha256

    def put_site(self, node: Node, commit: str, content: bytes) -> None:
        """Write a deployment as it did: the site's own document, and the commit's."""
        page = self.put_blob(node, content, "text/html")
        style = self.put_blob(node, content * 500, "text/plain")
        manifest = {
            "GitHash": commit,
            "Hostname": self.site,
            "URLHashDictionary": {"index.html": page, "a b/style.css": style},
            "Preview": False,
        }
        self.put(node, "manifests", f"{commit}.{self.site}", manifest)
        self.put(node, "manifests", self.site, manifest)

    def until(self, node: Node, host: str, body: bytes) -> Answer:
        """Wait until a host shows *body*."""
        wait_until(lambda: fetch(node.http, host, "/").body == body, f"{body!r} at {host}; {node.log()}", 5)
        return fetch(node.http, host, "/")

    def test_sites(self) -> None:
        """A site that it deployed is served with types from the paths, listed, replaced by a deployment of ours, and rolled back to."""
        node = self.node
        commit = sha256_of(self.site.encode())[:40]
        old = f"<h1>{self.site} of the first system</h1>".encode()
        self.put_site(node, commit, old)
        for host in (self.site, f"{commit}.{self.site}"):
            self.assertEqual(self.until(node, host, old).headers["content-type"], "text/html; charset=utf-8")
        style = fetch(node.http, self.site, "/a%20b/style.css")
        self.assertEqual((style.headers["content-type"], style.body), ("text/css; charset=utf-8", old * 500))
        part = fetch(node.http, self.site, "/a%20b/style.css", headers={"Range": "bytes=100-199"})
        self.assertEqual((part.status, part.body), (206, (old * 500)[100:200]))
        sites = node.run("sites", "--json").json()["sites"]
        self.assertIn((self.site, 1), [(each["site"], each["deployments"]) for each in sites])
        listed = node.run("deployments", self.site, "--json").json()["deployments"]
        self.assertEqual([(each["commit"], each["live"]) for each in listed], [(commit, True)])
        node.deploy(write_files(self.folder / "public", {"index.html": "ours"}), self.site)
        self.assertEqual(fetch(node.http, self.site, "/").body, b"ours")
        self.assertEqual(node.run("rollback", self.site, commit).code, 0, node.log())
        self.assertEqual(fetch(node.http, self.site, "/").body, old)

    def test_malformed_documents(self) -> None:
        """A malformed manifest is logged, the last good one stays, and a good one after it counts."""
        node = self.node
        self.put_site(node, "a" * 40, self.site.encode())
        self.until(node, self.site, self.site.encode())
        since = node.log_size()
        for bad in (
            {"URLHashDictionary": 5},
            {"Hostname": self.site, "GitHash": [], "URLHashDictionary": {}},
            {"a": "b"},
        ):
            self.put(node, "manifests", self.site, bad)
        wait_until(lambda: node.log(since).count(self.site) >= 3, "the log's words")
        self.assertEqual(fetch(node.http, self.site, "/").body, self.site.encode())
        self.assertNotIn("Traceback", node.log(since))
        self.put_site(node, "b" * 40, b"good again " + self.site.encode())
        self.until(node, self.site, b"good again " + self.site.encode())

    def test_damaged_blob(self) -> None:
        """A blob whose content is not what its name says is never served: 503, and the log says so."""
        node = self.node
        access, name = node.store.access(node.data), node.store.databases["files"]
        sha256 = sha256_of(b"true " + self.site.encode())
        rev = access.call("PUT", f"{name}/{sha256}", {})["rev"]
        access.send("PUT", f"{name}/{sha256}/data?rev={rev}", b"false", "text/html")
        manifest = {
            "GitHash": "c" * 40,
            "Hostname": self.site,
            "URLHashDictionary": {"index.html": sha256},
            "Preview": False,
        }
        self.put(node, "manifests", self.site, manifest)
        wait_until(lambda: fetch(node.http, self.site, "/").status != 404, "the site", 5)
        answer = fetch(node.http, self.site, "/")
        self.assertEqual((answer.status, b"false" in answer.body), (503, False))
        self.assertIn("retry-after", answer.headers)
        self.assertIn(sha256, node.log())

    def test_clear_key(self) -> None:
        """Its clear API key works with a warning; ``keys seal`` leaves only a hash, in CouchDB too, and the key goes on working."""
        node = self.new_node().start()
        secret = "first-system-" + sha256_of(self.site.encode())
        self.put(node, "secrets", "ApiKey", {"Secret": secret, "Secret_Name": "uploader", "Owner": "me"})
        wait_until(lambda: call_api(node.api, secret, "GET", "/api/v2/sites").status == 200, "the key to work", 5)
        self.assertIn("couchpages keys seal", node.log())
        self.assertNotIn(secret, node.log())
        self.assertEqual(call_api(node.api, secret.swapcase(), "GET", "/api/v2/sites").status, 401)
        keys = ("--config", str(node.config), "--json")
        self.assertIn(True, [each["clear"] for each in node.run("keys", "list", *keys).json()["keys"]])
        self.assertEqual(node.run("keys", "seal", *keys).json(), {"sealed": True})
        self.assertEqual(node.run("keys", "seal", *keys).json(), {"sealed": False})
        self.assertEqual([each["clear"] for each in node.run("keys", "list", *keys).json()["keys"]], [False, False])
        access, name = node.store.access(node.data), node.store.databases["secrets"]
        self.assertNotIn(secret, json.dumps(access.call("GET", f"{name}/_all_docs?include_docs=true")))
        for _ in range(20):
            self.assertEqual(call_api(node.api, secret, "GET", "/api/v2/sites").status, 200)


class FirstSystemsDocumentsOnApacheCouchDB(OnApacheCouchDB, FirstSystemsDocuments):
    """The same on Apache CouchDB."""
