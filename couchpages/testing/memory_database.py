"""A database in memory that answers as CouchDB does, with faults and pauses on demand (no I/O; for tests).

>>> database = MemoryDatabase("manifests")
>>> database.fail("put", Unavailable("away"), happened=True)  # the next put is done, and its answer lost
>>> database.pause = turns.wait                               # every operation waits, before and after, until a test lets it go on
>>> database.follow(sink)                                     # a ChangesSink hears of every change at once
>>> database.replicate_to(another)                            # leaves are merged there as CouchDB merges them
"""

import json
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from twisted.internet.defer import Deferred

from couchpages.ports import (
    Change,
    ChangesSink,
    Conflict,
    Deleted,
    Json,
    NotFound,
    Row,
    StoreError,
    TooLarge,
    Unavailable,
)
from couchpages.testing.leaves import Document, Leaf, graft, successor

#: CouchDB's ``max_document_size``.
LARGEST_DOCUMENT = 8_000_000
READ_ATTACHMENT = "read_attachment"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """What one operation meets: on *doc_id* (None: any), before it is done or, if it *happened*, after."""

    operation: str
    error: Exception
    doc_id: str | None
    happened: bool


class MemoryDatabase:
    """A :class:`couchpages.ports.Database`, synchronous unless :attr:`pause` is set.

    *calls* lists the operations that were asked for, each with the document's name. *piece* is how many bytes of an attachment are
    given at a time.
    """

    def __init__(self, name: str = "memory", *, largest: int = LARGEST_DOCUMENT, piece: int = 65536) -> None:
        self.name = name
        self.largest = largest
        self.piece = piece
        self.pause: Callable[[str], Awaitable[None]] | None = None
        self.calls: list[tuple[str, str]] = []
        self.stored: dict[str, Document] = {}
        self._faults: list[Fault] = []
        self._sinks: list[ChangesSink] = []

    # What tests ask of it.

    def fail(
        self, operation: str, error: Exception, *, doc_id: str | None = None, happened: bool = False, times: int = 1
    ) -> None:
        """Let the next *times* calls of *operation*, a method's name, raise *error*: instead of acting, or after it *happened*."""
        self._faults += [Fault(operation, error, doc_id, happened)] * times

    def heal(self) -> None:
        """Forget the faults that nothing met yet."""
        self._faults.clear()

    def follow(self, sink: ChangesSink) -> None:
        """Tell *sink* everything that is stored, and every change from now on, as it is made."""
        for doc_id in sorted(self.stored):
            self._tell(sink, self.change(doc_id))
        sink.loaded()
        self._sinks.append(sink)

    def change(self, doc_id: str) -> Change:
        """Give the newest state of a document as a feed of changes would."""
        document = self.stored[doc_id]
        revs = tuple(leaf.rev for leaf in sorted(document.leaves, key=lambda leaf: leaf.order, reverse=True))
        if document.body is None:
            return Change(doc_id, None, revs, {**_shown(doc_id, document.winner), "_deleted": True})
        others = [leaf.rev for leaf in document.living[1:]]
        shown = {**_shown(doc_id, document.winner), **({"_conflicts": others} if others else {})}
        return Change(doc_id, shown, revs)

    def seed(self, doc_id: str, body: Mapping[str, Any]) -> str:
        """Write a document whatever its revision, as replication or another program may."""
        before = self.stored.get(doc_id)
        parent = before.winner if before is not None else None
        return self._add(doc_id, successor(parent, _copy(body), parent.attachments if parent is not None else {}))

    def remove(self, doc_id: str, remains: Mapping[str, Any] | None = None) -> str:
        """Delete the revision that readers see, as another program may; *remains* are what its tombstone says."""
        winner = self.stored[doc_id].winner
        return self._add(doc_id, successor(winner, None, {}, _copy(remains)))

    def seed_attachment(self, doc_id: str, name: str, content: bytes) -> str:
        """Write an attachment whatever the document's revision."""
        before = self.stored.get(doc_id)
        parent = before.winner if before is not None else None
        others = dict(parent.attachments) if parent is not None else {}
        return self._add(doc_id, successor(parent, parent.body or {} if parent else {}, {**others, name: content}))

    def replicate_to(self, target: "MemoryDatabase", doc_ids: Iterable[str] | None = None) -> None:
        """Bring the leaves of documents (of all, without *doc_ids*) to another database, tombstones included."""
        for doc_id in list(self.stored) if doc_ids is None else doc_ids:
            for leaf in self.stored[doc_id].leaves if doc_id in self.stored else ():
                target.take(doc_id, leaf)

    def take(self, doc_id: str, leaf: Leaf) -> None:
        """Take a revision that was made elsewhere, as replication does."""
        known = self.stored[doc_id].leaves if doc_id in self.stored else ()
        if graft(known, leaf) != known:
            self._add(doc_id, leaf)

    def documents_now(self) -> dict[str, Json]:
        """Give every document that is not deleted, without ``_id`` and ``_rev``."""
        return {doc_id: _copy(each.body) for doc_id, each in sorted(self.stored.items()) if each.body is not None}

    # What couchpages.ports.Database promises.

    async def get(self, doc_id: str) -> Json:
        """See :meth:`couchpages.ports.Database.get`."""
        return await self._do("get", doc_id, lambda: self._get(doc_id))

    async def leaves(self, doc_id: str, *, deleted: bool = False) -> list[Json]:
        """See :meth:`couchpages.ports.Database.leaves`."""
        return await self._do("leaves", doc_id, lambda: self._leaves(doc_id, deleted))

    async def put(self, doc_id: str, body: Mapping[str, Any], rev: str | None = None) -> str:
        """See :meth:`couchpages.ports.Database.put`."""
        return await self._do("put", doc_id, lambda: self._put(doc_id, body, rev))

    async def delete(self, doc_id: str, rev: str) -> None:
        """See :meth:`couchpages.ports.Database.delete`."""
        await self._do("delete", doc_id, lambda: self._delete(doc_id, rev))

    async def bulk(self, docs: Sequence[Mapping[str, Any]]) -> list[str | StoreError]:
        """See :meth:`couchpages.ports.Database.bulk`."""
        return await self._do("bulk", "", lambda: [self._outcome(doc) for doc in docs])

    async def rows(self, keys: Sequence[str], *, include_docs: bool = False) -> list[Row]:
        """See :meth:`couchpages.ports.Database.rows`."""
        return await self._do("rows", "", lambda: [self._row(key, include_docs) for key in keys])

    async def documents(self, first: str, last: str) -> list[Json]:
        """See :meth:`couchpages.ports.Database.documents`."""
        return await self._do(
            "documents", "", lambda: [self._get(each) for each in self.documents_now() if first <= each <= last]
        )

    async def put_attachment(
        self,
        doc_id: str,
        name: str,
        open_content: Callable[[], BinaryIO],
        length: int,
        content_type: str,
        rev: str | None = None,
    ) -> None:
        """See :meth:`couchpages.ports.Database.put_attachment`."""
        del content_type
        await self._do("put_attachment", doc_id, lambda: self._put_attachment(doc_id, name, open_content, length, rev))

    async def read_attachment(self, doc_id: str, name: str, receive: Callable[[bytes], object]) -> None:
        """See :meth:`couchpages.ports.Database.read_attachment`. A fault that *happened* comes after half of the content."""
        content = await self._do(READ_ATTACHMENT, doc_id, lambda: self._attachment(doc_id, name))
        lost = self._fault(READ_ATTACHMENT, doc_id, happened=True)
        for start in range(0, len(content) // 2 if lost else len(content), self.piece):
            receive(content[start : start + self.piece])
        if lost:
            raise lost.error

    # How.

    async def _do(self, operation: str, doc_id: str, act: Callable[[], T]) -> T:
        self.calls.append((operation, doc_id))
        await self._paused(f"{operation} {doc_id}")
        self._meet(operation, doc_id, happened=False)
        result = act()
        if operation != READ_ATTACHMENT:
            self._meet(operation, doc_id, happened=True)
        await self._paused(f"{operation} {doc_id}: the answer")
        return result

    async def _paused(self, what: str) -> None:
        if self.pause is not None:
            await self.pause(what)

    def _meet(self, operation: str, doc_id: str, *, happened: bool) -> None:
        fault = self._fault(operation, doc_id, happened=happened)
        if fault is not None:
            raise fault.error

    def _fault(self, operation: str, doc_id: str, *, happened: bool) -> Fault | None:
        for place, fault in enumerate(self._faults):
            if (fault.operation, fault.happened) == (operation, happened) and fault.doc_id in (None, doc_id):
                return self._faults.pop(place)
        return None

    def _get(self, doc_id: str) -> Json:
        if doc_id not in self.stored:
            raise NotFound(f"{self.name}/{doc_id}: missing")
        if self.stored[doc_id].body is None:
            raise Deleted(f"{self.name}/{doc_id}: deleted")
        return _shown(doc_id, self.stored[doc_id].winner)

    def _leaves(self, doc_id: str, deleted: bool) -> list[Json]:
        found = self.stored[doc_id].leaves if doc_id in self.stored else ()
        gone = {"_deleted": True}
        return [
            {**_shown(doc_id, leaf), **(gone if leaf.body is None else {})}
            for leaf in found
            if deleted or leaf.body is not None
        ]

    def _put(self, doc_id: str, body: Mapping[str, Any] | None, rev: str | None) -> str:
        if doc_id.startswith("_") and not doc_id.startswith(("_design/", "_local/")):
            raise StoreError(
                f"{self.name}/{doc_id}: illegal_docid: Only reserved document ids may start with underscore."
            )
        parent = self._parent(doc_id, rev)
        plain = {name: value for name, value in (body or {}).items() if name[:1] != "_"}
        if len(_encoded(plain)) > self.largest:
            raise TooLarge(f"{self.name}/{doc_id}: document_too_large")
        if body is None or body.get("_deleted"):
            return self._add(doc_id, successor(parent, None, {}, _copy(plain)))
        return self._add(doc_id, successor(parent, _copy(plain), _inline(body)))

    def _parent(self, doc_id: str, rev: str | None) -> Leaf | None:
        """Give what an edit continues: the leaf that it names; without a name the tombstone of what was deleted."""
        document = self.stored.get(doc_id)
        if rev is None and (document is None or document.body is None):
            return document.winner if document is not None else None
        for leaf in document.living if document is not None else ():
            if leaf.rev == rev:
                return leaf
        raise Conflict(f"{self.name}/{doc_id}: document update conflict")

    def _delete(self, doc_id: str, rev: str) -> None:
        self._get(doc_id)
        self._put(doc_id, None, rev)

    def _add(self, doc_id: str, leaf: Leaf) -> str:
        known = self.stored[doc_id].leaves if doc_id in self.stored else ()
        self.stored[doc_id] = Document(graft(known, leaf))
        change = self.change(doc_id)
        for sink in self._sinks:
            self._tell(sink, change)
        return leaf.rev

    def _tell(self, sink: ChangesSink, change: Change) -> None:
        # As a follower does: what a sink cannot take stops nothing (law 4).
        with suppress(Exception):
            sink.apply(change)

    def _outcome(self, doc: Mapping[str, Any]) -> str | StoreError:
        try:
            self._meet("bulk", doc["_id"], happened=False)
            return self._put(doc["_id"], doc, doc.get("_rev"))
        except StoreError as error:
            return error

    def _row(self, key: str, include_docs: bool) -> Row:
        stored = self.stored.get(key)
        if stored is None or stored.body is None:
            return Row(key, None, None)
        return Row(key, stored.rev, _shown(key, stored.winner) if include_docs else None)

    def _put_attachment(
        self, doc_id: str, name: str, open_content: Callable[[], BinaryIO], length: int, rev: str | None
    ) -> None:
        with open_content() as file:
            content = file.read()
        if len(content) != length:
            raise Unavailable(f"{self.name}/{doc_id}/{name}: {len(content)} bytes came instead of {length}")
        parent = self._parent(doc_id, rev)
        living = parent is not None and parent.body is not None
        body, others = (parent.body, parent.attachments) if parent is not None and living else ({}, {})
        self._add(doc_id, successor(parent, body, {**others, name: content}))

    def _attachment(self, doc_id: str, name: str) -> bytes:
        self._get(doc_id)
        try:
            return self.stored[doc_id].attachments[name]
        except KeyError:
            raise NotFound(f"{self.name}/{doc_id}/{name}: no such attachment") from None


class Turns:
    """Lets a test choose in which order paused operations go on: ``database.pause = turns.wait``."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Deferred[None]]] = []

    @property
    def waiting(self) -> list[str]:
        """What waits, in the order in which it came."""
        return [what for what, _ in self._waiting]

    async def wait(self, what: str) -> None:
        """Wait until *what* is let go on."""
        turn: Deferred[None] = Deferred()
        self._waiting.append((what, turn))
        await turn

    def go(self, place: int = 0) -> None:
        """Let the operation at *place* of :attr:`waiting` go on to where it pauses next, or ends."""
        _, turn = self._waiting.pop(place)
        turn.callback(None)


def _shown(doc_id: str, leaf: Leaf) -> Json:
    shown: Json = {**_copy(leaf.body if leaf.body is not None else leaf.remains), "_id": doc_id, "_rev": leaf.rev}
    if leaf.attachments:
        shown["_attachments"] = {name: {"length": len(data), "stub": True} for name, data in leaf.attachments.items()}
    return shown


def _inline(body: Mapping[str, Any]) -> dict[str, bytes]:
    """Give the attachments that came within a document."""
    return {name: b64decode(each["data"]) for name, each in body.get("_attachments", {}).items() if "data" in each}


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _copy(body: Mapping[str, Any] | None) -> Json:
    copied: Json = json.loads(_encoded(body or {}))
    return copied
