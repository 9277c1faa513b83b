"""Keeps zones on disk, so that a node answers after a restart while its CouchDB is away (law 1; does I/O).

One file has what is known of zones, and the serials that were answered last; one for each number of a zone has its records' documents. What
changes is appended, a moment later and in a thread; a file with too much in it that is not true any more is written anew. Nothing is
written before everything was loaded: half a zone would be worse than none (law 3).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from couchpages.dns.entries import Served, held_in, record_entry, serial_entry, zone_entry, zones_in
from couchpages.dns.holdings import Held, Holdings, shelf_number
from couchpages.dns.journal import Damaged, Entry
from couchpages.dns.journal_writer import JournalWriter
from couchpages.dns.names import Name
from couchpages.dns.slices import Slices
from couchpages.dns.zone_folder import Kept, ZoneFolder
from couchpages.dns.zone_register import HeldZone
from couchpages.metrics import Metrics

ZONES = "zones"
NO_NUMBER = "none"
#: Seconds after a change until it is written.
DELAY = 1.0
#: Seconds after which what could not be written is tried again.
RETRY = 30.0
#: Entries that a file may have beyond twice what is true, before it is written anew.
SLACK = 1000
T = TypeVar("T")


@dataclass(slots=True)
class Restored:
    """What was kept; *numbers* are those of the zones whose records are all here."""

    zones: dict[str, HeldZone] = field(default_factory=dict)
    served: dict[Name, Served] = field(default_factory=dict)
    records: dict[str, Held] = field(default_factory=dict)
    numbers: set[int] = field(default_factory=set)


def file_of(number: int | None) -> str:
    """Name the file of a shelf."""
    return NO_NUMBER if number is None else f"{number:08x}"


class ZoneKeeper:
    """Keeps what it is given with :meth:`keep`. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(self, reactor: Any, threads: ThreadPool, folder: ZoneFolder, metrics: Metrics, slices: Slices) -> None:
        self._reactor = reactor
        self._folder = folder
        self._writer = JournalWriter(reactor, threads, folder, slices)
        self._faults = metrics.cache_faults.labels("zones_disk")
        self._holdings = Holdings()
        self._served: Mapping[Name, Served] = {}
        self._due: dict[int | None, dict[str, None]] = {}
        self._due_zones: dict[str | Name, None] = {}
        self._may_write = False
        self._failed = False
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
        restored = self._read(kept)
        self._writer.written = {name: written for name, (_, written) in kept.files.items()}
        # What is missing is written when it is known.
        zones = (held.zone for held in restored.zones.values())
        self._due = {zone.zone_id: {} for zone in zones if zone is not None and zone.zone_id not in restored.numbers}
        return restored

    def _read(self, kept: Kept) -> Restored:
        restored = Restored()
        for name, (entries, _) in sorted(kept.files.items(), reverse=True):
            try:
                if name == ZONES:
                    restored.zones, restored.served = zones_in(entries)
                else:
                    number = None if name == NO_NUMBER else int(name, 16)
                    restored.records.update(_records(entries))
                    restored.numbers.update(() if number is None else (number,))
            except (Damaged, ValueError) as error:
                del kept.files[name]
                self._refuse(name, str(error))
        return restored

    # What is to be kept.

    def keep(self, holdings: Holdings, served: Mapping[Name, Served]) -> None:
        """Keep what these have whenever something is noted."""
        self._holdings, self._served = holdings, served

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
        """Write what was noted, in a moment. Not called before everything was loaded."""
        self._may_write = True
        self._later(DELAY)

    def finish(self) -> "Deferred[None] | None":
        """Fire when everything that was noted is written. Called once, at the end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._may_write:
            return None
        self._may_write = False
        return Deferred.fromCoroutine(self._finish())

    async def _finish(self) -> None:
        if self._working is not None:
            await self._working
        await self._write()

    def _later(self, seconds: float) -> None:
        if self._may_write and self._working is None and self._timer is None and (self._due or self._due_zones):
            self._timer = self._reactor.callLater(seconds, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._working = Deferred.fromCoroutine(self._write())
        self._working.addCallback(self._ended)

    def _ended(self, _: None) -> None:
        self._working = None
        self._later(RETRY if self._failed else DELAY)

    async def _write(self) -> None:
        """Write what is due; after what cannot be written, the rest waits until that is tried again."""
        self._failed = False
        due_zones, self._due_zones = self._due_zones, {}
        # A zone that is changed meanwhile would have a serial on disk that is ahead of its records.
        served = dict(self._served)
        for number in list(self._due):
            due = self._due.pop(number)
            try:
                await self._write_records(number, list(due))
            except OSError as error:
                # It stands behind the others now, and is written anew, whatever was due.
                self._due.setdefault(number, {})
                self._due_zones = {**due_zones, **self._due_zones}
                self._fail(file_of(number), error)
                return
        try:
            await self._write_zones(list(due_zones), served)
        except OSError as error:
            self._due_zones = {**due_zones, **self._due_zones}
            self._fail(ZONES, error)

    async def _write_records(self, number: int | None, due: list[str]) -> None:
        name, shelf = file_of(number), self._holdings.shelf(number)
        if not shelf and (number is None or not self._holdings.register.numbered(number)):
            await self._writer.remove(name)
        elif self._is_large(name, len(shelf), len(due)) or not await self._appended(
            name, due, partial(self._record, number)
        ):
            await self._writer.anew(name, list(shelf), partial(self._record, number))

    async def _write_zones(self, due: list[str | Name], served: Mapping[Name, Served]) -> None:
        documents, make = self._holdings.register.documents, partial(self._zone, served)
        true = len(documents) + len(served)
        if self._is_large(ZONES, true, len(due)) or not await self._appended(ZONES, due, make):
            everything: list[str | Name] = [*documents, *served]
            await self._writer.anew(ZONES, everything, make)

    async def _appended(self, name: str, due: list[T], make: Callable[[T], bytes]) -> bool:
        """Append what is due; tell whether that succeeded."""
        try:
            if due:
                await self._writer.append(name, due, make)
        except OSError as error:
            self.log.info("{name} has to be written anew: {error}", name=name, error=error)
            return False
        return True

    def _is_large(self, name: str, true: int, due: int) -> bool:
        """Whether a file is rather written anew than appended to: there is none, or too much in it is not true any more."""
        written = self._writer.written.get(name)
        return written is None or written.entries + due > 2 * true + SLACK

    def _record(self, number: int | None, doc_id: str) -> bytes:
        held = self._holdings.documents.get(doc_id)
        return record_entry(doc_id, held if held is not None and shelf_number(doc_id, held) == number else None)

    def _zone(self, served: Mapping[Name, Served], key: str | Name) -> bytes:
        if isinstance(key, bytes):
            return serial_entry(key, served[key])
        return zone_entry(key, self._holdings.register.documents.get(key))

    def _fail(self, name: str, error: OSError) -> None:
        self._failed = True
        self._faults.inc()
        self.log.warn("zones could not be kept on disk: {name}: {error}", name=name, error=error)

    def _refuse(self, name: str, reason: str) -> None:
        self._faults.inc()
        self.log.warn("the kept zones in {name} are refused: {reason}", name=name, reason=reason)


def _records(entries: list[Entry]) -> dict[str, Held]:
    found: dict[str, Held] = {}
    for entry in entries:
        doc_id, held = held_in(entry)
        if held is None:
            found.pop(doc_id, None)
        else:
            found[doc_id] = held
    return found
