"""Law 6: our API keys lie in CouchDB only as hashes; a clear ``secrets/ApiKey`` of the first system works, with a warning, until
``couchpages keys`` replaces it; secrets on disk are readable by their owner alone, and none is in a log. Private keys of certificates lie
in CouchDB, and in what a node keeps of it, only sealed.
"""

import json
import os
import stat
import tempfile
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from couchpages.access import keys
from couchpages.access.administration import Administration
from couchpages.access.keyring import Keyring
from couchpages.access.keys import KeyRecord
from couchpages.certs import boxes, export_folder, key_files
from couchpages.certs.administration import Administration as CertificateAdministration
from couchpages.certs.boxes import SealingKey
from couchpages.certs.certificates import Certificate
from couchpages.certs.export_folder import ExportFolder
from couchpages.certs.kept_bundles import BundleFolder
from couchpages.certs.key_files import Keys, new_key, read_keys
from couchpages.certs.sealing import open_sealed
from couchpages.couch.embedded import password
from couchpages.couch.embedded.password import load_or_create_password
from couchpages.testing.memory_database import MemoryDatabase
from couchpages.testing.node import MemoryNode
from tests.certs.made import KEY, certificate
from tests.certs.node import CertificatesOfANode
from tests.laws.heard import Deaf, Heard
from tests.laws.taken_out import NeedsItsCode, Without


class Law6(SynchronousTestCase):
    """API keys, and the embedded store's password."""

    def setUp(self) -> None:
        """Make a node, and hear its log."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.node = MemoryNode(self.folder)
        self.administration = Administration(self.node.secrets, lambda count: sha256(b"chance").digest()[:count])
        self.heard = Heard(self)

    def done(self, work: Any) -> Any:
        """Give what a coroutine gives at once."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def works(self, key: str) -> bool:
        """Tell whether a key is accepted."""
        return self.node.call("GET", "/api/v2/sites", key=key).status == 200

    def test_only_hashes(self) -> None:
        """A key that is made works, and neither it nor its secret part is in CouchDB or in the log."""
        text, _ = self.done(self.administration.create(name="ci", sites=["*"], zones=[], created="2026-01-01"))
        self.assertTrue(self.works(text))
        stored = repr(self.node.secrets.documents_now())
        self.assertNotIn(text.split("_", 2)[2], stored)
        self.assertIn(sha256(text.encode()).hexdigest(), stored)
        self.assertNotIn(text, self.heard.text)

    def test_the_first_systems_key(self) -> None:
        """The clear key works, with a warning that does not name it; sealed, it works on and is clear nowhere."""
        self.node.secrets.seed("ApiKey", {"Secret": "clear-s3cret", "Secret_Name": "old"})
        self.assertTrue(self.works("clear-s3cret"))
        said = self.heard.text
        self.assertIn("secrets/ApiKey holds an API key in clear text", said)
        self.assertNotIn("s3cret", said)
        self.assertTrue(self.done(self.administration.seal()))
        self.assertTrue(self.works("clear-s3cret"))
        self.assertNotIn("s3cret", repr(self.node.secrets.documents_now()))

    def test_case_matters(self) -> None:
        """A key in another case is another key, unlike with the first system."""
        self.node.secrets.seed("ApiKey", {"Secret": "Clear"})
        self.assertEqual((self.works("Clear"), self.works("clear")), (True, False))

    def test_password_on_disk(self) -> None:
        """The embedded store's password lies in a file that only its owner can read."""
        file = self.folder / "store-password"
        load_or_create_password(file)
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)


def _readable_by_all(prefix: str, dir: Path) -> tuple[int, str]:  # noqa: A002 -- as mkstemp has it
    descriptor, name = tempfile.mkstemp(prefix=prefix, dir=dir)
    os.chmod(name, 0o644)  # noqa: PTH101 -- what must not be
    return descriptor, name


async def _nothing(self: Administration, doc_id: str) -> bool:
    del self, doc_id
    return True


