"""The access log: records are noted in the reactor's thread, and formatted and written in another (does I/O).

Nothing waits for the log. When the disk is full, or does not keep up, records are dropped and counted, and the node serves on.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from couchpages.metrics import Metrics
from couchpages.web.access_line import Lines, Record
from couchpages.web.log_file import LogFile, PartlyWritten

#: Seconds until what was noted is handed to a thread, and records that are handed over before that.
TICK = 1.0
BATCH = 1000
#: Records that may wait, and the bytes of the heads of those behind the first :data:`BATCH`. As much again may be in the thread's hands.
MOST = 100_000
MOST_BYTES = 64 * 2**20
#: Records that are formatted at a time, and the seconds that the thread sleeps then. Without that it takes the interpreter's lock again
#: before the reactor's thread wakes up, which then stands still for up to 5 ms at a time (``sys.getswitchinterval``).
SLICE = 100
PAUSE = 0.00001
#: What can be wrong with the log, and what is told when it no longer is.
UNWRITABLE = ("cannot be written to, records are dropped", "can be written to again")
UNROTATABLE = ("cannot be rotated, and grows", "can be rotated again")
SLOW = ("is written to too slowly, records are dropped", "is written to fast enough again")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch: how many records are lost, and why; and why the file could not be rotated."""

    lost: int = 0
    failure: OSError | None = None
    rotation_failure: OSError | None = None


class AccessLog:
    """Writes to *file*, in the format *lines*. Used in *reactor*'s thread; the file is used by one of *threads* at a time."""

    log = Logger()

    def __init__(self, reactor: Any, threads: ThreadPool, file: LogFile, lines: Lines, metrics: Metrics) -> None:
        self._reactor = reactor
        self._threads = threads
        self._file = file
        self._lines = lines
        self._dropped = metrics.access_log_dropped
        self._waiting: list[Record] = []
        #: At how many waiting records :meth:`_crowded` is asked.
        self._enough = BATCH
        self._bytes = 0
        self._lost = 0
        self._troubles: set[tuple[str, str]] = set()
        self._tick: Any = None
        self._busy = False
        self._working: Deferred[None] | None = None
        self._reopening = False

    def start(self) -> None:
        """Begin to write, when the pool of threads has started. The file is made at once; one that cannot be made is logged."""
        self._tick = self._reactor.callLater(TICK, self._on_tick)
        self.reopen()

    async def stop(self) -> None:
        """Write everything and close the file; the threads may be stopped afterwards. What is noted later is written at once."""
        if self._tick is not None:
            self._tick.cancel()
        while self._busy or self._waiting:
            self._hand_over()
            if self._working is not None:
                await self._working
        self._enough = 1
        self._file.close()

    def note(
        self, moment: float, address: str, head: bytes, status: int, size: int, seconds: float, site: str, cache: str
    ) -> None:
        """Note a response, by the parts of a :data:`~couchpages.web.access_line.Record`; it is on disk within 2 seconds. Never raises."""
        waiting = self._waiting
        waiting.append((moment, address, head, status, size, seconds, site, cache))
        if len(waiting) >= self._enough:
            self._crowded(len(head))

    def reopen(self) -> None:
        """Close the file and open what stands at its path, once the batch under way is written: logrotate has moved the file."""
        self._reopening = True
        self._hand_over()

    def _on_tick(self) -> None:
        self._tick = self._reactor.callLater(TICK, self._on_tick)
        self._count_lost()
        if self._waiting:
            self._hand_over()

    def _crowded(self, size: int) -> None:
        if self._enough == 1:
            self._tell(self._write(self._take()))
        elif not self._busy:
            self._hand_over()
        elif len(self._waiting) > MOST or self._bytes > MOST_BYTES:
            self._waiting.pop()
            self._lost += 1
        else:
            self._bytes += size

    def _hand_over(self) -> None:
        if not self._busy:
            self._busy = True
            self._working = Deferred.fromCoroutine(self._work())

    async def _work(self) -> None:
        """Hand batches to a thread, one after the other, until less than a whole one waits."""
        try:
            await self._batch()
            while self._reopening or len(self._waiting) >= BATCH:
                await self._batch()
        finally:
            self._busy = False

    async def _batch(self) -> None:
        reopening, self._reopening = self._reopening, False
        batch = self._take()
        outcome = await deferToThreadPool(self._reactor, self._threads, self._write, batch, reopening)
        # That the file could be opened does not mean that the disk has room.
        if batch or outcome.failure is not None:
            self._tell(outcome)

    def _take(self) -> list[Record]:
        batch, self._waiting, self._bytes = self._waiting, [], 0
        return batch

    def _write(self, batch: Sequence[Record], reopening: bool = False) -> Outcome:
        """Write a batch; called in a thread."""
        try:
            if reopening:
                self._file.close()
            return written(self._file, self._lines, batch)
        except Exception:  # noqa: BLE001 -- a defect of ours costs a batch, not the log
            self.log.failure("the access log met a defect; {lost} records are lost", lost=len(batch))
            return Outcome(len(batch))

    def _tell(self, outcome: Outcome) -> None:
        self._dropped.inc(outcome.lost)
        self._say(UNWRITABLE, outcome.failure)
        self._say(UNROTATABLE, outcome.rotation_failure)

    def _count_lost(self) -> None:
        lost, self._lost = self._lost, 0
        self._dropped.inc(lost)
        self._say(SLOW, f"{lost} in a second" if lost else None)

    def _say(self, trouble: tuple[str, str], reason: object) -> None:
        """Tell of a trouble when it begins and when it ends; *reason* is None while all is well."""
        begins, ends = trouble
        if reason is not None and trouble not in self._troubles:
            self._troubles.add(trouble)
            self.log.warn(
                "the access log {file} {begins}: {reason}", file=self._file.path, begins=begins, reason=reason
            )
        elif reason is None and trouble in self._troubles:
            self._troubles.discard(trouble)
            self.log.info("the access log {file} {ends}", file=self._file.path, ends=ends)


def written(file: LogFile, lines: Lines, batch: Sequence[Record]) -> Outcome:
    """Write records. Blocks; never raises OSError."""
    done = 0
    try:
        file.open()
        while done < len(batch):
            part = batch[done : done + SLICE]
            file.write(lines(part))
            done += len(part)
            time.sleep(PAUSE)
    except PartlyWritten as error:
        return Outcome(len(batch) - done - error.lines, error, file.rotation_failure)
    except OSError as error:
        return Outcome(len(batch) - done, error, file.rotation_failure)
    return Outcome(rotation_failure=file.rotation_failure)
