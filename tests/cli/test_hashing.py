import hashlib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.cli.errors import WrongCallError
from couchpages.cli.files import FoundFile
from couchpages.cli.hashing import CHUNK, Hashing, hash_file


class HashingTests(SynchronousTestCase):
    """Hashing in threads gives what hashlib gives."""

    def setUp(self) -> None:
        """Make files of sizes around the chunk's, and many small ones."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        sizes = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, *range(2, 300)]
        self.contents = {f"{size:08}": bytes([size % 251]) * size for size in sizes}
        self.files = [self.write(name) for name in self.contents]

    def write(self, name: str) -> FoundFile:
        """Write a file of that name."""
        (self.folder / name).write_bytes(self.contents[name])
        return FoundFile(f"path/{name}", str(self.folder / name))

    def test_hashes(self) -> None:
        """Hashes and sizes, in the order given, whatever the number of threads; each file is counted once."""
        wanted = [(f"path/{name}", hashlib.sha256(data).hexdigest(), len(data)) for name, data in self.contents.items()]
        for threads in (1, 3):
            counted: list[int] = []
            done = Hashing(self.files, threads).results(counted.append)
            self.assertEqual([(file.path, file.sha256, file.size) for file in done], wanted)
            self.assertEqual(sum(counted), len(self.files))

    def test_unreadable(self) -> None:
        """A file that went away is told by its path, and the threads end."""
        (self.folder / self.files[3].source.rpartition("/")[2]).unlink()
        with self.assertRaisesRegex(WrongCallError, "^path/.*cannot be read"):
            Hashing(self.files, 2).results(lambda _: None)

    def test_a_link_in_its_place(self) -> None:
        """A link put where a file was is not followed."""
        source = Path(self.files[0].source)
        source.unlink()
        source.symlink_to(self.files[1].source)
        with self.assertRaisesRegex(WrongCallError, "cannot be read"):
            hash_file(self.files[0], bytearray(CHUNK))

    def test_stop(self) -> None:
        """Stopping ends the threads, also twice, and before anything was awaited."""
        hashing = Hashing(self.files, 2)
        hashing.stop()
        hashing.stop()
        self.assertFalse([thread for thread in hashing._pool._threads if thread.is_alive()])
