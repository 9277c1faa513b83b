"""``couchpages certs``, on a store that is run for as long as it takes."""

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.certificates import Kind
from couchpages.certs.pem import read_certificate
from couchpages.testing.authority import DAY, Authority
from tests.integration.node import environment, free_ports

COMMAND = Path(sys.executable).with_name("couchpages")


class CertsCase(SynchronousTestCase):
    """A folder with a configuration, a key, and a certificate in files."""

    def setUp(self) -> None:
        """Make them."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        (port,) = free_ports(1)
        self.config = f'[embedded]\nlisten = "tcp:{port}:interface=127.0.0.1"\n'
        (self.folder / "couchpages.toml").write_text(self.config)
        self.authority = Authority()
        self.secrets: list[str] = []
        self.written: list[str] = []

    def run_command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run ``couchpages certs`` in the folder; no private key is ever in what it writes."""
        done = subprocess.run(
            [COMMAND, "certs", *arguments], cwd=self.folder, env=environment(), capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        for secret in self.secrets:
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def right(self, *arguments: str) -> Any:
        """Run it, and give what ``--json`` says."""
        done = self.run_command(*arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def wrong(self, code: int, *arguments: str) -> str:
        """Run it, be told in one line what is wrong, and give that line."""
        done = self.run_command(*arguments)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Acouchpages: [^\n]+\n\Z")
        return done.stderr

    def pems(self, *names: str, kind: Kind = Kind.ECDSA, **dates: Any) -> tuple[str, str]:
        """Write a certificate and its key; give the files' names."""
        chain, key = self.authority.issue(*names, kind=kind, **dates)
        number = len(self.secrets)
        self.secrets.append(key.decode().splitlines()[1])
        (self.folder / f"{number}.pem").write_bytes(chain)
        (self.folder / f"{number}.key").write_bytes(key)
        return f"{number}.pem", f"{number}.key"


class Commands(CertsCase):
    """What works."""

    def test_one_life(self) -> None:
        """A key is made; a certificate is imported, listed, exported, sealed with another key, and deleted."""
        made = self.right("key", "new")
        file = Path(made["file"])
        self.assertEqual((file.name, file.stat().st_size, stat.S_IMODE(file.stat().st_mode)), ("certs.key", 32, 0o600))
        self.assertIn("is not overwritten", self.wrong(1, "key", "new"))
        chain, key = self.pems("example.org", "*.example.org")
        imported = self.right("import", chain, key)
        self.assertEqual((imported["name"], imported["state"], imported["written"]), ("example.org", "ok", True))
        self.assertFalse(self.right("import", chain, key)["written"])
        (listed,) = self.right("list")["certificates"]
        self.assertEqual(
            {name: listed[name] for name in ("name", "kind", "names", "source", "state", "days_left", "issuer")},
            {
                "name": "example.org", "kind": "ecdsa", "names": ["example.org", "*.example.org"], "source": "imported",
                "state": "ok", "days_left": 88, "issuer": "Test Intermediate",
            },
        )  # fmt: skip
        (self.folder / "out").mkdir()
        exported = self.right("export", "Example.ORG", "--directory", "out")
        self.assertEqual(exported["files"], ["out/fullchain.pem", "out/privkey.pem"])
        files = [self.folder / each for each in exported["files"]]
        self.assertEqual(read_certificate(*(each.read_bytes() for each in files)).fingerprint, listed["fingerprint"])
        for each in files:
            self.assertEqual(stat.S_IMODE(each.stat().st_mode), 0o600)
        self.rotate(Path(made["file"]))
        self.assertEqual(
            self.right("delete", "example.org"), {"deleted": "example.org", "kinds": ["ecdsa"], "order": False}
        )
        self.assertEqual(self.right("list")["certificates"], [])
        self.assertIn("there is no certificate", self.wrong(1, "delete", "example.org"))

    def rotate(self, old: Path) -> None:
        """Change the key."""
        new = self.right("key", "new", "new.key")
        for files in (["new.key", str(old)], ["new.key"]):
            (self.folder / "couchpages.toml").write_text(f"{self.config}[certs]\nkey_files = {json.dumps(files)}\n")
            done = self.right("key", "rotate")
            self.assertEqual(len(done["sealed" if len(files) == 2 else "unchanged"]), 1)
        self.assertNotEqual(new["id"], "")
        (self.folder / "couchpages.toml").write_text(f"{self.config}[certs]\nkey_files = {json.dumps([str(old)])}\n")
        failed = self.run_command("key", "rotate")
        self.assertEqual(failed.returncode, 1)
        self.assertIn(new["id"], failed.stderr)
        shown = self.run_command("list").stdout
        self.assertIn(f"\tunknown\trefused: it is sealed with the key {new['id']}", shown)
        self.assertIn("is refused", self.wrong(1, "export", "example.org"))
        (self.folder / "couchpages.toml").write_text(f'{self.config}[certs]\nkey_files = ["new.key"]\n')

    def test_both_kinds(self) -> None:
        """A name has one of each kind; export and delete take the one that is named, export ECDSA without."""
        self.right("key", "new")
        for kind in Kind:
            self.right("import", *self.pems("example.org", kind=kind))
        self.assertEqual([each["kind"] for each in self.right("list")["certificates"]], ["ecdsa", "rsa"])
        self.assertEqual(self.right("export", "example.org")["kind"], "ecdsa")
        self.assertEqual(self.right("export", "example.org", "--kind", "rsa")["kind"], "rsa")
        self.assertEqual(self.right("delete", "example.org", "--kind", "ecdsa")["kinds"], ["ecdsa"])
        self.assertEqual(self.right("export", "example.org")["kind"], "rsa")

    def test_compatible(self) -> None:
        """The first system's documents are written, listed as its own, and exported from when there is nothing of ours."""
        self.right("key", "new")
        self.right("import", *self.pems("example.org"))
        done = self.right("export", "example.org", "--compatible")
        self.assertEqual((done["files"], done["documents"]), ([], ["fullchain.pem", "privkey.pem"]))
        self.right("delete", "example.org")
        (listed,) = self.right("list")["certificates"]
        self.assertEqual((listed["source"], listed["state"]), ("first system", "ok"))
        self.assertEqual(len(self.right("export", "example.org")["files"]), 2)

    def test_warnings(self) -> None:
        """A chain without intermediates is taken with a warning; one file may hold chain and key; another name may be chosen."""
        self.right("key", "new")
        chain, key = self.pems("example.org", "www.example.org")
        both = self.folder / "both.pem"
        leaf = (self.folder / chain).read_text().partition("-----END CERTIFICATE-----\n")
        both.write_text(leaf[0] + leaf[1] + (self.folder / key).read_text())
        done = self.run_command("import", "both.pem", "--name", "WWW.example.org")
        self.assertEqual((done.returncode, done.stdout), (0, "imported www.example.org (ecdsa)\n"))
        self.assertIn("warning: the chain has no intermediate certificates", done.stderr)


class Wrong(CertsCase):
    """What is refused, with nothing written."""

    def test_import(self) -> None:
        """What is wrong with chain and key is said in one line: files, key, order, dates, names."""
        self.right("key", "new")
        chain, key = self.pems("example.org")
        _, others = self.pems("example.org")
        (self.folder / "garbage.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n\xff\n-----END CERTIFICATE-----\n")
        now = self.authority.now
        old, old_key = self.pems("example.org", not_before=now - 90 * DAY, not_after=now - DAY)
        early, early_key = self.pems("example.org", not_before=now + DAY, not_after=now + 90 * DAY)
        for arguments, words in (
            ((chain, "nothing.key"), "nothing.key: No such file"),
            ((chain, others), "does not belong"),
            ((chain,), "there is no private key"),
            (("garbage.pem", key), "certificate 1 of the chain cannot be read"),
            ((old, old_key), "has expired"),
            ((early, early_key), "is not valid before"),
            ((chain, key, "--name", "other.example"), "it is for example.org"),
        ):
            self.assertIn(words, self.wrong(2, "import", *arguments))
        self.assertEqual(self.right("list")["certificates"], [])
        taken = self.right("import", old, old_key, "--expired-too")
        self.assertEqual((taken["state"], len(taken["warnings"])), ("expired", 1))
        self.assertEqual(self.right("list")["certificates"][0]["state"], "expired")

    def test_line_breaks_that_were_lost(self) -> None:
        """Defect: the private key was shown when the file's line breaks had become spaces."""
        chain, key = self.pems("example.org")
        text = (self.folder / key).read_text()
        (self.folder / key).write_text(text.replace("\n", " "))
        said = self.wrong(2, "import", chain, key)
        self.assertIn("the line breaks seem to be lost", said)
        for line in text.splitlines()[1:-1]:
            for place in range(len(line) - 7):
                self.assertNotIn(line[place : place + 8], said)

    def test_without_key(self) -> None:
        """Without a key file, or with one that others can read, it is said what to do."""
        chain, key = self.pems("example.org")
        self.assertIn("couchpages certs key new", self.wrong(1, "import", chain, key))
        file = Path(self.right("key", "new")["file"])
        file.chmod(0o644)
        self.assertIn(f"chmod 600 {file}", self.wrong(1, "import", chain, key))
        self.assertIn("No such file", self.wrong(1, "key", "new", "no/folder/certs.key"))

    def test_delete_account(self) -> None:
        """Which authority's account is meant must be known, and there must be one."""
        self.assertIn("[acme] names no directory", self.wrong(2, "delete-account"))
        self.assertIn("there is no account at https://ca.test", self.wrong(1, "delete-account", "https://ca.test"))

    def test_names(self) -> None:
        """Names that are none, and of nothing."""
        self.assertIn("is no name", self.wrong(2, "export", "a b"))
        self.assertIn("there is no certificate", self.wrong(1, "export", "example.org"))
