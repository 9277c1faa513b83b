"""Keeps zones on disk, so that a node answers after a restart while its CouchDB is away (law 1; does I/O).

One file has what is known of zones, and the serials that were answered last; one for each number of a zone has its records' documents. What
changes is appended at once, in a thread, and who waits for what was written waits for that too, so that it is safe once it is acknowledged.
A file with too much in it that is not true any more is written anew, a moment later. Nothing is written before everything was loaded: half
a zone would be worse than none (law 3).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from couchpages.dns.entries import Served, record_entry, serial_entry, zone_entry
from couchpages.dns.holdings import Holdings, shelf_number
from couchpages.dns.journal_writer import JournalWriter
from couchpages.dns.kept_zones import ZONES, Restored, file_of, number_of, read_kept
from couchpages.dns.names import Name
from couchpages.dns.slices import Slices
from couchpages.dns.zone_folder import ZoneFolder
from couchpages.metrics import Metrics

#: Seconds until a file that has grown too large is written anew.
DELAY = 1.0
#: Seconds after which what could not be written is tried again.
RETRY = 30.0
#: Entries that a file may have beyond twice what is true, before it is written anew.
SLACK = 1000
#: Files that cannot be written, after which the others wait: the disk is full.
MOST_FAILURES = 3
T = TypeVar("T")


class ZoneKeeper:
    """Keeps what it is given with :meth:`keep`. Used in *reactor*'s thread.

    Writes are numbered: *kept* is the number of the last one that ended.
    """

    log = Logger()

    def __init__(self, reactor: Any, threads: ThreadPool, folder: ZoneFolder, metrics: Metrics, slices: Slices) -> None:
        self.kept = 0
        self._reactor = reactor
        self._folder = folder
        self._writer = JournalWriter(reactor, threads, folder, slices)
        self._faults = metrics.cache_faults.labels("zones_disk")
        self._holdings = Holdings()
        self._served: Mapping[Name, Served] = {}
        self._told: Callable[[], object] = lambda: None
        self._due: dict[int | None, dict[str, None]] = {}
        self._due_zones: dict[str | Name, None] = {}
        self._large: set[str] = set()
        self._anew: set[str] = set()
        self._may_write = False
        self._wanted = False
        self._failures = 0
        self._timer: Any = None
        self._working: Deferred[None] | None = None

    # What was kept.

    def restore(self) -> Restored:
        """Give what was kept, or nothing when the folder cannot be used. Blocks."""
        try:
            kept = self._folder.open()
        except OSError as error:
            self._faults.inc()
            self.log.warn("the kept zones cannot be read: {error}", error=error)
            return Restored()
        for name, reason in kept.refused.items():
            self._refuse(name, reason)
        restored = read_kept(kept, self._refuse)
        self._writer.written = {name: written for name, (_, written) in kept.files.items()}
        # What is missing is written when it is known.
        zones = (held.zone for held in restored.zones.values())
        self._due = {zone.zone_id: {} for zone in zones if zone is not None and zone.zone_id not in restored.numbers}
        return restored

    # What is to be kept.

    def keep(self, holdings: Holdings, served: Mapping[Name, Served], told: Callable[[], object]) -> None:
        """Keep what these have whenever something is noted; *told* is called after each write."""
        self._holdings, self._served, self._told = holdings, served, told

    def note(self, doc_id: str, *numbers: int | None) -> None:
        """Note that a document of ``dns_records`` changed, which stood, or stands, on the shelves with these numbers."""
        for number in numbers:
            self._due.setdefault(number, {})[doc_id] = None

    def note_zone(self, doc_id: str) -> None:
        """Note that a document of ``dns_zones`` changed."""
        self._due_zones[doc_id] = None
        held = self._holdings.register.documents.get(doc_id)
        if held is not None and held.zone is not None:
            # A zone without a file is one whose records are not here.
            self._due.setdefault(held.zone.zone_id, {})

    def note_serial(self, apex: Name) -> None:
        """Note that another serial is answered."""
        self._due_zones[apex] = None

    def soon(self) -> None:
        """Write what was noted, once what is being written is. Not called before everything was loaded."""
        self._may_write = self._wanted = True
        self._go_on()

    def when_kept(self) -> int:
        """Give the number of the write after which what was noted until now is kept; one that ended where the disk cannot be written."""
        if self._failures or not self._may_write:
            return self.kept
        return self.kept + (self._working is not None) + self._wanted

    def finish(self) -> "Deferred[None] | None":
        """Fire when everything that was noted is written. Called once, at the end."""
        self._cancel()
        if not self._may_write:
            return None
        self._may_write = False
        return Deferred.fromCoroutine(self._finish())

    async def _finish(self) -> None:
        if self._working is not None:
            await self._working
        await self._write()

    def _go_on(self) -> None:
        if not self._may_write or self._working is not None:
            return
        if self._failures:
            self._later(RETRY)
        elif self._wanted:
            self._begin()
        elif self._large:
            self._later(DELAY)

    def _later(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self._reactor.callLater(seconds, self._timed)

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _timed(self) -> None:
        self._anew |= self._large
        self._begin()

    def _begin(self) -> None:
        self._cancel()
        self._wanted = False
        self._working = Deferred.fromCoroutine(self._write())
        self._working.addErrback(self._broke).addCallback(self._ended)

    def _broke(self, failure: Failure) -> None:
        # What was due is not known any more: all is written anew.
        zones = self._holdings.register.all()
        self._anew |= {ZONES, *self._writer.written, *(file_of(zone.zone_id) for zone in zones)}
        self._failures += 1
        self.log.failure("zones could not be kept on disk", failure=failure)

    def _ended(self, _: None) -> None:
        self._working = None
        self.kept += 1
        self._go_on()
        self._told()

    async def _write(self) -> None:
        """Write what is due; what cannot be written stays due, and its zones' serials, which would be ahead of their records, do too."""
        self._failures = 0
        due, self._due = self._due, {}
        due_zones, self._due_zones = self._due_zones, {}
        # A zone that is changed meanwhile would have a serial on disk that is ahead of its records.
        served, behind = dict(self._served), set[Name]()
        anew = {number_of(name): None for name in self._anew if name != ZONES}
        for number in {**due, **anew}:
            try:
                if self._failures < MOST_FAILURES:
                    await self._write_records(number, list(due.get(number, ())))
                    continue
            except OSError as error:
                self._fail(file_of(number), error)
            # It stands behind the others now.
            self._due[number] = {**due.get(number, {}), **self._due.pop(number, {})}
            behind |= {zone.apex for zone in self._holdings.register.numbered(number)} if number is not None else set()
        served = {apex: last for apex, last in served.items() if apex not in behind}
        self._due_zones.update((key, None) for key in due_zones if key in behind)
        try:
            await self._write_zones([key for key in due_zones if key not in behind], served)
        except OSError as error:
            self._due_zones.update(due_zones)
            self._fail(ZONES, error)

    async def _write_records(self, number: int | None, due: list[str]) -> None:
        name, shelf, make = file_of(number), self._holdings.shelf(number), partial(self._record, number)
        if not shelf and (number is None or not self._holdings.register.numbered(number)):
            await self._writer.remove(name)
            self._is_small(name)
        elif not await self._appended(name, due, make, len(shelf)):
            await self._writer.anew(name, list(shelf), make)
            self._is_small(name)

    async def _write_zones(self, due: list[str | Name], served: Mapping[Name, Served]) -> None:
        documents, make = self._holdings.register.documents, partial(self._zone, served)
        if not await self._appended(ZONES, due, make, len(documents) + len(served)):
            everything: list[str | Name] = [*documents, *served]
            await self._writer.anew(ZONES, everything, make)
            self._is_small(ZONES)

    async def _appended(self, name: str, due: list[T], make: Callable[[T], bytes], true: int) -> bool:
        """Append what is due; tell whether that succeeded. With it, too much may be in the file for the *true* entries that it has."""
        if name in self._anew or name not in self._writer.written:
            return False
        try:
            if due:
                await self._writer.append(name, due, make)
        except OSError as error:
            self.log.info("{name} has to be written anew: {error}", name=name, error=error)
            return False
        if self._writer.written[name].entries > 2 * true + SLACK:
            self._large.add(name)
        return True

    def _is_small(self, name: str) -> None:
        self._large.discard(name)
        self._anew.discard(name)

    def _record(self, number: int | None, doc_id: str) -> bytes:
        held = self._holdings.documents.get(doc_id)
        return record_entry(doc_id, held if held is not None and shelf_number(doc_id, held) == number else None)

    def _zone(self, served: Mapping[Name, Served], key: str | Name) -> bytes:
        if isinstance(key, bytes):
            return serial_entry(key, served[key])
        return zone_entry(key, self._holdings.register.documents.get(key))

    def _fail(self, name: str, error: OSError) -> None:
        self._failures += 1
        self._faults.inc()
        self.log.warn("zones could not be kept on disk: {name}: {error}", name=name, error=error)

    def _refuse(self, name: str, reason: str) -> None:
        self._faults.inc()
        self.log.warn("the kept zones in {name} are refused: {reason}", name=name, reason=reason)
