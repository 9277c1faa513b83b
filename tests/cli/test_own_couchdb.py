"""Commands that work on the node's own CouchDB."""

import json
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.node import free_ports

COMMAND = Path(sys.executable).with_name("couchpages")


class EmbeddedStoreTests(SynchronousTestCase):
    """``init`` and ``keys`` where no daemon runs: the store is run for as long as it takes."""

    def setUp(self) -> None:
        """Make an empty folder, with a store on a port that is free now."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        (port,) = free_ports(1)
        (self.folder / "couchpages.toml").write_text(f'[embedded]\nlisten = "tcp:{port}:interface=127.0.0.1"\n')

    def run_command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the command in the folder."""
        return subprocess.run(
            [COMMAND, *arguments], cwd=self.folder, env={}, capture_output=True, text=True, timeout=60, check=False
        )

    def test_init(self) -> None:
        """A key is made once, and CouchDB has only its hash; another is made when it is asked for, and revoked."""
        made = self.run_command("init", "--json")
        self.assertEqual(made.returncode, 0, made.stderr)
        key = json.loads(made.stdout)["api_key"]
        self.assertRegex(key, r"\Acpk_[0-9a-f]{10}_[\w-]{43}\Z")
        stored = b"".join(file.read_bytes() for file in (self.folder / "couchpages-data").glob("store.sqlite*"))
        self.assertIn(key.split("_")[1].encode(), stored)
        self.assertNotIn(key.split("_", 2)[2].encode(), stored)
        self.assertIsNone(json.loads(self.run_command("init", "--json").stdout)["api_key"])
        other = json.loads(self.run_command("keys", "create", "--site", "a.example", "--json").stdout)
        self.assertEqual(other["sites"], ["a.example"])
        self.assertEqual(self.run_command("keys", "revoke", other["id"]).returncode, 0)
        self.assertEqual(self.run_command("keys", "revoke", other["id"]).returncode, 1)
        listed = json.loads(self.run_command("keys", "list", "--json").stdout)["keys"]
        self.assertEqual([each["id"] for each in listed], [key.split("_")[1]])

    def test_damaged_store(self) -> None:
        """A file that is no store is told in one line that says what to do."""
        data = self.folder / "couchpages-data"
        data.mkdir(mode=0o700)
        (data / "store.sqlite").write_text("no store")
        ended = self.run_command("init")
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertRegex(ended.stderr, r"\Acouchpages: .*store\.sqlite: .*backup.*\n\Z")
