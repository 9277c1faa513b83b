"""Writes certificates to files whenever they change, and runs a command afterwards (does I/O by what it is given)."""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from random import random
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from couchpages.certs.certificates import Certificate
from couchpages.certs.command import CommandFailedError, run
from couchpages.certs.export_folder import ExportFolder
from couchpages.certs.export_layout import batches
from couchpages.certs.first_system_shelf import Named
from couchpages.metrics import Metrics
from couchpages.pauses import Pauses
from couchpages.quoting import quoted

#: Seconds in which changes are gathered, on average: a thousand certificates may come at once.
GATHERING = 0.5
#: Seconds, on average, before what failed is tried again, doubling up to the second.
PAUSE, LONGEST_PAUSE = 10.0, 640.0
VARIABLE = "COUCHPAGES_CERTIFICATES"


class Source(Protocol):
    """What has the certificates: see :class:`couchpages.certs.bundles.Bundles`."""

    is_loaded: bool

    @property
    def certificates(self) -> Mapping[Named, Certificate]:
        """The good ones."""
        ...

    def tell(self, told: Callable[[set[Named]], object]) -> None:
        """Tell of changes, and once, with none, that everything is loaded."""
        ...


class Exporter:
    """A :class:`~couchpages.ports.Readiness`. Used in *reactor*'s thread; one thing after the other, never two commands at once."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        threads: ThreadPool,
        folder: ExportFolder,
        source: Source,
        command: Sequence[str] | None,
        metrics: Metrics,
        *,
        execute: Callable[[Any, Sequence[str], Mapping[str, str]], Coroutine[Any, Any, None]] = run,
        chance: Callable[[], float] = random,
    ) -> None:
        self._reactor = reactor
        self._threads = threads
        self._folder = folder
        self._source = source
        self._command = command
        self._exports = metrics.certificates.exports
        self._execute = execute
        self._pauses = Pauses(reactor, chance)
        self._is_due = self._is_pausing = False
        self._working: Deferred[None] | None = None
        self._trouble: str | None = None

    def obstacles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`."""
        return []

    def troubles(self) -> list[str]:
        """See :class:`couchpages.ports.Readiness`: what failed last, until it succeeds."""
        return [f"[certs] export_dir: {self._trouble}"] if self._trouble is not None else []

    def start(self) -> None:
        """Write what there is, and whatever comes."""
        self._source.tell(self._changed)
        self._begin()

    def stop(self) -> "Deferred[None] | None":
        """Leave what is under way; a command is killed, and run again at the next start."""
        working, self._working = self._working, None
        self._is_due = self._is_pausing = False
        if working is not None:
            working.cancel()
        return working

    def _changed(self, changed: set[Named]) -> None:
        del changed
        self._begin()
        if self._is_pausing:
            # What failed for one certificate must not keep another waiting.
            self._pauses.wake()

    def _begin(self) -> None:
        self._is_due = True
        if self._working is None:
            self._working = Deferred.fromCoroutine(self._work())
            self._working.addErrback(self._broke)

    def _broke(self, failure: Failure) -> None:
        self._working = None
        if failure.check(CancelledError) is None:
            self.log.failure("certificates could not be written to files", failure=failure)

    async def _work(self) -> None:
        pause = PAUSE
        while self._is_due:
            await self._pauses.rest(GATHERING)
            self._is_due = False
            trouble = await self._once()
            if trouble is not None and trouble != self._trouble:
                self.log.warn("[certs] export_dir: {trouble}", trouble=trouble)
            self._trouble = trouble
            if trouble is not None:
                self._is_due = self._is_pausing = True
                await self._pauses.rest(pause)
                self._is_pausing = False
                pause = min(LONGEST_PAUSE, pause * 2)
        self._working = None

    async def _once(self) -> str | None:
        """Write, and run the command for what it was not told of; give what went wrong."""
        certificates = list(self._source.certificates.values())
        write = partial(self._folder.write, certificates, remove=self._source.is_loaded)
        try:
            written = await self._in_thread(write)
            untold = await self._in_thread(self._folder.untold)
            await self._tell(untold)
            if untold:
                await self._in_thread(self._folder.told)
        except (OSError, ValueError, CommandFailedError) as error:
            self._exports.labels("failed").inc()
            return str(error)
        if written.problems:
            self._exports.labels("failed").inc()
            return "; ".join(written.problems[:3])
        if untold:
            self._exports.labels("done").inc()
            self.log.info(
                "{count} certificates are written to files: {names}",
                count=len(untold),
                names=quoted(" ".join(sorted(untold))),
            )
        return None

    async def _tell(self, names: Iterable[str]) -> None:
        for batch in batches(names) if self._command is not None else ():
            await self._execute(self._reactor, self._command or (), {VARIABLE: batch})

    def _in_thread(self, work: Callable[[], Any]) -> "Deferred[Any]":
        return deferToThreadPool(self._reactor, self._threads, work)
