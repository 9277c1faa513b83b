"""The contract on documents: revisions, conflicts, tombstones, names and limits."""

from urllib.parse import quote

from tests.couch.contract.base import JSON, OCTETS, ApacheCase, Contract, EmbeddedCase

CONFLICT = (409, "conflict", "Document update conflict.")
MISSING = (404, "not_found", "missing")
DELETED = (404, "not_found", "deleted")
BAD_REVISION = (400, "bad_request", "Invalid rev format")
BAD_JSON = (400, "bad_request", "invalid UTF-8 JSON")
UNDERSCORE = (400, "illegal_docid", "Only reserved document ids may start with underscore.")
UNKNOWN = "1-0123456789abcdef0123456789abcdef"


class DocumentsContract(Contract):
    """Documents."""

    async def test_round_trip(self) -> None:
        """What is stored comes back, members in order, with the revision in body and ETag."""
        body = {"z": [1, 2.5, None, True, "é€😀\n\u0000"], "a": {"": {}}}
        stored = await self.ask("PUT", f"/{self.db}/doc", body)
        revision = stored.json["rev"]
        self.assertEqual((stored.status, stored.json), (201, {"ok": True, "id": "doc", "rev": revision}))
        self.assertEqual(stored.headers["etag"], f'"{revision}"')
        self.assertEqual(stored.headers["location"], f"{self.base}/{self.db}/doc")
        got = await self.ask("GET", f"/{self.db}/doc")
        self.assertEqual((got.status, got.json), (200, {"_id": "doc", "_rev": revision, **body}))
        self.assertEqual(list(got.json), ["_id", "_rev", "z", "a"])
        self.assertEqual((got.headers["etag"], got.headers["content-type"]), (f'"{revision}"', "application/json"))

    async def test_head(self) -> None:
        """HEAD has the headers of GET, and no body."""
        revision = await self.put("doc", a=1)
        got = await self.ask("GET", f"/{self.db}/doc")
        head = await self.ask("HEAD", f"/{self.db}/doc")
        self.assertEqual((head.status, head.body, head.headers["etag"]), (200, b"", f'"{revision}"'))
        self.assertEqual(head.headers["content-length"], got.headers["content-length"])
        self.assertEqual((await self.ask("HEAD", f"/{self.db}/none")).status, 404)

    async def test_not_modified(self) -> None:
        """If-None-Match with the revision is 304 without a body."""
        revision = await self.put("doc")
        same = await self.ask("GET", f"/{self.db}/doc", headers={"If-None-Match": f'"{revision}"'})
        other = await self.ask("GET", f"/{self.db}/doc", headers={"If-None-Match": '"1-x"'})
        self.assertEqual((same.status, same.body, other.status), (304, b"", 200))

    async def test_same_content_same_revision(self) -> None:
        """The revision follows from the content, so that two nodes that write the same agree."""
        first, second, other = await self.put("a", v=1), await self.put("b", v=1), await self.put("c", v=2)
        self.assertEqual(first, second)
        self.assertNotEqual(first, other)

    async def test_update(self) -> None:
        """An update with the revision counts the generation on, and takes the revision's place."""
        first = await self.put("doc", v=1)
        second = await self.put("doc", v=2, _rev=first)
        self.assertEqual((first[:2], second[:2]), ("1-", "2-"))
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc")).json, {"_id": "doc", "_rev": second, "v": 2})

    async def test_revision_in_query_or_header(self) -> None:
        """The revision may come as `?rev=` or as If-Match, with quotes or without."""
        revision = await self.put("doc")
        answer = await self.ask("PUT", f"/{self.db}/doc?rev={revision}", {"v": 1})
        self.assertEqual(answer.status, 201)
        answer = await self.ask("PUT", f"/{self.db}/doc", {"v": 2}, headers={"If-Match": answer.json["rev"]})
        self.assertEqual(answer.status, 201)
        answer = await self.ask("DELETE", f"/{self.db}/doc", headers={"If-Match": f'"{answer.json["rev"]}"'})
        self.assertEqual(answer.status, 200)

    async def test_revisions_that_differ(self) -> None:
        """Two places that name different revisions are a bad request."""
        answer = await self.ask("PUT", f"/{self.db}/doc?rev=1-a", {"_rev": "1-b"})
        reason = "Document rev from request body and query string have different values"
        self.assertEqual(answer.refusal, (400, "bad_request", reason))
        answer = await self.ask("PUT", f"/{self.db}/doc", {"_rev": "1-b"}, headers={"If-Match": "1-a"})
        self.assertEqual(answer.refusal, (400, "bad_request", "Document rev and etag have different values"))

    async def test_conflict(self) -> None:
        """A write without the revision, with an old one or an unknown one is 409, and changes nothing."""
        first = await self.put("doc", v=1)
        second = await self.put("doc", v=2, _rev=first)
        for body in ({}, {"_rev": first}, {"_rev": UNKNOWN}, {"_rev": "1-abc"}):
            self.assertEqual((await self.ask("PUT", f"/{self.db}/doc", body)).refusal, CONFLICT)
        for revision in (first, UNKNOWN):
            self.assertEqual((await self.ask("DELETE", f"/{self.db}/doc?rev={revision}")).refusal, CONFLICT)
        self.assertEqual((await self.ask("DELETE", f"/{self.db}/doc")).refusal, CONFLICT)
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc")).json["_rev"], second)

    async def test_malformed_revisions(self) -> None:
        """What is no revision is a bad request, wherever it stands."""
        await self.put("doc")
        for revision in ("bogus", "", 7, None):
            answer = await self.ask("PUT", f"/{self.db}/doc", {"_rev": revision})
            self.assertEqual(answer.refusal, BAD_REVISION, revision)
        for method in ("GET", "DELETE"):
            self.assertEqual((await self.ask(method, f"/{self.db}/doc?rev=zz")).refusal, BAD_REVISION)

    async def test_delete(self) -> None:
        """A deleted document is 404 with another reason than one that never was."""
        revision = await self.put("doc", v=1)
        answer = await self.ask("DELETE", f"/{self.db}/doc?rev={revision}")
        self.assertEqual((answer.status, answer.json["ok"], answer.json["rev"][:2]), (200, True, "2-"))
        self.assertEqual(answer.headers["etag"], f'"{answer.json["rev"]}"')
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc")).refusal, DELETED)
        self.assertEqual((await self.ask("DELETE", f"/{self.db}/doc")).refusal, DELETED)
        self.assertEqual((await self.ask("GET", f"/{self.db}/none")).refusal, MISSING)
        self.assertEqual((await self.ask("DELETE", f"/{self.db}/none")).refusal, MISSING)
        tombstone = await self.ask("GET", f"/{self.db}/doc?rev={answer.json['rev']}")
        self.assertEqual(tombstone.json, {"_id": "doc", "_rev": answer.json["rev"], "_deleted": True})

    async def test_delete_by_put(self) -> None:
        """`_deleted` in a body deletes, is answered 200, and keeps the other members."""
        revision = await self.put("doc", v=1)
        answer = await self.ask("PUT", f"/{self.db}/doc", {"_rev": revision, "_deleted": True, "why": "old"})
        self.assertEqual(answer.status, 200)
        kept = await self.ask("GET", f"/{self.db}/doc?rev={answer.json['rev']}")
        self.assertEqual((kept.json["_deleted"], kept.json["why"]), (True, "old"))

    async def test_made_anew(self) -> None:
        """A deleted document is written anew without a revision; its tombstone's revision is a conflict."""
        first = await self.put("doc")
        second = await self.put("doc", _rev=first, _deleted=True)
        answer = await self.ask("PUT", f"/{self.db}/doc", {"_rev": second, "v": 1})
        self.assertEqual(answer.refusal, CONFLICT)
        third = await self.put("doc", v=2)
        self.assertEqual(third[:2], "3-")
        history = (await self.ask("GET", f"/{self.db}/doc?revs=true")).json["_revisions"]
        self.assertEqual(history, {"start": 3, "ids": [each[2:] for each in (third, second, first)]})

    async def test_unknown_revision(self) -> None:
        """A revision that was never here is missing."""
        await self.put("doc")
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc?rev={UNKNOWN}")).refusal, MISSING)

    async def test_revisions_info(self) -> None:
        """`revs_info` tells that the newest revision is available."""
        revision = await self.put("doc")
        told = (await self.ask("GET", f"/{self.db}/doc?revs_info=true")).json["_revs_info"]
        self.assertEqual(told, [{"rev": revision, "status": "available"}])

    async def test_posted(self) -> None:
        """POST to a database takes the id from the body, or makes one."""
        named = await self.ask("POST", f"/{self.db}", {"_id": "doc", "v": 1})
        self.assertEqual((named.status, named.json["id"]), (201, "doc"))
        self.assertEqual(named.headers["location"], f"{self.base}/{self.db}/doc")
        made = await self.ask("POST", f"/{self.db}", {"v": 2})
        self.assertEqual(made.status, 201)
        self.assertRegex(made.json["id"], "^[0-9a-f]{32}$")
        self.assertEqual((await self.ask("POST", f"/{self.db}", {"_id": "doc"})).refusal, CONFLICT)

    async def test_posted_with_wrong_type(self) -> None:
        """POST insists on JSON; PUT of a document does not."""
        refusal = (415, "bad_content_type", "Content-Type must be application/json")
        for path in ("", "/_bulk_docs", "/_all_docs", "/_changes"):
            answer = await self.ask("POST", f"/{self.db}{path}", data=b"{}", headers={"Content-Type": "text/plain"})
            self.assertEqual(answer.refusal, refusal, path)
        answer = await self.ask("PUT", f"/{self.db}/doc", data=b"{}", headers={"Content-Type": "text/plain"})
        self.assertEqual(answer.status, 201)

    async def test_id_of_the_path_counts(self) -> None:
        """An id in a PUT's body is ignored."""
        answer = await self.ask("PUT", f"/{self.db}/doc", {"_id": "other"})
        self.assertEqual((answer.status, answer.json["id"]), (201, "doc"))

    async def test_malformed_bodies(self) -> None:
        """What is not one JSON object is a bad request, and nothing is stored."""
        for text in (b"{nope", b"", b'{"a":1} x', b'{"a":NaN}', b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":1e400}'):
            answer = await self.ask("PUT", f"/{self.db}/doc", data=text, headers=JSON)
            self.assertEqual(answer.refusal, BAD_JSON, text)
        for text in (b"[]", b"3", b'"x"'):
            answer = await self.ask("PUT", f"/{self.db}/doc", data=text, headers=JSON)
            self.assertEqual(answer.refusal, (400, "bad_request", "Document must be a JSON object"))
        self.assertEqual(await self.rows(), [])

    async def test_last_of_two_members_counts(self) -> None:
        """Of a member that is there twice, the last counts."""
        await self.ask("PUT", f"/{self.db}/doc", data=b'{"a":1,"a":2}')
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc")).json["a"], 2)

    async def test_special_members(self) -> None:
        """A member that begins with an underscore must be one of CouchDB's; those of an answer may come back."""
        answer = await self.ask("PUT", f"/{self.db}/doc", {"_foo": 1})
        self.assertEqual(answer.refusal, (400, "doc_validation", "Bad special document member: _foo"))
        answer = await self.ask("PUT", f"/{self.db}/doc", {"_deleted": "x"})
        self.assertEqual(answer.refusal, (400, "doc_validation", "Bad special document member: _deleted"))
        members = {"_conflicts": [], "_revs_info": [], "_local_seq": 1, "_deleted_conflicts": []}
        self.assertEqual((await self.ask("PUT", f"/{self.db}/doc", members)).status, 201)
        self.assertEqual(set((await self.ask("GET", f"/{self.db}/doc")).json), {"_id", "_rev"})

    async def test_illegal_ids(self) -> None:
        """Ids that begin with an underscore are refused, and so are those that are no text."""
        self.assertEqual((await self.ask("PUT", f"/{self.db}/_doc", {})).refusal, UNDERSCORE)
        self.assertEqual((await self.ask("POST", f"/{self.db}", {"_id": "_doc"})).refusal, UNDERSCORE)
        self.assertEqual((await self.ask("PUT", f"/{self.db}/_doc/att", data=b"x")).refusal, UNDERSCORE)
        answer = await self.ask("POST", f"/{self.db}", {"_id": 7})
        self.assertEqual(answer.refusal, (400, "illegal_docid", "Document id must be a string"))
        answer = await self.ask("POST", f"/{self.db}", {"_id": ""})
        self.assertEqual(answer.refusal, (400, "illegal_docid", "Document id must not be empty"))

    async def test_unusual_ids(self) -> None:
        """Any other text is an id, percent-encoded in the path: slashes, spaces, plus signs, newlines, any script."""
        names = [
            "a/b",
            "a b",
            "a+b",
            "é€😀",
            "x?y#z%",
            "x\ny",
            "%2F",
            ".",
            "..",
            "a/../b",
            '"',
            "\\",
            "_design/x",
            "z" * 900,
        ]
        for name in names:
            path = f"/{self.db}/{quote(name, safe='').replace('.', '%2E')}"
            stored = await self.ask("PUT", path, {"name": name})
            self.assertEqual((stored.status, stored.json["id"]), (201, name))
            self.assertEqual((await self.ask("GET", path)).json["name"], name)
        self.assertEqual([row["id"] for row in await self.rows()], sorted(names, key=str.encode))

    async def test_ids_that_are_no_text(self) -> None:
        """An id of bytes that are no UTF-8 cannot be stored, and is not there."""
        refusal = (400, "illegal_docid", "Document id must be valid UTF-8")
        self.assertEqual((await self.ask("PUT", f"/{self.db}/%FF", {})).refusal, refusal)
        self.assertEqual((await self.ask("GET", f"/{self.db}/%FF")).refusal, MISSING)

    async def test_missing_body(self) -> None:
        """A PUT without any body is a bad request."""
        answer = await self.raw("PUT", f"/{self.db}/doc", b"")
        self.assertIn(b" 400 ", answer.split(b"\r\n")[0])
        self.assertIn(b"Missing request body", answer)

    async def test_plus_is_a_space(self) -> None:
        """A plus sign in a path means a space: a client has to encode it."""
        await self.put("a b", v=1)
        self.assertEqual((await self.ask("GET", f"/{self.db}/a+b")).json["_id"], "a b")
        self.assertEqual((await self.ask("GET", f"/{self.db}/a%2Bb")).refusal, MISSING)

    async def test_design_document(self) -> None:
        """A design document's slash may be encoded or not."""
        stored = await self.ask("PUT", f"/{self.db}/_design/foo", {"v": 1})
        self.assertEqual((stored.status, stored.json["id"]), (201, "_design/foo"))
        self.assertEqual((await self.ask("GET", f"/{self.db}/_design%2Ffoo")).json["v"], 1)

    async def test_largest_document(self) -> None:
        """8,000,000 bytes of JSON are stored, one more is 413; spaces between tokens do not count."""
        limit = 8_000_000
        fits = b'{"a":"' + b"x" * (limit - 8) + b'"}'
        self.assertEqual((await self.ask("PUT", f"/{self.db}/fits", data=fits)).status, 201)
        answer = await self.ask("PUT", f"/{self.db}/large", data=fits[:-2] + b'x"}')
        self.assertEqual(answer.refusal, (413, "document_too_large", ""))
        spaces = b'{"a":1,' + b" " * limit + b'"b":2}'
        self.assertEqual((await self.ask("PUT", f"/{self.db}/spaces", data=spaces)).status, 201)
        self.assertEqual([row["id"] for row in await self.rows()], ["fits", "spaces"])
        self.assertEqual(len((await self.ask("GET", f"/{self.db}/fits")).json["a"]), limit - 8)

    async def test_local_documents(self) -> None:
        """Local documents have no conflicts, count their revision from what they are given, and are in no list."""
        path = f"/{self.db}/_local/checkpoint"
        stored = await self.ask("PUT", path, {"v": 1})
        self.assertEqual((stored.status, stored.json), (201, {"ok": True, "id": "_local/checkpoint", "rev": "0-1"}))
        stored = await self.ask("PUT", path, {"v": 2, "_rev": "0-1"})
        self.assertEqual(stored.json["rev"], "0-2")
        got = await self.ask("GET", f"/{self.db}/_local%2Fcheckpoint")
        self.assertEqual(got.json, {"_id": "_local/checkpoint", "_rev": "0-2", "v": 2})
        self.assertEqual(await self.rows(), [])
        self.assertEqual((await self.ask("GET", f"/{self.db}/_changes")).json["results"], [])
        self.assertEqual((await self.ask("DELETE", path)).json["rev"], "0-0")
        self.assertEqual((await self.ask("GET", path)).refusal, MISSING)
        self.assertEqual((await self.ask("DELETE", path)).refusal, MISSING)
        stored = await self.ask("PUT", path, {"_deleted": True})
        self.assertEqual((stored.status, stored.json["rev"]), (200, "0-0"))
        self.assertEqual((await self.ask("PUT", path, {"_rev": "zz"})).refusal, BAD_REVISION)
        answer = await self.ask("GET", f"/{self.db}/_local")
        self.assertEqual(answer.refusal, (400, "bad_request", "Invalid _local document id."))

    async def test_replicated_conflict(self) -> None:
        """Two branches are kept both; the greater name wins, until it is deleted."""
        for digest in ("bbb", "ccc"):
            body = {"_rev": f"2-{digest}", "_revisions": {"start": 2, "ids": [digest, "aaa"]}, "v": digest}
            answer = await self.ask("PUT", f"/{self.db}/doc?new_edits=false", body)
            self.assertEqual((answer.status, answer.json["rev"]), (201, f"2-{digest}"))
        got = (await self.ask("GET", f"/{self.db}/doc?conflicts=true")).json
        self.assertEqual((got["_rev"], got["v"], got["_conflicts"]), ("2-ccc", "ccc", ["2-bbb"]))
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc?rev=2-bbb")).json["v"], "bbb")
        leaves = await self.ask("GET", f"/{self.db}/doc?open_revs=all", headers={"Accept": "application/json"})
        self.assertEqual(sorted(each["ok"]["_rev"] for each in leaves.json), ["2-bbb", "2-ccc"])
        gone = await self.ask("DELETE", f"/{self.db}/doc?rev=2-ccc")
        got = (await self.ask("GET", f"/{self.db}/doc?conflicts=true&deleted_conflicts=true")).json
        self.assertEqual((got["_rev"], got["_deleted_conflicts"]), ("2-bbb", [gone.json["rev"]]))
        self.assertNotIn("_conflicts", got)

    async def test_losing_branch_is_edited(self) -> None:
        """A branch that lost can be edited, and wins when it grows."""
        for digest in ("bbb", "ccc"):
            await self.ask("PUT", f"/{self.db}/doc?new_edits=false", {"_rev": f"1-{digest}"})
        revision = await self.put("doc", _rev="1-bbb", v=2)
        got = (await self.ask("GET", f"/{self.db}/doc?conflicts=true")).json
        self.assertEqual((got["_rev"], got["_conflicts"]), (revision, ["1-ccc"]))

    async def replicate(self, revision: str, *ancestors: str, deleted: bool = False) -> None:
        """Store a revision of `doc` that was made elsewhere."""
        generation, digest = revision.split("-")
        history = {"start": int(generation), "ids": [digest, *ancestors]}
        body = {"_rev": revision, "_revisions": history, "_deleted": deleted}
        answer = await self.ask("PUT", f"/{self.db}/doc?new_edits=false", body)
        self.assertIn(answer.status, (200, 201), answer.body)

    async def test_losing_tombstone_is_edited(self) -> None:
        """Beside a living winner, a tombstone's revision takes an edit; where no branch lives, it is a conflict."""
        await self.replicate("1-bbb")
        await self.replicate("1-ccc", deleted=True)
        revision = await self.put("doc", _rev="1-ccc", v=2)
        got = (await self.ask("GET", f"/{self.db}/doc?conflicts=true")).json
        self.assertEqual((got["_rev"], got["v"], got["_conflicts"]), (revision, 2, ["1-bbb"]))
        dead = [await self.put("doc", _rev=each, _deleted=True) for each in (revision, "1-bbb")]
        for each in dead:
            answer = await self.ask("PUT", f"/{self.db}/doc", {"_rev": each, "v": 3})
            self.assertEqual(answer.refusal, CONFLICT)

    async def test_attachment_of_losing_tombstone(self) -> None:
        """A tombstone beside a living winner stays one when an attachment is added to it."""
        await self.replicate("1-bbb")
        await self.replicate("1-ccc", deleted=True)
        answer = await self.ask("PUT", f"/{self.db}/doc/a?rev=1-ccc", data=b"x", headers=OCTETS)
        self.assertEqual(answer.status, 201)
        stored = (await self.ask("GET", f"/{self.db}/doc?rev={answer.json['rev']}")).json
        self.assertEqual((stored["_deleted"], list(stored["_attachments"])), (True, ["a"]))
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc")).json["_rev"], "1-bbb")

    async def test_deleted_twice(self) -> None:
        """A document that is deleted already cannot be deleted again without a revision."""
        first = await self.ask("PUT", f"/{self.db}/doc", {"_deleted": True})
        self.assertEqual(first.status, 200)
        self.assertEqual((await self.ask("PUT", f"/{self.db}/doc", {"_deleted": True})).refusal, CONFLICT)
        bulk = await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": [{"_id": "doc", "_deleted": True, "v": 1}]})
        self.assertEqual(bulk.json[0]["error"], "conflict")
        got = (await self.ask("GET", f"/{self.db}/doc?open_revs=all", headers={"Accept": "application/json"})).json
        self.assertEqual([each["ok"]["_rev"] for each in got], [first.json["rev"]])

    async def test_known_revision_brings_ancestors(self) -> None:
        """A known revision that comes again with ancestors joins branches: a leaf that it descends from is none."""
        await self.replicate("3-c")
        await self.replicate("2-b", "a")
        before = (await self.ask("GET", f"/{self.db}/_changes")).json["last_seq"]
        await self.replicate("3-c", "b", "a")
        got = (await self.ask("GET", f"/{self.db}/doc?revs=true&conflicts=true")).json
        self.assertEqual(got, {"_id": "doc", "_rev": "3-c", "_revisions": {"start": 3, "ids": ["c", "b", "a"]}})
        changes = (await self.ask("GET", f"/{self.db}/_changes?style=all_docs&since={before}")).json
        self.assertEqual([each["changes"] for each in changes["results"]], [[{"rev": "3-c"}]])

    async def test_replicated_twice(self) -> None:
        """A revision that is known already changes nothing."""
        await self.ask("PUT", f"/{self.db}/doc?new_edits=false", {"_rev": "1-aaa", "v": 1})
        before = (await self.ask("GET", f"/{self.db}/_changes")).json["last_seq"]
        answer = await self.ask("PUT", f"/{self.db}/doc?new_edits=false", {"_rev": "1-aaa", "v": 1})
        after = (await self.ask("GET", f"/{self.db}/_changes")).json
        self.assertEqual((answer.status, len(after["results"])), (201, 1))
        self.assertEqual(before.split("-")[0], after["last_seq"].split("-")[0])

    async def test_replicated_ancestors(self) -> None:
        """A branch that comes with its ancestors joins what is known of them."""
        await self.ask("PUT", f"/{self.db}/doc?new_edits=false", {"_rev": "2-b", "v": 2})
        history = {"start": 3, "ids": ["c", "b", "a"]}
        await self.ask("PUT", f"/{self.db}/doc?new_edits=false", {"_rev": "3-c", "_revisions": history, "v": 3})
        got = (await self.ask("GET", f"/{self.db}/doc?revs=true&conflicts=true")).json
        self.assertEqual(got, {"_id": "doc", "_rev": "3-c", "v": 3, "_revisions": history})

    async def test_replicated_attachments(self) -> None:
        """Attachments come with replicated revisions, and keep the generation that they are told with."""
        entry = {"data": "aGVsbG8=", "content_type": "image/png", "revpos": 1}
        body = {"_rev": "2-b", "_revisions": {"start": 2, "ids": ["b", "a"]}, "_attachments": {"x": entry}}
        answer = await self.ask("PUT", f"/{self.db}/doc?new_edits=false", body)
        self.assertEqual(answer.status, 201)
        told = (await self.ask("GET", f"/{self.db}/doc")).json["_attachments"]["x"]
        self.assertEqual((told["content_type"], told["revpos"], told["length"]), ("image/png", 1, 5))
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc/x")).body, b"hello")

    async def test_some_leaves(self) -> None:
        """`open_revs` with a list gives those revisions, or tells that they are missing."""
        revision = await self.put("doc", v=1)
        query = quote(f'["{revision}","9-zz"]')
        headers = {"Accept": "application/json"}
        answer = await self.ask("GET", f"/{self.db}/doc?open_revs={query}", headers=headers)
        self.assertEqual(answer.json, [{"ok": {"_id": "doc", "_rev": revision, "v": 1}}, {"missing": "9-zz"}])
        answer = await self.ask("GET", f"/{self.db}/none?open_revs=all", headers=headers)
        self.assertEqual(answer.refusal, MISSING)
        answer = await self.ask("GET", f"/{self.db}/doc?open_revs=7", headers=headers)
        self.assertEqual(answer.refusal, (400, "bad_request", "Invalid list of revisions"))

    async def test_replicated_without_revision(self) -> None:
        """`new_edits=false` needs a revision."""
        answer = await self.ask("PUT", f"/{self.db}/doc?new_edits=false", {"v": 1})
        reason = "When `new_edits: false`, the document needs `_rev` or `_revisions` specified"
        self.assertEqual(answer.refusal, (400, "bad_request", reason))


class EmbeddedDocumentsContractTests(DocumentsContract, EmbeddedCase):
    """The embedded store."""


class ApacheDocumentsContractTests(DocumentsContract, ApacheCase):
    """Apache CouchDB."""
