"""The password file."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.couch.embedded.password import PasswordFileError, load_or_create_password


class PasswordTests(SynchronousTestCase):
    """Made once, kept safe."""

    def setUp(self) -> None:
        """Choose a place in a directory that is not there yet."""
        self.path = Path(self.mktemp()) / "data" / "password"

    def test_made(self) -> None:
        """A new password has 256 bits, in a file that only its owner reads."""
        password = load_or_create_password(self.path)
        self.assertEqual(len(password), 43)
        self.assertEqual(self.path.stat().st_mode & 0o7777, 0o600)
        self.assertEqual([each.name for each in self.path.parent.iterdir()], ["password"])

    def test_kept(self) -> None:
        """The second time it is the same."""
        self.assertEqual(load_or_create_password(self.path), load_or_create_password(self.path))

    def test_different(self) -> None:
        """Two files have two passwords."""
        self.assertNotEqual(load_or_create_password(self.path), load_or_create_password(self.path.with_name("other")))

    def test_racing(self) -> None:
        """Those who make it at once agree."""
        with ThreadPoolExecutor(16) as pool:
            passwords = set(pool.map(load_or_create_password, [self.path] * 64))
        self.assertEqual(len(passwords), 1)

    def test_readable_by_others(self) -> None:
        """A file that others can read is refused, with the command that mends it."""
        load_or_create_password(self.path)
        self.path.chmod(0o640)
        with self.assertRaises(PasswordFileError) as caught:
            load_or_create_password(self.path)
        self.assertIn(f"chmod 600 {self.path}", str(caught.exception))

    def test_empty(self) -> None:
        """An empty file is refused."""
        self.path.parent.mkdir(parents=True)
        self.path.touch(0o600)
        with self.assertRaises(PasswordFileError) as caught:
            load_or_create_password(self.path)
        self.assertIn("empty", str(caught.exception))
