"""Which documents belong to one zone's number, by the name that they are about (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from couchpages.dns.names import Name, canonical
from couchpages.dns.records import Record


@dataclass(slots=True)
class Shelf:
    """The ids of the documents that name one zone: those that have a record by its owner, and the *others*, such as tombstones.

    Most names have one record, so that most of *owners* have an id, and no collection of ids.
    """

    owners: dict[Name, str | dict[str, None]] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    size: int = 0

    def put(self, doc_id: str, record: Record | None) -> None:
        """Take in a document that is not here."""
        self.size += 1
        if record is None:
            self.others.add(doc_id)
            return
        owner = canonical(record.name)
        found = self.owners.get(owner)
        if found is None:
            # One name in memory instead of two equal ones, for 100,000 records.
            self.owners[record.name if owner == record.name else owner] = doc_id
        elif isinstance(found, dict):
            found[doc_id] = None
        else:
            self.owners[owner] = {found: None, doc_id: None}

    def take(self, doc_id: str, record: Record | None) -> None:
        """Let go of a document."""
        self.size -= 1
        if record is None:
            self.others.discard(doc_id)
            return
        found = self.owners[record.owner]
        if isinstance(found, dict) and len(found) > 1:
            del found[doc_id]
        else:
            del self.owners[record.owner]

    def at(self, owner: Name) -> tuple[str, ...]:
        """Give the documents of one name."""
        found = self.owners.get(owner, ())
        return (found,) if isinstance(found, str) else tuple(found)

    def __iter__(self) -> Iterator[str]:
        for found in self.owners.values():
            if isinstance(found, str):
                yield found
            else:
                yield from found
        yield from self.others

    def __len__(self) -> int:
        return self.size
