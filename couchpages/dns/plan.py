"""Which documents a change of a zone writes and deletes (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from couchpages.dns import codes
from couchpages.dns.checks import comparable
from couchpages.dns.names import Name
from couchpages.dns.records import Record, document_id, serial_in
from couchpages.dns.serials import is_greater
from couchpages.dns.submission import WantedSet


@dataclass(slots=True)
class Plan:
    """*put* are records by the ids of their documents, of which those in *new* are not there yet; *gone* are the others, before and after.

    Documents in *gone* are deleted after the others are written, so that no moment has neither.
    """

    put: dict[str, Record] = field(default_factory=dict)
    new: set[str] = field(default_factory=set)
    gone: dict[str, Record] = field(default_factory=dict)
    before: list[Record] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many records are added, changed and removed."""
        return {"added": len(self.new), "changed": len(self.put) - len(self.new), "removed": len(self.gone)}

    def add(self, record: Record) -> None:
        """Have a record written whose document is not there."""
        doc_id = document_id(record)
        self.put[doc_id] = record
        self.new.add(doc_id)

    def edit(self, doc_id: str, before: Record, after: Record) -> None:
        """Have a document changed, if that is a change."""
        if before != after:
            self.put[doc_id] = after
            self.before.append(before)

    def remove(self, doc_id: str, record: Record) -> None:
        """Have a document deleted."""
        self.gone[doc_id] = record


def same(one: Record, other: Record) -> bool:
    """Whether two records are one, but for their TTLs and whether they are disabled."""
    return identity(one) == identity(other) and one.flag == other.flag


def identity(record: Record) -> tuple[Name, int, bytes]:
    """Give what tells a record from the others of a zone."""
    return record.owner, record.type, comparable(record.type, record.rdata)


def adding(existing: Iterable[tuple[str, Record]], record: Record) -> Plan:
    """Plan to add a record; *existing* are those of its name and type, disabled ones included.

    The set takes the new record's TTL (RFC 2181 section 5.2). An SOA takes the other one's place.
    """
    plan = Plan()
    found = False
    for doc_id, other in existing:
        if same(other, record):
            found = True
            plan.edit(doc_id, other, replace(other, ttl=record.ttl, disabled=record.disabled))
        elif record.type == codes.SOA and not record.disabled:
            plan.remove(doc_id, other)
        elif not other.disabled and not record.disabled:
            plan.edit(doc_id, other, replace(other, ttl=record.ttl))
    if not found:
        plan.add(record)
    return plan


def _but_serial(soa: bytes) -> tuple[bytes, bytes]:
    return soa[:-20], soa[-16:]


class Replacement:
    """A plan to write record sets in the making: those that are wanted first, then all that exist. Disabled records stay as they are.

    With *everything*, the sets that nobody wants are deleted. A record with a flag is kept where a record without is wanted. An SOA
    whose serial alone is another is no change, unless that serial is above *serial*, the current one: a written serial is a floor.
    """

    def __init__(self, *, everything: bool, serial: int) -> None:
        self._everything = everything
        self._serial = serial
        self._wanted: dict[tuple[Name, int, bytes], Record] = {}
        self._soas: list[tuple[Name, int, bytes]] = []
        self._sets: set[tuple[Name, int]] = set()
        self._kept: set[tuple[Name, int, bytes, str | None]] = set()
        self._found: set[tuple[Name, int, bytes]] = set()
        self._plan = Plan()

    def want(self, wanted: WantedSet) -> bool:
        """Take a set that is wanted; tell whether it is the first for its name and type."""
        key = wanted.owner, wanted.type
        if key in self._sets:
            return False
        self._sets.add(key)
        self._wanted.update((identity(record), record) for record in wanted.records)
        if wanted.type == codes.SOA:
            self._soas += map(identity, wanted.records)
        return True

    def see(self, doc_id: str, record: Record) -> None:
        """Take a record that exists."""
        if record.disabled or not (self._everything or (record.owner, record.type) in self._sets):
            return
        key = self._meant(record)
        wanted = self._wanted.get(key)
        if wanted is None or (*key, record.flag) in self._kept:
            self._plan.remove(doc_id, record)
            return
        self._kept.add((*key, record.flag))
        self._found.add(key)
        self._plan.edit(doc_id, record, replace(record, ttl=wanted.ttl))

    def _meant(self, record: Record) -> tuple[Name, int, bytes]:
        """Give which of the wanted records *record* is."""
        key = identity(record)
        if record.type == codes.SOA and key not in self._wanted:
            for other in self._soas:
                if other[0] == key[0] and _but_serial(other[2]) == _but_serial(key[2]) and not self._raises(other[2]):
                    return other
        return key

    def _raises(self, soa: bytes) -> bool:
        return is_greater(serial_in(soa), self._serial)

    @property
    def owners(self) -> set[Name]:
        """The names of the sets that are wanted."""
        return {owner for owner, _ in self._sets}

    @property
    def wanted(self) -> Iterable[Record]:
        """The records that are wanted."""
        return self._wanted.values()

    def finish(self, record: Record) -> None:
        """Take a record that is wanted once more, when all that exist were seen."""
        if identity(record) not in self._found:
            self._plan.add(record)

    @property
    def parts(self) -> tuple[dict[Any, Any] | set[Any], ...]:
        """What may be forgotten when the plan is made."""
        return self._wanted, self._sets, self._kept, self._found

    @property
    def plan(self) -> Plan:
        """The plan as far as it has come."""
        return self._plan
