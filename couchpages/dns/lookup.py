"""The lookup of RFC 1034 section 4.3.2, with RFC 4592 for wildcards and RFC 6672 for DNAME (pure).

Names given are canonical, and so are those that verdicts name, but for what was written in the zone.
"""

from collections.abc import Collection, Mapping
from typing import TypeAlias

from couchpages.dns import codes
from couchpages.dns.names import LONGEST_NAME, WILDCARD, Name, canonical, is_within, parent, suffixes
from couchpages.dns.rrsets import RRset, RRsets
from couchpages.dns.verdicts import (
    Answer,
    Circular,
    Delegation,
    Foreign,
    NoData,
    NoSuchName,
    NotRead,
    Outcome,
    Overlong,
    Step,
    Verdict,
)
from couchpages.dns.zone import Zone

Zones: TypeAlias = Mapping[Name, Zone]
_Found: TypeAlias = tuple[tuple[Step, ...], Verdict | Name]
"""The steps within one zone, and their end: a verdict, or another name to look for."""

#: CNAMEs and DNAMEs that are followed for one question: BIND follows 16 (``MAX_RESTARTS``), NSD 10.
LONGEST_CHAIN = 16
FOREIGN = Outcome(Foreign())
NOT_READ = Outcome(NotRead())


def look_up(zones: Zones, name: Name, type_: int, withheld: Collection[Name] = ()) -> Outcome:
    """Find what *zones* have of *type_* at a canonical *name*; *withheld* are zones that there are beside them."""
    zone = closest_zone(zones, name, type_)
    if withheld and _is_withheld(withheld, name, zone):
        return NOT_READ
    if zone is None:
        return FOREIGN
    # Nearly all questions end here; what follows would come to the same.
    if not zone.cuts or _topmost_cut(zone, name, type_) is None:
        node = zone.nodes.get(name)
        if node is None:
            if not zone.wildcards or closest_encloser(zone, name) not in zone.wildcards:
                return Outcome(NoSuchName(zone))
        elif type_ in node:
            return Outcome(Answer(zone, name, node[type_]), own=True)
        elif codes.CNAME not in node and type_ != codes.ANY:
            return Outcome(NoData(zone), own=True)
    return _follow(zones, withheld, zone, name, type_)


def _is_withheld(withheld: Collection[Name], name: Name, zone: Zone | None) -> bool:
    """Whether a withheld zone is closer to a name than *zone*, which is the closest of the others."""
    apex = next((each for each in suffixes(name) if each in withheld), None)
    return apex is not None and (zone is None or len(zone.apex) < len(apex))


def closest_zone(zones: Zones, name: Name, type_: int) -> Zone | None:
    """Give the zone that answers for a name: the one with most labels, but for a DS, which stands above the cut (RFC 4035
    section 3.1.4.1).
    """
    found = _enclosing(zones, name)
    if type_ == codes.DS and found is not None and found.apex == name and len(name) > 1:
        above = _enclosing(zones, parent(name))
        # A zone above that does not delegate this one would say that there is no such name, of one that has records here (RFC 8020).
        if above is not None and (name in above.nodes or _topmost_cut(above, name, type_) is not None):
            return above
    return found


def _enclosing(zones: Zones, name: Name) -> Zone | None:
    at = 0
    while True:
        found = zones.get(name[at:])
        if found is not None or not name[at]:
            return found
        at += 1 + name[at]


def _follow(zones: Zones, withheld: Collection[Name], first: Zone, name: Name, type_: int) -> Outcome:
    """Follow CNAMEs and DNAMEs through the zones."""
    steps: tuple[Step, ...] = ()
    seen = {name}
    zone: Zone | None = first
    while zone is not None:
        more, end = _within(zone, name, type_)
        steps += more
        if not isinstance(end, bytes):
            own = not steps and isinstance(end, Answer) and end.rrset.owner.lower() == name
            return Outcome(end, steps, own)
        if end in seen or len(seen) > LONGEST_CHAIN:
            return Outcome(Circular(), steps)
        seen.add(end)
        name = end
        zone = closest_zone(zones, name, type_)
        if withheld and _is_withheld(withheld, name, zone):
            return NOT_READ
    return Outcome(Foreign(), steps)


