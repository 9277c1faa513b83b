"""Contents on their way out: held while they are written, in pieces of bounded size, as fast as the client takes them (does)."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from sqlite3 import Connection
from typing import TypeVar

from couchpages.couch.embedded.attachments import Stored
from couchpages.couch.embedded.contents import CHUNK, is_readable, read_chunk
from couchpages.couch.embedded.errors import missing
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.segments import Content, Segment, Writing
from couchpages.couch.embedded.store import Store

_TRIES = 3  # to hold what the sweep takes away at that moment

T = TypeVar("T")


@asynccontextmanager
async def held(
    store: Store, read: Callable[[Connection], T], contents: Callable[[T], Iterable[Stored]]
) -> AsyncIterator[T]:
    """Read, and keep the contents that were found from being swept away until the block ends."""
    for _ in range(_TRIES):
        found = await store.read(read)
        keys = sorted({each.content for each in contents(found)})
        for key in keys:
            store.pins.hold(key)
        try:
            if not keys or await store.read(partial(_are_readable, keys=keys)):
                yield found
                return
        finally:
            for key in keys:
                store.pins.release(key)
    raise missing()


def _are_readable(connection: Connection, keys: Sequence[int]) -> bool:
    return all(is_readable(connection, key) for key in keys)


async def write_segments(store: Store, exchange: Exchange, segments: Iterable[Segment]) -> None:
    """Write an answer that has begun; its contents are held."""
    for segment in segments:
        if isinstance(segment, bytes):
            exchange.write(segment)
        else:
            await _write_content(store, exchange, segment)
        await exchange.ready()


async def _write_content(store: Store, exchange: Exchange, content: Content) -> None:
    writing = Writing(content)
    stored = content.stored
    for start in range(0, stored.length, CHUNK):
        chunk = await store.read(partial(read_chunk, key=stored.content, start=start))
        for piece in writing.feed(chunk):
            exchange.write(piece)
            await exchange.ready()
    exchange.write(writing.finish())
