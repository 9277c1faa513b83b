"""The contract on `_all_docs`, `_bulk_docs`, `_bulk_get` and `_revs_diff`."""

from typing import Any
from urllib.parse import quote

from tests.couch.contract.base import JSON, ApacheCase, Contract, EmbeddedCase

CONFLICT = {"error": "conflict", "reason": "Document update conflict."}


class ListingsContract(Contract):
    """Many documents at once."""

    async def fill(self, *names: str) -> dict[str, str]:
        """Store empty documents, and return their revisions."""
        answer = await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": [{"_id": name} for name in names]})
        return {each["id"]: each["rev"] for each in answer.json}

    async def ids(self, **query: str) -> list[str]:
        """Return the ids that `_all_docs` lists; values are JSON."""
        text = "&".join(f"{name}={quote(value)}" for name, value in query.items())
        return [row["id"] for row in await self.rows(f"?{text}")]

    async def by_keys(self, keys: object, query: str = "") -> Any:
        """Return the whole answer for these keys."""
        return (await self.ask("POST", f"/{self.db}/_all_docs{query}", {"keys": keys})).json

    async def test_empty(self) -> None:
        """An empty database lists nothing."""
        answer = await self.ask("GET", f"/{self.db}/_all_docs")
        self.assertEqual((answer.status, answer.json), (200, {"total_rows": 0, "offset": 0, "rows": []}))
        self.assertEqual(answer.headers["content-type"], "application/json")

    async def test_row(self) -> None:
        """A row has id, key and revision."""
        revisions = await self.fill("a")
        answer = (await self.ask("GET", f"/{self.db}/_all_docs")).json
        row = {"id": "a", "key": "a", "value": {"rev": revisions["a"]}}
        self.assertEqual(answer, {"total_rows": 1, "offset": 0, "rows": [row]})

    async def test_order(self) -> None:
        """Ids are listed in the order of their bytes, not in a language's."""
        names = ["b", "a", "B", "_design/x", "é", "z", "10", "9", "aa", "a b", "😀", "\uffff"]
        await self.fill(*names)
        self.assertEqual(await self.ids(), sorted(names, key=str.encode))
        self.assertEqual(await self.ids(descending="true"), sorted(names, key=str.encode, reverse=True))

    async def test_ranges(self) -> None:
        """Start, end, skip and limit choose; backwards the start is the greater key."""
        await self.fill("a", "b", "c", "d", "e")
        self.assertEqual(await self.ids(startkey='"b"', endkey='"d"'), ["b", "c", "d"])
        self.assertEqual(await self.ids(startkey='"b"', endkey='"d"', inclusive_end="false"), ["b", "c"])
        self.assertEqual(await self.ids(start_key='"d"'), ["d", "e"])
        self.assertEqual(await self.ids(end_key='"bb"'), ["a", "b"])
        self.assertEqual(await self.ids(startkey='"d"', endkey='"b"', descending="true"), ["d", "c", "b"])
        self.assertEqual(await self.ids(startkey='"d"', endkey='"b"'), [])
        self.assertEqual(await self.ids(skip="1", limit="2"), ["b", "c"])
        self.assertEqual(await self.ids(limit="0"), [])
        self.assertEqual(await self.ids(skip="9"), [])
        self.assertEqual(await self.ids(key='"c"'), ["c"])
        self.assertEqual(await self.ids(key='"x"'), [])
        self.assertEqual(await self.ids(key="7"), [])

    async def test_offset(self) -> None:
        """The offset tells how many rows come before."""
        await self.fill("a", "b", "c")
        for query, offset in (("", 0), ("?startkey=%22b%22", 1), ("?startkey=%22b%22&skip=1", 2), ("?skip=9", 3)):
            answer = (await self.ask("GET", f"/{self.db}/_all_docs{query}")).json
            self.assertEqual((answer["total_rows"], answer["offset"]), (3, offset), query)

    async def test_deleted_are_not_listed(self) -> None:
        """Tombstones are not listed, nor counted."""
        revisions = await self.fill("a", "b")
        await self.put("a", _rev=revisions["a"], _deleted=True)
        answer = (await self.ask("GET", f"/{self.db}/_all_docs")).json
        self.assertEqual((answer["total_rows"], [row["id"] for row in answer["rows"]]), (1, ["b"]))

    async def test_include_docs(self) -> None:
        """`include_docs` adds each document, its attachments as stubs."""
        revision = await self.put("a", v=1, _attachments={"x": {"data": "aGVsbG8="}})
        (row,) = await self.rows("?include_docs=true")
        self.assertEqual((row["doc"]["_rev"], row["doc"]["v"]), (revision, 1))
        self.assertTrue(row["doc"]["_attachments"]["x"]["stub"])

    async def test_keys(self) -> None:
        """Keys are answered in their order, as often as they come, found or not, deleted or not."""
        revisions = await self.fill("a", "b", "gone")
        tombstone = await self.put("gone", _rev=revisions["gone"], _deleted=True)
        answer = await self.by_keys(["b", "none", "a", "gone", "b", 7])
        b = {"id": "b", "key": "b", "value": {"rev": revisions["b"]}}
        expected = [
            b,
            {"key": "none", "error": "not_found"},
            {"id": "a", "key": "a", "value": {"rev": revisions["a"]}},
            {"id": "gone", "key": "gone", "value": {"rev": tombstone, "deleted": True}},
            b,
            {"key": 7, "error": "not_found"},
        ]
        self.assertEqual(answer, {"total_rows": 2, "offset": None, "rows": expected})

    async def test_keys_with_documents(self) -> None:
        """With documents, a deleted one's is null, and a missing one has none."""
        revisions = await self.fill("a", "gone")
        await self.put("gone", _rev=revisions["gone"], _deleted=True)
        rows = (await self.by_keys(["gone", "none", "a"], "?include_docs=true"))["rows"]
        self.assertIsNone(rows[0]["doc"])
        self.assertNotIn("doc", rows[1])
        self.assertEqual(rows[2]["doc"], {"_id": "a", "_rev": revisions["a"]})

    async def test_keys_with_limit(self) -> None:
        """Skip and limit choose among the keys."""
        await self.fill("a", "b", "c")
        rows = (await self.by_keys(["c", "b", "a"], "?skip=1&limit=1"))["rows"]
        self.assertEqual([row["key"] for row in rows], ["b"])

    async def test_keys_in_query(self) -> None:
        """Keys may stand in the query."""
        await self.fill("a", "b")
        rows = await self.rows("?keys=" + quote('["b","x"]'))
        self.assertEqual([row["key"] for row in rows], ["b", "x"])

    async def test_many_keys(self) -> None:
        """Thousands of keys are one request."""
        await self.fill(*(f"{number:05}" for number in range(0, 3000, 2)))
        keys = [f"{number:05}" for number in range(2999, -1, -1)]
        rows = (await self.by_keys(keys))["rows"]
        self.assertEqual([row["key"] for row in rows], keys)
        self.assertEqual(sum("id" in row for row in rows), 1500)
        self.assertEqual(len(await self.ids()), 1500)

    async def test_update_sequence(self) -> None:
        """`update_seq` adds the database's sequence."""
        await self.fill("a")
        answer = (await self.ask("GET", f"/{self.db}/_all_docs?update_seq=true")).json
        changes = await self.ask("GET", f"/{self.db}/_changes?since={answer['update_seq']}")
        self.assertEqual(changes.json["results"], [])

    async def test_head(self) -> None:
        """HEAD of a list tells that it is there."""
        for path in ("_all_docs", "_changes"):
            answer = await self.ask("HEAD", f"/{self.db}/{path}")
            self.assertEqual((answer.status, answer.body), (200, b""))

    async def test_malformed(self) -> None:
        """What does not parse is a bad request, each in its words."""
        for query, error, reason in (
            ("limit=x", "query_parse_error", 'Invalid value for integer: "x"'),
            ("limit=-1", "query_parse_error", 'Invalid value for positive integer: "-1"'),
            ("include_docs=perhaps", "query_parse_error", 'Invalid boolean parameter: "perhaps"'),
            ("startkey=x", "bad_request", "invalid UTF-8 JSON"),
        ):
            answer = await self.ask("GET", f"/{self.db}/_all_docs?{query}")
            self.assertEqual(answer.refusal, (400, error, reason))
        answer = await self.ask("POST", f"/{self.db}/_all_docs", {"keys": 7})
        self.assertEqual(answer.refusal, (400, "bad_request", "`keys` body member must be an array."))
        answer = await self.ask("POST", f"/{self.db}/_all_docs", data=b"{bad", headers=JSON)
        self.assertEqual(answer.refusal, (400, "bad_request", "invalid UTF-8 JSON"))

    async def test_body_members(self) -> None:
        """The members of a POST's body count like parameters."""
        await self.fill("a", "b", "c")
        answer = await self.ask("POST", f"/{self.db}/_all_docs", {"startkey": "b", "limit": 1})
        self.assertEqual([row["id"] for row in answer.json["rows"]], ["b"])

    async def test_bulk(self) -> None:
        """Each document has its result, in order; a conflict refuses only one."""
        revision = await self.put("there")
        docs = [
            {"_id": "new"},
            {"_id": "there", "v": 1},
            {"v": 2},
            {"_id": "new", "v": 3},
            {"_id": "x", "_deleted": True},
        ]
        answer = await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": docs})
        new, there, made, twice, dead = answer.json
        self.assertEqual(answer.status, 201)
        self.assertEqual((new["ok"], new["id"], new["rev"][:2]), (True, "new", "1-"))
        self.assertEqual(there, {"id": "there", **CONFLICT})
        self.assertRegex(made["id"], "^[0-9a-f]{32}$")
        self.assertEqual(twice, {"id": "new", **CONFLICT})
        self.assertEqual((dead["ok"], dead["id"]), (True, "x"))
        self.assertEqual((await self.ask("GET", f"/{self.db}/there")).json["_rev"], revision)

    async def test_bulk_update_and_delete(self) -> None:
        """Updates and deletions go with their revisions."""
        revisions = await self.fill("a", "b")
        docs = [
            {"_id": "a", "_rev": revisions["a"], "v": 1},
            {"_id": "b", "_rev": revisions["b"], "_deleted": True},
        ]
        answer = await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": docs})
        self.assertEqual([each["ok"] for each in answer.json], [True, True])
        self.assertEqual(await self.ids(), ["a"])

    async def test_bulk_refused(self) -> None:
        """A malformed document refuses all of them, and nothing is stored."""
        for wrong, status, error in (
            ({"_id": "_x"}, 400, "illegal_docid"),
            ({"_id": 7}, 400, "illegal_docid"),
            ({"_foo": 1}, 400, "doc_validation"),
            ({"_rev": "zz"}, 400, "bad_request"),
            ({"_id": "s", "_attachments": {"x": {"stub": True}}}, 412, "missing_stub"),
            ({"_id": "l", "v": "x" * 8_000_001}, 413, "document_too_large"),
            (7, 400, "bad_request"),
        ):
            answer = await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": [{"_id": "good"}, wrong]})
            self.assertEqual((answer.status, answer.json["error"]), (status, error))
        self.assertEqual(await self.ids(), [])

    async def test_bulk_malformed(self) -> None:
        """A body without a list of documents is a bad request."""
        for body, reason in (
            ({}, "POST body must include `docs` parameter."),
            ([], "Request body must be a JSON object"),
            ({"docs": 7}, "`docs` parameter must be an array."),
        ):
            answer = await self.ask("POST", f"/{self.db}/_bulk_docs", body)
            self.assertEqual(answer.refusal, (400, "bad_request", reason))
        self.assertEqual((await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": []})).json, [])

    async def test_bulk_replicated(self) -> None:
        """`new_edits` false keeps the revisions' names and answers an empty list."""
        docs = [
            {"_id": "a", "_rev": f"2-{each}", "_revisions": {"start": 2, "ids": [each, "aa"]}} for each in ("bb", "cc")
        ]
        answer = await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": docs, "new_edits": False})
        self.assertEqual((answer.status, answer.json), (201, []))
        got = (await self.ask("GET", f"/{self.db}/a?conflicts=true&revs=true")).json
        self.assertEqual((got["_rev"], got["_conflicts"]), ("2-cc", ["2-bb"]))
        self.assertEqual(got["_revisions"], {"start": 2, "ids": ["cc", "aa"]})

    async def test_bulk_get(self) -> None:
        """Documents by id are answered with all their leaves, by revision with that one, or with what is wrong."""
        revision = await self.put("a", v=1)
        docs = [{"id": "a"}, {"id": "a", "rev": revision}, {"id": "a", "rev": "9-x"}, {"id": "none"}]
        answer = await self.ask("POST", f"/{self.db}/_bulk_get", {"docs": docs})
        first, second, lost, none = answer.json["results"]
        self.assertEqual(first, {"id": "a", "docs": [{"ok": {"_id": "a", "_rev": revision, "v": 1}}]})
        self.assertEqual(second, first)
        error = {"id": "a", "rev": "9-x", "error": "not_found", "reason": "missing"}
        self.assertEqual(lost["docs"], [{"error": error}])
        self.assertEqual(none["docs"][0]["error"]["error"], "not_found")

    async def test_revisions_difference(self) -> None:
        """`_revs_diff` names what is missing, and leaves that may be its ancestors."""
        revision = await self.put("a")
        asked = {"a": [revision, "2-zz"], "b": ["1-x"]}
        answer = await self.ask("POST", f"/{self.db}/_revs_diff", asked)
        expected = {"a": {"missing": ["2-zz"], "possible_ancestors": [revision]}, "b": {"missing": ["1-x"]}}
        self.assertEqual(answer.json, expected)


class EmbeddedListingsContractTests(ListingsContract, EmbeddedCase):
    """The embedded store."""


class ApacheListingsContractTests(ListingsContract, ApacheCase):
    """Apache CouchDB."""
