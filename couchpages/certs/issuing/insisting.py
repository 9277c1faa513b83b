"""Writes that are worth some minutes of trying (does I/O)."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.task import deferLater

from couchpages.ports import StoreError

T = TypeVar("T")
#: Seconds between tries.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)


async def insisted(reactor: Any, write: Callable[[], Awaitable[T]], complain: Callable[[StoreError], object]) -> T:
    """Give what *write* gives; what CouchDB does not take now is tried again, and *complain* is told. Raises the last StoreError."""
    for pause in PAUSES:
        try:
            return await write()
        except StoreError as error:
            complain(error)
        await deferLater(reactor, pause)
    return await write()
