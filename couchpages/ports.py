"""The Protocols between rooms: what one room may ask of another, with the contracts in prose (pure).

Features never import each other. ``tap`` makes the objects and hands them over as these types. Whatever is asynchronous here
is a coroutine that runs in the reactor's thread and awaits Deferreds; nothing here may be called from another thread unless it says so.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, TypeAlias

Json: TypeAlias = dict[str, Any]
"""A JSON object as :mod:`json` reads it."""
#: What sorts behind every character of a document's id.
HIGHEST = "\ufff0"


class StoreError(Exception):
    """CouchDB did not do what it was asked to; the base of the errors below."""


class NotFound(StoreError):
    """CouchDB answered that it has no such document, attachment or database. Never raised because something could not be read."""


class Deleted(NotFound):
    """CouchDB answered that there was such a document, and that it was deleted."""


class Conflict(StoreError):
    """The document has another revision than the one that was given, or exists while none was given."""


class Denied(StoreError):
    """CouchDB does not accept our name and password, or does not let us do this."""


class TooLarge(StoreError):
    """The document is above CouchDB's ``max_document_size`` (8,000,000 bytes unless configured otherwise)."""


class NoRoom(StoreError):
    """CouchDB's disk is full."""


class Unavailable(StoreError):
    """CouchDB could not be asked, or did not answer in time, or failed. Says nothing about what exists (law 3)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of ``_all_docs``: *rev* is None where there is no such document or it is deleted; *doc* where it was asked for."""

    doc_id: str
    rev: str | None
    doc: Json | None


@dataclass(frozen=True, slots=True)
class Change:
    """The newest state of one document; *doc* is None when it was deleted.

    Where other revisions compete with it, *doc* is CouchDB's choice of them, and its ``_conflicts`` names the others. *revs* are
    the document's leaves, the winner first: all, deleted ones too, where the follower asks for leaves, else the winner alone; none where
    a document is only known to be gone. *tombstone* is the body of a deleted document. Of an *unreadable* document nothing is in *doc*
    but its id, and that was logged and counted.
    """

    doc_id: str
    doc: Json | None
    revs: tuple[str, ...] = ()
    tombstone: Json | None = None
    unreadable: bool = False


class Database(Protocol):
    """One database of the node's CouchDB.

    Every method has a time-out and raises a :class:`StoreError`. Methods that only read, and writes that may be repeated
    (attachments of blobs), were tried several times before :class:`Unavailable` is raised; other writes were tried once, and after
    :class:`Unavailable` it is unknown whether they happened.
    """

    @property
    def name(self) -> str:
        """The database's name."""
        ...

    async def get(self, doc_id: str) -> Json:
        """Give the winning revision of a document, with ``_id`` and ``_rev``."""
        ...

    async def leaves(self, doc_id: str, *, deleted: bool = False) -> list[Json]:
        """Give every conflicting revision of a document that is not deleted, in no order; none where there is no document.

        Each has ``_id`` and ``_rev``. One is the rule; several came from nodes that wrote while they were cut off from each other.
        With *deleted* there are those that are deleted too, with ``_deleted`` and what their tombstones say.
        """
        ...

    async def put(self, doc_id: str, body: Mapping[str, Any], rev: str | None = None) -> str:
        """Write a document and give its new revision.

        Without *rev* it must not exist; with it, *rev* must be one of its leaves. Raises :class:`Conflict`.
        """
        ...

    async def delete(self, doc_id: str, rev: str) -> None:
        """Delete the document if *rev* is its revision. Raises :class:`Conflict`."""
        ...

    async def bulk(self, docs: Sequence[Mapping[str, Any]]) -> list[str | StoreError]:
        """Write documents, each for itself, on the leaf that its ``_rev`` names, or with ``_deleted`` in place of it.

        Gives for each its new revision, or the error that it met.
        """
        ...

    async def rows(self, keys: Sequence[str], *, include_docs: bool = False) -> list[Row]:
        """Look up many documents in one call; the rows stand in the order of *keys*."""
        ...

    async def documents(self, first: str, last: str) -> list[Json]:
        """Give the documents whose ids lie between *first* and *last*, both included, by id."""
        ...

    async def put_attachment(
        self,
        doc_id: str,
        name: str,
        open_content: Callable[[], BinaryIO],
        length: int,
        content_type: str,
        rev: str | None = None,
    ) -> None:
        """Write the attachment *name* of a document, streaming it from *open_content*.

        *open_content* is called once for each try; the file is closed afterwards. Raises :class:`Conflict` when the document has
        another revision than *rev*, or exists while none was given.
        """
        ...

    async def read_attachment(self, doc_id: str, name: str, receive: Callable[[bytes], object]) -> None:
        """Stream an attachment into *receive*. After an error it may have been called with a part of the content."""
        ...


