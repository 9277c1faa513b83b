"""What a node under test keeps its documents in: the embedded store, or databases of an Apache CouchDB (does I/O)."""

import base64
import json
import secrets
import urllib.request
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from tests.integration.requirements import COUCHDB

Settings = dict[str, dict[str, Any]]


class Store(Protocol):
    """A place for documents, made for one node."""

    def settings(self, port: int) -> Settings:
        """Give the sections of the node's configuration; *port* is free for the store."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Give what the node and its commands find in their environment."""
        ...

    def remove(self) -> None:
        """Remove what the node's own folder does not hold."""
        ...


class EmbeddedStore:
    """The store that the daemon brings."""

    def settings(self, port: int) -> Settings:
        """See :class:`Store`."""
        return {"embedded": {"listen": f"tcp:{port}:interface=127.0.0.1"}}

    def environment(self) -> Mapping[str, str]:
        """See :class:`Store`."""
        return {}

    def remove(self) -> None:
        """See :class:`Store`: nothing lies elsewhere."""


class ApacheCouchDB:
    """Three databases, named at random, of the server that COUCHPAGES_TEST_COUCHDB names."""

    def __init__(self) -> None:
        parts = urlsplit(COUCHDB or "http://admin:secret@127.0.0.1:5984")
        self._url = f"{parts.scheme}://{parts.hostname}:{parts.port or 5984}"
        self._username, self._password = parts.username or "", parts.password or ""
        suffix = secrets.token_hex(5)
        self.databases = {name: f"test-{name}-{suffix}" for name in ("files", "manifests", "secrets")}

    def settings(self, port: int) -> Settings:
        """See :class:`Store`."""
        del port
        return {"couchdb": {"url": self._url, "username": self._username, **self.databases}}

    def environment(self) -> Mapping[str, str]:
        """See :class:`Store`."""
        return {"COUCHPAGES_COUCHDB_PASSWORD": self._password}

    def call(self, method: str, path: str, document: Any = None) -> Any:
        """Ask CouchDB itself, past the node; *path* begins with a database's name."""
        body = None if document is None else json.dumps(document).encode()
        return json.loads(self.send(method, path, body, "application/json"))

    def send(self, method: str, path: str, body: bytes | None, content_type: str) -> bytes:
        """Send *body* as it is and give the answer's."""
        token = base64.b64encode(f"{self._username}:{self._password}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": content_type}
        request = urllib.request.Request(f"{self._url}/{path}", body, headers, method=method)  # noqa: S310 -- http, as configured
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            content: bytes = answer.read()
        return content

    def remove(self) -> None:
        """Delete the databases."""
        for name in self.databases.values():
            try:
                self.call("DELETE", quote(name))
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
