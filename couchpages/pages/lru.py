"""Values under a limit of bytes, the least recently used leaving first (pure)."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class SizedCache(Generic[K, V]):
    """Holds values whose sizes add up to at most *limit* bytes; *size* tells a value's."""

    def __init__(self, limit: int, size: Callable[[V], int]) -> None:
        self.limit = limit
        self.held = 0
        self._size = size
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Give the value of *key* and make it the most recently used, or None."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> list[K]:
        """Hold *value*; give the keys that were let go for it. One that is larger than the whole limit lets only itself go."""
        self.discard(key)
        size = self._size(value)
        if size > self.limit:
            return [key]
        self._values[key] = value
        self.held += size
        return list(self._shrink())

    def _shrink(self) -> Iterator[K]:
        while self.held > self.limit:
            key, oldest = self._values.popitem(last=False)
            self.held -= self._size(oldest)
            yield key

    def discard(self, key: K) -> None:
        """Let go of *key*, if it is held."""
        value = self._values.pop(key, None)
        if value is not None:
            self.held -= self._size(value)

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)
