"""Malformed, huge, foreign and future manifests and keys: logged by name, counted, and the last good state stays (law 4)."""

import hashlib
import json
from typing import Any

from couchpages.access import keys
from tests.access.test_keys_malformed import REFUSED as REFUSED_KEYS
from tests.integration.bad_data_case import BadDataCase
from tests.integration.cases import OnApacheCouchDB
from tests.integration.node import Node, wait_until
from tests.integration.visitor import call_api, fetch
from tests.pages.test_manifest_malformed import REFUSED as REFUSED_MANIFESTS

HUGE = 7_900_000
HASH = hashlib.sha256(b"one").hexdigest()


class Manifests(BadDataCase):
    """The database ``manifests``."""

    def mend(self, what: str) -> None:
        """Put the other version's good document in the bad one's place, and see it taken at once."""
        self.served = "one" if self.served == "two" else "two"
        self.assertTrue(self.past.put(self.site, self.versions[self.served]))
        wait_until(lambda: self.serves(self.served), f"the mended document after {what}", 5)

    def bad(self) -> dict[str, tuple[str, dict[str, Any], str]]:
        """Give bad documents: their ids, members, and further members as JSON."""
        found: dict[str, tuple[str, dict[str, Any], str]] = {}
        for what, doc in REFUSED_MANIFESTS.items():
            if not isinstance(doc, dict) or not isinstance(doc["_id"], str) or not doc["_id"]:
                continue
            members: dict[str, Any] = json.loads(json.dumps(doc).replace("a.example", self.site))
            found[what] = members.pop("_id"), members, ""
        good = self.versions["one"]
        deep = '{"a":[' * 5000 + "]}" * 5000
        return {
            **found,
            "7.9 MB of something else": (self.site, {"foo": "x" * HUGE}, ""),
            "7.9 MB of a wrong hash": (self.site, {**good, "URLHashDictionary": {"a": "b" * HUGE}}, ""),
            "7.9 MB of a path": (self.site, {**good, "URLHashDictionary": {"a" * HUGE: "b"}}, ""),
            "nested deeply": (self.site, {}, f',"foo":{deep}'),
            "nested deeply in our field": (self.site, {**good, "couchpages": None}, f',"couchpages":{deep}'),
            "a number of many digits": (self.site, {}, f',"foo":{"1" * 20_000}'),
        }

    def test_table(self) -> None:
        """Each is counted and named, the site is served as before, and a good document is taken at once."""
        taken = 0
        for what, (doc_id, doc, more) in self.bad().items():
            if self.spoil(what, doc_id, doc, more):
                taken += 1
                self.assert_as_before(what)
                if doc_id == self.site:
                    self.mend(what)
        self.assertGreater(taken, 40)
        self.assert_serving(self.spoilt)
        self.assertTrue(self.spoilt.deploy(self.folder / "one", self.site)["live"])
        self.assertTrue(self.serves("one"))

    def test_restarted(self) -> None:
        """Also after a restart the last good state is served, and deploying mends the document."""
        self.assertTrue(self.spoil("foreign", self.site, {"foo": 1}))
        self.spoilt.kill()
        self.spoilt.start()
        self.assert_as_before("foreign, restarted")
        # What it kept makes it ready before it has read anything from its CouchDB.
        wait_until(lambda: self.past.malformed() == 1, "the document to be counted")
        self.assertTrue(self.spoilt.deploy(self.folder / "one", self.site)["live"])
        self.assertTrue(self.serves("one"))
        self.assertNotIn("Traceback", self.spoilt.log())

    def test_never_good(self) -> None:
        """A site of which nothing good was ever known is 503, never 404 (law 3); a name without any document is 404."""
        self.assertTrue(self.spoil("never good", f"new.{self.site}", {"foo": 1}))
        answer = fetch(self.spoilt.http, f"new.{self.site}", "/")
        self.assertEqual((answer.status, "retry-after" in answer.headers), (503, True))
        self.assertEqual(fetch(self.spoilt.http, f"other.{self.site}", "/").status, 404)
        self.assertTrue(self.spoilt.deploy(self.folder / "one", f"new.{self.site}")["live"])
        self.assertEqual(fetch(self.spoilt.http, f"new.{self.site}", "/").status, 200)

    def test_strange_but_good(self) -> None:
        """Paths that nobody can ask for hurt nobody; 100,000 paths are served; fields of the future are no hindrance."""
        strange = ["", "..", "a/../b", "a\\b", "\x01", "a\nb", "/index.html", "a", "a/b", "a//b", "x" * 5000]
        for files in (dict.fromkeys(strange, HASH), {**{f"{n:x}": HASH for n in range(100_000)}, "index.html": HASH}):
            doc = {**self.versions["one"], "URLHashDictionary": files, "colour": "blue"}
            self.assertTrue(self.past.put(self.site, doc))
            wait_until(lambda: self.serves("one"), "the strange one")
            self.assertEqual(fetch(self.spoilt.http, self.site, "/a").body, b"one")
            for target in ("/a%2Fb", "/..", "/a/../b", "/a%5Cb", "/%00", "/a%0Ab"):
                self.assertIn(fetch(self.spoilt.http, self.site, target).status, (400, 404), target)
            self.mend("a strange one")
            self.served = "one"
            self.mend("a strange one")
        self.assertEqual(self.past.malformed(), 0)

    def test_not_ours(self) -> None:
        """Design documents and local ones are none of our business: not counted, not served, no hindrance."""
        validate = "function(doc) { if (doc.forbidden) { throw({forbidden: 'no'}); } }"
        self.assertTrue(self.past.put("_design/rules", {"validate_doc_update": validate, "language": "javascript"}))
        self.assertTrue(self.past.put("_local/note", {"foo": 1}))
        self.mend("a design document")
        self.assertEqual(self.past.malformed(), 0)
        self.assertEqual(fetch(self.spoilt.http, "_design/rules", "/").status, 400)
        self.assertTrue(self.spoilt.deploy(self.folder / "two", self.site)["live"])


