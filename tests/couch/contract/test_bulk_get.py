"""The contract on `_bulk_get` as a replicator asks it."""

from base64 import b64decode
from typing import Any

from tests.couch.contract.base import OCTETS, ApacheCase, Contract, EmbeddedCase
from tests.couch.contract.multipart import Part, read

UNKNOWN = "7-0123456789abcdef0123456789abcdef"
AS_JSON = {"Accept": "application/json"}
MIXED = {"Accept": "multipart/mixed"}


class BulkGetContract(Contract):
    """Many revisions at once."""

    is_apache = False

    async def attach(self, path: str, data: bytes, rev: str = "") -> str:
        """Store an attachment, which must succeed, and return the revision."""
        query = f"?rev={rev}" if rev else ""
        answer = await self.ask("PUT", f"/{self.db}/{path}{query}", data=data, headers=OCTETS)
        self.assertEqual(answer.status, 201, answer.body)
        return str(answer.json["rev"])

    async def results(self, docs: list[object], query: str = "") -> Any:
        """Ask for JSON, and return the results."""
        answer = await self.ask("POST", f"/{self.db}/_bulk_get{query}", {"docs": docs}, headers=AS_JSON)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json["results"]

    async def parts(self, docs: list[object], query: str = "", kind: str = "multipart/mixed") -> list[Part]:
        """Ask for multipart."""
        answer = await self.ask("POST", f"/{self.db}/_bulk_get{query}", {"docs": docs}, headers={"Accept": kind})
        self.assertEqual((answer.status, answer.headers["content-type"].split(";")[0]), (200, kind))
        return read(answer.headers["content-type"], answer.body)

    async def test_ancestors(self) -> None:
        """With `revs`, each document has its `_revisions`."""
        first = await self.put("a", v=1)
        second = await self.put("a", v=2, _rev=first)
        ((result,),) = [each["docs"] for each in await self.results([{"id": "a", "rev": second}], "?revs=true")]
        ids = [each.partition("-")[2] for each in (second, first)]
        self.assertEqual(result["ok"]["_revisions"], {"start": 2, "ids": ids})

    async def test_order(self) -> None:
        """Results come in the order in which they were asked for, one for each entry."""
        revisions = {name: await self.put(name) for name in "abc"}
        docs: list[object] = [{"id": name, "rev": revisions[name]} for name in "cabca"]
        self.assertEqual([each["id"] for each in await self.results(docs)], list("cabca"))

    async def test_latest(self) -> None:
        """With `latest`, an old revision gives the leaves that it became."""
        first = await self.put("a", v=1)
        second = await self.put("a", v=2, _rev=first)
        (result,) = await self.results([{"id": "a", "rev": first}], "?latest=true")
        self.assertEqual([each["ok"]["_rev"] for each in result["docs"]], [second])

    async def test_tombstone(self) -> None:
        """A tombstone is a document like others."""
        rev = await self.put("a", v=1)
        dead = await self.put("a", _rev=rev, _deleted=True)
        (result,) = await self.results([{"id": "a"}])
        self.assertEqual(result["docs"], [{"ok": {"_id": "a", "_rev": dead, "_deleted": True}}])

    async def test_attachments(self) -> None:
        """Attachments are stubs, or with `attachments` their contents; with `atts_since` only those that are new."""
        first = await self.attach("a/old", b"old")
        second = await self.attach("a/new", b"new", first)
        (plain,) = await self.results([{"id": "a", "rev": second}])
        self.assertTrue(all(each["stub"] for each in plain["docs"][0]["ok"]["_attachments"].values()))
        (whole,) = await self.results([{"id": "a", "rev": second}], "?attachments=true")
        told = whole["docs"][0]["ok"]["_attachments"]
        self.assertEqual([b64decode(told[name]["data"]) for name in ("old", "new")], [b"old", b"new"])
        (since,) = await self.results([{"id": "a", "rev": second, "atts_since": [UNKNOWN, first]}])
        told = since["docs"][0]["ok"]["_attachments"]
        self.assertEqual((told["old"].get("stub"), b64decode(told["new"]["data"])), (True, b"new"))

    async def test_multipart(self) -> None:
        """As multipart, a document is a JSON part, or one that is multipart with its attachments' contents; errors are parts."""
        rev = await self.attach("a/data", b"hello")
        await self.put("b", v=1)
        for kind in ("multipart/mixed", "multipart/related"):
            with_contents, plain, lost = await self.parts(
                [{"id": "a", "rev": rev}, {"id": "b"}, {"id": "b", "rev": UNKNOWN}], "?revs=true", kind
            )
            document, content = with_contents.parts
            self.assertEqual((document.json["_rev"], content.data), (rev, b"hello"))
            self.assertEqual(document.json["_attachments"]["data"]["follows"], True)
            self.assertEqual((with_contents.headers["x-doc-id"], with_contents.headers["x-rev-id"]), ("a", rev))
            self.assertEqual((plain.headers["content-type"], plain.json["v"]), ("application/json", 1))
            self.assertEqual(lost.headers["content-type"], 'application/json; error="true"')
            self.assertEqual((lost.json["error"], lost.json["rev"]), ("not_found", UNKNOWN))

    async def test_multipart_since(self) -> None:
        """As multipart, with `atts_since`, only new contents follow."""
        first = await self.attach("a/old", b"old")
        second = await self.attach("a/new", b"new", first)
        (part,) = await self.parts([{"id": "a", "rev": second, "atts_since": [first]}])
        document, content = part.parts
        told = document.json["_attachments"]
        self.assertEqual((content.data, told["old"].get("stub"), told["new"].get("follows")), (b"new", True, True))

    async def test_nothing(self) -> None:
        """Nothing asked, nothing told."""
        self.assertEqual(await self.results([]), [])

    async def test_malformed_entries(self) -> None:
        """An entry that cannot be looked for is told as an error; the others are answered."""
        rev = await self.put("a", v=1)
        docs: list[object] = [
            {"rev": rev},
            {"id": "_bad"},
            {"id": "a", "rev": "x"},
            {"id": "a", "rev": 7},
            {"id": "a", "atts_since": "x"},
            {"id": "a", "atts_since": ["x"]},
            {},
            7,
            {"id": "a", "rev": rev},
        ]
        *refused, good = await self.results(docs)
        self.assertEqual(good["docs"][0]["ok"]["v"], 1)
        for number, each in enumerate(refused):
            self.assertEqual(list(each["docs"][0]), ["error"], docs[number])
            expected = "illegal_docid" if number == 1 else "bad_request"
            self.assertEqual(each["docs"][0]["error"]["error"], expected, each)

    async def test_id_of_another_type(self) -> None:
        """An id that is no text is refused alone; Apache CouchDB answers 500 to the whole request."""
        answer = await self.ask("POST", f"/{self.db}/_bulk_get", {"docs": [{"id": 7}]}, headers=AS_JSON)
        if self.is_apache:
            self.assertEqual(answer.status, 500)
            return
        self.assertEqual(answer.json["results"][0]["docs"][0]["error"]["error"], "illegal_docid")

    async def test_malformed_requests(self) -> None:
        """A body that is no list of documents, and parameters that belong to one document, are refused."""
        answer = await self.ask("POST", f"/{self.db}/_bulk_get", {})
        self.assertEqual(answer.refusal, (400, "bad_request", "Missing JSON list of 'docs'."))
        answer = await self.ask("POST", f"/{self.db}/_bulk_get", {"docs": 7})
        self.assertEqual(answer.status, 500 if self.is_apache else 400)  # a defect of Apache CouchDB
        for name in ("rev", "open_revs", "atts_since", "new_edits"):
            answer = await self.ask("POST", f"/{self.db}/_bulk_get?{name}=%5B%5D", {"docs": []})
            self.assertEqual((answer.status, answer.json["error"]), (400, "bad_request"), name)
        answer = await self.ask("POST", f"/{self.db}-none/_bulk_get", {"docs": []})
        self.assertEqual(answer.status, 404)


class EmbeddedBulkGetContractTests(BulkGetContract, EmbeddedCase):
    """The embedded store."""


class ApacheBulkGetContractTests(BulkGetContract, ApacheCase):
    """Apache CouchDB."""

    is_apache = True
