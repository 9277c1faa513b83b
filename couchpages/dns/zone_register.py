"""The documents of ``dns_zones``: which zones there are, with which numbers, and what their own documents add to their serials (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from couchpages.dns.names import Name, canonical, from_text, order, suffixes
from couchpages.dns.traces import generations, mark, revisions
from couchpages.dns.zone_documents import ZoneDocument, document_id, from_document
from couchpages.ports import Change


@dataclass(frozen=True, slots=True)
class HeldZone:
    """A document: the *mark* of its leaves, the sum of their *generations*, and what it said when it could be read last."""

    mark: int
    generations: int
    zone: ZoneDocument | None


def apex_of(doc_id: str) -> Name | None:
    """Give the (canonical) name of the zone that a document is about, also of one that was deleted; None where it is no name."""
    try:
        return canonical(from_text(doc_id))
    except ValueError:
        return None


class ZoneRegister:
    """Zones by name and by number. Two documents for one name are possible, as are two zones with one number."""

    def __init__(self) -> None:
        self.documents: dict[str, HeldZone] = {}
        self._by_apex: dict[Name, dict[str, HeldZone]] = {}
        self._by_number: dict[int, dict[Name, ZoneDocument]] = {}
        self._zones: dict[Name, ZoneDocument] = {}

    def apply(self, change: Change) -> set[Name]:
        """Take a change; give the zones whose records may be others now, the changed one included where it is.

        Raises ValueError for a malformed document: what it said before stays.
        """
        revs = revisions(change)
        if change.doc is None:
            return self.hold(change.doc_id, HeldZone(mark(revs), generations(revs), None) if revs else None)
        before = self.documents.get(change.doc_id)
        known = before.zone if before is not None else None
        try:
            zone = from_document(change.doc_id, change.doc)
        except ValueError:
            self.hold(change.doc_id, HeldZone(mark(revs), generations(revs), known))
            raise
        return self.hold(change.doc_id, HeldZone(mark(revs), generations(revs), zone))

    def hold(self, doc_id: str, held: HeldZone | None) -> set[Name]:
        """Let *held* be what is known of a document, or with None nothing; see :meth:`apply` for what it gives."""
        apex = apex_of(doc_id)
        for known in (self.documents, self._by_apex.setdefault(apex, {}) if apex is not None else {}):
            if held is None:
                known.pop(doc_id, None)
            else:
                known[doc_id] = held
        return self._choose(apex) if apex is not None else set()

    def _choose(self, apex: Name) -> set[Name]:
        before = self._zones.get(apex)
        living = {doc_id: held.zone for doc_id, held in self._by_apex[apex].items() if held.zone is not None}
        best = min(living, key=lambda doc_id: (doc_id != document_id(apex), doc_id), default=None)
        after = living[best] if best is not None else None
        if before == after:
            return set()
        concerned = {apex}
        if before is not None:
            del self._zones[apex], self._by_number[before.zone_id][apex]
            concerned |= self._by_number[before.zone_id].keys()
        if after is not None:
            self._zones[apex] = after
            self._by_number.setdefault(after.zone_id, {})[apex] = after
            concerned |= self._by_number[after.zone_id].keys()
        return concerned

    def generations(self, apex: Name) -> int:
        """Give what the documents of a name, living and deleted, add to its serial."""
        return sum(held.generations for held in self._by_apex.get(apex, {}).values())

    def all(self) -> Sequence[ZoneDocument]:
        """Give all zones in the order of their names."""
        return sorted(self._zones.values(), key=lambda zone: order(zone.apex))

    def names(self) -> Iterable[Name]:
        """Give the names of all zones."""
        return self._zones.keys()

    def named(self, apex: Name) -> ZoneDocument | None:
        """Give the zone of this name."""
        return self._zones.get(apex)

    def numbered(self, number: int) -> Sequence[ZoneDocument]:
        """Give the zones with this number, that with the longest name first."""
        return sorted(self._by_number.get(number, {}).values(), key=lambda zone: (-len(zone.apex), zone.apex))

    def above(self, name: Name) -> ZoneDocument | None:
        """Give the zone with the longest name that is *name* or above it."""
        return next((self._zones[each] for each in suffixes(name) if each in self._zones), None)

    def zone_for(self, number: int, owner: Name) -> Name | None:
        """Give which zone of this number has the records of a name: that with the longest name, None where *owner* is within none."""
        zones = self._by_number.get(number)
        if not zones:
            return None
        return next((each for each in suffixes(owner) if each in zones), None)
