"""``make demo-https``, as a newcomer runs it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tests.integration.cases import NodeCase
from tests.integration.node import ROOT, environment

#: Seconds for all of it, on a machine that has other things to do.
PATIENCE = 240.0


class Demo(NodeCase):
    """The script, in a process of its own."""

    needs: ClassVar[tuple[str, ...]] = ("pebble", "curl")

    def test_to_its_end(self) -> None:
        """Every step is shown and seen to work, and nothing is left."""
        demo = self.begin()
        out, err = demo.communicate(timeout=PATIENCE)
        self.assertEqual((demo.returncode, err), (0, ""), out)
        self.assertEqual(re.findall(r"^(\d+)\. ", out, re.MULTILINE), [str(number) for number in range(1, 10)])
        self.assertEqual(out.count("This page came over HTTPS."), 5)
        self.assert_nothing_left(out)

    def test_interrupted(self) -> None:
        """Ctrl-C while everything runs ends and removes everything; a second one changes nothing."""
        demo = self.begin()
        shown = self.read_until(demo, "\n5. ")
        self.assertTrue(left_in(folder_of(shown)))
        for _ in range(2):
            demo.send_signal(signal.SIGINT)
            time.sleep(0.1)
        out, err = demo.communicate(timeout=PATIENCE)
        self.assertEqual((demo.returncode, err), (130, "\nstopped\n"), shown + out)
        self.assert_nothing_left(shown)

    def test_authority_fails(self) -> None:
        """What does not work is said, with what was written about it; the exit code is 1, and nothing is left."""
        program = self.folder / "pebble"
        program.write_text("#!/bin/sh\necho it is broken\nexit 3\n")
        program.chmod(0o755)
        demo = self.begin({"PATH": f"{self.folder}:{os.environ['PATH']}"})
        out, err = demo.communicate(timeout=PATIENCE)
        self.assertEqual(demo.returncode, 1, out + err)
        self.assertIn("it is broken", err)
        self.assertTrue(err.endswith("the demo failed: in vain waited for pebble\n"), err)
        self.assert_nothing_left(out)

    def test_missing(self) -> None:
        """Without pebble there is one line, which says how to get it."""
        demo = self.begin({"PATH": str(self.folder)})
        out, err = demo.communicate(timeout=PATIENCE)
        told = "pebble and curl missing; as root: apt install pebble curl\n"
        self.assertEqual((demo.returncode, out, err), (1, "", told))

    def begin(self, more: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """Start it."""
        demo = subprocess.Popen(
            [sys.executable, str(ROOT / "etc" / "demo-https")], cwd=self.folder, env=environment(more),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(self.end, demo)
        return demo

    def end(self, demo: "subprocess.Popen[str]") -> None:
        """Have a demo that goes on end what it started."""
        if demo.poll() is None:
            demo.terminate()
            demo.communicate(timeout=PATIENCE)

    def read_until(self, demo: "subprocess.Popen[str]", what: str) -> str:
        """Read what it writes, line by line, until that has something in it."""
        shown = ""
        assert demo.stdout is not None
        while what not in shown:
            line = demo.stdout.readline()
            self.assertTrue(line, f"it ended: {shown}")
            shown += line
        return shown

    def assert_nothing_left(self, out: str) -> None:
        """Assert that its folder is gone, and that no process is in it."""
        folder = folder_of(out)
        self.assertFalse(folder.exists())
        self.assertEqual(left_in(folder), [])


def folder_of(out: str) -> Path:
    """Give the folder that it tells."""
    found = re.search(r"happens in (\S+), which", out)
    assert found is not None, out
    return Path(found[1])


def left_in(folder: Path) -> list[str]:
    """Give the ids of processes that work in a folder, which may be gone."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            where = str((each / "cwd").readlink())
        except OSError:
            continue
        if where.startswith(str(folder)):
            found.append(each.name)
    return found
