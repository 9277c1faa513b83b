"""Writes journals: entries are made in slices here, and written by a thread (does I/O)."""

from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, TypeVar

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from couchpages.dns.journal import WHOLE, Written, append, beginning, entry_of, payload_of
from couchpages.dns.slices import Slices
from couchpages.dns.zone_folder import ZoneFolder

#: Entries that are written at a time: some 100 kB, of which a digest takes 0.1 ms.
LOT = 500
T = TypeVar("T")


class JournalWriter:
    """Writes the files of *folder*, one after the other. Used in *reactor*'s thread.

    *written* tells where each file ends that can be appended to. A file that could not be written to is none of these any more.
    """

    def __init__(self, reactor: Any, threads: ThreadPool, folder: ZoneFolder, slices: Slices) -> None:
        self.written: dict[str, Written] = {}
        self._reactor = reactor
        self._threads = threads
        self._folder = folder
        self._slices = slices

    async def append(self, name: str, items: Sequence[T], make: Callable[[T], bytes]) -> None:
        """Append the entries that *make* makes of *items*, all or none. Raises OSError, and KeyError for a file not *written*."""
        entries = await self._slices.collect(make, items)
        before = self.written.pop(name)
        block, written = append(before, payload_of(entries), len(entries))
        await self._in_thread(lambda: self._folder.append(name, before.length, block))
        self.written[name] = written

    async def anew(self, name: str, items: Sequence[T], make: Callable[[T], bytes]) -> None:
        """Write a file that has the entries that *make* makes of *items* and no others; until then the one before stays. Raises OSError."""
        file: BinaryIO = await self._in_thread(lambda: self._folder.begin(name))
        try:
            written = await self._fill(file, beginning(name), items, make)
            await self._in_thread(lambda: self._folder.finish(name, file))
        except OSError:
            self.written.pop(name, None)
            await self._in_thread(lambda: self._folder.abandon(name, file))
            raise
        self.written[name] = written

    async def _fill(self, file: BinaryIO, written: Written, items: Sequence[T], make: Callable[[T], bytes]) -> Written:
        for start in range(0, len(items), LOT):
            entries = await self._slices.collect(make, items[start : start + LOT])
            written = await self._add(file, written, entries)
        return await self._add(file, written, [entry_of(WHOLE)])

    async def _add(self, file: BinaryIO, before: Written, entries: list[bytes]) -> Written:
        block, written = append(before, payload_of(entries), len(entries))
        await self._in_thread(lambda: self._folder.write(file, block))
        return written

    async def remove(self, name: str) -> None:
        """Keep a file no longer. Raises OSError."""
        self.written.pop(name, None)
        await self._in_thread(lambda: self._folder.remove(name))

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await deferToThreadPool(self._reactor, self._threads, work)
