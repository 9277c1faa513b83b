"""Writing certificates to files whenever they change, and the command afterwards."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.certificates import Certificate
from couchpages.certs.command import CommandFailedError
from couchpages.certs.export_folder import ExportFolder
from couchpages.certs.exporting import GATHERING, PAUSE, Exporter
from couchpages.certs.first_system_shelf import Named
from couchpages.metrics import Metrics
from couchpages.testing.node import MemoryReactor, NoThreads
from tests.certs.made import certificate


class Source:
    """Has certificates, and tells of changes."""

    def __init__(self) -> None:
        self.is_loaded = True
        self.certificates: dict[Named, Certificate] = {}
        self._told: list[Callable[[set[Named]], object]] = []

    def tell(self, told: Callable[[set[Named]], object]) -> None:
        """Remember whom to tell."""
        self._told.append(told)

    def add(self, *certificates: Certificate) -> None:
        """Have some more."""
        for each in certificates:
            self.certificates[each.name, each.kind] = each
            self.say()

    def say(self) -> None:
        """Tell of a change."""
        for told in self._told:
            told(set())


class Exporting(SynchronousTestCase):
    """``Exporter``."""

    def setUp(self) -> None:
        """Have one, whose commands a test ends."""
        self.path = Path(self.mktemp()).absolute()
        self.reactor = MemoryReactor()
        self.metrics = Metrics()
        self.source = Source()
        self.running: list[tuple[str, Deferred[None]]] = []
        self.exporter = self.make(["/bin/reload", "now"])

    def make(self, command: Sequence[str] | None) -> Exporter:
        """Make and start one."""
        exporter = Exporter(
            self.reactor, cast("Any", NoThreads()), ExportFolder(self.path), self.source, command, self.metrics,
            execute=self.execute, chance=lambda: 0.5,
        )  # fmt: skip
        exporter.start()
        return exporter

    async def execute(self, reactor: Any, words: Sequence[str], more: Mapping[str, str]) -> None:
        """Begin a command."""
        self.assertIs(reactor, self.reactor)
        self.assertEqual((words, list(more)), (["/bin/reload", "now"], ["COUCHPAGES_CERTIFICATES"]))
        ended: Deferred[None] = Deferred()
        self.running.append((more["COUCHPAGES_CERTIFICATES"], ended))
        await ended

    def end(self, error: Exception | None = None) -> None:
        """End the one command that runs."""
        ((_, ended),) = self.running
        self.running.clear()
        if error is None:
            ended.callback(None)
        else:
            ended.errback(error)

    def names(self) -> list[str]:
        """Give the names that each running command was started with."""
        return [names for names, _ in self.running]

    def count(self, outcome: str) -> float:
        """Give the metric."""
        return (
            self.metrics.registry.get_sample_value("couchpages_certificate_exports_total", {"outcome": outcome}) or 0.0
        )

    def test_a_batch(self) -> None:
        """Changes that come together are one batch: the command is run once, and not for what did not change."""
        self.source.add(certificate(), certificate("b.example"))
        self.assertEqual(self.names(), [])
        self.reactor.advance(GATHERING)
        self.assertEqual(self.names(), ["b.example example.org"])
        self.end()
        self.assertEqual(self.count("done"), 1)
        self.source.say()
        self.reactor.pump([GATHERING] * 3)
        self.assertEqual(self.names(), [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.source.add(certificate(number=1))
        self.reactor.advance(GATHERING)
        self.assertEqual(self.names(), ["example.org"])

    def test_never_two(self) -> None:
        """A change while the command runs waits for its end."""
        self.source.add(certificate())
        self.reactor.advance(GATHERING)
        self.source.add(certificate("b.example"))
        self.reactor.advance(10 * GATHERING)
        self.assertEqual(self.names(), ["example.org"])
        self.end()
        self.reactor.advance(GATHERING)
        self.assertEqual(self.names(), ["b.example"])

    def test_failure(self) -> None:
        """A command that fails is a trouble and counted, and tried again after a growing pause, with all names that it has not heard of."""
        self.source.add(certificate())
        self.reactor.advance(GATHERING)
        self.end(CommandFailedError("/bin/reload ended with exit code 3: no"))
        self.assertEqual(self.exporter.troubles(), ["[certs] export_dir: /bin/reload ended with exit code 3: no"])
        self.assertEqual((self.count("failed"), self.exporter.obstacles()), (1, []))
        self.reactor.advance(PAUSE)
        self.reactor.advance(GATHERING)
        self.assertEqual(self.names(), ["example.org"])
        self.end(CommandFailedError("again"))
        self.reactor.advance(2 * PAUSE - 0.1)
        self.reactor.advance(GATHERING)
        self.assertEqual(self.names(), [])
        self.reactor.pump([0.1, GATHERING])
        self.end()
        self.assertEqual((self.exporter.troubles(), self.count("done")), ([], 1))

    def test_another_after_a_failure(self) -> None:
        """A certificate that comes while a failure is waited out is written at once, and the command hears of both."""
        self.source.add(certificate())
        self.reactor.advance(GATHERING)
        self.end(CommandFailedError("no"))
        self.source.add(certificate("b.example"))
        self.reactor.advance(GATHERING)
        self.assertEqual(self.names(), ["b.example example.org"])
        self.end()
        self.assertEqual((self.exporter.troubles(), self.reactor.getDelayedCalls()), ([], []))

    def test_restart(self) -> None:
        """Stopped while the command runs, it is run again by the next process."""
        self.source.add(certificate())
        self.reactor.advance(GATHERING)
        stopped = self.exporter.stop()
        assert stopped is not None
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.running.clear()
        self.make(["/bin/reload", "now"])
        self.reactor.advance(GATHERING)
        self.assertEqual(self.names(), ["example.org"])

    def test_not_loaded(self) -> None:
        """Before everything is known nothing is removed; then what is gone is."""
        self.source.add(certificate())
        self.reactor.advance(GATHERING)
        self.end()
        self.source.certificates.clear()
        self.source.is_loaded = False
        self.source.say()
        self.reactor.pump([GATHERING] * 3)
        self.assertTrue((self.path / "example.org").exists())
        self.source.is_loaded = True
        self.source.say()
        self.reactor.pump([GATHERING] * 3)
        self.assertFalse((self.path / "example.org").is_symlink())
        self.assertEqual(self.names(), ["example.org"])

    def test_a_folder_that_cannot_be(self) -> None:
        """A folder that cannot be written is a trouble, and tried again."""
        self.path.write_text("a file")
        self.source.add(certificate())
        self.reactor.advance(GATHERING)
        self.assertIn("is no folder", self.exporter.troubles()[0])
        self.path.unlink()
        self.reactor.advance(PAUSE)
        self.reactor.advance(GATHERING)
        self.assertEqual(self.names(), ["example.org"])

    def test_without_command(self) -> None:
        """Files alone are written too."""
        self.successResultOf(self.exporter.stop() or Deferred())
        self.exporter = self.make(None)
        self.source.add(certificate())
        self.reactor.pump([GATHERING] * 3)
        self.assertTrue((self.path / "example.org" / "privkey.pem").exists())
        self.assertEqual((self.count("done"), ExportFolder(self.path).untold()), (1, set()))
