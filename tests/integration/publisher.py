"""Deploys through a node's API as the command does, over one keep-alive connection (does I/O)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Self

from tests.integration.node import Node
from tests.integration.visitor import Answer, Visitor


class Publisher:
    """Whoever deploys to *node*, with the node's key."""

    def __init__(self, node: Node) -> None:
        self._visitor = Visitor(node.api)
        self._key = node.key

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Call the API with JSON or bytes."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        fields = {"Authorization": f"Bearer {self._key}", **(headers or {})}
        return self._visitor.get("127.0.0.1", path, method, fields, content)

    def try_to_deploy(
        self, site: str, files: Mapping[str, bytes], *, commit: str | None = None, repeat: str | None = None
    ) -> Answer:
        """Upload what is missing, deploy to a production branch, and give the last answer; *repeat* is an Idempotency-Key."""
        blobs = {hashlib.sha256(content).hexdigest(): content for content in files.values()}
        asked = self.call("POST", f"/api/v2/sites/{site}/missing", {"hashes": sorted(blobs)})
        if asked.status != 200:
            return asked
        for sha256 in asked.json()["missing"]:
            stored = self.call("PUT", f"/api/v2/blobs/{sha256}", blobs[sha256])
            if stored.status not in (200, 201):
                return stored
        listed = {
            path: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            for path, content in files.items()
        }
        submission = {"branch": "main", "commit": commit, "files": listed}
        headers = {} if repeat is None else {"Idempotency-Key": repeat}
        return self.call("POST", f"/api/v2/sites/{site}/deployments", submission, headers)

    def deploy(self, site: str, files: Mapping[str, bytes], **more: str) -> Any:
        """Deploy, and give the deployment; it must succeed."""
        answer = self.try_to_deploy(site, files, **more)
        assert answer.status in (200, 201), f"deploying to {site}: {answer.status} {answer.body!r}"
        return answer.json()

    def close(self) -> None:
        """Hang up."""
        self._visitor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
