"""Test cases with two nodes (start processes)."""

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.hammering import Hammering, Versions
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


class ApartCase(TwoNodesCase):
    """What one side deploys says its version; both begin with version 1."""

    def setUp(self) -> None:
        """Have both serve version 1, and cut them off from each other."""
        super().setUp()
        self.original = self.start_with(1)
        self.pair.settle()
        self.pair.cut()

    def join(self, live: str, version: int, *others: str) -> None:
        """Join the two; assert that both come to serve *live*, which is *version*, and list the others and the original."""
        self.pair.heal()
        for side in self.pair.sides:
            self.wait_for(side, version)
        self.assert_converged(live, {self.original, live, *others})

    @contextmanager
    def visited(self) -> Iterator[list[Hammering]]:
        """Have a keep-alive visitor at each side meanwhile; assert that each saw whole pages only, and never went back."""
        visitors = [
            Hammering(side.node.http, self.site, self.versions, 0, conditional=False) for side in self.pair.sides
        ]
        for each in visitors:
            each.start()
        try:
            yield visitors
        finally:
            for each in visitors:
                each.end()
        for each in visitors:
            self.assertEqual(each.wrong, [])
            self.assertEqual(each.versions, sorted(each.versions), "a connection went back")

    def roll_back(self, side: Side, deployment: str, version: int) -> None:
        """Roll back on one side, and assert that it serves that version at once."""
        answer = side.call("POST", f"{self.site}/rollback", {"id": deployment})
        self.assertEqual(answer.status, 200, answer.body)
        self.assert_serves(side, version)

    def roll_back_everywhere(self, side: Side, deployment: str, version: int, *listed: str) -> None:
        """Roll back on one side of the two that were joined, and assert that it counts on both."""
        self.roll_back(side, deployment, version)
        for each in self.pair.sides:
            self.wait_for(each, version)
        self.assert_converged(deployment, {self.original, deployment, *listed})


def _made() -> TwoNodes:
    folder = Path(tempfile.mkdtemp(prefix="couchpages-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    pair = TwoNodes(folder)
    atexit.register(pair.remove)
    return pair
