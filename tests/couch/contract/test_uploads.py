"""The contract on a document that comes with its attachments in one multipart body."""

from base64 import b64encode
from gzip import compress
from hashlib import md5
from os import urandom
from typing import Any

from tests.couch.contract.base import Answer, ApacheCase, Contract, EmbeddedCase
from tests.couch.contract.multipart import BOUNDARY, RELATED, write

OCTETS = "application/octet-stream"
TEXT = b"some text, and some text again\n" * 40


def digest(data: bytes) -> str:
    """Return a digest as documents tell it."""
    return "md5-" + b64encode(md5(data, usedforsecurity=False).digest()).decode()


def follows(data: bytes, kind: str = OCTETS, **more: object) -> dict[str, object]:
    """Describe an attachment that follows."""
    return {"content_type": kind, "length": len(data), "follows": True, **more}


class UploadsContract(Contract):
    """PUT of multipart/related.

    Apache CouchDB has defects here, which tests name: some broken bodies are 500 instead of 400, and it takes some that
    are not whole.
    """

    is_apache = False

    async def upload(self, body: bytes, query: str = "", name: str = "doc", headers: Any = RELATED) -> Answer:
        """Send a body."""
        return await self.ask("PUT", f"/{self.db}/{name}{query}", data=body, headers=headers)

    async def contents(self, *names: str, document: str = "doc") -> list[bytes]:
        """Read attachments."""
        return [(await self.ask("GET", f"/{self.db}/{document}/{name}")).body for name in names]

    async def check_nothing(self) -> None:
        """See that nothing of an upload is there, and that the next one is taken."""
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc")).status, 404)
        self.assertEqual(await self.rows(), [])
        answer = await self.upload(write({"_attachments": {"a": follows(b"good")}}, b"good"), name="next")
        self.assertEqual((answer.status, await self.contents("a", document="next")), (201, [b"good"]))

    async def test_edit(self) -> None:
        """A document is made, and edited, with attachments that follow it in its order."""
        large = urandom(1_000_000)
        body = write({"v": 1, "_attachments": {"z": follows(large), "a": follows(b"small")}}, large, b"small")
        answer = await self.upload(body)
        self.assertEqual((answer.status, answer.json["id"], answer.json["rev"][:2]), (201, "doc", "1-"))
        self.assertTrue(await self.contents("z", "a") == [large, b"small"])
        told = (await self.ask("GET", f"/{self.db}/doc")).json
        self.assertEqual((told["v"], told["_attachments"]["z"]["digest"]), (1, digest(large)))
        self.assertEqual((await self.upload(body)).refusal, (409, "conflict", "Document update conflict."))
        self.assertEqual((await self.upload(body, f"?rev={told['_rev']}")).status, 201)

    async def test_stubs(self) -> None:
        """Stubs stand beside what follows, and keep what the parent has."""
        first = (await self.upload(write({"_attachments": {"a": follows(b"one")}}, b"one"))).json["rev"]
        attachments = {"a": {"stub": True}, "b": follows(b"two"), "c": {"data": b64encode(b"three").decode()}}
        answer = await self.upload(write({"_rev": first, "_attachments": attachments}, b"two"))
        self.assertEqual((answer.status, await self.contents("a", "b", "c")), (201, [b"one", b"two", b"three"]))
        told = (await self.ask("GET", f"/{self.db}/doc")).json["_attachments"]
        self.assertEqual({name: each["revpos"] for name, each in told.items()}, {"a": 1, "b": 2, "c": 2})

    async def test_missing_stub(self) -> None:
        """A stub of nothing is 412, and nothing of what followed is kept."""
        body = write({"_attachments": {"a": {"stub": True}, "b": follows(b"two")}}, b"two")
        answer = await self.upload(body)
        self.assertEqual(answer.refusal, (412, "missing_stub", "Invalid attachment stub in doc for a"))
        await self.check_nothing()

    async def test_replicated(self) -> None:
        """With new_edits=false the revision has its own name, its ancestors, and its attachments their generations."""
        packed = compress(TEXT)
        document = {
            "_id": "doc",
            "_rev": "3-c",
            "_revisions": {"start": 3, "ids": ["c", "b", "a"]},
            "_attachments": {
                "a": follows(b"one", revpos=2, digest=digest(b"one")),
                "t": follows(
                    TEXT, "text/plain", revpos=3, digest=digest(packed), encoding="gzip", encoded_length=len(packed)
                ),
            },
        }
        body = write(document, b"one", packed)
        for _ in range(2):
            answer = await self.upload(body, "?new_edits=false")
            self.assertEqual((answer.status, answer.json), (201, {"ok": True, "id": "doc", "rev": "3-c"}))
        told = (await self.ask("GET", f"/{self.db}/doc?revs=true&att_encoding_info=true")).json
        self.assertEqual(told["_revisions"], document["_revisions"])
        expected = {
            "content_type": "text/plain",
            "revpos": 3,
            "digest": digest(packed),
            "length": len(TEXT),
            "stub": True,
            "encoding": "gzip",
            "encoded_length": len(packed),
        }
        self.assertEqual((told["_attachments"]["t"], told["_attachments"]["a"]["revpos"]), (expected, 2))
        self.assertEqual(await self.contents("a", "t"), [b"one", TEXT])

    async def test_replicated_stub(self) -> None:
        """A replicated revision may keep by a stub what the leaf has that it continues; otherwise 412."""
        body = write(
            {"_revisions": {"start": 1, "ids": ["a"]}, "_attachments": {"x": follows(b"one", revpos=1)}}, b"one"
        )
        self.assertEqual((await self.upload(body, "?new_edits=false")).status, 201)
        attachments = {"x": {"stub": True, "revpos": 1}, "y": follows(b"two", revpos=2)}
        body = write({"_revisions": {"start": 2, "ids": ["b", "a"]}, "_attachments": attachments}, b"two")
        self.assertEqual((await self.upload(body, "?new_edits=false")).status, 201)
        self.assertEqual(await self.contents("x", "y"), [b"one", b"two"])
        body = write({"_revisions": {"start": 2, "ids": ["z", "y"]}, "_attachments": attachments}, b"two")
        answer = await self.upload(body, "?new_edits=false")
        self.assertEqual(answer.refusal, (412, "missing_stub", "Invalid attachment stub in doc for x"))
        (row,) = (await self.ask("GET", f"/{self.db}/_changes?style=all_docs")).json["results"]
        self.assertEqual(row["changes"], [{"rev": "2-b"}])

    async def test_missing_stub_in_bulk(self) -> None:
        """In `_bulk_docs` a stub of nothing is 412 as well, and nothing of the request is stored."""
        docs = [{"_id": "a", "_rev": "1-a"}, {"_id": "doc", "_rev": "1-a", "_attachments": {"x": {"stub": True}}}]
        answer = await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": docs, "new_edits": False})
        self.assertEqual(answer.refusal, (412, "missing_stub", "Invalid attachment stub in doc for x"))
        await self.check_nothing()

    async def test_compressed_on_the_way(self) -> None:
        """What follows uncompressed and has a type for it is compressed, like an upload of its own."""
        await self.upload(write({"_attachments": {"t": follows(TEXT, "text/plain")}}, TEXT))
        headers = {"Content-Type": "text/plain"}
        await self.ask("PUT", f"/{self.db}/alone/t", data=TEXT, headers=headers)
        told = [
            (await self.ask("GET", f"/{self.db}/{name}?att_encoding_info=true")).json["_attachments"]["t"]
            for name in ("doc", "alone")
        ]
        self.assertEqual((told[0], await self.contents("t")), (told[1], [TEXT]))

    async def test_empty(self) -> None:
        """Attachments may be empty, and a document may have none. Apache CouchDB waits for ever in both cases."""
        if self.is_apache:
            return
        self.assertEqual((await self.upload(write({"v": 1}), name="other")).status, 201)
        body = write({"_attachments": {"a": follows(b""), "t": follows(b"", "text/plain")}}, b"", b"")
        self.assertEqual((await self.upload(body)).status, 201)
        self.assertEqual(await self.contents("a", "t"), [b"", b""])

    async def test_wrong_digest(self) -> None:
        """Bytes that are not those of the digest are refused; Apache CouchDB does it with 500."""
        body = write({"_attachments": {"a": follows(b"one", digest=digest(b"two"))}}, b"one")
        answer = await self.upload(body)
        if self.is_apache:
            self.assertEqual(answer.status, 500, answer.body)
        else:
            self.assertEqual(answer.refusal, (400, "content_md5_mismatch", "Possible message corruption."))
        await self.check_nothing()

    async def test_longer(self) -> None:
        """More bytes than the document tells are refused."""
        answer = await self.upload(write({"_attachments": {"a": follows(b"one")}}, b"one more"))
        self.assertEqual(answer.status, 400, answer.body)
        await self.check_nothing()

    async def test_shorter(self) -> None:
        """Fewer bytes than the document tells are refused."""
        answer = await self.upload(write({"_attachments": {"a": follows(b"one more")}}, b"one"))
        self.assertEqual(answer.status, 400, answer.body)
        await self.check_nothing()

    async def test_fewer_parts(self) -> None:
        """Fewer parts than the document tells are refused."""
        answer = await self.upload(write({"_attachments": {"a": follows(b"one"), "b": follows(b"two")}}, b"one"))
        self.assertEqual(answer.status, 400, answer.body)
        await self.check_nothing()

    async def test_more_parts(self) -> None:
        """More parts than the document tells are refused. Apache CouchDB loses them without a word."""
        answer = await self.upload(write({"_attachments": {"a": follows(b"one")}}, b"one", b"two"))
        if self.is_apache:
            self.assertEqual(answer.status, 201, answer.body)
            return
        self.assertEqual(answer.status, 400, answer.body)
        await self.check_nothing()

    async def test_no_document(self) -> None:
        """A first part that is no JSON is refused, by its type or by its text."""
        answer = await self.upload(write({"v": 1}, json_type="text/plain"))
        self.assertEqual(answer.refusal, (415, "bad_content_type", "Content-Type must be application/json"))
        answer = await self.upload(write({"v": 1}).replace(b'{"v"', b'{"v'))
        self.assertEqual(answer.refusal, (400, "bad_request", "invalid UTF-8 JSON"))
        await self.check_nothing()

    async def test_no_boundary(self) -> None:
        """A type without a boundary is refused, and so is a body that has another one; Apache CouchDB says 500."""
        body, refused = write({"v": 1}), 500 if self.is_apache else 400
        for parameter in ("type=x", "boundary=another"):
            answer = await self.upload(body, headers={"Content-Type": f"multipart/related; {parameter}"})
            self.assertEqual(answer.status, refused, answer.body)
        await self.check_nothing()

    async def test_not_closed(self) -> None:
        """A body that ends before its last delimiter is refused. Apache CouchDB takes it, when all bytes have come."""
        answer = await self.upload(write({"_attachments": {"a": follows(b"one")}}, b"one", closed=False))
        if self.is_apache:
            self.assertEqual((answer.status, await self.contents("a")), (201, [b"one"]))
            return
        self.assertEqual(answer.status, 400, answer.body)
        await self.check_nothing()

    async def test_cut_off(self) -> None:
        """A connection that ends in the middle stores nothing."""
        large = urandom(900_000)
        body = write({"_attachments": {"a": follows(large), "b": follows(large)}}, large, large)
        head = f"Content-Type: {RELATED['Content-Type']}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        for length in (100, 300_000, 1_000_000, len(body) - 10):
            await self.raw("PUT", f"/{self.db}/doc", head + body[:length], cut=True)
        await self.check_nothing()

    async def test_preamble(self) -> None:
        """What stands before the first delimiter and after the last is dropped; a boundary needs no quotes."""
        body = b"a preamble\r\n" + write({"_attachments": {"a": follows(b"one")}}, b"one") + b"\r\nan epilogue"
        headers = {"Content-Type": f"multipart/related;boundary={BOUNDARY}"}
        answer = await self.upload(body, headers=headers)
        self.assertEqual((answer.status, await self.contents("a")), (201, [b"one"]))


class EmbeddedUploadsContractTests(UploadsContract, EmbeddedCase):
    """The embedded store."""


class ApacheUploadsContractTests(UploadsContract, ApacheCase):
    """Apache CouchDB."""

    is_apache = True
