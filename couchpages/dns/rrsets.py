"""Record sets, compiled for answering (pure)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from couchpages.dns import codes
from couchpages.dns.names import Name, canonical, is_wildcard
from couchpages.dns.rdata import additional_name, compressible
from couchpages.dns.records import Record, serial_in

#: What the owner's first occurrence in an answer is, the question: a pointer to it (RFC 1035 section 4.1.4).
POINTER_TO_QUESTION = b"\xc0\x0c"
#: Types of which a name has one record (RFC 1034 section 3.6.2, RFC 6672 section 2.4, RFC 1035 section 5.2).
SINGLE = (codes.CNAME, codes.DNAME, codes.SOA)


@dataclass(frozen=True, slots=True)
class RRset:
    """Records of one owner and type, in the order in which they are sent. *owner* is as it was written, *rdatas* are uncompressed.

    *names* tells, for each of the data, where the names stand that may be compressed; *targets* are the canonical names whose
    addresses go with the set; *to_question* is all of it as it follows a question for its owner, or None where names in it may be
    compressed.
    """

    owner: Name
    type: int
    ttl: int
    rdatas: tuple[bytes, ...]
    names: tuple[tuple[tuple[int, int], ...], ...]
    targets: tuple[Name, ...]
    to_question: bytes | None

    @classmethod
    def of(cls, owner: Name, type_: int, ttl: int, rdatas: Iterable[bytes]) -> "RRset":
        """Make a set; data that stand twice in it, if in other letters' case, are kept once (RFC 2181 section 5, RFC 4034 section 6.2)."""
        kept = tuple(sorted(set(rdatas)))
        names = tuple(compressible(type_, each) for each in kept)
        if len(kept) > 1 and any(names):
            folded = {_folded(each, where): (each, where) for each, where in zip(kept, names, strict=True)}
            kept, names = (tuple(each) for each in zip(*folded.values(), strict=True))
        targets = dict.fromkeys(target for each in kept if (target := additional_name(type_, each)) is not None)
        plain = None if any(names) else b"".join(POINTER_TO_QUESTION + behind_owner(type_, ttl, each) for each in kept)
        return cls(owner, type_, ttl, kept, names, tuple(targets), plain)


RRsets: TypeAlias = Mapping[int, RRset]
"""What stands at a name, by type."""


def _folded(rdata: bytes, names: tuple[tuple[int, int], ...]) -> bytes:
    for start, end in names:
        rdata = rdata[:start] + canonical(rdata[start:end]) + rdata[end:]
    return rdata


def behind_owner(type_: int, ttl: int, rdata: bytes) -> bytes:
    """Write what follows the owner of a record whose data are not compressed (RFC 1035 section 3.2.1)."""
    return b"%b\0\1%b%b%b" % (type_.to_bytes(2, "big"), ttl.to_bytes(4, "big"), len(rdata).to_bytes(2, "big"), rdata)


def compile_name(apex: Name, records: Iterable[Record]) -> dict[int, RRset]:
    """Compile the records of one name in the zone *apex*, leaving out what cannot stand there; :mod:`couchpages.dns.checks` tells of that.

    A set has the least TTL of its records (RFC 2181 section 5.2).
    """
    by_type: dict[int, list[Record]] = {}
    for record in records:
        if not record.disabled:
            by_type.setdefault(record.type, []).append(record)
    if not by_type:
        return {}
    for type_ in misplaced(apex, by_type):
        del by_type[type_]
    return {type_: _set(type_, found) for type_, found in by_type.items()}


def misplaced(apex: Name, by_type: Mapping[int, list[Record]]) -> dict[int, str]:
    """Give the types that cannot be answered with at the name of *by_type*, each with the reason."""
    owner = next(iter(by_type.values()))[0].owner
    found: dict[int, str] = {}
    if owner != apex and codes.SOA in by_type:
        found[codes.SOA] = "an SOA stands at the zone's own name only (RFC 1035 section 5.2)"
    if is_wildcard(owner):
        for type_ in (codes.NS, codes.DNAME):
            if type_ in by_type:
                found[type_] = "what it would mean at a wildcard is not defined (RFC 4592 sections 4.2 and 4.4)"
    left = by_type.keys() - found.keys()
    if codes.CNAME in left and left - {codes.CNAME, codes.RRSIG, codes.NSEC}:
        found[codes.CNAME] = "a CNAME stands alone (RFC 1034 section 3.6.2)"
    if owner != apex and {codes.DNAME, codes.NS} <= left:
        found[codes.DNAME] = "a DNAME does not stand beside NS, except at the zone's own name (RFC 6672 section 2.3)"
    return found


def _set(type_: int, records: list[Record]) -> RRset:
    first = min(records, key=lambda record: record.name)
    ttl = min(record.ttl for record in records)
    rdatas = {record.rdata for record in records}
    if type_ in SINGLE and len(rdatas) > 1:
        rdatas = {_one(type_, rdatas)}
    return RRset.of(first.name, type_, ttl, rdatas)


def _one(type_: int, rdatas: Iterable[bytes]) -> bytes:
    """Choose one of several where only one can stand, the same on every node: of SOAs that with the highest serial."""
    return max(rdatas, key=lambda each: (serial_in(each) if type_ == codes.SOA else 0, canonical(each)))
