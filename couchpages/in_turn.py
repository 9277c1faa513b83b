"""One thing after the other, for each key (does no I/O)."""

from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock

T = TypeVar("T")


class InTurn:
    """Lets one work at a time run for each key, in the order in which they come."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, DeferredLock] = {}

    async def run(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run *work* when those before it have ended; give what it gives."""
        lock = self._locks.setdefault(key, DeferredLock())
        try:
            return await lock.run(lambda: Deferred.fromCoroutine(work()))
        finally:
            if not lock.locked and self._locks.get(key) is lock:
                del self._locks[key]
