"""The access log: noting, handing over, dropping, opening anew."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from couchpages.metrics import Metrics
from couchpages.testing.node import MemoryReactor
from couchpages.web.access_line import Lines, combined
from couchpages.web.access_log import BATCH, MOST, MOST_BYTES, TICK, AccessLog
from couchpages.web.log_file import LogFile


class LateThreads:
    """Stands for a ThreadPool whose threads do their work when the test says."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def callInThreadWithCallback(
        self, done: Callable[[bool, Any], object], work: Callable[..., Any], *args: Any
    ) -> None:
        """Keep the work."""

        def do() -> None:
            try:
                result = work(*args)
            except Exception:  # noqa: BLE001 -- as ThreadPool does
                done(False, Failure())
            else:
                done(True, result)

        self.waiting.append(do)

    def work(self) -> None:
        """Do all work, also what comes meanwhile."""
        while self.waiting:
            self.waiting.pop(0)()


class LogCase(SynchronousTestCase):
    """A test with a log."""

    def setUp(self) -> None:
        """Start a log, and listen to what is said."""
        self.path = Path(self.mktemp()).absolute()
        self.reactor = MemoryReactor()
        self.threads = LateThreads()
        self.metrics = Metrics()
        self.said: list[str] = []
        listen: Any = self.listen
        globalLogPublisher.addObserver(listen)
        self.addCleanup(globalLogPublisher.removeObserver, listen)
        self.log = self.make()

    def listen(self, event: Any) -> None:
        """Hear what the log says of itself."""
        if "AccessLog" in event.get("log_namespace", ""):
            self.said.append(event["log_format"].format(**event))

    def make(self, lines: Lines = combined) -> AccessLog:
        """Make a log that is started."""
        file = LogFile(self.path)
        self.addCleanup(file.close)
        threads: Any = self.threads
        log = AccessLog(self.reactor, threads, file, lines, self.metrics)
        log.start()
        self.threads.work()
        return log

    def note(self, *numbers: int, rest: bytes = b"") -> None:
        """Note a response for each number."""
        for number in numbers:
            self.log.note(
                1.0, "192.0.2.1", b"GET /%d HTTP/1.1\r\n%s\r\n" % (number, rest), 200, 5, 0.1, "a.example", "none"
            )

    def logged(self) -> list[int]:
        """Give the numbers that are in the file."""
        return [int(line.split('"GET /')[1].split()[0]) for line in self.path.read_text().splitlines()]

    @property
    def dropped(self) -> float:
        """How many records were dropped, as Prometheus is told."""
        return self.metrics.registry.get_sample_value("couchpages_access_log_dropped_total") or 0.0


class Writing(LogCase):
    """What is written, and when."""

    def test_each_second(self) -> None:
        """The file is there from the start; what is noted is handed to a thread within a second, and not before."""
        self.assertEqual(self.logged(), [])
        self.note(1, 2)
        self.assertEqual(self.threads.waiting, [])
        self.reactor.advance(TICK)
        self.threads.work()
        self.assertEqual(self.logged(), [1, 2])

    def test_nothing_noted(self) -> None:
        """While nothing is noted, no thread is bothered."""
        self.reactor.pump([TICK] * 5)
        self.assertEqual(self.threads.waiting, [])

    def test_each_thousand(self) -> None:
        """A batch that is large enough waits for no second."""
        self.note(*range(BATCH))
        self.threads.work()
        self.assertEqual(self.logged(), list(range(BATCH)))

    def test_no_overtaking(self) -> None:
        """While a batch is written, the next one waits, whatever time it takes; all is in order."""
        self.note(*range(BATCH))
        for number in range(BATCH, 3 * BATCH, 500):
            self.note(*range(number, number + 500))
            self.reactor.advance(TICK)
        self.assertEqual(len(self.threads.waiting), 1)
        self.threads.work()
        self.assertEqual(self.logged(), list(range(3 * BATCH)))

    def test_stops(self) -> None:
        """What was noted is written before the log has stopped, also what is noted while it stops; what comes later is written too."""
        self.note(*range(BATCH), BATCH)
        stopping = Deferred.fromCoroutine(self.log.stop())
        self.note(BATCH + 1)
        self.assertNoResult(stopping)
        self.threads.work()
        self.successResultOf(stopping)
        self.assertEqual(self.logged(), list(range(BATCH + 2)))
        self.note(BATCH + 2)
        self.assertEqual(self.logged(), list(range(BATCH + 3)))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_never_started(self) -> None:
        """A log that was never started stops."""
        threads: Any = self.threads
        log = AccessLog(self.reactor, threads, LogFile(self.path), combined, self.metrics)
        self.successResultOf(Deferred.fromCoroutine(log.stop()))

    def test_reopened(self) -> None:
        """After logrotate moved the file, what is noted goes into a new one, which is there at once."""
        self.note(1)
        self.reactor.advance(TICK)
        self.threads.work()
        moved = self.path.rename(self.path.with_name(f"{self.path.name}-moved"))
        self.log.reopen()
        self.threads.work()
        self.assertEqual(self.logged(), [])
        self.assertIn("/1 ", moved.read_text())

    def test_reopened_while_writing(self) -> None:
        """The batch under way is written where it was begun, or into the new file, and lost in neither case."""
        self.note(*range(BATCH))
        self.path.unlink()
        self.log.reopen()
        self.threads.work()
        self.assertEqual(self.logged(), list(range(BATCH)))

    def test_open_descriptors(self) -> None:
        """However often it is opened anew, one descriptor is open; none when it has stopped."""
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- what counts are the descriptors
        for _ in range(5):
            self.log.reopen()
            self.threads.work()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)  # noqa: PTH208 -- as above
        self.successResultOf(Deferred.fromCoroutine(self.log.stop()))
        self.assertEqual(len(os.listdir("/proc/self/fd")), before - 1)  # noqa: PTH208 -- as above


