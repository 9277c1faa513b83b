"""Twisted's asyncio reactor, for loops of uvloop.

libuv ends the watching of a descriptor when poll(2) reports an error of it (``uv__poll_io``), and uvloop calls whoever reads or writes it
once more, the last time. Twisted reads one buffer at a call: where data came before the error, as when somebody sends and resets the
connection, it learns of the data, and never that the connection is lost. Whoever writes to it then gets a RuntimeError. So it is with a
connected UDP port, of which an error says only that one datagram was refused.
"""

import select
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor


class UvloopReactor(AsyncioSelectorReactor):
    """Watches a descriptor anew when uvloop has called for the last time."""

    def _readOrWrite(self, selectable: Any, read: bool) -> None:  # noqa: N802 -- Twisted's name
        # Before, because who reads may take the error and go on.
        is_last_call = has_error(selectable.fileno())
        super()._readOrWrite(selectable, read)
        if is_last_call:
            self._watch_anew(selectable)

    def _watch_anew(self, selectable: Any) -> None:
        reads, writes = selectable in self._readers, selectable in self._writers
        # uvloop forgets what it watches when both are removed, and not before.
        self.removeReader(selectable)
        self.removeWriter(selectable)
        if reads:
            self.addReader(selectable)
        if writes:
            self.addWriter(selectable)


def has_error(descriptor: int) -> bool:
    """Whether poll(2) reports an error of a descriptor, which stays there; -1, a closed one's, has none."""
    if descriptor < 0:
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))
