"""A zone, compiled (pure): what stands at each name, found by one look.

Zones do not change. A :class:`Draft` takes what changed, off to the side, and makes the next zone of it, sharing all else.
"""

from dataclasses import dataclass

from couchpages.dns import codes, records
from couchpages.dns.names import WILDCARD, Name, parent
from couchpages.dns.rrsets import RRset, RRsets

#: Refresh, retry, expire and minimum, in seconds and within RFC 1912 section 2.2 and RFC 2308 section 5.
TIMERS = (3600, 900, 1209600, 300)
#: What stands at an empty non-terminal (RFC 4592 section 2.2.2).
NOTHING: RRsets = {}


@dataclass(frozen=True, slots=True)
class Zone:
    """*nodes* has what stands at each name that exists, by canonical name; a name that exists for those below it alone has nothing.

    *cuts* are the names below which, and for delegations at which, the zone does not answer from its nodes: they have NS (but the apex), or
    DNAME. *wildcards* are the names that have a wildcard below them. *negative* is the SOA as it goes with "no" (RFC 2308 section 3).
    """

    apex: Name
    nodes: dict[Name, RRsets]
    children: dict[Name, int]
    cuts: frozenset[Name]
    wildcards: frozenset[Name]
    soa: RRset
    negative: RRset
    serial: int

    @property
    def count(self) -> int:
        """How many records it has. Looks at all of them."""
        return sum(len(each.rdatas) for node in self.nodes.values() for each in node.values())


class Draft:
    """A zone in the making. Its parts may be put in at several times, and nothing that was made before changes.

    *apex*, *nodes*, *cuts* and *wildcards* are as in :class:`Zone`, as far as it is made; they are to be read.
    """

    def __init__(self, apex: Name) -> None:
        self.apex = apex
        self.nodes: dict[Name, RRsets] = {apex: NOTHING}
        self._children: dict[Name, int] = {}
        self.cuts: set[Name] = set()
        self.wildcards: set[Name] = set()

    @classmethod
    def of(cls, zone: Zone) -> "Draft":
        """Begin with what a zone has."""
        draft = cls(zone.apex)
        # Copying a dict of 100,000 names takes a millisecond.
        draft.nodes = zone.nodes.copy()
        draft._children = zone.children.copy()
        draft.cuts = set(zone.cuts)
        draft.wildcards = set(zone.wildcards)
        return draft

    def put(self, name: Name, rrsets: RRsets) -> None:
        """Let *rrsets* be all that stands at a canonical name within the zone; with none, nothing stands there any more."""
        if rrsets:
            if name not in self.nodes:
                self._appear(name)
            self.nodes[name] = rrsets
        elif name in self.nodes:
            self.nodes[name] = NOTHING
            self._disappear(name)
        is_cut = codes.DNAME in rrsets or (codes.NS in rrsets and name != self.apex)
        (self.cuts.add if is_cut else self.cuts.discard)(name)

    def _appear(self, name: Name) -> None:
        while name not in self.nodes:
            self.nodes[name] = NOTHING
            above = parent(name)
            self._children[above] = self._children.get(above, 0) + 1
            if name.startswith(WILDCARD):
                self.wildcards.add(above)
            name = above

    def _disappear(self, name: Name) -> None:
        while name != self.apex and not self.nodes[name] and not self._children.get(name):
            del self.nodes[name]
            self._children.pop(name, None)
            above = parent(name)
            self._children[above] -= 1
            if name.startswith(WILDCARD):
                self.wildcards.discard(above)
            name = above

    def written_soa(self) -> RRset | None:
        """Give the SOA that stands in the zone, if any."""
        return self.nodes[self.apex].get(codes.SOA)

    def finish(self, serial: int, substitute: RRset) -> Zone:
        """Make the zone with a *serial*; *substitute* is its SOA where none was put in. Nothing is put in afterwards."""
        soa = with_serial(self.written_soa() or substitute, serial)
        self.nodes[self.apex] = {**self.nodes[self.apex], codes.SOA: soa}
        negative = RRset.of(soa.owner, codes.SOA, min(soa.ttl, minimum_of(soa)), soa.rdatas)
        return Zone(
            self.apex,
            self.nodes,
            self._children,
            frozenset(self.cuts),
            frozenset(self.wildcards),
            soa,
            negative,
            serial,
        )


def with_serial(soa: RRset, serial: int) -> RRset:
    """Give an SOA with another serial."""
    (data,) = soa.rdatas
    return RRset.of(soa.owner, codes.SOA, soa.ttl, [records.with_serial(data, serial)])


def minimum_of(soa: RRset) -> int:
    """Give the MINIMUM of an SOA, in seconds."""
    return int.from_bytes(soa.rdatas[0][-4:], "big")


def soa_data(primary: Name, mailbox: Name, serial: int) -> bytes:
    """Make the data of an SOA that nobody wrote."""
    return primary + mailbox + b"".join(each.to_bytes(4, "big") for each in (serial, *TIMERS))


def substitute_soa(apex: Name, primary: Name, mailbox: Name) -> RRset:
    """Make the SOA of a zone in which none is written."""
    return RRset.of(apex, codes.SOA, 3600, [soa_data(primary, mailbox, 0)])
