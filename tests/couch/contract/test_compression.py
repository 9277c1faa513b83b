"""The contract on attachments that are kept compressed, because of their type or because they came so."""

import zlib
from base64 import b64encode
from gzip import compress, decompress
from hashlib import md5
from os import urandom

from twisted.web.client import Agent, readBody
from twisted.web.http_headers import Headers

from tests.couch.contract.base import Answer, ApacheCase, Contract, EmbeddedCase

TEXT = b"some text, and some text again\n" * 5000
PLAIN = {"Content-Type": "text/plain"}


def digest(data: bytes) -> str:
    """Return the MD5 in base64."""
    return b64encode(md5(data, usedforsecurity=False).digest()).decode()


class CompressionContract(Contract):
    """What is stored, told and sent."""

    async def bare(self, path: str, *, method: str = "GET", **headers: str) -> Answer:
        """Ask with a client that undoes nothing."""
        login = b64encode(f"{self.username}:{self.password}".encode()).decode()
        sent = {"authorization": f"Basic {login}"} | {name.replace("_", "-"): each for name, each in headers.items()}
        named = Headers({name: [value] for name, value in sent.items()})
        agent = Agent(self.reactor, pool=self.pool)
        response = await agent.request(method.encode(), f"{self.base}/{self.db}/{path}".encode(), named)
        told = {name.decode().lower(): values[-1].decode() for name, values in response.headers.getAllRawHeaders()}
        if isinstance(response.length, int):
            told["content-length"] = str(response.length)
        return Answer(response.code, told, await readBody(response))

    async def attach(self, data: bytes, headers: dict[str, str]) -> None:
        """Store doc/data, which must succeed."""
        answer = await self.ask("PUT", f"/{self.db}/doc/data", data=data, headers=headers)
        self.assertEqual(answer.status, 201, answer.body)

    async def test_accepted(self) -> None:
        """Who takes gzip gets the bytes that are stored; tag and digest are theirs."""
        await self.attach(TEXT, PLAIN)
        answer = await self.bare("doc/data", accept_encoding="deflate, gzip")
        self.assertEqual((answer.status, answer.headers["content-encoding"]), (200, "gzip"))
        self.assertEqual((decompress(answer.body), len(answer.body) < 2000), (TEXT, True))
        self.assertEqual(answer.headers["etag"], f'"{digest(answer.body)}"')
        self.assertEqual(answer.headers["content-length"], str(len(answer.body)))
        stub = (await self.ask("GET", f"/{self.db}/doc")).json["_attachments"]["data"]
        self.assertEqual((stub["digest"], stub["length"]), (f"md5-{digest(answer.body)}", len(TEXT)))

    async def test_not_accepted(self) -> None:
        """Who does not gets them as they came, under the same tag."""
        await self.attach(TEXT, PLAIN)
        packed = await self.bare("doc/data", accept_encoding="gzip")
        for headers in ({}, {"accept_encoding": "identity"}, {"accept_encoding": "br"}):
            answer = await self.bare("doc/data", **headers)
            self.assertEqual((answer.status, answer.body == TEXT), (200, True))
            self.assertNotIn("content-encoding", answer.headers)
            self.assertEqual(answer.headers["etag"], packed.headers["etag"])

    async def test_head(self) -> None:
        """HEAD has GET's headers."""
        await self.attach(TEXT, PLAIN)
        for headers in ({}, {"accept_encoding": "gzip"}):
            got = await self.bare("doc/data", **headers)
            head = await self.bare("doc/data", method="HEAD", **headers)
            for name in ("etag", "content-type", "content-encoding", "accept-ranges"):
                self.assertEqual(head.headers.get(name), got.headers.get(name), name)
            self.assertEqual((head.status, head.body), (200, b""))

    async def test_no_ranges(self) -> None:
        """A range of a compressed attachment is not served: the whole comes."""
        await self.attach(TEXT, PLAIN)
        for headers in ({}, {"accept_encoding": "gzip"}):
            answer = await self.bare("doc/data", range="bytes=0-3", **headers)
            self.assertEqual((answer.status, answer.headers["accept-ranges"]), (200, "none"))
            self.assertGreater(len(answer.body), 4)

    async def test_not_modified(self) -> None:
        """The tag of the compressed bytes is the one that counts, whatever is taken."""
        await self.attach(TEXT, PLAIN)
        tag = (await self.bare("doc/data")).headers["etag"]
        for headers in ({}, {"accept_encoding": "gzip"}):
            answer = await self.bare("doc/data", if_none_match=tag, **headers)
            self.assertEqual((answer.status, answer.body), (304, b""))

    async def test_same_digest(self) -> None:
        """Both stores compress alike: zlib's gzip of level 8, so that one content has one digest."""
        await self.attach(TEXT, PLAIN)
        stub = (await self.ask("GET", f"/{self.db}/doc")).json["_attachments"]["data"]
        stream = zlib.compressobj(8, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        self.assertEqual(stub["digest"], f"md5-{digest(stream.compress(TEXT) + stream.flush())}")

    async def test_types(self) -> None:
        """Texts, JSON, XML and JavaScript are compressed, whatever parameters their type has; nothing else is."""
        expected = {
            "text/css; charset=utf-8": True,
            "TEXT/HTML": True,
            "application/json": True,
            "application/javascript": True,
            "application/xml": True,
            "application/json5": False,
            "application/wasm": False,
            "image/svg+xml": False,
            "application/octet-stream": False,
        }
        found = {}
        for number, kind in enumerate(expected):
            path = f"/{self.db}/{number}"
            await self.ask("PUT", f"{path}/a", data=TEXT, headers={"Content-Type": kind})
            stub = (await self.ask("GET", f"{path}?att_encoding_info=true")).json["_attachments"]["a"]
            found[kind] = stub.get("encoding") == "gzip"
        self.assertEqual(found, expected)

    async def test_incompressible(self) -> None:
        """Bytes that do not get smaller come back as they were, also many of them, also none."""
        for size in (0, 1, 262_144, 2_000_000):
            data = urandom(size)
            await self.ask("PUT", f"/{self.db}/doc{size}/data", data=data, headers=PLAIN)
            self.assertTrue((await self.bare(f"doc{size}/data")).body == data, size)

    async def test_comes_compressed(self) -> None:
        """What the client compressed is kept as it came, whatever its type, and undone for who does not take gzip."""
        packed = compress(TEXT, 1)
        await self.attach(packed, {"Content-Type": "image/png", "Content-Encoding": "gzip"})
        answer = await self.bare("doc/data", accept_encoding="gzip")
        self.assertEqual((answer.body == packed, answer.headers["content-encoding"]), (True, "gzip"))
        self.assertTrue((await self.bare("doc/data")).body == TEXT)
        stub = (await self.ask("GET", f"/{self.db}/doc?att_encoding_info=true")).json["_attachments"]["data"]
        self.assertEqual((stub["digest"], stub["encoded_length"]), (f"md5-{digest(packed)}", len(packed)))

    async def test_inline(self) -> None:
        """An attachment inside the document is compressed like one that was uploaded."""
        await self.attach(TEXT, PLAIN)
        body = {"_attachments": {"data": {"content_type": "text/plain", "data": b64encode(TEXT).decode()}}}
        await self.put("inline", **body)
        stubs = [
            (await self.ask("GET", f"/{self.db}/{name}")).json["_attachments"]["data"] for name in ("doc", "inline")
        ]
        self.assertEqual(stubs[0], stubs[1])


class EmbeddedCompressionContractTests(CompressionContract, EmbeddedCase):
    """The embedded store."""


class ApacheCompressionContractTests(CompressionContract, ApacheCase):
    """Apache CouchDB."""
