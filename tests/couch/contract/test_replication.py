"""The contract on what a replicator reads: revisions with their ancestors and attachments, as JSON and as multipart."""

from base64 import b64decode, b64encode
from gzip import decompress
from hashlib import md5
from os import urandom
from typing import Any
from urllib.parse import quote

from tests.couch.contract.base import JSON, Answer, ApacheCase, Contract, EmbeddedCase
from tests.couch.contract.multipart import Part, read

AS_JSON = {"Accept": "application/json"}
MIXED = {"Accept": "multipart/mixed"}
RELATED = {"Accept": "multipart/related"}
UNKNOWN = "7-0123456789abcdef0123456789abcdef"
TEXT = b"some text, and some text again\n" * 40
OCTETS = bytes(range(256)) * 3


def digest(data: bytes) -> str:
    """Return a digest as documents tell it."""
    return "md5-" + b64encode(md5(data, usedforsecurity=False).digest()).decode()


class ReplicationContract(Contract):
    """Reads."""

    async def attach(self, path: str, data: bytes, kind: str = "application/octet-stream", rev: str = "") -> str:
        """Store an attachment, which must succeed, and return the revision."""
        query = f"?rev={rev}" if rev else ""
        answer = await self.ask("PUT", f"/{self.db}/{path}{query}", data=data, headers={"Content-Type": kind})
        self.assertEqual(answer.status, 201, answer.body)
        return str(answer.json["rev"])

    async def get(self, query: str, accept: Any = None, path: str = "doc") -> Answer:
        """Ask for a document, which must succeed."""
        answer = await self.ask("GET", f"/{self.db}/{path}{query}", headers=accept)
        self.assertEqual(answer.status, 200, answer.body)
        return answer

    async def parts(self, query: str, accept: Any = None, path: str = "doc") -> list[Part]:
        """Ask for a document as multipart."""
        answer = await self.get(query, accept, path)
        return read(answer.headers["content-type"], answer.body)

    async def branches(self) -> None:
        """Make a document with a living leaf 2-a, another 2-b, and a tombstone 3-c upon 2-c; all continue 1-x."""
        docs: list[dict[str, object]] = [
            {"_id": "doc", "_revisions": {"start": 2, "ids": ["a", "x"]}, "v": "a"},
            {"_id": "doc", "_revisions": {"start": 2, "ids": ["b", "x"]}, "v": "b"},
            {"_id": "doc", "_revisions": {"start": 3, "ids": ["c", "c", "x"]}, "_deleted": True},
        ]
        answer = await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": docs, "new_edits": False})
        self.assertEqual((answer.status, answer.json), (201, []))

    async def test_all_leaves(self) -> None:
        """Without an Accept header, and with multipart/mixed, every leaf is a part: JSON when it has no attachments."""
        await self.branches()
        for accept in (None, MIXED, {"Accept": "*/*"}):
            answer = await self.get("?open_revs=all&revs=true", accept)
            self.assertTrue(answer.headers["content-type"].startswith('multipart/mixed; boundary="'))
            parts = read(answer.headers["content-type"], answer.body)
            self.assertEqual({each.headers["content-type"] for each in parts}, {"application/json"})
            told = {each.json["_rev"]: each.json for each in parts}
            self.assertEqual(set(told), {"2-a", "2-b", "3-c"})
            self.assertEqual(told["3-c"]["_revisions"], {"start": 3, "ids": ["c", "c", "x"]})
            self.assertEqual((told["3-c"]["_deleted"], told["2-a"]["v"]), (True, "a"))

    async def test_leaves_as_json(self) -> None:
        """Who takes JSON alone gets a list."""
        await self.branches()
        answer = await self.get(f'?open_revs=["2-a","{UNKNOWN}"]', AS_JSON)
        self.assertEqual(answer.json, [{"ok": {"_id": "doc", "_rev": "2-a", "v": "a"}}, {"missing": UNKNOWN}])

    async def test_missing_revision(self) -> None:
        """A revision that is not here is a part that says so."""
        await self.branches()
        parts = await self.parts(f'?open_revs=["{UNKNOWN}","2-b"]')
        told = {each.headers["content-type"]: each.json for each in parts}
        self.assertEqual(told['application/json; error="true"'], {"missing": UNKNOWN})
        self.assertEqual(told["application/json"]["v"], "b")

    async def test_missing_document(self) -> None:
        """Leaves of no document are 404; named revisions of no document are missing."""
        answer = await self.ask("GET", f"/{self.db}/none?open_revs=all", headers=AS_JSON)
        self.assertEqual(answer.refusal, (404, "not_found", "missing"))
        answer = await self.get(f'?open_revs=["{UNKNOWN}"]', AS_JSON, "none")
        self.assertEqual(answer.json, [{"missing": UNKNOWN}])

    async def test_latest(self) -> None:
        """With `latest`, an old revision gives the leaves that it became; an unknown one stays missing."""
        await self.branches()
        answer = await self.get(f'?open_revs=["1-x","{UNKNOWN}","2-a"]&latest=true', AS_JSON)
        found = sorted(each["ok"]["_rev"] if "ok" in each else each["missing"] for each in answer.json)
        self.assertEqual(found, ["2-a", "2-b", "3-c", UNKNOWN])
        answer = await self.get('?open_revs=["2-c"]&latest=true', AS_JSON)
        self.assertEqual([each["ok"]["_rev"] for each in answer.json], ["3-c"])
        answer = await self.get('?open_revs=["2-c"]', AS_JSON)
        self.assertEqual(answer.json, [{"missing": "2-c"}])

    async def test_latest_of_one(self) -> None:
        """`rev` with `latest` gives a leaf too."""
        first = await self.put("doc", v=1)
        second = await self.put("doc", v=2, _rev=first)
        answer = await self.get(f"?rev={first}&latest=true", AS_JSON)
        self.assertEqual(answer.json["_rev"], second)

    async def test_parts_of_a_leaf(self) -> None:
        """A leaf with attachments is multipart itself: the document, then contents as they are stored, in its order."""
        rev = await self.attach("doc/a.bin", OCTETS)
        await self.attach("doc/b.txt", TEXT, "text/plain", rev)
        (leaf,) = await self.parts("?open_revs=all&revs=true", MIXED)
        self.assertTrue(leaf.headers["content-type"].startswith('multipart/related; boundary="'))
        document, *contents = leaf.parts
        self.check_parts(document, contents)

    async def test_document_with_parts(self) -> None:
        """One document with `attachments` has the same parts, and a length."""
        rev = await self.attach("doc/a.bin", OCTETS)
        await self.attach("doc/b.txt", TEXT, "text/plain", rev)
        for accept in (None, RELATED):
            answer = await self.get("?attachments=true", accept)
            self.assertEqual(answer.headers["content-length"], str(len(answer.body)))
            document, *contents = read(answer.headers["content-type"], answer.body)
            self.check_parts(document, contents)

    def check_parts(self, document: Part, contents: list[Part]) -> None:
        """Look at a document with a.bin and b.txt."""
        self.assertEqual(document.headers["content-type"], "application/json")
        told = document.json["_attachments"]
        by_name = dict(zip(told, contents, strict=True))
        text, octets = by_name["b.txt"], by_name["a.bin"]
        self.assertEqual((octets.data, decompress(text.data)), (OCTETS, TEXT))
        member = {"content_type": "application/octet-stream", "revpos": 1, "digest": digest(OCTETS)}
        self.assertEqual(told["a.bin"], {**member, "length": len(OCTETS), "follows": True})
        member = {"content_type": "text/plain", "revpos": 2, "digest": digest(text.data), "length": len(TEXT)}
        encoding = {"encoding": "gzip", "encoded_length": len(text.data)}
        self.assertEqual(told["b.txt"], {**member, **encoding, "follows": True})
        head = {
            "content-disposition": 'attachment; filename="b.txt"',
            "content-type": "text/plain",
            "content-length": str(len(text.data)),
            "content-encoding": "gzip",
        }
        self.assertEqual(text.headers, head)
        self.assertNotIn("content-encoding", octets.headers)

    async def test_document_with_data(self) -> None:
        """As JSON, contents are base64 of the bytes before compressing."""
        rev = await self.attach("doc/a.bin", OCTETS)
        await self.attach("doc/b.txt", TEXT, "text/plain", rev)
        told = (await self.get("?attachments=true", AS_JSON)).json["_attachments"]
        self.assertEqual([b64decode(told[name]["data"]) for name in ("a.bin", "b.txt")], [OCTETS, TEXT])
        self.assertNotIn("length", told["a.bin"])
        self.assertNotIn("encoding", told["b.txt"])

    async def test_without_attachments(self) -> None:
        """A document that has none is JSON, whatever is asked for."""
        await self.put("doc", v=1)
        answer = await self.get("?attachments=true")
        self.assertEqual((answer.headers["content-type"], answer.json["v"]), ("application/json", 1))

    async def test_since(self) -> None:
        """Attachments that an ancestor in `atts_since` had already are stubs."""
        first = await self.attach("doc/old", OCTETS)
        second = await self.attach("doc/new", OCTETS + b"x", rev=first)
        (leaf,) = await self.parts(f'?open_revs=["{second}"]&atts_since=["{first}"]', MIXED)
        document, content = leaf.parts
        self.assertEqual(content.data, OCTETS + b"x")
        told = document.json["_attachments"]
        self.assertEqual((told["old"].get("stub"), told["new"].get("follows")), (True, True))
        told = (await self.get(f'?atts_since=["{UNKNOWN}","{first}"]', AS_JSON)).json["_attachments"]
        self.assertEqual((told["old"].get("stub"), b64decode(told["new"]["data"])), (True, OCTETS + b"x"))
        told = (await self.get(f'?atts_since=["{UNKNOWN}"]', AS_JSON)).json["_attachments"]
        self.assertEqual([b64decode(told[name]["data"]) for name in ("old", "new")], [OCTETS, OCTETS + b"x"])

    async def test_large_parts(self) -> None:
        """Contents that are larger than a piece, and some that look like delimiters, come whole."""
        large, strange = urandom(1_000_000), b"\r\n--\r\n\r\n--x--\r\n"
        rev = await self.attach("doc/a", large)
        await self.attach("doc/b", strange, rev=rev)
        (leaf,) = await self.parts("?open_revs=all", MIXED)
        contents = dict(zip(leaf.parts[0].json["_attachments"], leaf.parts[1:], strict=True))
        self.assertEqual((contents["a"].data == large, contents["b"].data), (True, strange))

    async def test_unusual_names(self) -> None:
        """The head of a part has the attachment's name, whatever it is."""
        for name in ("a b", "a/b", "é€😀"):
            path = f"{quote(f'of {name}', safe='')}"
            await self.attach(f"{path}/{quote(name, safe='')}", b"x")
            answer = await self.get("?attachments=true", RELATED, path)
            self.assertIn(f'filename="{name}"'.encode(), answer.body)

    async def test_encoding_info(self) -> None:
        """`att_encoding_info` tells how attachments are kept, and nothing of those that are kept as they came."""
        rev = await self.attach("doc/a.bin", OCTETS)
        await self.attach("doc/b.txt", TEXT, "text/plain", rev)
        plain = (await self.get("", AS_JSON)).json["_attachments"]
        told = (await self.get("?att_encoding_info=true", AS_JSON)).json["_attachments"]
        self.assertEqual(told["a.bin"], plain["a.bin"])
        self.assertNotIn("encoding", plain["b.txt"])
        self.assertEqual((told["b.txt"]["encoding"], told["b.txt"]["length"]), ("gzip", len(TEXT)))
        _, packed = await self.parts(f'?atts_since=["{rev}"]', RELATED)
        self.assertEqual(told["b.txt"]["encoded_length"], len(packed.data))

    async def test_conditions(self) -> None:
        """If-None-Match with the revision is 304 for multipart too."""
        rev = await self.attach("doc/a", b"x")
        answer = await self.ask("GET", f"/{self.db}/doc?attachments=true", headers={"If-None-Match": f'"{rev}"'})
        self.assertEqual((answer.status, answer.body), (304, b""))

    async def test_malformed(self) -> None:
        """Lists that are none, and revisions that are none, are bad requests."""
        await self.put("doc")
        for query in ('open_revs=["x"]', 'atts_since=["x"]', "open_revs=[", "atts_since=["):
            answer = await self.ask("GET", f"/{self.db}/doc?{query}", headers=AS_JSON)
            self.assertEqual((answer.status, answer.json["error"]), (400, "bad_request"), query)

    async def test_checkpoints(self) -> None:
        """A replicator sends its checkpoint back with the `_revisions` that it was told, and deletes what is not there."""
        path = f"/{self.db}/_local/checkpoint"
        self.assertEqual((await self.ask("GET", path)).status, 404)
        rev = (await self.ask("PUT", path, {"_id": "_local/checkpoint", "session_id": "a"})).json["rev"]
        told = (await self.ask("GET", f"{path}?revs=true")).json
        body = {**told, "_rev": rev, "_revisions": {"start": 0, "ids": [rev.partition("-")[2]]}, "session_id": "b"}
        answer = await self.ask("PUT", path, body, headers=JSON)
        self.assertEqual((answer.status, answer.json["rev"]), (201, "0-2"))
        self.assertEqual((await self.ask("GET", path)).json["session_id"], "b")


class EmbeddedReplicationContractTests(ReplicationContract, EmbeddedCase):
    """The embedded store."""


class ApacheReplicationContractTests(ReplicationContract, ApacheCase):
    """Apache CouchDB."""
