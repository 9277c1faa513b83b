"""Which of the first system's certificates count (pure): the last good one stays while a newer one has come only in part."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from couchpages.certs.boxes import Refused, SealingKey
from couchpages.certs.certificates import Kind
from couchpages.certs.first_system import Encrypted, Paired, Part, opened, pairs, rank
from couchpages.certs.shelf import Refusal

Named: TypeAlias = tuple[str, Kind]


@dataclass(slots=True)
class FirstSystemShelf:
    """What is known of its files, by their documents' ids, and of the certificates that they make."""

    files: dict[str, Encrypted] = field(default_factory=dict)
    good: dict[Named, Paired] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)
    _parts: dict[str, Part] = field(default_factory=dict)
    _known: dict[tuple[str, str], Paired] = field(default_factory=dict)

    def take(self, doc_id: str, encrypted: Encrypted, keys: Iterable[SealingKey]) -> Refusal | None:
        """Take a file; give the refusal, where it is one that was not known yet."""
        try:
            part = opened(encrypted, keys)
        except Refused as error:
            return self.refuse(doc_id, Refusal(encrypted.doc, error.cause, str(error)), encrypted)
        self.refused.pop(doc_id, None)
        self.files[doc_id] = encrypted
        if part != self._parts.get(doc_id):
            self._forget(doc_id)
            self._parts[doc_id] = part
        return None

    def refuse(self, doc_id: str, refusal: Refusal, encrypted: Encrypted | None = None) -> Refusal | None:
        """Note that a document is refused; what it was before stays. It is kept to be tried again with other keys."""
        before = self.refused.get(doc_id)
        self.refused[doc_id] = refusal
        if encrypted is not None and doc_id not in self._parts:
            self.files[doc_id] = encrypted
        return None if before is not None and before.mark == refusal.mark else refusal

    def remove(self, doc_id: str) -> None:
        """Let go of a file, and of the certificates that it was part of."""
        self.refused.pop(doc_id, None)
        self.files.pop(doc_id, None)
        self._parts.pop(doc_id, None)
        self._forget(doc_id)
        for named, paired in list(self.good.items()):
            if doc_id in (paired.chain_id, paired.key_id):
                del self.good[named]

    @property
    def current(self) -> set[str]:
        """The documents whose files, as they are now, make a certificate."""
        return {doc_id for ids in self._known for doc_id in ids}

    def is_part(self, doc_id: str) -> bool:
        """Whether a good certificate was made of this document, as it is now or was."""
        return any(doc_id in (paired.chain_id, paired.key_id) for paired in self.good.values())

    def settle(self) -> list[str]:
        """Put files together that belong together; give what is wrong with some."""
        found, wrong = pairs(self._parts, self._known)
        self._known = {(paired.chain_id, paired.key_id): paired for paired in found}
        for paired in sorted(found, key=rank):
            self.good[paired.certificate.name, paired.certificate.kind] = paired
        return wrong

    def _forget(self, doc_id: str) -> None:
        self._known = {ids: paired for ids, paired in self._known.items() if doc_id not in ids}
