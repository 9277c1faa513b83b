"""The daemon, and the command, killed with SIGKILL at any moment: nothing half is ever served, and no start needs repair by hand.

COUCHPAGES_TEST_KILLS says how often the daemon is killed, COUCHPAGES_TEST_SEED at which moments.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import time
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from random import Random

from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.killing import Deploying, Progress, Visiting, versions_on
from tests.integration.moments import CREATE, MOVED_TO, Watch
from tests.integration.node import Node, wait_until, write_files
from tests.integration.versions import Version
from tests.integration.visitor import fetch

KILLS = int(os.environ.get("COUCHPAGES_TEST_KILLS", "30"))
SEED = int(os.environ.get("COUCHPAGES_TEST_SEED", "20261124"))
#: Seconds to wait for a moment that does not come.
MOMENT = 3.0
#: Where to watch for what, by the name of the moment.
WATCHED = {
    "upload": ("spool", CREATE, ""),
    "cache": ("blobs", CREATE, "incoming-"),
    "manifest": ("manifests", CREATE, "~"),
    "kept": ("manifests", MOVED_TO, ""),
}
MOMENTS = ("upload", "upload", "cache", "cache", "manifest", "kept", "making", "making", "any")
UNFINISHED = {"upload": ("spool", "*"), "cache": ("blobs", "incoming-*"), "manifest": ("manifests", "~*")}


class Killing(NodeCase):
    """Two sites that are deployed and visited all the time."""

    def setUp(self) -> None:
        """Start a node whose memory holds few pages."""
        super().setUp()
        self.random = Random(SEED)  # noqa: S311 -- moments, not secrets
        self.killed = self.new_node({"cache": {"memory": 400_000}})
        self.progress = [Progress(f"one.{self.site}"), Progress(f"two.{self.site}")]
        self.left: Counter[str] = Counter()

    def test_daemon(self) -> None:
        """After each of many kills the node starts by itself, serves whole versions only, and repeating what broke off succeeds."""
        node = self.killed.start()
        for progress in self.progress:
            self.repeat(progress)
        visitors = [Visiting(node, progress, number) for progress in self.progress for number in range(2)]
        for each in visitors:
            each.start()
        try:
            for number in range(KILLS):
                self.kill_and_check(number)
        finally:
            for visitor in visitors:
                visitor.ended.set()
            for visitor in visitors:
                visitor.join(20)
        self.assertEqual([wrong for visitor in visitors for wrong in visitor.wrong], [])
        self.assertGreater(min(visitor.whole for visitor in visitors), KILLS)
        self.assertGreater(min(progress.answered for progress in self.progress), KILLS)
        self.assertNotIn("Traceback", node.log())
        # It was killed while files were written, and not only between.
        self.assertGreater(self.left["upload"], 0)
        self.assertGreater(self.left["cache"], 0)
        print(f"{KILLS} kills; unfinished files were left by {dict(self.left)}")  # noqa: T201 -- what a long run is for

    def kill_and_check(self, number: int) -> None:
        """Let both sites be deployed, kill the daemon at a moment, start it, and look at everything."""
        moment = self.random.choice(MOMENTS)
        deploying = [Deploying(self.killed, progress) for progress in self.progress]
        for each in deploying:
            each.start()
        self.wait_for(moment)
        for progress in self.progress:
            progress.steady = False
        self.killed.kill()
        for each in deploying:
            each.join(30)
        self.assertEqual([wrong for each in deploying for wrong in each.wrong], [], f"kill {number}, {moment}")
        unfinished = self.unfinished()
        if moment == "cache":
            shutil.rmtree(self.killed.data / "blobs")
        self.killed.start()
        self.assertEqual(unfinished & self.unfinished(), set())
        self.check_cache()
        for progress in self.progress:
            self.check_site(progress)

    def wait_for(self, moment: str) -> None:
        """Wait for a moment at which to kill, and often a little longer."""
        if moment == "any":
            time.sleep(self.random.uniform(0, 0.5))
            return
        if moment == "making":
            # Between the deployment's own document and the live one, and around them.
            progress = self.random.choice(self.progress)
            progress.making.clear()
            progress.making.wait(MOMENT)
            time.sleep(self.random.uniform(0, 0.04))
            return
        folder, events, prefix = WATCHED[moment]
        with Watch(self.killed.data / folder, events) as watch:
            for _ in range(self.random.choice((1, 1, 2, 5))):
                watch.wait(prefix, MOMENT)
        time.sleep(self.random.choice((0, 0, self.random.uniform(0, 0.001), self.random.uniform(0, 0.02))))

    def unfinished(self) -> set[Path]:
        """Give the files that were not finished."""
        found: set[Path] = set()
        for moment, (folder, pattern) in UNFINISHED.items():
            files = set((self.killed.data / folder).glob(pattern))
            self.left[moment] += bool(files)
            found |= files
        return found

    def check_cache(self) -> None:
        """Every blob on disk has its hash."""
        for file in (self.killed.data / "blobs").glob("??/*"):
            # The cache may let go of a file while this looks.
            with contextlib.suppress(FileNotFoundError):
                self.assertEqual(hashlib.sha256(file.read_bytes()).hexdigest(), file.name)

    def check_site(self, progress: Progress) -> None:
        """See that what is live was begun, and nothing older than what was answered; repeat what broke off."""
        node = self.killed

        def is_caught_up() -> bool:
            # It serves what it kept until it has looked through the blobs of the newest, and then switches once.
            live = versions_on(node, progress.site, progress.site)
            return live is not None and any(progress.answered <= each <= progress.begun for each in live)

        wait_until(is_caught_up, f"{progress} after a start")
        broken_off = Version(node, progress.site, progress.begun)
        # What it kept is served before it has read from its CouchDB what else there is.
        wait_until(node.is_ready, "the manifests")
        wait_until(lambda: fetch(node.http, "unknown.example", "/").status == HTTPStatus.NOT_FOUND, "what is unknown")
        preview = versions_on(node, f"{broken_off.id}.{progress.site}", progress.site)
        if preview is not None:
            self.assertIn(progress.begun, preview)
        self.repeat(progress)

    def repeat(self, progress: Progress) -> None:
        """Make the deployment that broke off, or the first one, and see it live, alone and whole."""
        progress.begun = max(progress.begun, 1)
        version = Version(self.killed, progress.site, progress.begun)
        version.upload()
        answer = version.make()
        self.assertIn(answer.status, (200, 201), answer.body)
        self.assertTrue(answer.json()["live"])
        progress.answered = progress.begun
        for host in (progress.site, f"{version.id}.{progress.site}"):
            self.assertIn(progress.begun, versions_on(self.killed, host, progress.site) or ())
        progress.steady = True


class KillingOnApacheCouchDB(OnApacheCouchDB, Killing):
    """The same with the documents in CouchDB."""


class KilledCommand(NodeCase):
    """``couchpages deploy`` killed with SIGKILL."""

    def write(self, number: int) -> Path:
        """Write a version."""
        return write_files(self.folder / str(number), Version(self.node, self.site, number).contents())

    def live(self, node: Node) -> set[int]:
        """Give the version that is live; it must be whole."""
        return versions_on(node, self.site, self.site) or set()

    def test_command(self) -> None:
        """Whenever it is killed, the version before stays or the new one is live, nothing is left, and the same command succeeds."""
        random = Random(SEED)  # noqa: S311 -- moments, not secrets
        node = self.node
        node.deploy(self.write(1), self.site)
        for number in range(2, 14):
            folder = self.write(number)
            command = node.begin("deploy", str(folder), "--site", self.site, "--branch", "main", "--json")
            if random.random() < 0.5:
                with Watch(node.data / "spool", CREATE) as watch:
                    watch.wait("", MOMENT)
            time.sleep(random.uniform(0, 0.6))
            command.signal(signal.SIGKILL)
            command.wait()
            # The daemon may have the whole call already, and switch between two pages that this asks for, but not twice.
            live = self.live(node) or self.live(node)
            self.assertTrue({number - 1, number} & live, live)
            wait_until(lambda: node.spooled() == [], "the daemon to let go of the upload")
            self.assertTrue(node.deploy(folder, self.site)["live"])
            self.assertIn(number, self.live(node))
        self.assert_serving(node)


class KilledCommandOnApacheCouchDB(OnApacheCouchDB, KilledCommand):
    """The same on Apache CouchDB."""
