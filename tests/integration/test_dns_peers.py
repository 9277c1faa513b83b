"""The table of rules, asked of servers of others: what it says is what these say, but for differences that are known."""

import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.dns.rules import ALL, endless, zone_files
from tests.dns.rules.checking import faults
from tests.dns.rules.differences import unexplained
from tests.dns.rules.peers import Knot, Named, Nsd, Peer
from tests.dns.rules.row import Row
from tests.integration.requirements import lacking, program_path


class PeerCase(SynchronousTestCase):
    """Asks one server."""

    peer: ClassVar[type[Peer]]

    def ask_everything(self) -> None:
        """Ask the whole table, without the zones that the server refuses to load."""
        folder = Path(tempfile.mkdtemp(prefix="couchpages-test-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        peer = self.peer(folder / "peer", zone_files.texts(), program_path(self.peer.program) or "")
        self.addCleanup(peer.stop)
        found = {row: faults(row, peer.ask) for row in ALL if self._loads(row)}
        self.assertEqual(unexplained(peer.name, found), [])
        self.assertEqual(endless.faults(peer.ask), [])

    def _loads(self, row: Row) -> bool:
        name = f".{row.question.name.lower()}"
        return not any(name.endswith(f".{zone}") for zone in self.peer.refuses)


class NsdTests(PeerCase):
    """NSD beside the table."""

    peer = Nsd
    skip = lacking("nsd")

    def test_agrees(self) -> None:
        """NSD answers every question as the table says, but for its listed differences."""
        self.ask_everything()


class KnotTests(PeerCase):
    """Knot beside the table."""

    peer = Knot
    skip = lacking("knotd")

    def test_agrees(self) -> None:
        """Knot answers every question as the table says, but for its listed differences."""
        self.ask_everything()


class NamedTests(PeerCase):
    """BIND beside the table."""

    peer = Named
    skip = lacking("named")

    def test_agrees(self) -> None:
        """BIND answers every question as the table says, but for its listed differences."""
        self.ask_everything()
