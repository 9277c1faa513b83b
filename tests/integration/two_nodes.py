"""Two nodes, each with databases of its own, and replication between them, to be cut and healed (starts processes)."""

import time
import urllib.error
from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.integration.node import Node, merged
from tests.integration.publisher import Publisher
from tests.integration.replication import Endpoint, Link
from tests.integration.requirements import COUCHDB_2
from tests.integration.stores import DATABASES, Access, ApacheCouchDB, Settings, Store
from tests.integration.visitor import Answer, call_api, fetch

#: From the first node to the second, and from the second to the first.
THERE, BACK = "there", "back"
DIRECTIONS = (THERE, BACK)
#: Seconds for which nothing may change before two databases count as settled, and after which that is given up.
QUIET, PATIENCE = 3.0, 60.0


class Side:
    """One of the two: a node, and its databases past it."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.access: Access = node.store.access(node.data)

    def endpoint(self, database: str) -> Endpoint:
        """Give what replicates *database*, one of :data:`DATABASES`."""
        return Endpoint(self.access, self.node.store.databases[database])

    def document(self, database: str, doc_id: str) -> Any:
        """Give a document with the revisions that are in conflict with it, or None."""
        try:
            return self._call("GET", database, f"{quote(doc_id, safe='')}?conflicts=true")
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            return None

    def write(self, database: str, document: Mapping[str, Any]) -> None:
        """Write a document past the node; with ``_rev`` it replaces that revision."""
        self._call("PUT", database, quote(document["_id"], safe=""), document)

    def copy(self, database: str, doc_id: str, target: "Side") -> None:
        """Bring one document to *target* with its revisions and attachments, as replication would."""
        document = self._call("GET", database, f"{quote(doc_id, safe='')}?revs=true&attachments=true")
        target._call("POST", database, "_bulk_docs", {"docs": [document], "new_edits": False})

    def leaves(self, database: str) -> dict[str, list[str]]:
        """Give every document's revisions that have no successor, deleted ones too."""
        rows = self._call("GET", database, "_changes?style=all_docs")["results"]
        return {row["id"]: sorted(each["rev"] for each in row["changes"]) for row in rows}

    def _call(self, method: str, database: str, path: str, body: Any = None) -> Any:
        return self.access.call(method, f"{self.node.store.databases[database]}/{path}", body)

    def deploy(self, site: str, files: Mapping[str, bytes], **more: str) -> Any:
        """Deploy through the API, and give the deployment."""
        with Publisher(self.node) as publisher:
            return publisher.deploy(site, files, **more)

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """Call the API."""
        return call_api(self.node.api, self.node.key, method, f"/api/v2/sites/{path}", body)

    def listed(self, site: str) -> Any:
        """Give the list of a site's deployments as the API gives it."""
        answer = self.call("GET", f"{site}/deployments")
        assert answer.status == HTTPStatus.OK, f"{site}/deployments: {answer.status} {answer.body!r}"
        return answer.json()

    def get(self, host: str, target: str = "/") -> Answer:
        """Visit."""
        return fetch(self.node.http, host, target)

    def metric(self, name: str) -> float:
        """Give a sample of the node's metrics, by its name with its labels; 0 for a label that nothing was counted for."""
        lines = fetch(self.node.api, "127.0.0.1", "/metrics").body.decode().splitlines()
        assert any(line.startswith(f"# TYPE {name.partition('{')[0]} ") for line in lines), f"there is no metric {name}"
        values = [line.rpartition(" ")[2] for line in lines if line.rpartition(" ")[0] == name]
        return float(values[0]) if values else 0.0


class TwoNodes:
    """Two nodes that run, on two servers where COUCHPAGES_TEST_COUCHDB_2 names the second, else on databases of one. Healed at first.

    *store* may be another one for the second, *settings* are more of its settings, and *shared* more of both nodes'.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings | None = None,
        store: Store | None = None,
        shared: Settings | None = None,
    ) -> None:
        store = store or ApacheCouchDB(COUCHDB_2)
        nodes = [
            Node(folder / "first", ApacheCouchDB(), shared),
            Node(folder / "second", store, merged(shared or {}, settings or {})),
        ]
        self._links: dict[tuple[str, str], Link] = {}
        self._nodes = nodes
        try:
            for node in nodes:
                node.init()
                node.start()
            self.first, self.second = (Side(node) for node in nodes)
            for database in DATABASES:
                first, second = self.first.endpoint(database), self.second.endpoint(database)
                # Each server pulls what it lacks; the embedded store has it brought.
                puller = second if isinstance(store, ApacheCouchDB) else first
                self._links[database, THERE] = Link(puller.access, first, second)
                self._links[database, BACK] = Link(first.access, second, first)
            self.heal()
        except BaseException:
            self.remove()
            raise

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both."""
        return self.first, self.second

    def heal(self, *databases: str, directions: tuple[str, ...] = DIRECTIONS) -> None:
        """Replicate *databases* (all, when none is named) from now on."""
        for database in databases or DATABASES:
            for direction in directions:
                self._links[database, direction].heal()

    def cut(self, *databases: str, directions: tuple[str, ...] = DIRECTIONS) -> None:
        """Replicate *databases* (all, when none is named) no more."""
        for database in databases or DATABASES:
            for direction in directions:
                self._links[database, direction].cut()

    def settle(self, database: str = "manifests") -> None:
        """Wait until *database* is the same on both sides, down to every revision, and was not changed for :data:`QUIET` seconds.

        Raises AssertionError with what differs, also when both sides are the same and never stop changing.
        """
        until = time.monotonic() + PATIENCE
        before, since = [side.leaves(database) for side in self.sides], time.monotonic()
        while before[0] != before[1] or time.monotonic() - since < QUIET:
            time.sleep(0.1)
            now = [side.leaves(database) for side in self.sides]
            if now != before:
                before, since = now, time.monotonic()
            if time.monotonic() > until:
                differing = {each for each in {*now[0], *now[1]} if now[0].get(each) != now[1].get(each)}
                raise AssertionError(f"{database} does not settle; different on both sides: {sorted(differing)}")

    def remove(self) -> None:
        """Stop everything, and leave nothing behind."""
        with ExitStack() as stack:
            for node in self._nodes:
                stack.callback(node.remove)
            stack.callback(self.cut, *{database for database, _ in self._links})
