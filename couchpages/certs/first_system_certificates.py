"""The first system's certificates as this node has them (does no I/O of its own): its files are brought, put together, and kept on disk."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.logger import Logger

from couchpages.certs.attachments import Attachments, from_record, to_record
from couchpages.certs.boxes import Refused, SealingKey
from couchpages.certs.certificates import Certificate
from couchpages.certs.first_system import Encrypted
from couchpages.certs.first_system_shelf import FirstSystemShelf, Named
from couchpages.certs.kept_bundles import BundleKeeper
from couchpages.certs.refusals import Refusals
from couchpages.certs.shelf import Refusal
from couchpages.certs.troubles import troubles_of_refused
from couchpages.ports import Change, Database, Json


class FirstSystemCertificates:
    """*soon* is told of each file that arrived, so that it is taken in a moment; *idle*, when none is under way.

    Used in *reactor*'s thread.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        secrets: Database,
        keeper: BundleKeeper,
        refusals: Refusals,
        soon: Callable[[str, Encrypted], object],
        idle: Callable[[], object],
    ) -> None:
        self._keeper = keeper
        self._refusals = refusals
        self._soon = soon
        self._shelf = FirstSystemShelf()
        self._attachments = Attachments(reactor, secrets, soon, self._refuse, idle)
        self._wrong: list[str] = []
        #: Documents that are kept on disk, with their revisions.
        self.kept: dict[str, object] = {}

    @property
    def names(self) -> set[Named]:
        """The certificates that there are."""
        return set(self._shelf.good)

    @property
    def is_busy(self) -> bool:
        """Whether files are under way."""
        return self._attachments.is_busy

    def get(self, which: Named) -> Certificate | None:
        """Give a certificate."""
        paired = self._shelf.good.get(which)
        return paired.certificate if paired is not None else None

    def troubles(self) -> list[str]:
        """Tell of files that are refused, and of those that do not fit together."""
        refused: Mapping[str, Refusal] = {
            doc_id: refusal for doc_id, refusal in self._shelf.refused.items() if not self._shelf.is_part(doc_id)
        }
        return [*troubles_of_refused(refused), *self._wrong]

    def recall(self, doc_id: str, record: Json, keys: Sequence[SealingKey]) -> None:
        """Take a file that was kept on disk. Raises ValueError."""
        encrypted = from_record(record)
        self.kept[doc_id] = encrypted.doc.get("_rev")
        self.take(doc_id, encrypted, keys)

    def apply(self, change: Change) -> None:
        """Have a document's file brought, or let go of it."""
        doc_id = change.doc_id
        if change.doc is None:
            self._attachments.leave(doc_id)
            self._shelf.remove(doc_id)
            return
        held = self._shelf.files.get(doc_id)
        if held is None or held.doc.get("_rev") != change.doc.get("_rev"):
            self._attachments.want(doc_id, change.doc)

    def take(self, doc_id: str, encrypted: Encrypted, keys: Sequence[SealingKey]) -> None:
        """Open a file."""
        self._note(doc_id, self._shelf.take(doc_id, encrypted, keys))

    def settle(self) -> None:
        """Put files together, and keep those that certificates are made of."""
        wrong = [f"the first system's certificate does not fit together: {words}" for words in self._shelf.settle()]
        for words in wrong:
            if words not in self._wrong:
                self.log.warn("{words}", words=words)
        self._wrong = wrong
        for doc_id in self._shelf.current:
            encrypted = self._shelf.files[doc_id]
            if self.kept.get(doc_id) != encrypted.doc.get("_rev"):
                self.kept[doc_id] = encrypted.doc.get("_rev")
                self._keeper.keep(doc_id, to_record(encrypted))
        # One that is refused may open with another key.
        needed = self._shelf.is_part, self._shelf.refused.__contains__
        for doc_id in [each for each in self.kept if not any(needs(each) for needs in needed)]:
            del self.kept[doc_id]
            self._keeper.keep(doc_id, None)

    def try_again(self) -> None:
        """Have what was refused opened again: there are other keys."""
        for doc_id in self._shelf.refused:
            if doc_id in self._shelf.files:
                self._soon(doc_id, self._shelf.files[doc_id])

    def wake(self) -> None:
        """CouchDB is there: what could not be brought is tried again."""
        self._attachments.wake()

    def stop(self) -> Any:
        """Leave what is under way."""
        return self._attachments.stop()

    def _refuse(self, doc_id: str, doc: Json, error: Refused) -> None:
        self._note(doc_id, self._shelf.refuse(doc_id, Refusal(doc, error.cause, str(error))))

    def _note(self, doc_id: str, refusal: Refusal | None) -> None:
        self._refusals.note(doc_id, refusal, stays=self._shelf.is_part(doc_id))