class ChangesSink(Protocol):
    """What follows a database.

    Between two calls of :meth:`loaded`, changes may come for documents in any order and more than once, the newest last.
    """

    def apply(self, change: Change) -> None:
        """Take the newest state of a document.

        Raises ValueError for a malformed one, and keeps what it knew before; that is logged with the document's name and counted,
        as is whatever else it raises (law 4).
        """
        ...

    def loaded(self) -> None:
        """Everything that the database held when the follower (re)connected has been applied."""
        ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """Which of a document's conflicting revisions stands, and which may be removed once their content stands elsewhere."""

    winner: Json
    losers: tuple[Json, ...]


class ConflictRule(Protocol):
    """How a feature's conflicting documents are brought back to one (law 7)."""

    def knows(self, doc_id: str) -> bool:
        """Whether the feature knows a state of this document already, which stays until the conflict is judged."""
        ...

    def judge(self, doc_id: str, leaves: Sequence[Json]) -> Judgement | None:
        """Choose, from nothing but *leaves*, in whatever order they stand; None where there is nothing to choose from.

        Every node has to come to the same judgement.
        """
        ...

    async def preserve(self, doc_id: str, loser: Json, winner: Json) -> bool:
        """See to it that what *loser* says stands elsewhere; tell whether it does, so that the revision may be removed.

        What two nodes write for that at the same time must be the same. Raises a :class:`StoreError`.
        """
        ...


class Authority(Protocol):
    """Who may do what, by API keys. Answers from memory."""

    def identify(self, key: str | None) -> "Grant":
        """Give what *key* may do. Raises a problem: 401 for no key or a wrong one, 503 while keys could not be read yet."""
        ...


class Grant(Protocol):
    """What one API key may do."""

    @property
    def name(self) -> str:
        """The key's public name, for logs."""
        ...

    def reaches(self, site: str) -> bool:
        """Whether the key may act on the site of this (canonical) name."""
        ...

    @property
    def zones(self) -> Sequence[str]:
        """The patterns of DNS zones that the key may act on: a name, ``*.`` and a name for all below it, or ``*``."""
        ...


class LiveSites(Protocol):
    """Which sites this node serves, for features that do something for each."""

    def live(self) -> Collection[str]:
        """Give the host names of all live sites, canonical.

        Raises :class:`Unavailable` until every site is known: a site that is missing here would count as deleted (law 3).
        """
        ...


class OwnZones(Protocol):
    """Which zones this node answers for, by names as text: lower case, without the dot at the end."""

    def zone_above(self, name: str) -> str | None:
        """Give the zone that *name* is in, the closest of ours; None for a name that is in none.

        Raises :class:`Unavailable` until every zone is known, and ValueError for what is no name.
        """
        ...

    def is_alias(self, name: str) -> bool:
        """Whether a CNAME is written at *name* itself, not for it by a wildcard; also where that is in no zone of ours.

        Raises as :meth:`zone_above` does.
        """
        ...

    def nameservers(self, zone: str) -> Sequence[str]:
        """Give the names of the zone's own NS records, in no order; none where there is no such zone."""
        ...


class ChallengeRecords(Protocol):
    """Where TXT records are put that a certificate authority looks for (RFC 8555 section 8.4), for as long as it does."""

    def hold(self, doc_id: str, name: str, texts: Sequence[str], generation: int) -> None:
        """Answer from now on with *texts*, a TXT record each, at *name*, beside whatever else stands there.

        They replace what the same *doc_id* gave before, at whatever name. They are answered in the zone of ours that the name is in,
        once there is one. *generation* is that of the document's revision, and counts in the zone's serial: it grows with every change,
        also with that to no *texts*. What the same revision gives otherwise than before, as when one of its texts is over, changes no
        serial.
        """
        ...

    def loaded(self) -> None:
        """Every challenge's document that there is was given to :meth:`hold`. May be told again.

        After a restart, serials count what was known of challenges when the node last ran until then, or until as much is told again.
        """
        ...

    def when_answered(self, doc_id: str, generation: int, patience: float) -> Awaitable[None]:
        """Return when what was put there with this generation, or a later one, is answered, or after *patience* seconds."""
        ...


class Readiness(Protocol):
    """A part of the node that may not be ready to serve."""

    def obstacles(self) -> Sequence[str]:
        """Give what keeps this part from serving, a sentence each; nothing when it is ready."""
        ...

    def troubles(self) -> Sequence[str]:
        """Give what is wrong though this part serves, a sentence each."""
        ...
