"""Carries out a plan in the database of records, in batches, whatever others write meanwhile (does I/O)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from couchpages.dns.plan import Plan, same
from couchpages.dns.records import Record, from_document, to_document, tombstone
from couchpages.dns.slices import Slices
from couchpages.ports import Conflict, Database, Json, StoreError, Unavailable

T = TypeVar("T")
#: Documents in one call of CouchDB: some 100 KB, which are encoded in a few milliseconds.
BATCH = 250
#: Documents in one call that reads them all: their bodies are decoded in one step.
READ_AT_ONCE = 100
#: Tries to write documents that others change at the same time.
TRIES = 8


@dataclass(frozen=True, slots=True)
class RecordWriter:
    """Writes and deletes documents of *records*. Raises a :class:`StoreError`; what was planned may then be done in part."""

    records: Database
    slices: Slices

    async def carry_out(self, plan: Plan) -> dict[str, str]:
        """Write, then delete; give the new revisions, by the documents' ids.

        What fits into one call is written and deleted by it, so that nobody sees, or replicates, a record set that is half another.
        """
        revs: dict[str, str] = {}
        put = plan.put
        if plan.put and plan.gone and len(plan.put) + len(plan.gone) <= BATCH:
            changed = await self._at_once(plan, revs)
            put = {doc_id: record for doc_id, record in plan.put.items() if doc_id in changed}
        for batch in in_batches(put.items()):
            await self._write(dict(batch), revs)
        await self.delete(plan.gone, revs)
        return revs

    async def delete(self, doc_ids: Iterable[str], revs: dict[str, str]) -> None:
        """Delete documents, and all revisions that compete with them; note the tombstones in *revs*."""
        for batch in in_batches(doc_ids, READ_AT_ONCE):
            await self._delete(batch, revs)

    async def _at_once(self, plan: Plan, revs: dict[str, str]) -> set[str]:
        """Write and delete by one call; give the documents that others changed since they were read."""
        rows = await self.records.rows([*plan.put, *plan.gone], include_docs=True)
        docs = await self._made(
            rows,
            lambda row: (
                _to_write(row.doc_id, row.doc, plan.put[row.doc_id])
                if row.doc_id in plan.put
                else None
                if row.doc is None
                else tombstone(row.doc)
            ),
        )
        return set(await self._bulk(docs, revs))

    async def _write(self, left: dict[str, Record], revs: dict[str, str]) -> None:
        for _ in range(TRIES):
            rows = await self.records.rows(list(left), include_docs=True)
            docs = await self._made(rows, lambda row, now=left: _to_write(row.doc_id, row.doc, now[row.doc_id]))  # type: ignore[misc]
            written = await self._bulk(docs, revs)
            left = {doc_id: left[doc_id] for doc_id in written}
            if not left:
                return
        raise Unavailable(f"{next(iter(left))} is being changed by others all the time")

    async def _delete(self, doc_ids: Sequence[str], revs: dict[str, str]) -> None:
        left: Sequence[str] = doc_ids
        for turn in range(TRIES):
            rows = await self.records.rows(left, include_docs=True)
            docs = [row.doc for row in rows if row.doc is not None]
            if not docs:
                return
            left = [str(doc["_id"]) for doc in docs]
            if turn:
                # There was more than one revision, or somebody wrote another.
                docs = [leaf for doc_id in left for leaf in await self.records.leaves(doc_id)]
            await self._bulk(await self._made(docs, tombstone), revs)
        raise Unavailable(f"{left[0]} is being changed by others all the time")

    async def _made(self, items: Sequence[T], make: Callable[[T], Json | None]) -> list[Json]:
        """Give what *make* makes of *items*, without what it makes nothing of; it takes some 50 µs for a record."""
        made: list[Json | None] = []
        await self.slices.each(items, lambda item: made.append(make(item)))
        return [each for each in made if each is not None]

    async def _bulk(self, docs: Sequence[Mapping[str, Any]], revs: dict[str, str]) -> list[str]:
        """Write; give the ids of those that others changed since they were read."""
        if not docs:
            return []
        changed = []
        for doc, outcome in zip(docs, await self.records.bulk(docs), strict=True):
            if isinstance(outcome, Conflict):
                changed.append(str(doc["_id"]))
            elif isinstance(outcome, StoreError):
                raise outcome
            else:
                revs[str(doc["_id"])] = outcome
        return changed


def in_batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Give items, *size* at a time."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch


def _to_write(doc_id: str, doc: Json | None, record: Record) -> Json | None:
    """Give what to write so that a document says *record*, None where it does already. What else it has stays in it."""
    if doc is None:
        return {"_id": doc_id, **to_document(record)}
    try:
        found = from_document(doc)
    except ValueError:
        return {**doc, **to_document(record)}
    if not same(found, record) or found.zone_id != record.zone_id:
        return {**doc, **to_document(record)}
    if replace(found, name=record.name) == record:
        return None
    return {**doc, "ttl": record.ttl, "disabled": record.disabled}
