"""What an authoritative server must say, worked out slowly from the RFCs' texts with dnspython's objects (pure).

It is for comparing, and shares nothing with what it is compared with. No index, no order that helps: each step searches all that there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

import dns.name
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.DNAME
import dns.rdtypes.ANY.NS
import dns.rdtypes.ANY.SOA
import dns.zone
from dns.name import Name
from dns.rdataset import Rdataset
from dns.rdatatype import RdataType

#: Owner, TTL, type, canonical data.
RR = tuple[str, int, str, bytes]
Node = dict[RdataType, Rdataset]


class Reach(Enum):
    """How far aliases are followed: ours go everywhere, those of Knot and BIND stay in the zone where the first name is."""

    EVERYWHERE = auto()
    #: All of that zone, also what is below the apex of another.
    ZONE = auto()
    #: Until another zone is the closest.
    UNTIL_ANOTHER = auto()


A, NS, SOA, CNAME, DNAME, DS, AAAA, ANY = (
    RdataType.make(each) for each in ("A", "NS", "SOA", "CNAME", "DNAME", "DS", "AAAA", "ANY")
)


@dataclass(frozen=True, slots=True)
class OracleZone:
    """A zone: its apex, and the RRsets of each owner."""

    apex: Name
    nodes: Mapping[Name, Node]

    def exists(self, name: Name) -> bool:
        """Tell whether *name* has RRs, or a name below it has (RFC 4592 section 2.2.2)."""
        return any(owner.is_subdomain(name) for owner in self.nodes)

    def rrsets(self, name: Name) -> Node:
        """Give the RRsets of *name*, none of an empty non-terminal."""
        return dict(self.nodes.get(name, {}))

    def above(self, name: Name) -> list[Name]:
        """Give the names from the apex down to *name*."""
        return [name.split(depth)[1] for depth in range(len(self.apex), len(name) + 1)]

    def negative_soa(self) -> tuple[RR, ...]:
        """Give the SOA of a negative answer (RFC 2308 section 3)."""
        soa = self.nodes[self.apex][SOA]
        data = soa[0]
        assert isinstance(data, dns.rdtypes.ANY.SOA.SOA)
        return _rrs(self.apex, soa, min(soa.ttl, data.minimum))


@dataclass(frozen=True, slots=True)
class Expected:
    """The answer: *one_of* are the choices for ANY, *links* counts the aliases in the answer, *loop* tells that they lead in a circle."""

    rcode: str = "NOERROR"
    aa: bool = True
    answer: tuple[RR, ...] = ()
    authority: tuple[RR, ...] = ()
    glue: tuple[RR, ...] = ()
    one_of: tuple[tuple[RR, ...], ...] = ()
    links: int = 0
    loop: bool = False


def read_zones(texts: Mapping[str, str]) -> list[OracleZone]:
    """Read zones' texts, under their names."""
    return [_read(dns.name.from_text(name), text) for name, text in texts.items()]


def _read(apex: Name, text: str) -> OracleZone:
    zone = dns.zone.from_text(text, origin=apex, relativize=False)
    nodes = {
        owner: {rdataset.rdtype: rdataset for rdataset in node.rdatasets}
        for owner, node in zone.items()
        if isinstance(owner, Name)
    }
    return OracleZone(apex, nodes)


def expected(zones: list[OracleZone], qname: Name, rdtype: RdataType, reach: Reach = Reach.EVERYWHERE) -> Expected:
    """Answer a question of class IN (RFC 1034 section 4.3.2)."""
    first = zone = _closest(zones, qname, rdtype)
    so_far = Expected()
    seen = {qname}
    name = qname
    while zone is not None:
        step = _look_up(zone, name, rdtype)
        so_far = replace(
            step.verdict, answer=tuple(dict.fromkeys(so_far.answer + step.verdict.answer)), links=so_far.links + (step.target is not None),
            aa=step.verdict.aa or bool(so_far.answer),
        )  # fmt: skip
        if step.target is None:
            return so_far
        if step.target in seen:
            return replace(so_far, loop=True)
        name = step.target
        seen.add(name)
        zone = _next(reach, first, _closest(zones, name, rdtype), name)
    return so_far if so_far.answer else Expected("REFUSED", aa=False)


def _closest(zones: list[OracleZone], name: Name, rdtype: RdataType) -> OracleZone | None:
    """Step 2: the zone with the longest apex; for DS the one above a cut, if there is one (RFC 4035 section 3.1.4.1)."""
    found = sorted((zone for zone in zones if name.is_subdomain(zone.apex)), key=lambda zone: len(zone.apex))
    if rdtype == DS and len(found) > 1 and found[-1].apex == name:
        return found[-2] if _knows(found[-2], name) else found[-1]
    return found[-1] if found else None


