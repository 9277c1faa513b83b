"""The day on which somebody outgrows the embedded store: Apache CouchDB pulls everything out of it, and pushes back."""

from base64 import b64encode
from gzip import compress
from random import Random
from typing import Any
from urllib.parse import quote

from tests.couch.contract.base import OCTETS
from tests.couch.moving.base import MovingCase

IDS = ("plain", "with/slash", "with+plus", "with space", "ü-ñ-日本", "%41", "a?b&c=d#e", "_design/view", "x" * 230)
SIZES = (1, 100, 65_537, 262_144, 262_145, 3_000_000)


class Moving(MovingCase):
    """One `_replicate` call."""

    def setUp(self) -> Any:
        """Draw contents."""
        self.random = Random(20261124)  # noqa: S311  # contents, not secrets
        return super().setUp()

    async def fill(self) -> None:
        """Fill the store with everything that there may be."""
        for name in IDS:
            await self.put(name, text="first", number=1.5, nested={"a": [None, True, "ü"]})
        for size in SIZES:
            await self.attach(f"blob-{size}", "data", self.random.randbytes(size), "application/octet-stream")
            await self.attach(f"text-{size}", "readme.txt", b"line of text\n" * (size // 13), "text/plain")
        rev = await self.attach("several", "one.bin", b"1", "image/png")
        rev = await self.attach("several", "two ü/x.css", b"body{}" * 50, "text/css; charset=utf-8", rev)
        packed = compress(b"compressed by the client" * 100)
        answer = await self.ask(
            "PUT", f"/{self.db}/several/packed?rev={rev}", data=packed, headers={**OCTETS, "Content-Encoding": "gzip"}
        )
        self.assertEqual(answer.status, 201)
        await self.edit("several", note="stubs stay")
        await self.conflicts()
        rev = await self.put("deleted", a=1)
        await self.ask("DELETE", f"/{self.db}/deleted?rev={rev}")
        rev = await self.put("tombstone", a=1)
        await self.put("tombstone", _rev=rev, _deleted=True, reason="with a body")
        for number in range(300):
            await self.put(f"many-{number}", number=number)
        await self.put("_local/not-replicated", a=1)

    async def attach(self, document: str, name: str, data: bytes, kind: str, rev: str | None = None) -> str:
        """Write an attachment."""
        path = f"/{self.db}/{document}/{quote(name)}" + (f"?rev={rev}" if rev else "")
        answer = await self.ask("PUT", path, data=data, headers={"Content-Type": kind})
        self.assertEqual(answer.status, 201, answer.body)
        return str(answer.json["rev"])

    async def edit(self, name: str, **members: object) -> None:
        """Edit a document; its attachments stay."""
        doc = (await self.ask("GET", f"/{self.db}/{name}")).json
        await self.put(name, **{**doc, **members})

    async def conflicts(self) -> None:
        """Make branches three deep, with attachments on some, one of them deleted."""
        data = b64encode(b"on a branch").decode()
        docs = [
            {
                "_id": "conflict",
                "_revisions": {"start": 4, "ids": [digit * 32, f"{digit}c" * 16, f"{digit}d" * 16, "0" * 32]},
                "branch": digit,
                "_deleted": digit == "c",
                "_attachments": {"a.txt": {"content_type": "text/plain", "data": data, "revpos": 2}}
                if digit != "b"
                else {},
            }
            for digit in "abc"
        ]
        answer = await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": docs, "new_edits": False})
        self.assertEqual((answer.status, answer.json), (201, []))

    async def test_out_at_rest(self) -> None:
        """Everything is in CouchDB: documents, trees, conflicts, tombstones, and each attachment's bytes; local documents stay."""
        await self.fill()
        target = await self.new_database()
        await self.replicate(self.store_end(self.db), self.couch_end(target))
        self.assertEqual(await self.everything(of_couchdb=target), await self.everything())
        self.assertEqual((await self.couchdb("GET", f"/{target}/_local/not-replicated")).status, 404)

    async def test_out_and_back(self) -> None:
        """What changes in CouchDB afterwards comes back with one call: edits, new conflicts, deletions, attachments of all kinds."""
        await self.fill()
        target = await self.new_database()
        await self.replicate(self.store_end(self.db), self.couch_end(target))
        await self.change_in_couchdb(target)
        await self.replicate(self.couch_end(target), self.store_end(self.db))
        self.assertEqual(await self.everything(), await self.everything(of_couchdb=target))
        told = await self.replicate(self.couch_end(target), self.store_end(self.db))
        self.assertTrue(told.get("no_changes"), told)

    async def change_in_couchdb(self, target: str) -> None:
        """Change much."""
        for name in IDS[:4]:
            doc = (await self.couchdb("GET", f"/{target}/{quote(name, safe='')}")).json
            await self.couchdb("PUT", f"/{target}/{quote(name, safe='')}", {**doc, "text": "second"})
        doc = (await self.couchdb("GET", f"/{target}/several")).json
        doc["_attachments"]["new.js"] = {
            "content_type": "application/javascript",
            "data": b64encode(b"var x;" * 99).decode(),
        }
        await self.couchdb("PUT", f"/{target}/several", doc)
        for kind, size in (("text/html", 900_000), ("application/octet-stream", 2_000_000), ("text/plain", 10)):
            data = self.random.randbytes(size // 2).hex().encode()
            path = f"/{target}/new-{size}/file"
            answer = await self.couchdb("PUT", path, data=data, headers={"Content-Type": kind})
            self.assertEqual(answer.status, 201)
        rev = (await self.couchdb("GET", f"/{target}/many-7")).json["_rev"]
        await self.couchdb("DELETE", f"/{target}/many-7?rev={rev}")
        leaves = (await self.couchdb("GET", f"/{target}/conflict?conflicts=true")).json
        await self.couchdb("DELETE", f"/{target}/conflict?rev={leaves['_conflicts'][0]}")

    async def test_empty(self) -> None:
        """Empty attachments arrive, which Apache CouchDB itself cannot replicate when they are not compressible."""
        for number, kind in enumerate(("application/octet-stream", "text/plain", "image/png")):
            await self.attach(f"empty-{number}", "data", b"", kind)
        target = await self.new_database()
        await self.replicate(self.store_end(self.db), self.couch_end(target))
        for number, kind in enumerate(("application/octet-stream", "text/plain", "image/png")):
            answer = await self.couchdb("GET", f"/{target}/empty-{number}/data")
            self.assertEqual((answer.status, answer.body, answer.headers["content-type"]), (200, b"", kind))

    async def test_there_and_on(self) -> None:
        """What one CouchDB has reaches another through the store, in which CouchDB's own compressed attachments survive."""
        first, second = await self.new_database(), await self.new_database()
        await self.couchdb("PUT", f"/{first}/several", {"a": 1})
        await self.change_in_couchdb_alone(first)
        await self.replicate(self.couch_end(first), self.store_end(self.db))
        self.assertEqual(await self.everything(), await self.everything(of_couchdb=first))
        await self.replicate(self.store_end(self.db), self.couch_end(second))
        self.assertEqual(await self.everything(of_couchdb=second), await self.everything(of_couchdb=first))

    async def change_in_couchdb_alone(self, database: str) -> None:
        """Make documents as CouchDB makes them."""
        for kind in ("text/plain", "application/json", "image/svg+xml", "application/octet-stream"):
            for size in (7, 10, 500_000):
                path = f"/{database}/{kind.replace('/', '-')}-{size}/a"
                answer = await self.couchdb("PUT", path, data=b'{"x":1}' * (size // 7), headers={"Content-Type": kind})
                self.assertEqual(answer.status, 201)

    async def test_without_bulk_get(self) -> None:
        """A replicator that fetches each document for itself gets the same."""
        await self.fill()
        target = await self.new_database()
        await self.replicate(self.store_end(self.db), self.couch_end(target), use_bulk_get=False)
        self.assertEqual(await self.everything(of_couchdb=target), await self.everything())

    async def test_credentials_in_the_address(self) -> None:
        """Name and password may stand in the address: CouchDB asks for a session first, and does without one."""
        await self.put("a", b=1)
        target = await self.new_database()
        address = self.base.replace("http://", f"http://{self.username}:{self.password}@")
        await self.replicate({"url": f"{address}/{self.db}"}, self.couch_end(target))
        self.assertEqual(list(await self.everything(of_couchdb=target)), ["a"])

    async def test_some_documents(self) -> None:
        """Only the documents that are named are replicated."""
        for name in ("a", "b", "c"):
            await self.put(name, x=1)
        target = await self.new_database()
        await self.replicate(self.store_end(self.db), self.couch_end(target), doc_ids=["a", "c", "unknown"])
        self.assertEqual(set(await self.everything(of_couchdb=target)), {"a", "c"})

    async def test_live(self) -> None:
        """A continuous replication follows while writing goes on, and is complete a moment after it ends."""
        target = await self.new_database()
        job = {"source": self.store_end(self.db), "target": self.couch_end(target), "continuous": True}
        self.assertEqual((await self.couchdb("POST", "/_replicate", job)).status, 202)
        self.addCleanup(self.couchdb, "POST", "/_replicate", {**job, "cancel": True})
        rev = await self.put("changing", number=0)
        for number in range(60):
            await self.attach(f"live-{number}", "data", self.random.randbytes(5000 + number), "text/plain")
            rev = await self.put("changing", number=number, _rev=rev)
        expected = await self.everything()
        for _ in range(200):
            found = await self.everything(of_couchdb=target)
            if found == expected:
                break
            await self.pause(0.1)
        self.assertEqual(found, expected)

    async def test_resuming(self) -> None:
        """A second call begins where the first one ended, by the checkpoint in the store's local documents."""
        for number in range(50):
            await self.put(f"{number}", x=number)
        target = await self.new_database()
        first = await self.replicate(self.store_end(self.db), self.couch_end(target))
        await self.put("late", x=1)
        second = await self.replicate(self.store_end(self.db), self.couch_end(target))
        self.assertEqual(second["history"][0]["start_last_seq"], first["source_last_seq"])
        read = [told["history"][0]["docs_read"] for told in (first, second)]
        # CouchDB goes on counting where the job began before.
        self.assertEqual((read[0], read[1] - read[0]), (50, 1))
