"""What tells one node from all others."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from couchpages.node_id import FILE, node_id


class NodeIds(SynchronousTestCase):
    """``node_id``."""

    def setUp(self) -> None:
        """Have a data folder."""
        self.data = Path(self.mktemp())
        self.data.mkdir()

    def id_of(self, byte: int = 7) -> str:
        """Give the id; one that is made is of these bytes."""
        return node_id(self.data, lambda count: bytes([byte]) * count)

    def test_kept(self) -> None:
        """It is made once, and stays."""
        self.assertEqual(self.id_of(), "07" * 8)
        self.assertEqual(self.id_of(8), "07" * 8)

    def test_nonsense(self) -> None:
        """What is no id is replaced: empty, cut off, too long, in capitals, no text at all."""
        for content in (b"", b"07", b"07" * 9, b"AB" * 8, b"\xff" * 16, b"../../../../etc/"):
            (self.data / FILE).write_bytes(content)
            self.assertEqual(self.id_of(9), "09" * 8)

    def test_end_of_line(self) -> None:
        """An editor may have ended the line."""
        (self.data / FILE).write_text("ab" * 8 + "\n")
        self.assertEqual(self.id_of(), "ab" * 8)

    def test_folder(self) -> None:
        """With a folder in its place, it cannot be had."""
        (self.data / FILE).mkdir()
        with self.assertRaises(OSError):
            self.id_of()
