"""Documents put into a node's databases past its API, as foreign programs and broken nodes do (does I/O)."""

import json
import re
import urllib.error
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.integration.node import Node
from tests.integration.visitor import fetch


@dataclass(frozen=True, slots=True)
class PastTheApi:
    """Writes to the database of *node* that it uses for *purpose* (files, manifests, secrets)."""

    node: Node
    purpose: str

    @property
    def database(self) -> str:
        """The database's name."""
        return self.node.store.databases[self.purpose]

    def rev(self, doc_id: str) -> str | None:
        """Give a document's revision, without reading it."""
        (row,) = self._call("POST", "/_all_docs", {"keys": [doc_id]})["rows"]
        return row["value"]["rev"] if "value" in row and not row["value"].get("deleted") else None

    def read(self, doc_id: str) -> dict[str, Any]:
        """Give a document without what is CouchDB's."""
        doc = self._call("GET", f"/{quote(doc_id, safe='')}")
        return {name: value for name, value in doc.items() if not name.startswith("_")}

    def put(self, doc_id: str, doc: dict[str, Any], more: str = "") -> bool:
        """Write a document, whatever was there, with *more* as JSON members; tell whether the store took it."""
        try:
            rev = self.rev(doc_id)
            text = json.dumps({**doc, "_id": doc_id, **({"_rev": rev} if rev else {})})
            self._send("POST", "", (text[:-1] + more + "}").encode(), "application/json")
        except urllib.error.HTTPError as error:
            # What the store does not take needs no care; CouchDB says 500 where a number has more digits than Erlang calculates with.
            assert error.code in (400, 413, 500), f"{error.code} {error.read()!r}"
            return False
        return True

    def put_attachment(self, doc_id: str, name: str, content: bytes) -> None:
        """Write an attachment, whatever was there."""
        rev = self.rev(doc_id)
        self._send("PUT", f"/{doc_id}/{name}" + (f"?rev={rev}" if rev else ""), content, "application/octet-stream")

    def malformed(self) -> float:
        """Give how many malformed documents the node has counted in this database."""
        return counted(self.node, "malformed_documents", database=self.database)

    def _call(self, method: str, path: str, document: Any = None) -> Any:
        return self.node.store.access(self.node.data).call(method, self.database + path, document)

    def _send(self, method: str, path: str, body: bytes, content_type: str) -> None:
        self.node.store.access(self.node.data).send(method, self.database + path, body, content_type)


def counted(node: Node, family: str, **labels: str) -> float:
    """Give a counter of the node's, 0 where it has not counted yet."""
    label = ",".join(f'{name}="{value}"' for name, value in labels.items())
    text = fetch(node.api, "127.0.0.1", "/metrics").body.decode()
    found = re.search(rf"^couchpages_{family}_total{{{re.escape(label)}}} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0
