"""Which sealed certificates count (pure): the last good one of each document stays until a newer good one comes, or it is deleted.

A bundle that does not open, or is older than one that was here, is refused, and what was good before stays (law 4). That holds after
a deletion and after a restart too: *floors* remember how new the newest was. A bundle as new as the newest is taken again, unless it
was *removed*: whoever writes to CouchDB without a key may bring back what was deleted, and that counts nowhere where the deletion was seen.

Rotating keys therefore makes a certificate a millisecond newer. When one node rotates while another that it cannot reach deletes,
CouchDB shows the living leaf everywhere when both have both, and it counts everywhere, because it is newer than what was deleted
(law 7): the deletion is lost, and repeated if it was meant. The same holds for an import. Not covered is a leaf *no newer* than one that
was deleted, which only one node ever had: it counts there, and not where the newer one was, until somebody imports or deletes.

A document that is only known to be gone, because CouchDB's database was made anew, was not deleted by anybody: it is taken again when
it comes back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from couchpages.certs.boxes import LATEST, Cause, Refused, SealingKey
from couchpages.certs.certificates import Certificate
from couchpages.certs.sealing import open_sealed
from couchpages.ports import Json

#: How new a certificate is: when it was made, and of two made in the same millisecond the greater fingerprint.
Floor: TypeAlias = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A document that was not taken, and why in *words*; it may be tried again with other keys."""

    doc: Json
    cause: Cause
    words: str

    @property
    def mark(self) -> tuple[object, Cause]:
        """What tells one refusal from another: the revision, and the cause."""
        return self.doc.get("_rev"), self.cause


@dataclass(slots=True)
class Shelf:
    """What is known, by documents' ids."""

    good: dict[str, Certificate] = field(default_factory=dict)
    floors: dict[str, Floor] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)

    @property
    def lacking(self) -> dict[str, Refusal]:
        """What is refused, and has no good one in its place."""
        return {doc_id: each for doc_id, each in self.refused.items() if doc_id not in self.good}

    def take(self, doc_id: str, doc: Json, keys: Iterable[SealingKey]) -> Refusal | None:
        """Take a document's newest state; give the refusal, where it is one that was not known yet."""
        try:
            certificate = open_sealed(doc_id, doc, keys)
            self._check_newer(doc_id, certificate)
        except Refused as error:
            return self._refuse(doc_id, Refusal(doc, error.cause, str(error)))
        self.refused.pop(doc_id, None)
        self.good[doc_id] = certificate
        self.floors[doc_id] = floor(certificate)
        self.removed.discard(doc_id)
        return None

    def remove(self, doc_id: str, *, deleted: bool) -> None:
        """Let go of a certificate that is gone, or was *deleted*; how new it was is not forgotten."""
        if deleted and doc_id in self.floors:
            self.removed.add(doc_id)
        self.good.pop(doc_id, None)
        self.refused.pop(doc_id, None)

    def record(self, doc_id: str, doc: Json | None) -> Json:
        """Give what is kept of a document for a restart: *doc* is its newest good state."""
        kept: Json = {"floor": list(self.floors[doc_id])}
        if doc is not None:
            kept["doc"] = doc
        if doc_id in self.removed:
            kept["removed"] = True
        return kept

    def recall(self, doc_id: str, record: Json) -> Json | None:
        """Take what :meth:`record` gave before a restart; give the document, to be taken. Raises ValueError for what is no such thing."""
        match record.get("floor"):
            case [int(made), str(fingerprint)] if not isinstance(made, bool) and 0 <= made <= LATEST:
                pass
            case _:
                raise ValueError("it does not say how new the certificate was")
        doc, removed = record.get("doc"), record.get("removed", False)
        if not isinstance(removed, bool) or not (doc is None or isinstance(doc, dict)):
            raise ValueError("it is not as it was kept")
        self.floors[doc_id] = made, fingerprint
        if removed:
            self.removed.add(doc_id)
        return doc

    def _refuse(self, doc_id: str, refusal: Refusal) -> Refusal | None:
        before = self.refused.get(doc_id)
        self.refused[doc_id] = refusal
        return None if before is not None and before.mark == refusal.mark else refusal

    def _check_newer(self, doc_id: str, certificate: Certificate) -> None:
        least = self.floors.get(doc_id)
        if least is None or floor(certificate) > least:
            return
        if doc_id in self.removed:
            raise Refused(
                Cause.REPLAYED,
                f"it was made {moment(certificate.made)}, and what this node had, made {moment(least[0])}, was deleted: somebody "
                "brought it back; if that was meant, delete it and import it anew",
            )
        if floor(certificate) < least:
            raise Refused(
                Cause.REPLAYED,
                f"it was made {moment(certificate.made)}, and this node had one made {moment(least[0])}: somebody brought an old "
                "one back; if that was meant, delete it and import it anew",
            )


def floor(certificate: Certificate) -> Floor:
    """Give how new a certificate is."""
    return certificate.made, certificate.fingerprint


def moment(milliseconds: int) -> str:
    """Write a moment for people."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms after 1970"
