"""CouchDB's continuous replication of one database to another, to be cut and healed (asks a CouchDB to do it)."""

import urllib.error
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tests.integration.stores import Access


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A database and how to reach it."""

    access: Access
    database: str

    def described(self) -> dict[str, Any]:
        """Name it as a replication does (CouchDB's documentation, "Replication and Authentication")."""
        basic = {"username": self.access.username, "password": self.access.password}
        return {"url": f"{self.access.url}/{self.database}", "auth": {"basic": basic}}


class Link:
    """Replication from *source* to *target*, which the CouchDB at *runner* runs while it is healed.

    It is made with ``_replicate`` and so is in no database; CouchDB begins up to ``[replicator] startup_jitter`` (5 s) later.
    """

    def __init__(self, runner: Access, source: Endpoint, target: Endpoint) -> None:
        self._runner = runner
        self._wanted = {"source": source.described(), "target": target.described(), "continuous": True}
        self._id: str | None = None

    def heal(self) -> None:
        """Replicate from now on."""
        if self._id is None:
            self._id = str(self._runner.call("POST", "_replicate", self._wanted)["_local_id"])

    def cut(self) -> None:
        """Replicate no more; when this returns, nothing more arrives."""
        if self._id is None:
            return
        try:
            self._runner.call("POST", "_replicate", {"replication_id": self._id, "cancel": True})
        except urllib.error.HTTPError as error:
            # A CouchDB that was started again has forgotten it.
            if error.code != HTTPStatus.NOT_FOUND:
                raise
        self._id = None
