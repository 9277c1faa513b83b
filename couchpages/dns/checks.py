"""What is wrong with a zone's records (pure).

An :attr:`Severity.ERROR` is refused when it is written; what other programs wrote is served all the same, as far as it can be. A
:attr:`Severity.WARNING` is told. Where the RFCs leave it open, what BIND's named-checkzone refuses to load is an error.
"""

from collections.abc import Callable, Iterable, Iterator

from couchpages.dns import codes
from couchpages.dns.contents import ADDRESSES, POINTING, Contents, Node
from couchpages.dns.findings import Finding, Severity, in_order
from couchpages.dns.names import LONGEST_NAME, ROOT, Name, canonical, is_wildcard, is_within, labels, shown
from couchpages.dns.rdata import ONE_NAME, additional_name, compressible, name_end, type_to_text
from couchpages.dns.records import Record
from couchpages.dns.rrsets import SINGLE, misplaced

#: What a message holds besides a set and the name that is asked for: header, type and class (RFC 1035 section 4.1), OPT (RFC 6891 section
#: 6.1.2), and an SOA of the longest names, which follows a CNAME that leads to nothing (RFC 2308 section 2.1).
BESIDES = 12 + 4 + 11 + (12 + 2 * LONGEST_NAME + 20)
#: What stands before a record's data when its owner is a pointer: RFC 1035 section 4.1.3.
BEFORE_DATA = 12
#: Types that may stand beside NS at a delegation (RFC 4035 section 2.2 and 2.4).
#: CNAME and DNAME are wrong there, which is told of them already.
AT_A_CUT = (codes.NS, codes.DS, codes.RRSIG, codes.NSEC, codes.CNAME, codes.DNAME, *ADDRESSES)
#: RFC 2308 section 5: longer than a day, negative answers have been found to be a nuisance.
LONGEST_NEGATIVE = 86400


def findings(apex: Name, records: Iterable[Record]) -> list[Finding]:
    """Give everything that is wrong with the records of a zone, by name in canonical order."""
    contents = Contents(apex, records)
    # The looks put names into it that they asked for in vain.
    return in_order(each for name in {*contents.nodes, apex} for each in of_name(contents, name))


def of_name(contents: Contents, name: Name) -> Iterator[Finding]:
    """Give what is wrong at a canonical name."""
    node = contents.at(name)
    if not is_within(name, contents.apex):
        if node:
            yield _wrong(name, None, f"it lies outside the zone {shown(contents.apex)} (RFC 1035 section 5.2)")
        return
    for look in _LOOKS:
        yield from look(contents, name, node)


def _wrong(name: Name, type_: int | None, reason: str) -> Finding:
    return Finding(Severity.ERROR, name, type_, reason)


def _doubtful(name: Name, type_: int | None, reason: str) -> Finding:
    return Finding(Severity.WARNING, name, type_, reason)


def _at_the_apex(contents: Contents, name: Name, node: Node) -> Iterator[Finding]:
    if name != contents.apex:
        return
    if codes.SOA not in node:
        yield _wrong(name, codes.SOA, "the zone has no SOA (RFC 1035 section 5.2)")
    if codes.NS not in node:
        yield _wrong(name, codes.NS, "the zone has no NS records at its own name (RFC 1034 section 4.2.1)")
    if codes.DS in node:
        yield _wrong(
            name, codes.DS, "a DS stands in the parent's zone, never at the zone's own name (RFC 4035 section 2.4)"
        )
    for record in node.get(codes.SOA, []):
        for reason in _timers(record.rdata):
            yield _doubtful(name, codes.SOA, reason)


def _timers(soa: bytes) -> Iterator[str]:
    refresh, retry, expire, minimum = (
        int.from_bytes(soa[at : at + 4], "big") for at in range(len(soa) - 16, len(soa), 4)
    )
    if retry > refresh:
        yield f"retry ({retry}) is longer than refresh ({refresh}) (RFC 1912 section 2.2)"
    if expire < refresh + retry:
        yield f"expire ({expire}) is shorter than refresh and retry together (RFC 1912 section 2.2)"
    if minimum > LONGEST_NEGATIVE:
        yield f"a minimum of {minimum} seconds keeps names from appearing for more than a day (RFC 2308 section 5)"


def _where_it_cannot_stand(contents: Contents, name: Name, node: Node) -> Iterator[Finding]:
    if node:
        for type_, reason in misplaced(contents.apex, node).items():
            yield _wrong(name, type_, reason)


def _sets(contents: Contents, name: Name, node: Node) -> Iterator[Finding]:
    del contents
    for type_, records in node.items():
        if len(records) > 1:
            different = {comparable(type_, record.rdata) for record in records}
            yield from _set(name, type_, records, different)
        else:
            different = {record.rdata for record in records}
        size = sum(len(each) + BEFORE_DATA for each in different)
        if size > codes.LARGEST_MESSAGE - BESIDES - (LONGEST_NAME if is_wildcard(name) else len(name)):
            told = f"{len(different):,} records of {size:,} octets" if len(different) > 1 else f"{size:,} octets"
            yield _wrong(name, type_, f"{told} do not fit into an answer (RFC 1035 section 4.2.2)")