class Dropping(LogCase):
    """When the log cannot be written, or not fast enough."""

    def test_full_disk(self) -> None:
        """On a full disk records are dropped and counted; that is said once, and once more when it is over."""
        self.path.unlink()
        self.path.symlink_to("/dev/full")
        for _ in range(3):
            self.note(1, 2)
            self.log.reopen()
            self.reactor.advance(TICK)
            self.threads.work()
        self.assertEqual(self.dropped, 6)
        self.assertEqual(len(self.said), 1)
        self.assertIn("No space left on device", self.said[0])
        self.path.unlink()
        self.note(3)
        self.reactor.advance(TICK)
        self.threads.work()
        self.assertEqual((self.logged(), self.dropped, len(self.said)), ([3], 6, 2))
        self.assertIn("can be written to again", self.said[1])

    def test_cannot_be_made(self) -> None:
        """A file that cannot be made is told of when the log starts, and made as soon as it can."""
        self.path = self.path / "no" / "folder"
        self.path.parent.parent.unlink()
        self.log = self.make()
        self.assertIn("No such file or directory", self.said[0])
        self.path.parent.mkdir(parents=True)
        self.note(1)
        self.reactor.advance(TICK)
        self.threads.work()
        self.assertEqual(self.logged(), [1])

    def test_too_slow(self) -> None:
        """While a disk hangs, no more than so many records wait; the others are dropped and counted, and that is said once."""
        self.note(*range(BATCH))
        self.note(*range(BATCH, BATCH + MOST + 10))
        self.reactor.advance(TICK)
        self.assertEqual(self.dropped, 10)
        self.note(0)
        self.reactor.advance(TICK)
        self.assertEqual((self.dropped, len(self.said)), (11, 1))
        self.threads.work()
        self.assertEqual(self.logged(), list(range(BATCH + MOST)))
        self.reactor.advance(TICK)
        self.assertIn("fast enough again", self.said[1])

    def test_large_heads(self) -> None:
        """Heads of many bytes are dropped earlier; afterwards all goes on."""
        self.note(*range(2 * BATCH))
        size = 2**20
        for number in range(2 * MOST_BYTES // size):
            self.note(number, rest=b"X: %s\r\n" % bytes(size))
        self.reactor.advance(TICK)
        self.assertTrue(MOST_BYTES / size - 2 <= self.dropped <= MOST_BYTES / size, self.dropped)
        self.threads.work()
        self.note(*range(2 * BATCH))
        self.threads.work()
        self.assertEqual(self.logged()[-2 * BATCH :], list(range(2 * BATCH)))

    def test_defect(self) -> None:
        """A defect in what writes the lines costs the batch, and is told; the log goes on."""
        broken = [True]

        def lines(records: Any) -> bytes:
            if broken.pop():
                raise ZeroDivisionError
            return combined(records)

        self.log = self.make(lines)
        broken += [False, True]
        for number in range(2):
            self.note(number)
            self.reactor.advance(TICK)
            self.threads.work()
        self.assertEqual((self.logged(), self.dropped), ([1], 1))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
