"""An embedded store and an Apache CouchDB that replicates with it."""

import json
import os
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

from twisted.trial.unittest import SkipTest

from tests.couch.contract.base import VARIABLE, Answer, EmbeddedCase


class MovingCase(EmbeddedCase):
    """A test with a database in the embedded store (`self.db`) and one of the same name in CouchDB."""

    timeout = 300.0

    async def open_store(self) -> None:
        """Start the store, and find CouchDB."""
        address = os.environ.get(VARIABLE)
        if not address:
            raise SkipTest(f"set {VARIABLE} to an address like http://admin:secret@127.0.0.1:5984 to run this")
        parts = urlsplit(address)
        self.couch = f"http://{parts.hostname}:{parts.port or 5984}"
        self.couch_user = f"{parts.username}:{parts.password}"
        await super().open_store()

    async def couchdb(self, method: str, path: str, body: object = None, **more: Any) -> Answer:
        """Ask CouchDB."""
        return await self.ask(method, self.couch + path, body, user=self.couch_user, **more)

    async def new_database(self) -> str:
        """Make a database in CouchDB."""
        name = f"moving-{uuid4().hex}"
        self.assertEqual((await self.couchdb("PUT", f"/{name}")).status, 201)
        self.addCleanup(self.couchdb, "DELETE", f"/{name}")
        return name

    def store_end(self, database: str) -> dict[str, Any]:
        """Name a database of the store as a replication does."""
        return {
            "url": f"{self.base}/{database}",
            "auth": {"basic": {"username": self.username, "password": self.password}},
        }

    def couch_end(self, database: str) -> dict[str, Any]:
        """Name a database of CouchDB as a replication does."""
        name, _, password = self.couch_user.partition(":")
        return {"url": f"{self.couch}/{database}", "auth": {"basic": {"username": name, "password": password}}}

    async def replicate(self, source: dict[str, Any], target: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Let CouchDB replicate once, which must succeed."""
        answer = await self.couchdb("POST", "/_replicate", {"source": source, "target": target, **more})
        self.assertEqual(answer.status, 200, answer.body)
        told: dict[str, Any] = answer.json
        self.assertTrue(told["ok"])
        if told.get("history"):
            self.assertEqual(told["history"][0]["doc_write_failures"], 0)
        return told

    async def everything(self, *, of_couchdb: str | None = None) -> dict[str, Any]:
        """Give every leaf of every document with its ancestors and attachments, from the store's `db` or from CouchDB."""
        ask, name = (self.ask, self.db) if of_couchdb is None else (self.couchdb, of_couchdb)
        changes = (await ask("GET", f"/{name}/_changes?style=all_docs")).json["results"]
        found = {}
        for row in changes:
            path = f"/{name}/{quote(row['id'], safe='')}?open_revs=all&revs=true&attachments=true"
            answer = await ask("GET", path, headers={"Accept": "application/json"})
            self.assertEqual(answer.status, 200, answer.body)
            leaves = {each["ok"]["_rev"]: each["ok"] for each in answer.json}
            self.assertEqual(set(leaves), {each["rev"] for each in row["changes"]})
            winner = row["changes"][0]["rev"]
            found[row["id"]] = json.loads(json.dumps([winner, bool(row.get("deleted")), leaves], sort_keys=True))
        return found