class ManifestsOnApacheCouchDB(OnApacheCouchDB, Manifests):
    """The same on Apache CouchDB."""


class Secrets(BadDataCase):
    """The database ``secrets``."""

    purpose = "secrets"

    def test_table(self) -> None:
        """A key whose document is malformed opens nothing, the others go on, and the mended one opens at once."""
        node = self.spoilt
        text, record = keys.new_key(b"12345", b"x" * 32, name="x", sites=["*"], zones=[], created="")
        doc_id, good = keys.document_id(record.key_id), keys.to_document(record)
        taken = 0
        for what, doc in REFUSED_KEYS.items():
            if not isinstance(doc, dict):
                continue
            self.assertTrue(self.past.put(doc_id, good))
            wait_until(lambda: self.opens(node, text), f"the key to open before {what}", 5)
            if self.spoil(what, doc_id, doc):
                taken += 1
                self.assertFalse(self.opens(node, text), what)
            self.assertTrue(self.opens(node, node.key), what)
        self.assertGreater(taken, 10)
        self.assertTrue(self.past.put(doc_id, {**good, "sites": [f"*.{self.site}"]}))
        wait_until(lambda: self.opens(node, text), "the key in the end")
        path = f"/api/v2/sites/{self.site}/missing"
        self.assertEqual(call_api(node.api, text, "POST", path, {"hashes": []}).status, 403)
        self.assert_as_before("in the end")
        self.assertEqual(node.run("keys", "list", "--config", str(node.config)).code, 0)
        self.assert_serving(node)

    def test_not_ours(self) -> None:
        """Documents that are no keys are not counted; one that is called like the first system's key takes nothing from it."""
        self.assertTrue(self.past.put("ApiKey", {"Secret": "the first system's"}))
        wait_until(lambda: self.opens(self.spoilt, "the first system's"), "the first system's key")
        for doc_id in ("foo", "certificate-a.example", "apikey-ApiKey"):
            self.assertTrue(self.past.put(doc_id, {"foo": 1}))
        self.assertTrue(self.spoil("the first system's", "ApiKey", {"Secret": 5}))
        self.assertFalse(self.opens(self.spoilt, "the first system's"))
        self.assertTrue(self.past.put("ApiKey", {"Secret": "the first system's"}))
        wait_until(lambda: self.opens(self.spoilt, "the first system's"), "the first system's key again")
        self.assertTrue(self.past.put("apikey-ApiKey", {"foo": 2}))
        self.assertTrue(self.opens(self.spoilt, self.spoilt.key))
        self.assertTrue(self.opens(self.spoilt, "the first system's"))
        self.assertEqual(self.past.malformed(), 1)

    def opens(self, node: Node, key: str) -> bool:
        """Whether the node accepts a key."""
        answer = call_api(node.api, key, "GET", "/api/v2/sites")
        self.assertIn(answer.status, (200, 401))
        return answer.status == 200


class SecretsOnApacheCouchDB(OnApacheCouchDB, Secrets):
    """The same on Apache CouchDB."""
