"""Law 6: our API keys lie in CouchDB only as hashes; a clear ``secrets/ApiKey`` of the first system works, with a warning, until
``couchpages keys`` replaces it; secrets on disk are readable by their owner alone, and none is in a log.

What the law says of certificates' private keys comes with the certificates.
"""

import os
import stat
import tempfile
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
from couchpages.couch.embedded import password
from couchpages.couch.embedded.password import load_or_create_password
from couchpages.testing.node import MemoryNode
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
