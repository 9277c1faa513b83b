"""Kept zones that were altered, cut short, removed, or cannot be written: what is not whole is not answered, and is mended."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.integration.cases import OnApacheCouchDB
from tests.integration.dns_outage_case import DnsOutageCase
from tests.integration.node import lines, wait_until
from tests.integration.past_the_api import counted
from tests.integration.test_data_folder import _alter, _empty, _folder, _garbage, _link, _pipe
from tests.integration.test_full_disk import _unmount

#: Enough records for several blocks of a file.
RECORDS = 1200
SIZE = 2**21


class KeptZonesCase(DnsOutageCase):
    """Two zones lie on the disk of a node that was stopped, and whose CouchDB is away."""

    def setUp(self) -> None:
        """Make the second zone, and stop."""
        super().setUp()
        self.second = f"second-{self.zone}"
        rrsets = [{"name": f"n{number}", "type": "A", "ttl": 60, "records": ["192.0.2.1"]} for number in range(RECORDS)]
        self.create(self.second, node=self.other)
        self.changed("PATCH", f"/{self.second}/rrsets", {"rrsets": rrsets}, node=self.other)
        self.until(("192.0.2.1",), f"n{RECORDS - 1}.{self.second}")
        self.until_kept()
        self.until_loaded()
        self.serials = {zone: self.serial(zone) for zone in (self.zone, self.second)}
        self.tested.stop()
        self.relay.refuse()

    @property
    def kept(self) -> Path:
        """The folder."""
        return self.tested.data / "zones"

    def file_of(self, zone: str) -> Path:
        """Give the file with the records of a zone."""
        return self.kept / f"{self.number(zone, self.other):08x}"

    def assert_answered(self, *zones: str) -> None:
        """Assert that zones are answered as before, and the others with SERVFAIL, every name of them."""
        names = {self.zone: self.www, self.second: f"n7.{self.second}"}
        for zone, name in names.items():
            if zone in zones:
                self.assertEqual(self.ask(name, "ANY").rcode, "NOERROR")
                self.assertEqual(self.serial(zone), self.serials[zone])
            else:
                self.assert_not_ready(zone, name, f"nowhere.{zone}")

    def assert_mended(self) -> None:
        """Assert that with CouchDB all is answered, and kept again, and that the log has no traceback."""
        self.relay.heal()
        self.until_loaded()
        self.assert_answered(self.zone, self.second)
        for file in (self.file_of(self.zone), self.file_of(self.second), self.kept / "zones"):
            wait_until(lambda file=file: file.is_file() and not file.is_symlink(), f"{file} to be kept again", 60)
        self.tested.stop()
        self.relay.refuse()
        self.start_away()
        self.assert_answered(self.zone, self.second)
        self.assertNotIn("Traceback", self.tested.log())


class KeptZones(KeptZonesCase):
    """With the embedded store of another node."""

    def damaged(
        self, file: Path, *ways: Callable[[Path], None], answered: tuple[str, ...], refused: bool = True
    ) -> None:
        """Start with a file that was damaged, in each of some ways; it is told by its name, and mended."""
        for way in ways:
            self.tested.stop()
            self.relay.refuse()
            since = self.tested.log_size()
            way(file)
            self.start_away()
            self.assert_answered(*answered)
            said = [line for line in lines(self.tested.log(since)) if f"kept zones in {file.name} are refused" in line]
            self.assertEqual(len(said), int(refused), f"{way}: {self.tested.log(since)}")
            self.assert_mended()

    def test_records(self) -> None:
        """Without a sound file of its records a zone is answered with SERVFAIL, and the other as before."""
        file = self.file_of(self.second)
        self.damaged(file, _alter, _empty, _garbage, _folder, _link, _pipe, answered=(self.zone,))
        self.damaged(file, Path.unlink, answered=(self.zone,), refused=False)

    def test_zones(self) -> None:
        """Without a sound file of zones nothing is answered but SERVFAIL."""
        self.damaged(self.kept / "zones", _alter, _empty, _garbage, _folder, _link, _pipe, answered=())
        self.damaged(self.kept / "zones", Path.unlink, answered=(), refused=False)

    def test_others_records(self) -> None:
        """A file with the records of another zone is refused, also when it is sound."""
        file, other = self.file_of(self.second), self.file_of(self.zone)

        def replace(path: Path) -> None:
            path.write_bytes(other.read_bytes())

        self.damaged(file, replace, answered=(self.zone,))

    def test_cut_anywhere(self) -> None:
        """Cut at any of many places, a file that was written at once is taken whole or not at all: no name of the zone is denied."""
        self.write_at_once()
        file = self.file_of(self.second)
        content = file.read_bytes()
        for size in (1, 50, 200, len(content) // 3, len(content) // 2, len(content) - 200, len(content) - 2):
            file.write_bytes(content[:size])
            self.start_away()
            found = set(self.rcodes(self.second, *(f"n{number}.{self.second}" for number in range(0, RECORDS, 50))))
            self.assertIn(found, ({"NOERROR"}, {"SERVFAIL"}), size)
            self.tested.kill()
        self.start_away()
        self.assert_mended()

    def write_at_once(self) -> None:
        """Have the node read all and write it, so that nothing was appended that may break off like a change that was being made."""
        shutil.rmtree(self.kept)
        self.relay.heal()
        self.tested.start()
        self.until_loaded()
        self.until_kept()
        self.tested.stop()
        self.relay.refuse()

    def test_foreign_files(self) -> None:
        """Files that others left are no hindrance."""
        (self.kept / "README").write_bytes(b"x")
        (self.kept / "~left").write_bytes(b"x")
        (self.kept / "..strange\n").write_bytes(b"x")
        (self.kept / "folder").mkdir()
        self.start_away()
        self.assert_answered(self.zone, self.second)
        self.assertFalse((self.kept / "~left").exists())
        self.assert_mended()

    def test_no_folder(self) -> None:
        """A file where the folder should be: it starts, says so, answers SERVFAIL, then from CouchDB; restarted, it does so again."""
        moved = self.kept.rename(self.kept.with_name("moved"))
        self.kept.write_bytes(b"x")
        since = self.tested.log_size()
        self.start_away()
        self.assert_answered()
        self.assertIn(f"{self.kept}", self.tested.log(since))
        self.relay.heal()
        self.until_loaded()
        self.assert_answered(self.zone, self.second)
        self.assertNotIn("Traceback", self.tested.log(since))
        self.tested.stop()
        self.kept.unlink()
        moved.rename(self.kept)
        self.relay.refuse()
        self.start_away()
        self.assert_answered(self.zone, self.second)

    def test_permissions(self) -> None:
        """What is kept can be read by nobody else, and another's file of mode 0 costs nobody the start."""
        for file in self.kept.iterdir():
            self.assertEqual(file.stat().st_mode & 0o077, 0, file)
        self.file_of(self.second).chmod(0)
        os.chown(self.file_of(self.second), 65534, 65534) if os.geteuid() == 0 else None
        self.start_away()
        self.assertEqual(self.ask(self.www, "TXT").rcode, "NOERROR")
        self.assertIn(self.ask(f"n7.{self.second}").rcode, ("NOERROR", "SERVFAIL"))
        self.assert_mended()


