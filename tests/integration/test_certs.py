"""Certificates on a running daemon: imported, listed, written to files, sealed anew, deleted; and their keys, in clear nowhere."""

import json
import signal
from base64 import b64decode
from typing import Any

from couchpages.certs.certificates import Kind
from couchpages.testing.authority import Authority
from tests.integration.cases import NodeCase, OnApacheCouchDB
from tests.integration.node import Ended, wait_until
from tests.integration.past_the_api import PastTheApi, counted
from tests.integration.visitor import fetch

ID = "certificate-ecdsa-example.org"


class Certificates(NodeCase):
    """``couchpages certs`` beside the daemon."""

    always = True

    def setUp(self) -> None:
        """Start a node that has a key, writes certificates to files, and runs a command."""
        super().setUp()
        self.out, self.told = self.folder / "out", self.folder / "told"
        script = self.folder / "changed"
        script.write_text(f'#!/bin/sh\necho "$COUCHPAGES_CERTIFICATES" >> {self.told}\n')
        script.chmod(0o755)
        self.key_file = self.folder / "certs.key"
        self.one = self.new_node(
            {
                "certs": {
                    "key_files": [str(self.key_file), str(self.folder / "old.key")],
                    "export_dir": str(self.out),
                    "export_command": [str(script)],
                }
            }
        )
        self.authority = Authority()
        self.private: list[bytes] = []
        self.said: list[str] = []
        self.certs("key", "new")
        self.one.start()
        self.secrets = PastTheApi(self.one, "secrets")

    def certs(self, *arguments: str) -> Ended:
        """Run ``couchpages certs``."""
        ended = self.one.run("certs", *arguments, "--config", str(self.one.config))
        self.assertEqual(ended.code, 0, ended.err)
        self.said.append(ended.out + ended.err)
        return ended

    def pems(self, name: str, kind: Kind = Kind.ECDSA) -> tuple[str, str]:
        """Write a certificate and its key; give the files' names."""
        chain, key = self.authority.issue(name, kind=kind)
        self.private.append(key)
        files = self.folder / "chain.pem", self.folder / "key.pem"
        for file, content in zip(files, (chain, key), strict=True):
            file.write_bytes(content)
        return str(files[0]), str(files[1])

    def imported(self, name: str, kind: Kind = Kind.ECDSA) -> None:
        """Import one, and wait until it is written to files."""
        self.certs("import", *self.pems(name, kind))
        self.until_written(name, self.private[-1])

    def until_written(self, name: str, key: bytes) -> None:
        """Wait until this private key is the one in the folder of *name*, or its kind's."""
        folder = self.out / name
        files = [folder / "privkey.pem", folder / "rsa" / "privkey.pem"]
        wait_until(lambda: any(each.exists() and each.read_bytes() == key for each in files), f"files of {name}")

    def troubles(self) -> list[str]:
        """Give what /readyz tells of certificates."""
        found: list[str] = json.loads(fetch(self.one.api, "127.0.0.1", "/readyz").body)["troubles"]
        return [each for each in found if "certificate" in each or "secrets/" in each]

    def refused(self, cause: str) -> float:
        """Give the metric."""
        return counted(self.one, "certificates_refused", cause=cause)

    def test_one_life(self) -> None:
        """Imported, listed, written to files with the command run, replaced, sealed with another key, deleted, with the daemon running."""
        self.imported("example.org")
        self.imported("example.org", Kind.RSA)
        (ecdsa, rsa) = json.loads(self.certs("list", "--json").out)["certificates"]
        self.assertEqual((ecdsa["kind"], rsa["kind"], ecdsa["state"]), ("ecdsa", "rsa", "ok"))
        self.imported("example.org")
        wait_until(lambda: self.told.exists() and len(self.told.read_text().split()) >= 3, "the command")
        self.assertEqual(set(self.told.read_text().split()), {"example.org"})
        key = self.private[-1]
        self.rotate()
        self.certs("export", "example.org", "--directory", str(self.folder))
        self.assertEqual((self.folder / "privkey.pem").read_bytes(), key)
        self.certs("export", "example.org", "--compatible")
        self.certs("delete", "example.org")
        # The first system's, which was written a moment ago, takes its place.
        wait_until(lambda: not (self.out / "example.org" / "rsa").exists(), "RSA to go")
        self.until_written("example.org", key)
        self.assertEqual(self.troubles(), [])
        self.assert_nowhere_in_clear()
        self.assert_serving(self.one)

    def rotate(self) -> None:
        """Change the key as docs/https.md says: the new one second, then first."""
        new = self.folder / "new.key"
        self.certs("key", "new", str(new))
        new.rename(self.folder / "old.key")
        self.one.send(signal.SIGHUP)
        between = self.folder / "between.key"
        self.key_file.rename(between)
        (self.folder / "old.key").rename(self.key_file)
        between.rename(self.folder / "old.key")
        self.one.send(signal.SIGHUP)
        self.assertEqual(len(json.loads(self.certs("key", "rotate", "--json").out)["sealed"]), 2)
        self.assertEqual(len(json.loads(self.certs("key", "rotate", "--json").out)["unchanged"]), 2)
        (self.folder / "old.key").unlink()
        self.one.send(signal.SIGHUP)
        self.imported("b.example")
        self.assertEqual(self.troubles(), [])

    def test_tampered(self) -> None:
        """A bundle that is altered, brought back or renamed past the API is refused and counted, and the last good one stays."""
        self.imported("example.org")
        old = self.secrets.read(ID)
        self.imported("example.org")
        newer = self.secrets.read(ID)
        box = newer["box"]
        altered = {**newer, "box": box[:99] + ("A" if box[99] != "A" else "B") + box[100:]}
        for cause, doc_id, doc in (
            ("tampered", ID, altered), ("replayed", ID, old), ("malformed", ID, {"hello": 1}),
            ("renamed", "certificate-ecdsa-other.example", newer),
        ):  # fmt: skip
            self.secrets.put(doc_id, doc)
            wait_until(lambda cause=cause: self.refused(cause) == 1.0, cause)
            self.assertIn(f"secrets/{doc_id} is refused ({cause})", self.one.log())
        self.assertEqual((self.out / "example.org" / "privkey.pem").read_bytes(), self.private[-1])
        self.assertEqual(len(self.troubles()), 1)
        self.assert_nowhere_in_clear()
        self.assert_serving(self.one)

    def test_restart(self) -> None:
        """After a restart it is there, also without the key's file until that is back; files that did not change stay as they are."""
        self.imported("example.org")
        before = (self.out / "example.org").resolve()
        self.one.stop()
        hidden = self.key_file.rename(self.folder / "hidden")
        self.one.start()
        wait_until(self.troubles, "a trouble without the key")
        self.assertIn("which this node does not have", self.troubles()[0])
        hidden.rename(self.key_file)
        self.one.send(signal.SIGHUP)
        wait_until(lambda: not self.troubles(), "no trouble with the key")
        self.one.stop()
        self.one.start()
        self.imported("b.example")
        self.assertEqual((self.out / "example.org").resolve(), before)
        self.assert_nowhere_in_clear()

    def assert_nowhere_in_clear(self) -> None:
        """Assert that no private key is in the node's folder, in what it answered, or in what commands said."""
        answers = [fetch(self.one.api, "127.0.0.1", path).body for path in ("/readyz", "/metrics", "/healthz")]
        answers += [json.dumps(self.secrets.read(doc_id)).encode() for doc_id in (ID,) if self.secrets.rev(doc_id)]
        texts: dict[str, bytes] = {"commands": "".join(self.said).encode(), "answers": b"".join(answers)}
        files = [each for each in self.one.folder.rglob("*") if each.is_file()]
        self.assertTrue(any(each.name == "store.sqlite" for each in files) or self.store.__name__ != "EmbeddedStore")
        texts |= {str(each): each.read_bytes() for each in files}
        for where, content in texts.items():
            for each in _shapes(self.private):
                self.assertNotIn(each, content, where)


def _shapes(keys: list[bytes]) -> list[bytes]:
    """Give what would show a private key: its lines, and its bytes."""
    lines: list[Any] = [key.splitlines()[1:-1] for key in keys]
    return [
        b"PRIVATE KEY-----",
        *(each[1][:32] for each in lines),
        *(b64decode(b"".join(each))[36:68] for each in lines),
    ]


class CertificatesOnApacheCouchDB(OnApacheCouchDB, Certificates):
    """The same on Apache CouchDB."""

    always = False
