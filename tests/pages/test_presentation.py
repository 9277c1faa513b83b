"""Deployments and sites as the API shows them."""

from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.catalog import Site
from couchpages.pages.manifest import Activation, Deployment
from couchpages.pages.presentation import addresses, shown_deployment, shown_site
from couchpages.pages.waiting import Wait

DEPLOYMENT = Deployment("a.example", "g" * 12, "abcdef0", "main", 1_795_442_400_123, 2, 30, preview=False)
LEGACY = Deployment("a.example", "abcdef0", "abcdef0", None, 0, 2, None, preview=False)


class PresentationTests(SynchronousTestCase):
    """What callers of the API read."""

    def test_addresses(self) -> None:
        """The site itself only where it is live, then both previews; the port where it does not go without saying."""
        self.assertEqual(
            addresses(DEPLOYMENT, "https", None, live=True),
            ["https://a.example/", "https://gggggggggggg.a.example/", "https://abcdef0.a.example/"],
        )
        self.assertEqual(
            addresses(DEPLOYMENT, "http", 8080, live=False),
            ["http://gggggggggggg.a.example:8080/", "http://abcdef0.a.example:8080/"],
        )
        self.assertEqual(addresses(LEGACY, "http", None, live=False), ["http://abcdef0.a.example/"])

    def test_commit_that_is_none(self) -> None:
        """What another program wrote for a commit has no address, and keeps nobody from listing (law 4)."""
        strange = Deployment("a.example", "g" * 12, "v1.0", "main", 1, 1, 1, preview=False)
        self.assertEqual(addresses(strange, "http", None, live=False), ["http://gggggggggggg.a.example/"])

    def test_deployment(self) -> None:
        """Every member of docs/api.md stands there."""
        self.assertEqual(
            shown_deployment(DEPLOYMENT, "http", None, live=True),
            {
                "id": "g" * 12,
                "site": "a.example",
                "commit": "abcdef0",
                "branch": "main",
                "created": "2026-11-23T14:00:00.123Z",
                "files": 2,
                "bytes": 30,
                "preview": False,
                "live": True,
                "waiting": None,
                "addresses": ["http://a.example/", "http://gggggggggggg.a.example/", "http://abcdef0.a.example/"],
            },
        )
        legacy = shown_deployment(LEGACY, "http", None, live=False)
        self.assertEqual((legacy["created"], legacy["bytes"], legacy["branch"]), (None, None, None))

    def test_site(self) -> None:
        """A site's line: what is live, how many deployments, the newest moment of all."""
        live = Activation(LEGACY, 1_795_442_400_456)
        site = Site("a.example", live, {DEPLOYMENT.id: DEPLOYMENT})
        self.assertEqual(
            shown_site(site, live, None),
            {
                "site": "a.example",
                "live": "abcdef0",
                "waiting": None,
                "deployments": 2,
                "updated": "2026-11-23T14:00:00.456Z",
            },
        )
        self.assertEqual(
            shown_site(Site("a.example", None, {LEGACY.id: LEGACY}), None, None),
            {"site": "a.example", "live": None, "waiting": None, "deployments": 1, "updated": None},
        )

    def test_waiting(self) -> None:
        """What is not served yet says how many blobs it waits for, and since when; its site, for which deployment."""
        wait = Wait("a.example", "1-a", DEPLOYMENT, frozenset("ab"), {"a"}, 1_795_442_400_456, lambda _: None)
        shown = shown_deployment(DEPLOYMENT, "http", None, live=False, wait=wait)
        self.assertEqual(shown["waiting"], {"blobs": 1, "since": "2026-11-23T14:00:00.456Z"})
        site = shown_site(Site("a.example", Activation(DEPLOYMENT, 1)), None, wait)
        self.assertEqual((site["live"], site["waiting"]), (None, DEPLOYMENT.id))
