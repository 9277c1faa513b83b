"""The `_changes` feeds: pages of what happened, then waiting for what happens (does).

A feed holds one page in memory, and reads the next one only when the client has taken it. It ends with its last
sequence when the limit is reached, when its time is over, when the database is deleted, and when the store stops.
"""

from functools import partial
from http import HTTPStatus

from couchpages.couch.embedded.databases import DatabaseRow, find_database
from couchpages.couch.embedded.exchange import Exchange
from couchpages.couch.embedded.feed_forms import FORMS
from couchpages.couch.embedded.feed_options import FeedOptions, read_options
from couchpages.couch.embedded.json_request import json_object, require_json, sent_json
from couchpages.couch.embedded.listings import ChangesPage, count_after, read_changes
from couchpages.couch.embedded.notifier import Subscription
from couchpages.couch.embedded.sequences import parse_since, sequence
from couchpages.couch.embedded.store import Store

JSON_TYPE = {"Content-Type": "application/json"}
_END = 2**62  # where a descending feed begins


async def changes(store: Store, exchange: Exchange, database: str) -> None:
    """Answer `_changes`."""
    row = await store.read(partial(find_database, name=database))
    body: dict[str, object] = {}
    if exchange.verb == "POST":
        require_json(exchange)
        body = await sent_json(store, exchange, json_object)
    options = read_options(exchange.parameters, body, exchange.header("last-event-id"))
    since = parse_since(options.since, uuid=row.uuid, latest=row.update_seq)
    if exchange.verb == "HEAD":
        exchange.send(HTTPStatus.OK, b"", JSON_TYPE)
        return
    subscription = store.notifier.subscribe(row.uuid)
    try:
        await _Feed(store, exchange, row, options, subscription).run(_END if options.view.descending else since)
    finally:
        store.notifier.unsubscribe(row.uuid, subscription)


class _Feed:
    """One answer of `_changes`."""

    def __init__(
        self, store: Store, exchange: Exchange, row: DatabaseRow, options: FeedOptions, subscription: Subscription
    ) -> None:
        self._store = store
        self._exchange = exchange
        self._row = row
        self._options = options
        self._form = FORMS[options.feed]
        self._subscription = subscription
        self._left = options.limit
        self._sent = 0

    async def run(self, since: int) -> None:
        """Stream the answer from `since` to its end."""
        self._exchange.stream(HTTPStatus.OK, dict(self._form.headers))
        self._exchange.write(self._form.beginning)
        last = await self._follow(since)
        told = sequence(min(last, self._row.update_seq) if last == _END else last, self._row.uuid)
        pending = await self._store.read(
            partial(count_after, database=self._row, seq=last, descending=self._options.view.descending)
        )
        self._exchange.write(self._form.end(told, pending))
        self._exchange.end()

    async def _follow(self, last: int) -> int:
        while self._left > 0:
            self._subscription.changed = False
            page = await self._store.read(self._page_job(last))
            if page is None:
                break
            last = page.last
            self._write(page)
            await self._exchange.ready()
            if not page.more and (self._is_complete() or not await self._wait()):
                break
        return last

    def _page_job(self, last: int) -> "partial[ChangesPage | None]":
        return partial(read_changes, database=self._row, since=last, limit=self._left, view=self._options.view)

    def _write(self, page: ChangesPage) -> None:
        self._left -= len(page.rows)
        if not page.rows:
            return
        self._exchange.write(self._form.changes(page.rows, first=self._sent == 0))
        self._sent += len(page.rows)

    def _is_complete(self) -> bool:
        if self._left == 0 or self._options.view.descending or self._options.feed == "normal":
            return True
        return self._options.feed == "longpoll" and self._sent > 0

    async def _wait(self) -> bool:
        """Wait for a change; False when the feed has to end instead."""
        seconds = self._options.heartbeat or self._options.timeout
        while True:
            await self._subscription.wait(seconds)
            if self._subscription.closed:
                return False
            if self._subscription.changed:
                return True
            if self._options.heartbeat is None:
                return False
            self._exchange.write(self._form.heartbeat)
            await self._exchange.ready()
