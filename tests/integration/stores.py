"""What a node under test keeps its documents in: the embedded store, or databases of an Apache CouchDB (does I/O)."""

import base64
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from tests.integration.requirements import COUCHDB

Settings = dict[str, dict[str, Any]]


#: The databases' names, by what they are for.
DATABASES = ("files", "manifests", "secrets", "dns_zones", "dns_records")


@dataclass(frozen=True, slots=True)
class Access:
    """How to speak to what a node speaks to: an address and credentials."""

    url: str
    username: str
    password: str

    def call(self, method: str, path: str, document: Any = None) -> Any:
        """Send JSON and read JSON; *path* begins with a database's name. Raises HTTPError."""
        body = None if document is None else json.dumps(document).encode()
        return json.loads(self.send(method, path, body, "application/json", "application/json"))

    def send(self, method: str, path: str, body: bytes | None, content_type: str, accept: str = "*/*") -> bytes:
        """Send *body* as it is, and give the answer's."""
        token = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": content_type, "Accept": accept}
        request = urllib.request.Request(f"{self.url}/{path}", body, headers, method=method)  # noqa: S310 -- http, as configured
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            content: bytes = answer.read()
        return content


class Store(Protocol):
    """A place for documents, made for one node."""

    databases: Mapping[str, str]

    def settings(self, port: int) -> Settings:
        """Give the sections of the node's configuration; *port* is free for the store."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Give what the node and its commands find in their environment."""
        ...

    def access(self, data: Path) -> Access:
        """Tell how to speak to it past the node, whose folder is *data* and which runs."""
        ...

    def remove(self) -> None:
        """Remove what the node's own folder does not hold."""
        ...


class EmbeddedStore:
    """The store that the daemon brings."""

    databases: Mapping[str, str] = dict(zip(DATABASES, DATABASES, strict=True))

    def __init__(self) -> None:
        self._port = 0

    def settings(self, port: int) -> Settings:
        """See :class:`Store`."""
        self._port = port
        return {"embedded": {"listen": f"tcp:{port}:interface=127.0.0.1"}}

    def environment(self) -> Mapping[str, str]:
        """See :class:`Store`."""
        return {}

    def access(self, data: Path) -> Access:
        """See :class:`Store`."""
        return Access(f"http://127.0.0.1:{self._port}", "couchpages", (data / "store-password").read_text().strip())

    def remove(self) -> None:
        """See :class:`Store`: nothing lies elsewhere."""


class ApacheCouchDB:
    """Databases, named at random, of the server at *address*, or else of the one that COUCHPAGES_TEST_COUCHDB names."""

    databases: Mapping[str, str]

    def __init__(self, address: str | None = None) -> None:
        parts = urlsplit(address or COUCHDB or "")
        self._access = Access(
            f"{parts.scheme}://{parts.hostname}:{parts.port or 5984}", parts.username or "", parts.password or ""
        )
        suffix = secrets.token_hex(5)
        self.databases = {name: f"test-{name}-{suffix}" for name in DATABASES}

    def settings(self, port: int) -> Settings:
        """See :class:`Store`."""
        del port
        return {"couchdb": {"url": self._access.url, "username": self._access.username, **self.databases}}

    def environment(self) -> Mapping[str, str]:
        """See :class:`Store`."""
        return {"COUCHPAGES_COUCHDB_PASSWORD": self._access.password}

    def access(self, data: Path) -> Access:
        """See :class:`Store`."""
        del data
        return self._access

    def remove(self) -> None:
        """Delete the databases."""
        for name in self.databases.values():
            try:
                self._access.call("DELETE", name)
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.NOT_FOUND:
                    raise
