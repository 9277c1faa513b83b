"""One database of CouchDB, spoken to over HTTP (does I/O)."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol
from urllib.parse import quote

from couchpages.couch.answers import parse, parse_leaves, parse_object, parse_rows, row_error
from couchpages.couch.evidence import NoDatabase
from couchpages.couch.transport import Transport
from couchpages.ports import Conflict, Json, NotFound, Row, StoreError, Unavailable


@dataclass(frozen=True, slots=True)
class DatabaseInfo:
    """What tells one making of a database from the next.

    *born* is CouchDB's ``instance_start_time``: since 3.3 the second of the database's creation, before that always ``"0"``.
    """

    born: str
    update_seq: str


class FollowedDatabase(Protocol):
    """What a follower asks of a database; see :class:`CouchDatabase`."""

    @property
    def name(self) -> str:
        """The database's name."""
        ...

    async def info(self) -> DatabaseInfo:
        """Tell what making of the database this is."""
        ...

    async def feed(self, query: dict[str, str], idle: float, receive: Callable[[bytes], object]) -> None:
        """Stream ``_changes``."""
        ...


@dataclass(frozen=True, slots=True)
class CouchDatabase:
    """A :class:`~couchpages.ports.Database` on Apache CouchDB or the embedded store."""

    transport: Transport
    name: str

    async def info(self) -> DatabaseInfo:
        """Give what CouchDB says of the database itself. Not repeated: who asks follows, and has its own backoff.

        It is also what CouchDB is asked to find out whether it is back: it needs the password, and no disk. Raises
        :class:`~couchpages.ports.NotFound` where there is no such database; for all other methods that is Unavailable.
        """
        try:
            answer = parse_object(await self.transport.fetch("GET", self._path(), probe=True), self.name)
        except NoDatabase as error:
            raise NotFound(str(error)) from error
        born = answer.get("instance_start_time")
        if not isinstance(born, str):
            raise Unavailable(f"{self.name}: the answer does not say when the database was made")
        return DatabaseInfo(born, str(answer.get("update_seq")))

    async def ensure(self) -> bool:
        """Create the database unless it is there, which takes an administrator; tell whether it was made."""
        try:
            await self.info()
        except NotFound:
            pass
        else:
            return False
        try:
            await self.transport.fetch("PUT", self._path(), repeat=True)
        except Conflict:
            return False
        return True

    async def get(self, doc_id: str) -> Json:
        """See :meth:`couchpages.ports.Database.get`."""
        return parse_object(await self.transport.fetch("GET", self._path(doc_id), repeat=True), doc_id)

    async def leaves(self, doc_id: str, *, deleted: bool = False) -> list[Json]:
        """See :meth:`couchpages.ports.Database.leaves`."""
        try:
            answer = await self.transport.fetch("GET", self._path(doc_id), query={"open_revs": "all"}, repeat=True)
        except NotFound:
            return []
        return [leaf for leaf in parse_leaves(answer, doc_id) if deleted or not leaf.get("_deleted")]

    async def put(self, doc_id: str, body: Mapping[str, Any], rev: str | None = None) -> str:
        """See :meth:`couchpages.ports.Database.put`."""
        doc = {**body, **({"_rev": rev} if rev else {})}
        answer = await self.transport.fetch("PUT", self._path(doc_id), body=encode(doc))
        return _rev(parse_object(answer, doc_id), doc_id)

    async def delete(self, doc_id: str, rev: str) -> None:
        """See :meth:`couchpages.ports.Database.delete`."""
        await self.transport.fetch("DELETE", self._path(doc_id), query={"rev": rev})

    async def bulk(self, docs: Sequence[Mapping[str, Any]]) -> list[str | StoreError]:
        """See :meth:`couchpages.ports.Database.bulk`."""
        answer = await self.transport.fetch("POST", self._path("_bulk_docs"), body=encode({"docs": list(docs)}))
        rows = parse(answer, self.name)
        if not isinstance(rows, list) or len(rows) != len(docs):
            raise Unavailable(f"{self.name}/_bulk_docs: not one answer for each document")
        return [_outcome(row) for row in rows]

    async def rows(self, keys: Sequence[str], *, include_docs: bool = False) -> list[Row]:
        """See :meth:`couchpages.ports.Database.rows`."""
        query = {"include_docs": "true"} if include_docs else None
        body = encode({"keys": list(keys)})
        answer = await self.transport.fetch("POST", self._path("_all_docs"), query=query, body=body, repeat=True)
        return parse_rows(answer, self.name)

    async def documents(self, first: str, last: str) -> list[Json]:
        """See :meth:`couchpages.ports.Database.documents`."""
        query = {"include_docs": "true", "startkey": json.dumps(first), "endkey": json.dumps(last)}
        answer = await self.transport.fetch("GET", self._path("_all_docs"), query=query, repeat=True)
        return [row.doc for row in parse_rows(answer, self.name) if row.doc is not None]

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
        del length  # The producer measures its file.
        path = self._path(doc_id, name)
        query = {"rev": rev} if rev is not None else None
        await self.transport.fetch("PUT", path, query=query, body=open_content, content_type=content_type, repeat=True)

    async def read_attachment(self, doc_id: str, name: str, receive: Callable[[bytes], object]) -> None:
        """See :meth:`couchpages.ports.Database.read_attachment`."""
        await self.transport.stream(self._path(doc_id, name), receive)

    async def feed(self, query: Mapping[str, str], idle: float, receive: Callable[[bytes], object]) -> None:
        """Stream ``_changes`` into *receive* until it ends; see :meth:`Transport.follow`."""
        await self.transport.follow(self._path("_changes"), query, idle, receive)

    def _path(self, *segments: str) -> str:
        return "/".join(quote(segment, safe="") for segment in (self.name, *segments))


def encode(value: Any) -> bytes:
    """Write JSON as compactly as it goes, in UTF-8. Raises ValueError for what JSON cannot hold."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _rev(answer: Json, what: str) -> str:
    rev = answer.get("rev")
    if not isinstance(rev, str):
        raise Unavailable(f"{what}: the answer has no rev")
    return rev


def _outcome(row: Any) -> str | StoreError:
    match row:
        case {"rev": str(rev)}:
            return rev
        case {"error": _}:
            return row_error(row, str(row.get("id")))
        case _:
            return Unavailable(f"_bulk_docs: a row that is not understood: {str(row)[:200]}")
