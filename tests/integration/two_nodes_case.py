"""Test cases with two nodes (start processes)."""

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.hammering import Versions
from tests.integration.node import wait_until
from tests.integration.two_nodes import Side, TwoNodes

PAGES = 8
_shared: list[TwoNodes] = []


class TwoNodesCase(OnApacheCouchDB, NodeCase):
    """Tests on two nodes, which all tests of the run share; each test uses a site of its own, of :data:`PAGES` pages."""

    def setUp(self) -> None:
        """Begin with everything healed."""
        super().setUp()
        self.versions = Versions(PAGES, self.site)
        if not _shared:
            _shared.append(_made())
        self.pair = _shared[0]
        self.first, self.second = self.pair.sides
        self.pair.heal()
        self.addCleanup(self.pair.heal)

    def deploy(self, side: Side, version: int, **more: str) -> str:
        """Deploy a version of this test's site, see that this side serves it at once, and give its id."""
        deployment = side.deploy(self.site, self.versions.files(version), **more)
        self.assert_serves(side, version)
        return str(deployment["id"])

    def start_with(self, version: int) -> str:
        """Deploy a version on the first side, and wait until the second serves it too."""
        deployment = self.deploy(self.first, version)
        self.wait_for(self.second, version)
        return deployment

    def assert_serves(self, side: Side, version: int, host: str | None = None) -> None:
        """Assert that every page is of this version."""
        for path, content in self.versions.files(version).items():
            answer = side.get(host or self.site, f"/{path}")
            self.assertEqual((path, answer.status, answer.body[:60]), (path, 200, content[:60]))
            self.assertEqual(answer.body, content)

    def assert_unavailable(self, side: Side, host: str, *paths: str) -> None:
        """Assert that each path is answered with 503 and Retry-After."""
        for path in paths:
            answer = side.get(host, f"/{path}")
            self.assertEqual((path, answer.status, "retry-after" in answer.headers), (path, 503, True))

    def wait_for(self, side: Side, version: int) -> None:
        """Wait until this side shows something of a version, and assert that it shows all of it."""
        content = self.versions.page(version, 0)
        wait_until(lambda: side.get(self.site, "/0.html").body == content, f"version {version} of {self.site}")
        self.assert_serves(side, version)

    def blobs_of(self, *versions: int) -> set[str]:
        """Name the blobs of versions."""
        files = (content for version in versions for content in self.versions.files(version).values())
        return {hashlib.sha256(content).hexdigest() for content in files}

    def in_list(self, side: Side, deployment: str) -> Any:
        """Give a deployment of this test's site as the side's list has it, or None."""
        found = [each for each in side.listed(self.site)["deployments"] if each["id"] == deployment]
        return found[0] if found else None

    def assert_converged(self, live: str, listed: Iterable[str]) -> None:
        """Assert that both sides come to rest without conflicts, with the same deployments and *live* live."""
        self.pair.settle()
        for side in self.pair.sides:
            answer = side.listed(self.site)
            self.assertEqual((answer["live"], answer["waiting"]), (live, None))
            self.assertEqual([each["id"] for each in answer["deployments"] if each["live"]], [live])
            self.assertEqual({each["id"] for each in answer["deployments"]}, set(listed))
            for name in (self.site, *(f"{each}.{self.site}" for each in listed)):
                self.assertNotIn("_conflicts", side.document("manifests", name))


def _made() -> TwoNodes:
    folder = Path(tempfile.mkdtemp(prefix="couchpages-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    pair = TwoNodes(folder)
    atexit.register(pair.remove)
    return pair
