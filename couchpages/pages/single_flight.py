"""Many who want the same thing at the same time wait for one fetch of it (does no I/O of its own; reactor's thread)."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

K = TypeVar("K")
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Fetches under way, by key."""

    def __init__(self) -> None:
        self._waiting: dict[K, list[Deferred[V]]] = {}

    async def get(self, key: K, fetch: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Give what *fetch* gives, or what the fetch that is under way for *key* will give; its error reaches everybody who waits.

        The fetch goes on when one who waits gives up.
        """
        mine: Deferred[V] = Deferred()
        if key in self._waiting:
            self._waiting[key].append(mine)
        else:
            self._waiting[key] = [mine]
            Deferred.fromCoroutine(fetch()).addBoth(self._deliver, key)
        return await mine

    def _deliver(self, result: V | Failure, key: K) -> None:
        for waiting in self._waiting.pop(key):
            if not waiting.called:
                (waiting.errback if isinstance(result, Failure) else waiting.callback)(result)  # type: ignore[arg-type]
