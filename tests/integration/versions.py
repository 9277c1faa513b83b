"""Versions of a site that can be told from each other by every page, and their deployment by API calls (does I/O)."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from couchpages.pages.activation import deployment_id, repeatable_entropy
from tests.integration.node import Node
from tests.integration.visitor import Answer, call_api

#: Some pages are larger than a chunk of the daemon's, and than what its memory takes.
SIZES = (*tuple(50 + 977 * number for number in range(20)), 150000, 400000)
PAGES = len(SIZES)
_STAMP = re.compile(rb"version (\d+) of ([a-z0-9.-]+)\n")


@lru_cache(maxsize=400)
def page(site: str, version: int, number: int) -> bytes:
    """Give a page, which says its version first and last; one in three is the same in ten versions that follow each other."""
    shown = version - version % 10 if number % 3 == 0 else version
    stamp = b"version %d of %s\n" % (shown, site.encode())
    return stamp + b"page %d\n" % number + b"x" * SIZES[number] + stamp


def version_of(answer: Answer, site: str, number: int) -> tuple[int, ...] | None:
    """Give the versions that an answer's page may be of, or None where it is not one page, whole."""
    stamp = _STAMP.match(answer.body)
    shown = int(stamp[1]) if stamp else 0
    if answer.body != page(site, shown, number):
        return None
    return tuple(range(shown, shown + 10)) if number % 3 == 0 else (shown,)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a site, to be deployed on *node*."""

    node: Node
    site: str
    number: int

    @property
    def id(self) -> str:
        """The deployment's id, which follows from the Idempotency-Key."""
        return deployment_id(repeatable_entropy(self.site, self.key))

    @property
    def key(self) -> str:
        """The Idempotency-Key."""
        return f"version-{self.number}"

    def contents(self) -> dict[str, bytes]:
        """Give the pages, by their paths."""
        return {f"{each}.html": page(self.site, self.number, each) for each in range(PAGES)}

    def upload(self) -> None:
        """Upload what is missing, as the command does."""
        contents = {hashlib.sha256(content).hexdigest(): content for content in self.contents().values()}
        asked = self.call("POST", f"/api/v2/sites/{self.site}/missing", {"hashes": list(contents)})
        assert asked.status == HTTPStatus.OK, asked.body
        for sha256 in asked.json()["missing"]:
            put = self.call("PUT", f"/api/v2/blobs/{sha256}", contents[sha256])
            assert put.status in (HTTPStatus.OK, HTTPStatus.CREATED), put.body

    def make(self) -> Answer:
        """Make the deployment of what is uploaded; may be repeated."""
        files = {
            path: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            for path, content in self.contents().items()
        }
        path = f"/api/v2/sites/{self.site}/deployments"
        body = {"branch": "main", "files": files}
        return call_api(self.node.api, self.node.key, "POST", path, body, **{"Idempotency-Key": self.key})

    def call(self, method: str, path: str, body: Any) -> Answer:
        """Call the API."""
        return call_api(self.node.api, self.node.key, method, path, body)
