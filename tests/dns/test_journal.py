"""Files that keep zones: what is read back, and what is refused."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.entries import Served, held_in, record_entry, serial_entry, zone_entry, zones_in
from couchpages.dns.holdings import Held
from couchpages.dns.journal import WHOLE, Damaged, Entry, append, beginning, entry_of, payload_of, read
from couchpages.dns.records import Record
from couchpages.dns.traces import Trace
from couchpages.dns.zone_documents import ZoneDocument
from couchpages.dns.zone_folder import ZoneFolder
from couchpages.dns.zone_register import HeldZone

NAME = "00000007"


def written(*blocks: list[Entry]) -> tuple[bytes, list[int]]:
    """Give a file with these blocks, and where each ends."""
    content, state, ends = b"", beginning(NAME), []
    for entries in blocks:
        block, state = append(state, payload_of(map(entry_of, entries)), len(entries))
        content += block
        ends.append(len(content))
    return content, ends


class Journals(SynchronousTestCase):
    """``couchpages.dns.journal``."""

    blocks: tuple[list[Entry], ...] = ([["a", 1], ["b", 2]], [WHOLE], [["c", 3]], [["d", 4]])
    told: tuple[Entry, ...] = (["a", 1], ["b", 2], ["c", 3], ["d", 4])

    def test_read_back(self) -> None:
        """What was written is read, in its order, and can be appended to."""
        content, _ = written(*self.blocks)
        entries, state = read(NAME, content)
        self.assertEqual((entries, state.length, state.entries), (list(self.told), len(content), 5))
        more, _ = append(state, payload_of([entry_of(["e"])]), 1)
        self.assertEqual(read(NAME, content + more)[0][-1], ["e"])

    @given(st.data())
    @settings(deadline=None)
    def test_broken_off(self, data: st.DataObject) -> None:
        """A block that breaks off at the end is left away; a file that breaks off before it was whole is refused."""
        content, ends = written(*self.blocks)
        length = data.draw(st.integers(0, len(content)))
        if length < ends[1]:
            self.assertRaises(Damaged, read, NAME, content[:length])
            return
        entries, state = read(NAME, content[:length])
        self.assertEqual(state.length, max(end for end in ends if end <= length))
        self.assertEqual(entries, list(self.told[: 2 + sum(end <= length for end in ends[2:])]))

    @given(st.data())
    @settings(deadline=None, max_examples=300)
    def test_altered(self, data: st.DataObject) -> None:
        """A file of which any octet was altered is refused."""
        content, _ = written(*self.blocks)
        at = data.draw(st.integers(0, len(content) - 1))
        octet = data.draw(st.integers(0, 255).filter(lambda value: value != content[at]))
        altered = content[:at] + bytes([octet]) + content[at + 1 :]
        self.assertRaises(Damaged, read, NAME, altered)

    def test_another_order(self) -> None:
        """Blocks that were left out, exchanged, or belong to another file are refused."""
        content, (first, second, third, _) = written(*self.blocks)
        for wrong in (
            content[:second] + content[third:],
            content[:second] + content[third:] + content[second:third],
            content[first:],
        ):
            self.assertRaises(Damaged, read, NAME, wrong)
        self.assertRaises(Damaged, read, "00000008", content)
        self.assertRaises(Damaged, read, NAME, b"")

    def test_no_entries(self) -> None:
        """What has its hash and is no list of entries is refused."""
        for payload in (b"{}", b"[1]", b"[[]]", b"[", b"[" * 99999):
            block, _ = append(beginning(NAME), payload, 1)
            self.assertRaises(Damaged, read, NAME, block)


class Entries(SynchronousTestCase):
    """``couchpages.dns.entries``."""

    def test_read_back(self) -> None:
        """Documents and serials are read as they were written."""
        record = Record(7, b"\1A\3\0.x\0", 65280, 60, b"\xff\0", disabled=True, flag="Geo=US")
        for held in (Held(1 << 63, Trace(3, None, 9, alive=False), None), Held(5, Trace(1, 7, 0, alive=True), record)):
            (entry,), _ = read(NAME, written_entries([record_entry("x", held)]))
            self.assertEqual(held_in(entry), ("x", held))
        self.assertEqual(held_in(["x"]), ("x", None))
        zone = HeldZone(5, 2, ZoneDocument(7, b"\7example\0"))
        entries, _ = read(
            NAME,
            written_entries(
                [
                    zone_entry("example", zone),
                    zone_entry("gone", HeldZone(1, 1, None)),
                    zone_entry("gone", None),
                    serial_entry(b"\7example\0", Served(9, "x")),
                ]
            ),
        )
        self.assertEqual(zones_in(entries), ({"example": zone}, {b"\7example\0": Served(9, "x")}))

    def test_nonsense(self) -> None:
        """What was never written so is refused."""
        documents: list[Entry] = [["x", 1]]
        documents += [["x", 1, 2, 3, 4, True, record] for record in ([1], [7, "zz", 1, 1, "", False, None])]
        for entry in documents:
            self.assertRaises(Damaged, held_in, entry)
        others: list[Entry] = [["zone", 5], ["serial", 1, 2, 3], ["what"], ["serial", "zz", 1, ""]]
        for entry in others:
            self.assertRaises(Damaged, zones_in, [entry])


def written_entries(entries: list[bytes]) -> bytes:
    """Give a whole file with these entries."""
    block, _ = append(beginning(NAME), payload_of([*entries, entry_of(WHOLE)]), len(entries) + 1)
    return block


class Folders(SynchronousTestCase):
    """``couchpages.dns.zone_folder``."""

    def setUp(self) -> None:
        """Make a folder with one file."""
        self.path = Path(self.mktemp())
        self.folder = ZoneFolder(self.path)
        self.folder.open()
        self.content, _ = written(*Journals.blocks)
        (self.path / NAME).write_bytes(self.content)

    def test_broken_off(self) -> None:
        """What broke off is cut away, so that what is appended next follows what is whole."""
        (self.path / NAME).write_bytes(self.content[:-5])
        _, state = self.folder.open().files[NAME]
        self.assertEqual((self.path / NAME).stat().st_size, state.length)

    def test_unfinished(self) -> None:
        """What was left unfinished is removed; what is no plain file is refused, and removed too."""
        (self.path / f"~{NAME}").write_bytes(b"x")
        (self.path / "00000009" / "within").mkdir(parents=True)
        kept = self.folder.open()
        self.assertEqual((list(kept.files), list(kept.refused)), ([NAME], ["00000009"]))
        self.assertEqual([file.name for file in self.path.iterdir()], [NAME])

    def test_another_file(self) -> None:
        """Nothing is appended to a file that is not as it was left."""
        self.assertRaises(OSError, self.folder.append, NAME, 5, b"x")
        self.assertRaises(OSError, self.folder.append, "00000008", 0, b"x")
        self.folder.append(NAME, len(self.content), b"x")
        self.assertEqual((self.path / NAME).read_bytes(), self.content + b"x")

    def test_abandoned(self) -> None:
        """What is abandoned leaves what was there before."""
        file = self.folder.begin(NAME)
        self.folder.write(file, b"x" * 99)
        self.folder.abandon(NAME, file)
        self.assertEqual((self.path / NAME).read_bytes(), self.content)
        self.folder.remove(NAME)
        self.assertEqual(list(self.path.iterdir()), [])
