"""What our client asks of conflicting documents, on both stores."""

from couchpages.couch.database import CouchDatabase
from couchpages.couch.transport import Transport
from couchpages.dns.names import from_text
from couchpages.dns.zone_documents import ZoneDocument, document_id, from_document, to_document
from couchpages.ports import Conflict, StoreError
from tests.couch.contract.base import ApacheCase, Contract, EmbeddedCase


class ConflictContract(Contract):
    """Two revisions of one document, as replication leaves them."""

    async def conflicting(self) -> CouchDatabase:
        """Write two competing revisions of a document, and give the database as the node has it."""
        transport = Transport(self.reactor, self.base, (self.username, self.password))
        self.addCleanup(transport.close)
        docs = [
            {"_id": "x", "_revisions": {"start": 2, "ids": [digest * 32, "0" * 32]}, "which": digest}
            for digest in ("a", "b")
        ]
        await self.ask("POST", f"/{self.db}/_bulk_docs", {"docs": docs, "new_edits": False})
        return CouchDatabase(transport, self.db)

    async def test_leaves(self) -> None:
        """Every living revision is given; none where there is no document, or only tombstones."""
        database = await self.conflicting()
        self.assertEqual({leaf["which"] for leaf in await database.leaves("x")}, {"a", "b"})
        self.assertEqual(await database.leaves("unknown"), [])
        for leaf in await database.leaves("x"):
            await database.bulk([{"_id": "x", "_rev": leaf["_rev"], "_deleted": True}])
        self.assertEqual(await database.leaves("x"), [])
        self.assertEqual(len(await database.leaves("x", deleted=True)), 2)

    async def test_leaves_that_are_deleted(self) -> None:
        """Whoever asks for them is given them too, with what their tombstones say."""
        database = await self.conflicting()
        await database.bulk([{"_id": "x", "_rev": "2-" + "a" * 32, "_deleted": True, "made": 7}])
        leaves = sorted(await database.leaves("x", deleted=True), key=lambda leaf: str(leaf["_rev"]))
        self.assertEqual(
            [(leaf.get("_deleted"), leaf.get("made"), leaf.get("which")) for leaf in leaves],
            [(None, None, "b"), (True, 7, None)],
        )

    async def test_change(self) -> None:
        """The feed names the losing revision, until it is removed."""
        database = await self.conflicting()
        feed = await self.feed("&include_docs=true&conflicts=true&heartbeat=1000")
        row = await feed.row()
        self.assertEqual((row["doc"]["which"], row["doc"]["_conflicts"]), ("b", ["2-" + "a" * 32]))
        (outcome,) = await database.bulk([{"_id": "x", "_rev": "2-" + "a" * 32, "_deleted": True}])
        self.assertIsInstance(outcome, str)
        row = await feed.row()
        self.assertEqual((row["doc"]["which"], row["doc"].get("_conflicts")), ("b", None))

    async def test_removed_alike(self) -> None:
        """Who removes the same revision makes the same tombstone: two nodes that tidy up make no new conflict."""
        database = await self.conflicting()
        loser = {"_id": "x", "_rev": "2-" + "a" * 32, "_deleted": True}
        (first,) = await database.bulk([loser])
        (again,) = await database.bulk([loser])
        self.assertIsInstance(again, Conflict)
        await self.ask("DELETE", f"/{self.db}")
        await self.ask("PUT", f"/{self.db}")
        other = await self.conflicting()
        self.assertEqual(await other.bulk([loser]), [first])

    async def test_editing_a_losing_leaf(self) -> None:
        """A leaf that is not CouchDB's choice may be edited by its revision; one that is no leaf may not."""
        database = await self.conflicting()
        rev = await database.put("x", {"which": "c"}, "2-" + "a" * 32)
        self.assertEqual((await database.get("x"))["_rev"], rev)
        with self.assertRaises(Conflict):
            await database.put("x", {"which": "d"}, "2-" + "a" * 32)

    async def test_zone_with_an_underscore(self) -> None:
        """The document of a zone whose name begins with an underscore is written, read and listed by its id; a bare one is refused."""
        database = await self.conflicting()
        with self.assertRaises(StoreError):
            await database.put("_acme-challenge.example.com", {})
        zone = ZoneDocument(7, from_text("_acme-challenge.example.com"), 2)
        doc_id = document_id(zone.apex)
        rev = await database.put(doc_id, to_document(zone))
        found = [await database.get(doc_id), *await database.leaves(doc_id), *await database.documents(doc_id, doc_id)]
        self.assertEqual([from_document(doc["_id"], doc) for doc in found], [zone] * 3)
        (row,) = await database.rows([doc_id])
        self.assertEqual((row.doc_id, row.rev), (doc_id, rev))
        await database.delete(doc_id, rev)
        self.assertEqual(await database.leaves(doc_id), [])


class EmbeddedConflicts(ConflictContract, EmbeddedCase):
    """On the embedded store."""


class ApacheConflicts(ConflictContract, ApacheCase):
    """On Apache CouchDB."""
