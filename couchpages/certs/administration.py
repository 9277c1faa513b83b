"""Imports, lists, deletes and seals certificates in CouchDB (does I/O)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from couchpages.certs.boxes import NONCE_BYTES, Refused, sealed_with
from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.dating import made_after, newest_made, tombstone
from couchpages.certs.first_system import (
    ATTACHMENT,
    LARGEST,
    Encrypted,
    compatible_documents,
    is_first_systems,
    nonce_of,
)
from couchpages.certs.first_system_shelf import FirstSystemShelf
from couchpages.certs.key_files import Keys
from couchpages.certs.sealing import DOCUMENT_PREFIX, document_id, named_by, open_sealed, seal
from couchpages.ports import HIGHEST, Conflict, Database, Json, NotFound, StoreError, Unavailable

#: Tries to write a document while others write it.
TRIES = 4
#: Who issued what was imported and is to be replaced by what we have issued: no directory.
HANDED_OVER = "handed over"


class ImportedError(Exception):
    """What was imported is never replaced by what is issued; the message says which it is."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A certificate in CouchDB: *certificate*, or why it is *refused*. One of the first system's says so."""

    name: str
    kind: str
    certificate: Certificate | None = None
    refused: str = ""
    first_system: bool = False


@dataclass(slots=True)
class Rotated:
    """What became of each certificate, by name and kind; of those that could not be opened, why."""

    sealed: list[tuple[str, Kind]] = field(default_factory=list)
    unchanged: list[tuple[str, Kind]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Administration:
    """Changes the certificates of the database *secrets*. *entropy* gives random bytes, *milliseconds* the time since 1970.

    What needs a key raises ValueError where there is none, and everything a :class:`~couchpages.ports.StoreError`.
    """

    secrets: Database
    keys: Keys
    entropy: Callable[[int], bytes]
    milliseconds: Callable[[], int]

    async def put(self, certificate: Certificate) -> tuple[Certificate, bool]:
        """Seal a certificate, in place of the one of its name and kind; give it as it is now, and whether anything was written.

        One that was issued is not put in place of one that was imported: raises :class:`ImportedError`.
        """
        key = self.keys.sealing
        doc_id = document_id(certificate.name, certificate.kind)
        for _ in range(TRIES):
            every = await self.secrets.leaves(doc_id, deleted=True)
            leaves = sorted((leaf for leaf in every if not leaf.get("_deleted")), key=_edits, reverse=True)
            opened = [(leaf, self._opened(doc_id, leaf)) for leaf in leaves]
            there = [found for _, found in opened if found is not None]
            if certificate.issued_by and any(not found.issued_by for found in there):
                raise ImportedError(f"{certificate.name} ({certificate.kind}) was imported, and is not replaced")
            if len(leaves) == 1 and there and there[0].is_same(certificate) and sealed_with(leaves[0]) == key.id:
                return there[0], False
            said = [leaf for leaf in every if leaf.get("_deleted")] + [leaf for leaf, found in opened if found is None]
            now = self.milliseconds()
            since = newest_made(now, there, said) if certificate.issued_by else 0
            dated = replace(certificate, made=made_after(now, there, said), since=since)
            try:
                # In place of what was read, and of nothing newer: who imports at the same time conflicts, and decides anew.
                rev = str(leaves[0]["_rev"]) if leaves else None
                await self.secrets.put(doc_id, seal(dated, key, self.entropy(NONCE_BYTES)), rev)
            except Conflict:
                continue
            await self._remove(leaves[1:])
            return dated, True
        raise Unavailable(f"{doc_id}: others write it again and again")

    async def hand_over(self, name: str) -> list[Kind]:
        """Have the imported certificates of a name count as issued, so that they are replaced; give their kinds."""
        handed = []
        for kind in Kind:
            doc_id = document_id(name, kind)
            for leaf in await self.secrets.leaves(doc_id):
                found = self._opened(doc_id, leaf)
                if found is not None and not found.issued_by:
                    later = replace(found, issued_by=HANDED_OVER, since=found.made, made=made_after(0, [found], []))
                    document = seal(later, self.keys.sealing, self.entropy(NONCE_BYTES))
                    await self.secrets.put(doc_id, document, str(leaf["_rev"]))
                    handed.append(kind)
        return handed

    async def all(self) -> list[Listed]:
        """Give every certificate, ours and the first system's, by name and kind."""
        found = []
        for doc in await self._documents():
            doc_id = str(doc["_id"])
            name, kind = named_by(doc_id) or (doc_id, "")
            try:
                found.append(Listed(name, str(kind), open_sealed(doc_id, doc, self.keys.keys)))
            except Refused as error:
                found.append(Listed(name, str(kind), refused=str(error)))
        found += await self._first_system()
        return sorted(found, key=lambda each: (each.name, each.kind, each.first_system))

    async def discard(self, certificate: Certificate) -> None:
        """Remove a certificate, but nothing that was put in its place."""
        doc_id = document_id(certificate.name, certificate.kind)
        for leaf in await self.secrets.leaves(doc_id):
            if certificate.is_same(self._opened(doc_id, leaf)):
                for outcome in await self.secrets.bulk([tombstone(leaf, certificate.name, certificate.kind)]):
                    # A conflict: somebody replaced it just now.
                    if isinstance(outcome, StoreError) and not isinstance(outcome, Conflict):
                        raise outcome

    async def delete(self, name: str, kinds: Sequence[Kind]) -> list[Kind]:
        """Remove certificates of a name, all revisions of them that compete; give the kinds that there were."""
        gone = []
        for kind in kinds:
            doc_id = document_id(name, kind)
            leaves = await self.secrets.leaves(doc_id)
            removals = [tombstone(leaf, name, kind) for leaf in leaves]
            for outcome in await self.secrets.bulk(removals) if removals else ():
                if isinstance(outcome, StoreError):
                    raise outcome
            gone += [kind] if leaves else []
        return gone

    async def rotate(self) -> Rotated:
        """Seal every certificate of ours with the first key; those that are, stay as they are.

        Each counts as made a millisecond later than it was: where another node deletes it meanwhile, see ``shelf``.
        """
        key, rotated = self.keys.sealing, Rotated()
        for doc in await self._documents():
            doc_id = str(doc["_id"])
            try:
                certificate = open_sealed(doc_id, doc, self.keys.keys)
                which = certificate.name, certificate.kind
                if sealed_with(doc) == key.id:
                    rotated.unchanged.append(which)
                    continue
                later = replace(certificate, made=made_after(0, [certificate], []))
                await self.secrets.put(doc_id, seal(later, key, self.entropy(NONCE_BYTES)), str(doc["_rev"]))
                rotated.sealed.append(which)
            except Conflict:
                rotated.failed[doc_id] = "somebody else wrote it just now; rotate again"
            except Refused as error:
                rotated.failed[doc_id] = str(error)
        return rotated

    async def write_compatible(self, certificate: Certificate) -> list[str]:
        """Write the documents that the first system reads a certificate from; give their ids."""
        nonces = self.entropy(NONCE_BYTES), self.entropy(NONCE_BYTES)
        documents = compatible_documents(certificate, self.keys.sealing, nonces)
        for doc_id, doc in documents.items():
            await self._write(doc_id, doc)
        return list(documents)

    async def _write(self, doc_id: str, doc: Mapping[str, object]) -> None:
        """Write a document whatever its revision."""
        try:
            rev = str((await self.secrets.get(doc_id))["_rev"])
        except NotFound:
            await self.secrets.put(doc_id, doc)
        else:
            await self.secrets.put(doc_id, doc, rev)

    async def _remove(self, leaves: Sequence[Json]) -> None:
        """Remove revisions that are replaced, as the reconciler would; one that somebody else removed before is gone as well."""
        removals = [{"_id": leaf["_id"], "_rev": leaf["_rev"], "_deleted": True} for leaf in leaves]
        for outcome in await self.secrets.bulk(removals) if removals else ():
            if isinstance(outcome, StoreError) and not isinstance(outcome, Conflict):
                raise outcome

    async def _documents(self) -> list[Json]:
        return await self.secrets.documents(DOCUMENT_PREFIX, DOCUMENT_PREFIX + HIGHEST)

    async def _first_system(self) -> list[Listed]:
        shelf, refused = FirstSystemShelf(), list[Listed]()
        for doc in await self.secrets.documents("", HIGHEST):
            doc_id = str(doc["_id"])
            try:
                nonce = nonce_of(doc) if is_first_systems(doc_id) else None
                if nonce is not None:
                    content = await self._attachment(doc_id)
                    shelf.take(doc_id, Encrypted(doc, nonce, content), self.keys.keys)
            except Refused as error:
                refused.append(Listed(doc_id, "", refused=str(error), first_system=True))
        wrong = shelf.settle()
        return [
            *(Listed(name, str(kind), paired.certificate, "", True) for (name, kind), paired in shelf.good.items()),
            *(Listed(doc_id, "", refused=each.words, first_system=True) for doc_id, each in shelf.refused.items()),
            *(Listed(words.partition(": ")[0], "", refused=words, first_system=True) for words in wrong),
            *refused,
        ]

    async def _attachment(self, doc_id: str) -> bytes:
        parts = list[bytes]()

        def receive(part: bytes) -> None:
            parts.append(part)
            if sum(map(len, parts)) > LARGEST:
                raise Unavailable(f"{doc_id}: its attachment is longer than CouchDB said")

        await self.secrets.read_attachment(doc_id, ATTACHMENT, receive)
        return b"".join(parts)

    def _opened(self, doc_id: str, doc: Json) -> Certificate | None:
        try:
            return open_sealed(doc_id, doc, self.keys.keys)
        except Refused:
            return None


def _edits(leaf: Json) -> tuple[int, str]:
    """Give what CouchDB compares to choose the leaf that it shows."""
    number, _, digest = str(leaf["_rev"]).partition("-")
    return int(number) if number.isdecimal() else 0, digest
