"""Key files, and those that are refused."""

import os
import stat
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.key_files import new_key, read_key, read_keys
from tests.certs.made import KEY


class KeyFiles(SynchronousTestCase):
    """``key_files``."""

    def setUp(self) -> None:
        """Have a folder, and a file for a key."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.file = self.folder / "certs.key"

    def unusable(self, *words: str) -> None:
        """Assert that the file gives no key, and what is said of it, without what is in it."""
        keys = read_keys([self.file])
        self.assertEqual((keys.keys, keys.missing, len(keys.unusable)), ((), (), 1))
        for each in (str(self.file), *words):
            self.assertIn(each, keys.unusable[0])
        self.assertIn(keys.unusable[0], str(self.assertRaises(ValueError, lambda: keys.sealing)))

    def test_new(self) -> None:
        """A new key is in a file that its owner alone can read, whatever the umask, and is never overwritten."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        for umask in (0o000, 0o777):
            os.umask(umask)
            self.file.unlink(missing_ok=True)
            self.assertEqual(new_key(self.file, KEY.secret), KEY)
            self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
            self.assertEqual(read_key(self.file), KEY)
        self.assertRaises(FileExistsError, new_key, self.file, bytes(32))
        self.assertEqual(read_keys([self.file]).sealing, KEY)
        self.assertRaises(FileNotFoundError, new_key, self.folder / "no" / "folder", bytes(32))

    def test_several(self) -> None:
        """The first seals, all open; the same key twice is one."""
        new_key(self.file, KEY.secret)
        other = new_key(self.folder / "other", bytes(32))
        keys = read_keys([self.file, self.folder / "other", self.file])
        self.assertEqual((keys.keys, keys.sealing), ((KEY, other), KEY))

    def test_missing(self) -> None:
        """A file that is not there is no error until something is to be sealed, and then it is said what makes one."""
        keys = read_keys([self.file])
        self.assertEqual((keys.keys, keys.missing, keys.unusable), ((), (self.file,), ()))
        self.assertIn("couchpages certs key new", str(self.assertRaises(ValueError, lambda: keys.sealing)))
        new_key(self.folder / "second", KEY.secret)
        # Nobody seals with the old key when the new one is missing.
        keys = read_keys([self.file, self.folder / "second"])
        self.assertEqual(keys.keys, (KEY,))
        self.assertRaises(ValueError, lambda: keys.sealing)
        # The old one may go.
        self.assertEqual(read_keys([self.folder / "second", self.file]).sealing, KEY)

    def test_sizes(self) -> None:
        """Any other size is refused."""
        for length in (0, 31, 33, 64, 100_000):
            self.file.write_bytes(bytes(length))
            self.file.chmod(0o600)
            self.unusable("a key has 32", f"{length} bytes")

    def test_modes(self) -> None:
        """A file that anybody else may read, write or execute is refused, and how to mend it is said."""
        new_key(self.file, KEY.secret)
        for bits in (0o040, 0o004, 0o020, 0o002, 0o010, 0o001, 0o066):
            self.file.chmod(0o600 | bits)
            self.unusable(f"mode {0o600 | bits:04o}", f"chmod 600 {self.file}")
        self.file.chmod(0o400)
        self.assertEqual(read_key(self.file), KEY)

    def test_owner(self) -> None:
        """A file of another user, who could change it, is refused; root's is not."""
        new_key(self.file, KEY.secret)
        self.file.chmod(0o600)
        with patch("os.geteuid", return_value=self.file.stat().st_uid + 1):
            if self.file.stat().st_uid == 0:
                self.assertEqual(read_key(self.file), KEY)
                os.chown(self.file, 12345, -1)
            self.unusable("belongs to the user", "chown")

    def test_other_things(self) -> None:
        """A folder, a pipe, which would keep its reader waiting, and a link to nothing."""
        self.file.mkdir()
        self.unusable("no plain file")
        self.file.rmdir()
        os.mkfifo(self.file, 0o600)
        self.unusable("no plain file")
        self.file.unlink()
        self.file.symlink_to("real")
        self.assertEqual(read_keys([self.file]).missing, (self.file,))
        new_key(self.folder / "real", KEY.secret)
        self.assertEqual(read_key(self.file), KEY)