def _knows(above: OracleZone, name: Name) -> bool:
    """Whether a zone has anything at or below a name, or a cut or DNAME above it. One that has not would deny a name that is here."""
    if any(owner.is_subdomain(name) for owner in above.nodes):
        return True
    passed = above.above(name)[:-1]
    return any(DNAME in above.rrsets(each) or (NS in above.rrsets(each) and each != above.apex) for each in passed)


def _next(reach: Reach, first: OracleZone | None, closest: OracleZone | None, name: Name) -> OracleZone | None:
    match reach:
        case Reach.EVERYWHERE:
            return closest
        case Reach.ZONE:
            return first if first is not None and name.is_subdomain(first.apex) else None
        case Reach.UNTIL_ANOTHER:
            return closest if closest is first else None


@dataclass(frozen=True, slots=True)
class _Step:
    """What one zone has to say, and the name with which step 1 begins again."""

    verdict: Expected
    target: Name | None = None


def _look_up(zone: OracleZone, name: Name, rdtype: RdataType) -> _Step:
    """Step 3: go down from the apex, label by label."""
    for ancestor in zone.above(name):
        rrsets = zone.rrsets(ancestor)
        is_cut = NS in rrsets and ancestor != zone.apex
        if is_cut and not (rdtype == DS and ancestor == name):
            return _Step(_referral(zone, ancestor))
        if DNAME in rrsets and ancestor != name:
            return _redirected(ancestor, rrsets[DNAME], name, rdtype)
    if zone.exists(name):
        return _at_node(zone, zone.rrsets(name), name, rdtype)
    encloser = next(each for each in reversed(zone.above(name)) if zone.exists(each))
    source = Name((b"*", *encloser.labels))
    if zone.exists(source):
        return _at_node(zone, zone.rrsets(source), name, rdtype)
    return _Step(Expected("NXDOMAIN", authority=zone.negative_soa()))


def _at_node(zone: OracleZone, rrsets: Node, name: Name, rdtype: RdataType) -> _Step:
    """Step 3a and 3c: *rrsets* are those of *name*, its own or of the wildcard."""
    if CNAME in rrsets and rdtype not in {CNAME, ANY}:
        data = rrsets[CNAME][0]
        assert isinstance(data, dns.rdtypes.ANY.CNAME.CNAME)
        return _Step(Expected(answer=_rrs(name, rrsets[CNAME])), data.target)
    if rdtype == ANY and rrsets:
        return _Step(Expected(one_of=tuple(_rrs(name, rdataset) for rdataset in rrsets.values())))
    if rdtype in rrsets:
        return _Step(Expected(answer=_rrs(name, rrsets[rdtype])))
    return _Step(Expected(authority=zone.negative_soa()))


def _redirected(owner: Name, dname: Rdataset, name: Name, rdtype: RdataType) -> _Step:
    """RFC 6672 section 3.2: the DNAME, and the CNAME that is made of it."""
    data = dname[0]
    assert isinstance(data, dns.rdtypes.ANY.DNAME.DNAME)
    own = _rrs(owner, dname)
    try:
        target = name.relativize(owner).concatenate(data.target)
    except dns.name.NameTooLong:
        return _Step(Expected("YXDOMAIN", answer=own))
    made: RR = (str(name).lower(), dname.ttl, "CNAME", target.to_digestable())
    return _Step(Expected(answer=(*own, made)), None if rdtype in {CNAME, ANY} else target)


def _referral(zone: OracleZone, cut: Name) -> Expected:
    """Step 3b; in-domain glue must come along (RFC 9471 section 3.1)."""
    servers = zone.rrsets(cut)[NS]
    names = {
        data.target for data in servers if isinstance(data, dns.rdtypes.ANY.NS.NS) and data.target.is_subdomain(cut)
    }
    glue = [
        rr for name in names for rdtype, rdataset in zone.rrsets(name).items() if rdtype in {A, AAAA} for rr in _rrs(name, rdataset)
    ]  # fmt: skip
    return Expected(aa=False, authority=_rrs(cut, servers), glue=tuple(glue))


def _rrs(owner: Name, rdataset: Rdataset, ttl: int | None = None) -> tuple[RR, ...]:
    time = rdataset.ttl if ttl is None else ttl
    rdtype = dns.rdatatype.to_text(rdataset.rdtype)
    return tuple((str(owner).lower(), time, rdtype, data.to_digestable()) for data in rdataset)
