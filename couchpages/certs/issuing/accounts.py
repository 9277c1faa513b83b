"""The accounts that we have at certificate authorities, their keys sealed in CouchDB, so that every issuer uses the same (does I/O).

``secrets/acme-account-ID``, where ID is made of the directory's address. The key is written before the authority hears of it, so that no
account is ever lost whose key nobody has.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from twisted.logger import Logger

from couchpages.certs.boxes import NONCE_BYTES, Bound, Cause, Refused, SealingKey, bind, decrypt, encrypt, sealed_with
from couchpages.certs.issuing.revisions import edits
from couchpages.certs.key_files import Keys
from couchpages.ports import HIGHEST, Conflict, Database, Json, Unavailable

DOCUMENT_PREFIX = "acme-account-"
TYPE = "acme-account"
VERSION = 1
PURPOSE = "couchpages ACME account"
TRIES = 5


@dataclass(frozen=True, slots=True)
class Account:
    """An account at the authority of *directory*: its *key* (PEM), and its *url*, empty until the authority knows it."""

    directory: str
    key: bytes = field(repr=False)
    url: str = ""
    contacts: tuple[str, ...] = ()


def document_id(directory: str) -> str:
    """Name the document of the account at a directory."""
    return DOCUMENT_PREFIX + hashlib.blake2b(directory.encode(), digest_size=8).hexdigest()


def is_account(doc_id: str) -> bool:
    """Whether a document of ``secrets`` is an account."""
    return doc_id.startswith(DOCUMENT_PREFIX)


def to_document(account: Account, key: SealingKey, nonce: bytes) -> Json:
    """Seal an account."""
    content = {"key": account.key.decode(), "url": account.url, "contacts": list(account.contacts)}
    return {
        "type": TYPE,
        "version": VERSION,
        "directory": account.directory,
        **encrypt(json.dumps(content).encode(), _bound(account.directory), key, nonce),
    }


def from_document(doc_id: str, doc: Json, keys: Sequence[SealingKey]) -> Account:
    """Open an account. Raises :class:`Refused`."""
    directory = doc.get("directory")
    if not isinstance(directory, str) or document_id(directory) != doc_id or doc.get("type") != TYPE:
        raise Refused(Cause.MALFORMED, "it is no ACME account under its own id")
    if doc.get("version") != VERSION:
        raise Refused(Cause.VERSION, f"it has another version than {VERSION}, which this node knows")
    try:
        inside = json.loads(decrypt(doc, _bound(directory), keys))
        return Account(directory, inside["key"].encode(), str(inside["url"]), tuple(map(str, inside["contacts"])))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused(Cause.UNREADABLE, "what is sealed in it is no account") from None


class AccountBook:
    """Reads and writes accounts in *secrets*. *keys* seal, *entropy* gives random bytes, *new_key* makes a key (PEM).

    Methods raise a :class:`~couchpages.ports.StoreError`, and ValueError for want of a key that seals or opens.
    """

    log = Logger()

    def __init__(
        self,
        secrets: Database,
        keys: Callable[[], Keys],
        entropy: Callable[[int], bytes],
        new_key: Callable[[], bytes],
    ) -> None:
        self._secrets = secrets
        self._keys = keys
        self._entropy = entropy
        self._new_key = new_key

    async def get(self, directory: str) -> Account | None:
        """Give the account at a directory, None where there is none."""
        return (await self._read(directory))[1]

    async def get_or_make(self, directory: str) -> Account:
        """Give the account at a directory; one that is made now has no address yet."""
        account = await self.get(directory)
        return account if account is not None else await self._write(Account(directory, self._new_key()), is_new=True)

    async def note(self, account: Account, url: str, contacts: Sequence[str]) -> Account:
        """Write down what the authority calls the account, and the mailboxes that it was told."""
        noted = replace(account, url=url, contacts=tuple(contacts))
        return account if noted == account else await self._write(noted, is_new=False)

    async def delete(self, directory: str) -> bool:
        """Forget the account at a directory, whoever can open it; tell whether there was one."""
        leaves = await self._secrets.leaves(document_id(directory))
        for leaf in leaves:
            await self._secrets.delete(str(leaf["_id"]), str(leaf["_rev"]))
        return bool(leaves)

    async def rotate(self) -> tuple[list[str], dict[str, str]]:
        """Seal every account with the first key; give the directories of those that were sealed with another, and why which were not."""
        keys, sealed, failed = self._keys(), list[str](), dict[str, str]()
        for doc in await self._secrets.documents(DOCUMENT_PREFIX, DOCUMENT_PREFIX + HIGHEST):
            doc_id = str(doc["_id"])
            try:
                account = from_document(doc_id, doc, keys.keys)
                if sealed_with(doc) != keys.sealing.id:
                    document = to_document(account, keys.sealing, self._entropy(NONCE_BYTES))
                    await self._secrets.put(doc_id, document, str(doc["_rev"]))
                    sealed.append(account.directory)
            except Conflict:
                failed[doc_id] = "somebody else wrote it just now; rotate again"
            except Refused as error:
                failed[doc_id] = str(error)
        return sealed, failed

    async def _write(self, account: Account, *, is_new: bool) -> Account:
        key = self._keys().sealing
        doc_id = document_id(account.directory)
        for _ in range(TRIES):
            rev, there = await self._read(account.directory)
            # Another issuer was first, with a key of its own, which everybody uses from now on.
            if there is not None and (is_new or there.key != account.key):
                return there
            try:
                await self._secrets.put(doc_id, to_document(account, key, self._entropy(NONCE_BYTES)), rev)
            except Conflict:
                continue
            return account
        raise Unavailable(f"{doc_id}: others write it again and again")

    async def _read(self, directory: str) -> tuple[str | None, Account | None]:
        """Give the revision to write on, and the account. One that somebody altered is none, or nothing would be issued any more.

        Raises :class:`Refused` where it may be good for those who have other keys, or know newer versions.
        """
        doc_id, keys = document_id(directory), self._keys().keys
        leaves = sorted(await self._secrets.leaves(doc_id), key=edits, reverse=True)
        for leaf in leaves:
            try:
                return str(leaf["_rev"]), from_document(doc_id, leaf, keys)
            except Refused as error:
                if error.cause in (Cause.NO_KEY, Cause.VERSION):
                    raise
                self.log.warn(
                    "secrets/{doc_id} is refused, and another account is made in its place: {error}",
                    doc_id=doc_id,
                    error=error,
                )
        return (str(leaves[0]["_rev"]) if leaves else None), None


def _bound(directory: str) -> Bound:
    return lambda key_id: bind(PURPOSE, VERSION, document_id(directory), directory, key_id)