class Law6NeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: hashing, sealing, comparing letter by letter, and the mode of files."""

    law = Law6
    without = (
        Without("test_only_hashes", keys, "digest_of", lambda text: text.encode()),
        Without("test_the_first_systems_key", Administration, "_remove", _nothing),
        Without("test_the_first_systems_key", Keyring, "log", Logger("silent", observer=Deaf())),
        Without("test_case_matters", KeyRecord, "opens", lambda self, text: keys.digest_of(text) in _cases(self)),
        Without("test_password_on_disk", password, "mkstemp", _readable_by_all),
    )


def _cases(record: KeyRecord) -> set[bytes]:
    """Give the digests of every case of the one word that the test knows."""
    return {record.digest, *(keys.digest_of(each) for each in ("Clear", "clear"))}


class Law6OfCertificates(SynchronousTestCase):
    """Private keys of certificates, and the key that seals them."""

    def setUp(self) -> None:
        """Import a certificate into a node's CouchDB, whose changes the node hears."""
        self.heard = Heard(self)
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.out = self.folder / "out"
        self.database = MemoryDatabase("secrets")
        self.node = CertificatesOfANode(self.database, self.folder / "certs")
        self.database.follow(self.node.bundles)
        administration = CertificateAdministration(self.database, Keys((KEY,)), bytes, lambda: 1000)
        self.certificate, _ = self.successResultOf(Deferred.fromCoroutine(administration.put(certificate())))

    def is_clear_in(self, text: str | bytes) -> bool:
        """Tell whether the private key, or the key that sealed it, is in a text."""
        content = text.encode() if isinstance(text, str) else text
        lines = self.certificate.key.splitlines()
        return any(each in content for each in (lines[0], lines[1], KEY.secret, KEY.secret.hex().encode()))

    def test_in_couchdb(self) -> None:
        """It is in CouchDB sealed, and the node has it all the same."""
        stored = self.database.documents_now()["certificate-ecdsa-example.org"]
        self.assertFalse(any(map(self.is_clear_in, [repr(stored).encode(), *map(_unpacked, stored.values())])))
        self.assertEqual(list(self.node.certificates.values()), [self.certificate])

    def test_on_disk(self) -> None:
        """What the node keeps for a restart is sealed, and its owner alone can read it."""
        self.assertEqual(len(self.node.certificates), 1)
        files = list((self.folder / "certs").iterdir())
        self.assertEqual(len(files), 1)
        for each in files:
            self.assertEqual(stat.S_IMODE(each.stat().st_mode), 0o600)
            doc = json.loads(each.read_bytes())["doc"]
            self.assertFalse(
                any(self.is_clear_in(content) for content in (each.read_bytes(), *map(_unpacked, doc.values())))
            )

    def test_in_files(self) -> None:
        """Files for other programs can be read by the daemon's user alone."""
        ExportFolder(self.out).write([self.certificate], remove=True)
        for each in [self.out, *self.out.rglob("*")]:
            self.assertEqual(stat.S_IMODE(each.stat().st_mode) & 0o077, 0, each)

    def test_in_the_log(self) -> None:
        """Neither is in the log when a bundle is refused, nor in how the objects show themselves."""
        self.assertEqual(len(self.node.certificates), 1)
        doc = self.database.documents_now()["certificate-ecdsa-example.org"]
        self.database.seed("certificate-ecdsa-example.org", {**doc, "made": 5})
        self.assertEqual(len(self.node.certificates), 1)
        self.assertIn("is refused (tampered)", self.heard.text)
        for text in (self.heard.text, repr(self.certificate), repr(KEY), repr(Keys((KEY,)))):
            self.assertFalse(self.is_clear_in(text))

    def test_key_file(self) -> None:
        """The key's file is made for its owner alone, and refused when others can read it."""
        file = self.folder / "certs.key"
        new_key(file, KEY.secret)
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        file.chmod(0o640)
        self.assertEqual(read_keys([file]).keys, ())


def _unpacked(value: object) -> bytes:
    """Give what a text means as base64."""
    try:
        return b64decode(str(value), validate=True)
    except ValueError:
        return b""


def _not_encrypted(content: bytes, bound: bytes, nonce: bytes, key: bytes) -> bytes:
    del bound, nonce, key
    return content


def _in_clear(self: BundleFolder, doc_id: str, record: dict[str, Any]) -> None:
    sealed = open_sealed(doc_id, record["doc"], [KEY])
    _write_for_all(self, doc_id, {"doc": {"key": sealed.key.decode()}})


def _write_for_all(self: BundleFolder, doc_id: str, record: dict[str, Any]) -> None:
    self._folder.mkdir(exist_ok=True)
    (self._folder / doc_id).write_text(json.dumps(record))


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def _new_key_for_all(file: Path, secret: bytes) -> None:
    file.write_bytes(secret)


class Law6OfCertificatesNeedsItsCode(NeedsItsCode, SynchronousTestCase):
    """What keeps it: sealing, modes, and fields that do not show themselves."""

    law = Law6OfCertificates
    without = (
        Without("test_in_couchdb", boxes, "crypto_aead_xchacha20poly1305_ietf_encrypt", _not_encrypted),
        Without("test_on_disk", BundleFolder, "write", _in_clear),
        Without("test_on_disk", BundleFolder, "write", _write_for_all),
        Without("test_in_files", export_folder, "_write_file", _write_file),
        Without("test_in_the_log", Certificate, "__repr__", lambda self: repr(self.key)),
        Without("test_in_the_log", SealingKey, "__repr__", lambda self: self.secret.hex()),
        Without("test_key_file", key_files, "_check", lambda file, found: None),  # noqa: ARG005 -- as the function has them
        Without("test_key_file", os, "fchmod", lambda descriptor, mode: os.chmod(descriptor, 0o644)),  # noqa: ARG005, PTH101
    )
