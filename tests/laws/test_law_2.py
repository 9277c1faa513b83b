"""Law 2: every answer comes whole from one deployment, one whose files are all on this node.

Replication can bring a manifest before its blobs: the node keeps the previous deployment until the last blob is here, then switches at
once; a connection never goes back to an older one. (That all workers switch within 100 ms comes with the workers.)
"""

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.pages.arrivals import Arrivals
from couchpages.pages.front import Front
from couchpages.pages.manifest import to_document
from couchpages.pages.ready import Answer, Shelf
from couchpages.pages.sites import Sites
from couchpages.pages.stored_blobs import StoredBlobs
from couchpages.pages.waiting import Wait, WaitingList
from couchpages.testing.memory_database import Turns
from couchpages.testing.node import MemoryNode
from tests.laws.taken_out import NeedsItsCode, Without
from tests.pages.fronts import PublicPort, answers, request
from tests.pages.parts import deployed, live
from tests.web.native import send

HOST = "a.example"


class Law2(SynchronousTestCase):
    """Two nodes, and replication that brings manifests before files."""

    def setUp(self) -> None:
        """Serve a first version on both, then make a second one on the first."""
        folder = Path(self.mktemp())
        self.one, self.other = MemoryNode(folder / "1", name="1"), MemoryNode(folder / "2", name="2")
        self.one.deploy(HOST, {"index.html": b"old", "a.html": b"old a"})
        self.replicate("files", "manifests")
        self.one.deploy(HOST, {"index.html": b"new", "a.html": b"new a", "b.html": b"new b"})

    def replicate(self, *databases: str) -> None:
        """Bring databases from the first node to the other."""
        for name in databases:
            getattr(self.one, name).replicate_to(getattr(self.other, name))

    def seen(self) -> list[tuple[int, bytes]]:
        """Give what visitors of the other node get."""
        answers = [self.other.visit(HOST, path) for path in ("/", "/a.html", "/b.html")]
        return [(each.status, each.body if each.status == 200 else b"") for each in answers]

    def test_the_previous_one_stays(self) -> None:
        """Until the last blob is here, every page is of the previous version."""
        self.replicate("manifests")
        old = [(200, b"old"), (200, b"old a"), (404, b"")]
        self.assertEqual(self.seen(), old)
        late = sorted(set(self.one.files.stored) - set(self.other.files.stored))
        for name in late[:-1]:
            self.one.files.replicate_to(self.other.files, [name])
            self.assertEqual(self.seen(), old)

    def test_then_it_switches_at_once(self) -> None:
        """With the last blob all pages are of the new version, without another event and without time passing."""
        self.replicate("manifests", "files")
        self.assertEqual(self.seen(), [(200, b"new"), (200, b"new a"), (200, b"new b")])
        self.assertEqual(self.other.reactor.getDelayedCalls(), [])

    def test_what_came_while_nobody_listened(self) -> None:
        """Blobs that came while the feed was broken are found when it is back."""
        late = MemoryNode(
            Path(self.mktemp()), files=self.other.files, manifests=self.other.manifests, couchdb_away=True
        )
        late.manifests.follow(late.replication)
        self.replicate("manifests", "files")
        self.assertEqual(late.visit(HOST, "/").body, b"old")
        late.arrivals.loaded()
        self.assertEqual(late.visit(HOST, "/").body, b"new")

    def test_previews(self) -> None:
        """A preview is shown when all its blobs are here, and not a part of it before."""
        preview = self.one.deploy(HOST, {"index.html": b"old", "c.html": b"not here"}, branch="topic")
        self.replicate("manifests")
        self.assertEqual(self.other.visit(f"{preview['id']}.{HOST}", "/").status, 503)
        self.replicate("files")
        self.assertEqual(self.other.visit(f"{preview['id']}.{HOST}", "/").body, b"old")

    def test_nobody_is_led_back(self) -> None:
        """Who asks while the manifest is read from CouchDB, and is overtaken by a switch, gets the new version."""
        small = MemoryNode(Path(self.mktemp()), files=self.other.files, manifests=self.other.manifests, memory=1)
        small.keeper.recall = small.manifests.get  # type: ignore[method-assign]  # a disk that is as slow as CouchDB
        turns = Turns()
        small.manifests.pause = turns.wait
        asked = Deferred.fromCoroutine(small.sites.files_for(HOST))
        turns.go()
        self.replicate("manifests", "files")
        while turns.waiting:
            turns.go()
        self.assertIn("b.html", self.successResultOf(asked))

    def test_what_is_ready_is_of_what_is_served(self) -> None:
        """On one connection, answers that are ready are of one version, until all pages are of the next."""
        port = PublicPort(self.other)
        wire = port.connect()

        def seen() -> list[tuple[int, bytes]]:
            wire.sent = b""
            send(wire, request(b"/") + request(b"/a.html"))
            return [(each.status, each.body) for each in answers(wire)]

        old, new = [(200, b"old"), (200, b"old a")], [(200, b"new"), (200, b"new a")]
        self.assertEqual([seen(), seen()], [old, old])
        self.replicate("manifests")
        self.assertEqual(seen(), old)
        self.replicate("files")
        self.assertEqual([seen(), seen()], [new, new])

    def test_whole_though_deleted(self) -> None:
        """A deployment that waits for one blob is not whole when another of its blobs is deleted meanwhile."""
        a, b = self.other.upload(b"a"), self.one.upload(b"b")
        version = deployed("two", [a, b], created=self.other.milliseconds() + 9)
        self.other.manifests.seed(HOST, to_document(live(version)))
        self.successResultOf(Deferred.fromCoroutine(self.other.files.delete(a, self.other.files.stored[a].rev)))
        self.replicate("files")
        self.assertEqual(self.other.visit(HOST, "/").body, b"old")


def _ready_once(front: Front, host: bytes, target: bytes) -> tuple[Shelf, Answer] | None:
    shelf = front.ready.shelves.get(host)
    return (shelf, shelf.answers[target]) if shelf is not None and target in shelf.answers else None


def _believe(arrivals: Arrivals, wait: Wait) -> None:
    del arrivals
    wait.whole(wait)


class Law2NeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: that blobs are waited for, counted, heard of, and asked for again."""

    law = Law2
    without = (
        Without("test_the_previous_one_stays", Arrivals, "expect", _believe),
        Without("test_the_previous_one_stays", StoredBlobs, "unknown", lambda self, hashes: set()),  # noqa: ARG005
        Without("test_then_it_switches_at_once", Arrivals, "_arrived", lambda self, sha256: None),  # noqa: ARG005
        Without("test_then_it_switches_at_once", WaitingList, "arrived", lambda self, sha256: []),  # noqa: ARG005
        Without("test_what_came_while_nobody_listened", Arrivals, "loaded", lambda self: None),  # noqa: ARG005
        Without("test_previews", Arrivals, "missing", lambda self, hashes: _nothing()),  # noqa: ARG005
        Without("test_nobody_is_led_back", Sites, "_is_served", lambda self, site, served: True),  # noqa: ARG005
        Without("test_what_is_ready_is_of_what_is_served", Front, "ready_for", _ready_once),
        Without("test_whole_though_deleted", WaitingList, "left", lambda self, sha256: False),  # noqa: ARG005
    )


async def _nothing() -> set[str]:
    return set()
