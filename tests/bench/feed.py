"""Notes when changes arrive in a database, by its continuous feed (a thread)."""

import base64
import json
import threading
import time
import urllib.request
from typing import Self

from tests.integration.node import wait_until
from tests.integration.replication import Endpoint

HEARTBEAT = 1000


class Arrivals:
    """When each document of a database was readable, by :func:`time.perf_counter`; those of ``manifests`` by their deployments' ids."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._seen: dict[tuple[str, str | None], float] = {}
        self._ended = threading.Event()
        self._listening = threading.Event()
        access = endpoint.access
        query = f"feed=continuous&since=now&heartbeat={HEARTBEAT}&include_docs=true"
        token = base64.b64encode(f"{access.username}:{access.password}".encode()).decode()
        self._request = urllib.request.Request(  # noqa: S310 -- http, as configured
            f"{access.url}/{endpoint.database}/_changes?{query}", headers={"Authorization": f"Basic {token}"}
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def moment_of(self, doc_id: str, deployment: str | None = None) -> float:
        """Wait until a document, of that deployment if one is given, has arrived, and give the moment."""
        wait_until(lambda: (doc_id, deployment) in self._seen, f"{doc_id} in the feed")
        return self._seen[doc_id, deployment]

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(self._listening.is_set, "the feed")
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _listen(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self._request, timeout=30) as answer:
            # The heartbeats wake this thread to its end.
            for line in answer:
                self._listening.set()
                if self._ended.is_set():
                    return
                if line.strip():
                    self._note(json.loads(line))

    def _note(self, change: dict[str, object]) -> None:
        doc = change.get("doc")
        ours = doc.get("couchpages") if isinstance(doc, dict) else None
        deployment = ours["id"] if isinstance(ours, dict) else None
        self._seen.setdefault((str(change.get("id")), deployment), time.perf_counter())
