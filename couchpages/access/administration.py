"""Makes, lists, seals and revokes API keys in CouchDB (does I/O)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twisted.logger import Logger

from couchpages.access.keys import (
    DOCUMENT_PREFIX,
    FIRST_SYSTEM_DOCUMENT,
    ID_BYTES,
    SEALED_FIRST_SYSTEM_ID,
    SECRET_BYTES,
    KeyRecord,
    document_id,
    from_document,
    new_key,
    sealed,
    to_document,
)
from couchpages.access.rivals import same_key
from couchpages.ports import HIGHEST, Conflict, Database, Json, NotFound, StoreError


@dataclass(frozen=True, slots=True)
class Administration:
    """Changes the keys of the database *secrets*. *entropy* gives as many random bytes as it is asked for."""

    secrets: Database
    entropy: Callable[[int], bytes]
    log: Logger = Logger()

    async def create(
        self, *, name: str, sites: Sequence[str], zones: Sequence[str], created: str
    ) -> tuple[str, KeyRecord]:
        """Make a key; give its text, which nobody can read again, and what is kept of it."""
        while True:
            text, record = new_key(
                self.entropy(ID_BYTES), self.entropy(SECRET_BYTES), name=name, sites=sites, zones=zones, created=created
            )
            try:
                await self.secrets.put(document_id(record.key_id), to_document(record))
            except Conflict:
                continue
            return text, record

    async def all(self) -> list[KeyRecord]:
        """Give every key, by its moment of creation; what cannot be read is left out, and logged."""
        docs = [*await self.secrets.documents(DOCUMENT_PREFIX, DOCUMENT_PREFIX + HIGHEST)]
        docs += await self.secrets.documents(FIRST_SYSTEM_DOCUMENT, FIRST_SYSTEM_DOCUMENT)
        records = []
        for doc in docs:
            try:
                records.append(from_document(str(doc["_id"]), doc))
            except ValueError as error:
                self.log.warn("secrets/{doc_id} is malformed: {error}", doc_id=doc["_id"], error=error)
        return sorted(records, key=lambda record: (record.created, record.key_id))

    async def revoke(self, key_id: str) -> bool:
        """Remove a key, all revisions of it that compete; tell whether there was one."""
        return await self._remove(key_id if key_id == FIRST_SYSTEM_DOCUMENT else document_id(key_id))

    async def seal(self) -> bool:
        """Keep only the hash of the first system's key, which goes on working; tell whether there was one in clear text."""
        try:
            doc = await self.secrets.get(FIRST_SYSTEM_DOCUMENT)
        except NotFound:
            return False
        record = sealed(from_document(FIRST_SYSTEM_DOCUMENT, doc))
        # The hash is there before the clear text goes, so that no moment has neither.
        await self._write(document_id(SEALED_FIRST_SYSTEM_ID), record)
        await self._remove(FIRST_SYSTEM_DOCUMENT)
        return True

    async def _write(self, doc_id: str, record: KeyRecord) -> None:
        """Write a key, unless it is there: writing it anew could bring back what somebody revokes on another node (law 7)."""
        try:
            doc = await self.secrets.get(doc_id)
        except NotFound:
            await self.secrets.put(doc_id, to_document(record))
            return
        if not _is_same(doc, doc_id, record):
            await self.secrets.put(doc_id, to_document(record), str(doc["_rev"]))

    async def _remove(self, doc_id: str) -> bool:
        leaves = await self.secrets.leaves(doc_id)
        outcomes = await self.secrets.bulk([{"_id": doc_id, "_rev": leaf["_rev"], "_deleted": True} for leaf in leaves])
        for outcome in outcomes:
            if isinstance(outcome, StoreError):
                raise outcome
        return bool(leaves)


def _is_same(doc: Json, doc_id: str, record: KeyRecord) -> bool:
    try:
        return same_key(from_document(doc_id, doc), record)
    except ValueError:
        return False