class KeptZonesOnApacheCouchDB(OnApacheCouchDB, KeptZones):
    """The same on Apache CouchDB."""


class FullDisk(DnsOutageCase):
    """The folder of kept zones is a file system of its own, and full."""

    needs = ("mount", "umount")

    def test_full(self) -> None:
        """Changes are answered though they cannot be kept; restarted then, no name is denied; with room again, all is kept."""
        self.until_kept()
        self.tested.stop()
        folder = self.tested.data / "zones"
        if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", folder], capture_output=True, check=False
        ).returncode:  # fmt: skip
            self.skipTest("a file system cannot be mounted here: not root, or a container without the right to")
        self.addCleanup(_unmount, folder)
        self.tested.start()
        self.until_kept()
        with (folder / "~filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        rrsets = [{"name": f"n{number}", "type": "A", "ttl": 60, "records": ["192.0.2.1"]} for number in range(500)]
        self.changed("PATCH", f"/{self.zone}/rrsets", {"rrsets": rrsets}, node=self.other)
        self.until(("192.0.2.1",), f"n499.{self.zone}")
        wait_until(lambda: counted(self.tested, "cache_faults", cache="zones_disk") > 0, "the fault to be counted")
        self.assertIn("zones could not be kept on disk", self.tested.log())
        self.publish(2)
        self.until(('"2"',), self.www, "TXT")
        self.tested.kill()
        self.relay.refuse()
        self.start_away()
        reply = self.ask(self.www, "TXT")
        self.assertIn(reply.rcode, ("NOERROR", "SERVFAIL"))
        self.assertEqual(self.rcodes(self.zone), [reply.rcode])
        # The filler was taken for what an interrupted run left.
        self.relay.heal()
        self.until(('"2"',), self.www, "TXT")
        self.until_loaded()
        serial = self.serial()
        self.tested.stop()
        self.relay.refuse()
        self.start_away()
        self.assertEqual((self.version(), self.serial()), (('"2"',), serial))
        self.assertEqual(self.data(f"n499.{self.zone}"), ("192.0.2.1",))
        self.assertNotIn("Traceback", self.tested.log())


class FullDiskOnApacheCouchDB(OnApacheCouchDB, FullDisk):
    """The same on Apache CouchDB."""
