"""The documents of a node's CouchDB, past the node (does I/O)."""

import base64
import json
import urllib.request
from typing import Any
from urllib.parse import quote

from couchpages.config import load, tcp_address
from tests.integration.node import Node


class Documents:
    """Reads and writes as a replicator would, with the node's own credentials."""

    def __init__(self, node: Node) -> None:
        settings = load(node.config, node.environment())
        couchdb = settings.couchdb
        self._names = {"files": couchdb.files, "manifests": couchdb.manifests, "secrets": couchdb.secrets}
        if couchdb.url is not None:
            self._url, credentials = couchdb.url, f"{couchdb.username}:{couchdb.password}"
        else:
            address = tcp_address(settings.embedded.listen)
            assert address is not None
            password = (node.data / "store-password").read_text().strip()
            self._url, credentials = f"http://127.0.0.1:{address.port}", f"couchpages:{password}"
        self._authorization = "Basic " + base64.b64encode(credentials.encode()).decode()

    def get(self, database: str, doc_id: str) -> Any:
        """Give a document."""
        return json.loads(self._ask("GET", database, doc_id))

    def put(self, database: str, doc_id: str, document: Any) -> None:
        """Write a document."""
        self._ask("PUT", database, doc_id, json.dumps(document).encode())

    def blob(self, sha256: str) -> str:
        """Give a blob's text."""
        return self._ask("GET", "files", sha256, path="/data").decode()

    def bulk(self, database: str, documents: list[Any]) -> None:
        """Write many documents."""
        self._ask("POST", database, "_bulk_docs", json.dumps({"docs": documents}).encode())

    def _ask(self, method: str, database: str, doc_id: str, body: bytes | None = None, path: str = "") -> bytes:
        address = f"{self._url}/{quote(self._names[database], safe='')}/{quote(doc_id, safe='')}{path}"
        headers = {"Authorization": self._authorization, "Content-Type": "application/json"}
        request = urllib.request.Request(address, body, headers, method=method)  # noqa: S310 -- http, as configured
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            content: bytes = answer.read()
        return content