def _within(zone: Zone, name: Name, type_: int) -> _Found:
    """Look within one zone."""
    cut = _topmost_cut(zone, name, type_) if zone.cuts else None
    if cut is not None:
        return _at_cut(zone, cut, name, type_)
    node = zone.nodes.get(name)
    if node is None:
        encloser = closest_encloser(zone, name)
        if encloser not in zone.wildcards:
            return (), NoSuchName(zone)
        node = zone.nodes[WILDCARD + encloser]
    return _at_node(zone, node, name, type_)


def _topmost_cut(zone: Zone, name: Name, type_: int) -> Name | None:
    """Give the name nearest to the apex at which the zone's own data end on the way to *name*."""
    if zone.apex in zone.cuts and _cuts(zone, zone.apex, name, type_):
        return zone.apex
    for candidate in downwards(name, zone.apex):
        if candidate in zone.cuts and _cuts(zone, candidate, name, type_):
            return candidate
        if candidate not in zone.nodes:
            break
    return None


def _cuts(zone: Zone, cut: Name, name: Name, type_: int) -> bool:
    if cut != name:
        return True
    # A DNAME says nothing of its own name (RFC 6672 section 2.3); of a cut's own name, DS stands above (RFC 4035 section 2.4).
    return cut != zone.apex and codes.NS in zone.nodes[cut] and type_ != codes.DS


def _at_cut(zone: Zone, cut: Name, name: Name, type_: int) -> _Found:
    node = zone.nodes[cut]
    if codes.NS in node and cut != zone.apex:
        return (), Delegation(zone, cut, node[codes.NS])
    dname = node[codes.DNAME]
    steps = (Step(cut, dname),)
    target = name[: -len(cut)] + dname.rdatas[0]
    if len(target) > LONGEST_NAME:
        return steps, Overlong()
    # RFC 6672 section 3.1: the CNAME that says what the DNAME means for this name has the DNAME's TTL.
    made = RRset.of(name, codes.CNAME, dname.ttl, [target])
    if type_ in (codes.CNAME, codes.ANY):
        return steps, Answer(zone, name, made)
    return (*steps, Step(name, made)), canonical(target)


def _at_node(zone: Zone, node: RRsets, name: Name, type_: int) -> _Found:
    rrset = node.get(type_)
    if rrset is not None:
        return (), Answer(zone, name, rrset)
    if type_ == codes.ANY:
        return (), Answer(zone, name, one_of(node)) if node else NoData(zone)
    alias = node.get(codes.CNAME)
    if alias is not None:
        return (Step(name, alias),), canonical(alias.rdatas[0])
    return (), NoData(zone)


def one_of(node: RRsets) -> RRset:
    """Choose the one set with which a question for everything is answered (RFC 8482 section 4.1): the same each time."""
    return node[min(node)]


def closest_encloser(zone: Zone, name: Name) -> Name:
    """Give the longest existing name above one within the zone that does not exist (RFC 4592 section 3.3.1).

    From the apex downwards: a name may have 127 labels, and what is above an existing name exists.
    """
    encloser = zone.apex
    for candidate in downwards(name, zone.apex):
        if candidate not in zone.nodes:
            break
        encloser = candidate
    return encloser


def downwards(name: Name, apex: Name) -> list[Name]:
    """Give the names from below *apex* down to *name*, which is within it."""
    at, end = 0, len(name) - len(apex)
    starts = []
    while at < end:
        starts.append(at)
        at += 1 + name[at]
    return [name[start:] for start in reversed(starts)]


def addresses(zone: Zone, name: Name) -> list[RRset]:
    """Give the addresses that the zone holds for a host, glue included; none for a name outside of it."""
    node = zone.nodes.get(name)
    if node is None:
        return []
    return [node[type_] for type_ in (codes.A, codes.AAAA) if type_ in node]


def is_glue(verdict: Delegation, target: Name) -> bool:
    """Whether a referral is of no use without the addresses of *target* (RFC 9471 section 3.1): it stands within what is delegated."""
    return is_within(target, verdict.cut)