def _set(name: Name, type_: int, records: list[Record], different: set[bytes]) -> Iterator[Finding]:
    kind = type_to_text(type_)
    if type_ in SINGLE and len(different) > 1:
        # Answering by geography will choose among those with flags.
        severity = Severity.WARNING if len({record.flag for record in records}) == len(records) else Severity.ERROR
        yield Finding(
            severity, name, type_, f"a name has one {kind} at most (RFC 2181 section 10.1, RFC 6672 section 2.4)"
        )
    if len(different) < len({(record.flag, record.rdata) for record in records}) or len(set(records)) < len(records):
        yield _doubtful(name, type_, "a record stands here twice (RFC 2181 section 5)")
    ttls = sorted({record.ttl for record in records})
    if len(ttls) > 1:
        told = ", ".join(map(str, ttls))
        yield _doubtful(
            name, type_, f"its records have differing TTLs ({told}); the least counts (RFC 2181 section 5.2)"
        )


def comparable(type_: int, rdata: bytes) -> bytes:
    """Give the form by which data are the same or not: names in them without regard to case (RFC 4343 section 3)."""
    return canonical(rdata) if type_ in ONE_NAME else _lowered(type_, rdata)


def _lowered(type_: int, rdata: bytes) -> bytes:
    for start, end in compressible(type_, rdata):
        rdata = rdata[:start] + canonical(rdata[start:end]) + rdata[end:]
    return rdata


def _hidden(contents: Contents, name: Name, node: Node) -> Iterator[Finding]:
    match contents.cut_above(name):
        case None:
            yield from _at_a_cut(contents, name, node)
        case above, codes.DNAME:
            yield _wrong(name, None, f"nothing stands below the DNAME {shown(above)} (RFC 6672 section 2.4)")
        case above, _:
            glue = {additional_name(codes.NS, record.rdata) for record in contents.at(above)[codes.NS]}
            for type_ in node:
                if type_ not in ADDRESSES or name not in glue:
                    yield _doubtful(
                        name,
                        type_,
                        f"nobody is answered with it: it lies below the delegation {shown(above)} (RFC 1034 section 4.2.1)",
                    )


def _at_a_cut(contents: Contents, name: Name, node: Node) -> Iterator[Finding]:
    if name == contents.apex:
        return
    if codes.NS not in node:
        if codes.DS in node:
            yield _doubtful(
                name, codes.DS, "a DS means something beside the NS of a delegation only (RFC 4035 section 2.4)"
            )
        return
    for type_ in node:
        if type_ not in AT_A_CUT:
            yield _doubtful(name, type_, "nobody is answered with it: the name is delegated (RFC 1034 section 4.2.1)")


def _targets(contents: Contents, name: Name, node: Node) -> Iterator[Finding]:
    for type_ in POINTING:
        for record in node.get(type_, []):
            target = additional_name(type_, record.rdata)
            if target is not None and target != ROOT:
                yield from _target(contents, name, type_, target)


def _target(contents: Contents, name: Name, type_: int, target: Name) -> Iterator[Finding]:
    if not is_within(target, contents.apex):
        if len(labels(target)) == 2:  # noqa: PLR2004 -- the label and the root's
            yield _doubtful(
                name, type_, f"its target {shown(target)} has one label only; was the zone's name to follow?"
            )
        return
    cut = contents.cut_above(target)
    if cut is not None and (type_ != codes.NS or not is_within(target, name) or name == contents.apex):
        return
    if codes.CNAME in contents.at(target):
        severity = Severity.ERROR if type_ == codes.NS else Severity.WARNING
        yield Finding(severity, name, type_, f"its target {shown(target)} is an alias (RFC 2181 section 10.3)")
        return
    wildcard = contents.wildcard_for(target)
    if wildcard is not None and codes.CNAME in contents.at(wildcard):
        # Not refused, for a name that exists between the two, with nothing at it, would keep the wildcard away.
        yield _doubtful(
            name, type_, f"its target {shown(target)} is an alias by {shown(wildcard)} (RFC 2181 section 10.3)"
        )
    elif not contents.has_address(target):
        glue = "; a delegation to it leads nowhere (RFC 9471)" if type_ == codes.NS else ""
        yield _doubtful(name, type_, f"its target {shown(target)} has no address in this zone{glue}")


_LOOKS: tuple[Callable[[Contents, Name, Node], Iterator[Finding]], ...] = (
    _at_the_apex,
    _where_it_cannot_stand,
    _sets,
    _hidden,
    _targets,
)


def incomplete_name(type_: int, content: str, wire: bytes, apex: Name) -> str | None:
    """Tell of a target that was written with one label and no dot behind it, as relative names are in zone files; None for others."""
    for target in _names(type_, wire):
        text = shown(target)
        if len(labels(target)) == 2 and text in content.lower().split():  # noqa: PLR2004 -- the label and the root's
            kind = type_to_text(type_)
            return f'{kind} content: "{text}" is no full name; write {text}.{shown(apex)}, or "{text}." for a name of one label'
    return None


def _names(type_: int, wire: bytes) -> list[Name]:
    if type_ in ONE_NAME or type_ == codes.DNAME:
        return [canonical(wire)]
    if type_ in (codes.SVCB, codes.HTTPS):
        return [canonical(wire[2 : name_end(wire, 2)])]
    if type_ == codes.SRV:
        return [canonical(wire[6:])]
    return [canonical(wire[start:end]) for start, end in compressible(type_, wire)]
