"""A case for documents that are put into a node's databases past its API: they are logged by name and counted, and hurt nothing (law 4)."""

from typing import Any

from couchpages.quoting import named
from tests.integration.cases import NodeCase
from tests.integration.node import lines, wait_until, write_files
from tests.integration.past_the_api import PastTheApi
from tests.integration.visitor import fetch


class BadDataCase(NodeCase):
    """A node of its own, with one site in two versions that are both stored."""

    purpose = "manifests"

    def setUp(self) -> None:
        """Deploy both."""
        super().setUp()
        self.spoilt = self.new_node({"cache": {"memory": 400_000, "disk": 3_000_000}}).start()
        self.past = PastTheApi(self.spoilt, self.purpose)
        manifests = PastTheApi(self.spoilt, "manifests")
        self.versions: dict[str, dict[str, Any]] = {}
        for version in ("one", "two"):
            self.spoilt.deploy(write_files(self.folder / version, {"index.html": version}), self.site)
            self.versions[version] = manifests.read(self.site)
        self.served = "two"

    def serves(self, version: str) -> bool:
        """Whether the site is served in this version."""
        return fetch(self.spoilt.http, self.site, "/").body == version.encode()

    def assert_as_before(self, what: str) -> None:
        """See that the site is served in the version that was good last."""
        self.assertTrue(self.serves(self.served), what)

    def spoil(self, what: str, doc_id: str, doc: dict[str, Any], more: str = "") -> bool:
        """Put a bad document; if the store takes it, see that it is counted once and named in one line. Tell whether it did."""
        since, before = self.spoilt.log_size(), self.past.malformed()
        if not self.past.put(doc_id, doc, more):
            return False
        wait_until(lambda: self.past.malformed() > before, f"{what} to be counted")
        self.assertEqual(self.past.malformed(), before + 1, what)
        # A name with a line's end in it is quoted: it stays one line.
        said = [line for line in lines(self.spoilt.log(since)) if "malformed" in line]
        self.assertEqual(len(said), 1, what)
        self.assertIn(f"{self.past.database}/{named(doc_id)} ", said[0])
        self.assertNotIn("Traceback", self.spoilt.log(since))
        return True
