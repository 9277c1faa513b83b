"""The contract on attachments: sizes, names, stubs, conditions and ranges."""

from base64 import b64encode
from hashlib import md5
from os import urandom
from urllib.parse import quote

from tests.couch.contract.base import OCTETS, ApacheCase, Contract, EmbeddedCase

CONFLICT = (409, "conflict", "Document update conflict.")
MISSING = (404, "not_found", "missing")
NO_ATTACHMENT = (404, "not_found", "Document is missing attachment")
MISSING_REVISION = (409, "not_found", "missing_rev")
UNKNOWN = "1-0123456789abcdef0123456789abcdef"


def digest(data: bytes) -> str:
    """Return the MD5 in base64."""
    return b64encode(md5(data, usedforsecurity=False).digest()).decode()


class AttachmentsContract(Contract):
    """Attachments."""

    async def attach(self, data: bytes, path: str = "doc/data", query: str = "") -> str:
        """Store an attachment, which must succeed, and return the revision."""
        answer = await self.ask("PUT", f"/{self.db}/{path}{query}", data=data, headers=OCTETS)
        self.assertEqual(answer.status, 201, answer.body)
        return str(answer.json["rev"])

    async def test_sizes(self) -> None:
        """Any number of bytes comes back as it was, also none."""
        for size in (0, 1, 65_536, 262_144, 262_145, 3_000_000):
            data = urandom(size)
            await self.attach(data, f"doc{size}/data")
            got = await self.ask("GET", f"/{self.db}/doc{size}/data")
            self.assertEqual((got.status, got.body == data), (200, True), size)
            self.assertEqual(got.headers["etag"], f'"{digest(data)}"')
            self.assertEqual(got.headers.get("content-length", "0"), str(size))
            self.assertEqual(got.headers["content-type"], "application/octet-stream")
            self.assertEqual(got.headers["accept-ranges"], "bytes")

    async def test_answer(self) -> None:
        """The first attachment makes the document; the answer has its revision and place."""
        answer = await self.ask("PUT", f"/{self.db}/doc/data", data=b"hello", headers=OCTETS)
        document = (await self.ask("GET", f"/{self.db}/doc")).json
        self.assertEqual(answer.json, {"ok": True, "id": "doc", "rev": document["_rev"]})
        self.assertEqual(answer.headers["location"], f"{self.base}/{self.db}/doc/data")
        stub = {
            "content_type": "application/octet-stream",
            "revpos": 1,
            "digest": f"md5-{digest(b'hello')}",
            "length": 5,
            "stub": True,
        }
        self.assertEqual(document["_attachments"], {"data": stub})

    async def test_head(self) -> None:
        """HEAD has GET's headers and no body."""
        await self.attach(b"hello")
        head = await self.ask("HEAD", f"/{self.db}/doc/data")
        self.assertEqual((head.status, head.body, head.headers["content-length"]), (200, b"", "5"))
        self.assertEqual(head.headers["etag"], f'"{digest(b"hello")}"')
        self.assertEqual((await self.ask("HEAD", f"/{self.db}/doc/none")).status, 404)

    async def test_missing(self) -> None:
        """A missing document and a missing attachment have reasons of their own."""
        await self.put("doc")
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc/none")).refusal, NO_ATTACHMENT)
        self.assertEqual((await self.ask("GET", f"/{self.db}/none/data")).refusal, MISSING)
        revision = await self.put("gone")
        await self.put("gone", _rev=revision, _deleted=True)
        self.assertEqual((await self.ask("GET", f"/{self.db}/gone/data")).refusal, (404, "not_found", "deleted"))

    async def test_needs_revision(self) -> None:
        """A document that is there takes an attachment only with its revision."""
        revision = await self.attach(b"one")
        answer = await self.ask("PUT", f"/{self.db}/doc/data", data=b"two", headers=OCTETS)
        self.assertEqual(answer.refusal, CONFLICT)
        answer = await self.ask("PUT", f"/{self.db}/doc/data?rev={UNKNOWN}", data=b"two", headers=OCTETS)
        self.assertEqual(answer.refusal, MISSING_REVISION)
        answer = await self.ask("PUT", f"/{self.db}/doc/data?rev=zz", data=b"two", headers=OCTETS)
        self.assertEqual(answer.refusal, (400, "bad_request", "Invalid rev format"))
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc/data")).body, b"one")
        await self.attach(b"two", query=f"?rev={revision}")
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc/data")).body, b"two")

    async def test_revision_in_header(self) -> None:
        """The revision may come as If-Match."""
        revision = await self.attach(b"one")
        headers = {**OCTETS, "If-Match": revision}
        answer = await self.ask("PUT", f"/{self.db}/doc/data", data=b"two", headers=headers)
        self.assertEqual(answer.status, 201)

    async def test_revision_of_nothing(self) -> None:
        """A revision for a document that is not there was never here."""
        answer = await self.ask("PUT", f"/{self.db}/none/data?rev={UNKNOWN}", data=b"x", headers=OCTETS)
        self.assertEqual(answer.refusal, MISSING_REVISION)

    async def test_several(self) -> None:
        """Adding one attachment leaves the others and the body as they are."""
        first = await self.put("doc", v=1)
        second = await self.attach(b"one", "doc/a", f"?rev={first}")
        await self.attach(b"two", "doc/b", f"?rev={second}")
        document = (await self.ask("GET", f"/{self.db}/doc")).json
        self.assertEqual((document["v"], sorted(document["_attachments"])), (1, ["a", "b"]))
        self.assertEqual([document["_attachments"][each]["revpos"] for each in "ab"], [2, 3])
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc/a")).body, b"one")

    async def test_removal(self) -> None:
        """DELETE takes one attachment away, with the right revision only."""
        first = await self.attach(b"one", "doc/a")
        second = await self.attach(b"two", "doc/b", f"?rev={first}")
        self.assertEqual((await self.ask("DELETE", f"/{self.db}/doc/a")).refusal, CONFLICT)
        self.assertEqual((await self.ask("DELETE", f"/{self.db}/doc/a?rev={UNKNOWN}")).refusal, MISSING_REVISION)
        self.assertEqual((await self.ask("DELETE", f"/{self.db}/doc/none?rev={second}")).refusal, NO_ATTACHMENT)
        self.assertEqual((await self.ask("DELETE", f"/{self.db}/none/a")).refusal, MISSING)
        answer = await self.ask("DELETE", f"/{self.db}/doc/a?rev={second}")
        self.assertEqual((answer.status, answer.json["rev"][:2]), (200, "3-"))
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc/a")).refusal, NO_ATTACHMENT)
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc/b")).body, b"two")

    async def test_unusual_names(self) -> None:
        """Any text may be a name: slashes encoded or not, spaces, plus signs, any script."""
        for name in ("a/b", "a b", "a+b", "é€😀", "x?y#z%", "index.html", "…", '"'):
            path = f"/{self.db}/{quote(f'of {name}', safe='')}/{quote(name, safe='')}"
            stored = await self.ask("PUT", path, data=name.encode(), headers=OCTETS)
            self.assertEqual(stored.status, 201, name)
            self.assertEqual((await self.ask("GET", path)).body.decode(), name)
            document = (await self.ask("GET", path.rpartition("/")[0])).json
            self.assertEqual(list(document["_attachments"]), [name])
        self.assertEqual((await self.ask("GET", f"/{self.db}/of%20a%2Fb/a/b")).body, b"a/b")

    async def test_underscore_name(self) -> None:
        """A name that begins with an underscore is refused."""
        reason = "Attachment name '_x' starts with prohibited character '_'"
        answer = await self.ask("PUT", f"/{self.db}/doc/_x", data=b"", headers=OCTETS)
        self.assertEqual(answer.refusal, (400, "bad_request", reason))
        answer = await self.ask("PUT", f"/{self.db}/doc", {"_attachments": {"_x": {"data": ""}}})
        self.assertEqual(answer.refusal, (400, "bad_request", reason))

    async def test_not_modified(self) -> None:
        """If-None-Match with the digest is 304; a list counts, a star does not."""
        await self.attach(b"hello")
        tag = f'"{digest(b"hello")}"'
        for sent, status in ((tag, 304), (f'"x", {tag}', 304), ('"x"', 200), ("*", 200)):
            answer = await self.ask("GET", f"/{self.db}/doc/data", headers={"If-None-Match": sent})
            self.assertEqual((answer.status, answer.body), (status, b"" if status == 304 else b"hello"), sent)
            self.assertEqual(answer.headers["etag"], tag)

    async def test_ranges(self) -> None:
        """One range of an octet stream is 206, an impossible one 416, one that is no range is ignored."""
        await self.attach(b"hello world")
        for sent, body, told in (
            ("bytes=0-3", b"hell", "bytes 0-3/11"),
            ("bytes=6-", b"world", "bytes 6-10/11"),
            ("bytes=-3", b"rld", "bytes 8-10/11"),
            ("bytes=5-100", b" world", "bytes 5-10/11"),
            ("bytes=0-10", b"hello world", "bytes 0-10/11"),
            ("bytes=0-" + "9" * 5000, b"hello world", "bytes 0-10/11"),
            ("bytes=" + "0" * 5000 + "1-2", b"el", "bytes 1-2/11"),
        ):
            answer = await self.ask("GET", f"/{self.db}/doc/data", headers={"Range": sent})
            self.assertEqual((answer.status, answer.body, answer.headers["content-range"]), (206, body, told))
        for sent in ("bytes=11-", "bytes=100-200", "bytes=4-2", "bytes=-0", "bytes=" + "9" * 5000 + "-"):
            answer = await self.ask("GET", f"/{self.db}/doc/data", headers={"Range": sent})
            reason = "Requested range not satisfiable"
            self.assertEqual(answer.refusal, (416, "requested_range_not_satisfiable", reason), sent)
        for sent in ("lines=0-1", "bytes=x", "bytes"):
            answer = await self.ask("GET", f"/{self.db}/doc/data", headers={"Range": sent})
            self.assertEqual((answer.status, answer.body), (200, b"hello world"), sent)

    async def test_range_across_pieces(self) -> None:
        """A range may begin and end anywhere in a large attachment."""
        data = urandom(1_000_000)
        await self.attach(data)
        for first, last in ((0, 0), (262_143, 262_144), (262_144, 524_287), (100_000, 900_000), (999_999, 999_999)):
            answer = await self.ask("GET", f"/{self.db}/doc/data", headers={"Range": f"bytes={first}-{last}"})
            self.assertEqual((answer.status, answer.body == data[first : last + 1]), (206, True), (first, last))

    async def test_ranges_of_text(self) -> None:
        """Types that CouchDB compresses have no ranges."""
        for content_type in ("text/plain", "text/html; charset=utf-8", "application/json", "application/javascript"):
            path = f"/{self.db}/{quote(content_type, safe='')}/data"
            await self.ask("PUT", path, data=b"hello world", headers={"Content-Type": content_type})
            answer = await self.ask("GET", path, headers={"Range": "bytes=0-3"})
            self.assertEqual((answer.status, answer.body), (200, b"hello world"), content_type)
            self.assertEqual((answer.headers["accept-ranges"], answer.headers["content-type"]), ("none", content_type))

    async def test_inline(self) -> None:
        """An attachment may come inside the document; without a type it is an octet stream."""
        data = b64encode(b"hello").decode()
        revision = await self.put(
            "doc", _attachments={"a": {"content_type": "image/png", "data": data}, "b": {"data": data}}
        )
        attachments = (await self.ask("GET", f"/{self.db}/doc")).json["_attachments"]
        types = {name: each["content_type"] for name, each in attachments.items()}
        self.assertEqual(types, {"a": "image/png", "b": "application/octet-stream"})
        headers = {"Accept": "application/json"}
        whole = (await self.ask("GET", f"/{self.db}/doc?attachments=true", headers=headers)).json
        self.assertEqual((whole["_rev"], whole["_attachments"]["a"]["data"]), (revision, data))

    async def test_stubs(self) -> None:
        """A stub keeps an attachment; leaving it out removes it; one of nothing is 412 and changes nothing."""
        data = b64encode(b"hello").decode()
        first = await self.put("doc", _attachments={"a": {"data": data}, "b": {"data": data}})
        second = await self.put("doc", _rev=first, _attachments={"a": {"stub": True}})
        self.assertEqual(list((await self.ask("GET", f"/{self.db}/doc")).json["_attachments"]), ["a"])
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc/a")).body, b"hello")
        body = {"_rev": second, "_attachments": {"a": {"stub": True}, "b": {"stub": True}}}
        answer = await self.ask("PUT", f"/{self.db}/doc", body)
        self.assertEqual(answer.refusal, (412, "missing_stub", "Invalid attachment stub in doc for b"))
        answer = await self.ask("PUT", f"/{self.db}/new", {"_attachments": {"a": {"stub": True}}})
        self.assertEqual(answer.refusal, (412, "missing_stub", "Invalid attachment stub in new for a"))
        await self.put("doc", _rev=second)
        self.assertNotIn("_attachments", (await self.ask("GET", f"/{self.db}/doc")).json)

    async def test_stub_and_new(self) -> None:
        """A stub beside new data keeps the generation that it came with."""
        data = b64encode(b"hello").decode()
        first = await self.put("doc", _attachments={"a": {"data": data}})
        await self.put("doc", _rev=first, _attachments={"a": {"stub": True}, "b": {"data": data}})
        attachments = (await self.ask("GET", f"/{self.db}/doc")).json["_attachments"]
        self.assertEqual({name: each["revpos"] for name, each in attachments.items()}, {"a": 1, "b": 2})

    async def test_malformed_inline(self) -> None:
        """Data that is not base64, or missing, is a bad request; so are attachments that are no object."""
        for entry in ({"data": "!!!"}, {}, {"data": 7}):
            answer = await self.ask("PUT", f"/{self.db}/doc", {"_attachments": {"a": entry}})
            self.assertEqual(answer.refusal, (400, "bad_request", "Invalid attachment data for a"))
        answer = await self.ask("PUT", f"/{self.db}/doc", {"_attachments": 7})
        self.assertEqual(answer.refusal, (400, "doc_validation", "Bad special document member: _attachments"))
        self.assertEqual(await self.rows(), [])

    async def test_inline_does_not_count(self) -> None:
        """Attachments do not count towards a document's limit."""
        data = b64encode(urandom(6_100_000)).decode()
        await self.put("doc", _attachments={"a": {"data": data}})
        self.assertEqual((await self.ask("HEAD", f"/{self.db}/doc/a")).headers["content-length"], "6100000")

    async def test_encodings(self) -> None:
        """Only gzip and identity are known."""
        answer = await self.ask("PUT", f"/{self.db}/doc/a", data=b"x", headers={**OCTETS, "Content-Encoding": "br"})
        reason = "Only gzip and identity content-encodings are supported"
        self.assertEqual(answer.refusal, (415, "bad_content_type", reason))

    async def test_cut_off(self) -> None:
        """An upload that is shorter than it said stores nothing."""
        text = b"Content-Type: application/octet-stream\r\nContent-Length: 600000\r\n\r\n" + b"x" * 500_000
        await self.raw("PUT", f"/{self.db}/doc/data", text, cut=True)
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc")).refusal, MISSING)

    async def test_chunked_upload(self) -> None:
        """An upload without a length is stored as well."""
        head = b"Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = await self.raw("PUT", f"/{self.db}/doc/data", head + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        self.assertIn(b" 201 ", answer.split(b"\r\n")[0])
        self.assertEqual((await self.ask("GET", f"/{self.db}/doc/data")).body, b"hello world")

    async def test_expect_continue(self) -> None:
        """A client that asks whether it may send is told to."""
        head = b"Content-Type: application/octet-stream\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        answer = await self.raw("PUT", f"/{self.db}/doc/data", head + b"hello")
        self.assertTrue(answer.startswith(b"HTTP/1.1 100 "), answer)
        self.assertIn(b"HTTP/1.1 201 ", answer)

    async def test_on_tombstone(self) -> None:
        """An attachment without a revision makes a deleted document anew, without what it had."""
        revision = await self.put("doc", v=1)
        await self.put("doc", _rev=revision, _deleted=True)
        new = await self.attach(b"hello")
        document = (await self.ask("GET", f"/{self.db}/doc")).json
        self.assertEqual((new[:2], document["_rev"]), ("3-", new))
        self.assertNotIn("v", document)

    async def test_no_attachments_of_local_documents(self) -> None:
        """Local documents have none."""
        answer = await self.ask("PUT", f"/{self.db}/_local/x/data", data=b"x", headers=OCTETS)
        self.assertEqual(answer.refusal, (400, "bad_request", "_local documents do not accept attachments."))


class EmbeddedAttachmentsContractTests(AttachmentsContract, EmbeddedCase):
    """The embedded store."""


class ApacheAttachmentsContractTests(AttachmentsContract, ApacheCase):
    """Apache CouchDB."""
