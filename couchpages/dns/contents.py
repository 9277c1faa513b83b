"""A zone's records by name, as they are checked before they are written (pure).

Disabled records are no part of it: nobody is answered with them.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from couchpages.dns import codes
from couchpages.dns.names import WILDCARD, Name, parent, suffixes
from couchpages.dns.rdata import additional_name
from couchpages.dns.records import Record

Node: TypeAlias = dict[int, list[Record]]
#: Types whose target has to be a host's own name, not an alias (RFC 2181 section 10.3, RFC 2782).
POINTING = (codes.NS, codes.MX, codes.SRV)
ADDRESSES = (codes.A, codes.AAAA)


class Contents:
    """The records of the zone *apex*. *nodes* has what stands at each canonical name, by type; a name without records is not in it."""

    def __init__(self, apex: Name, records: Iterable[Record] = ()) -> None:
        self.apex = apex
        self.nodes: dict[Name, Node] = {}
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Take a record."""
        if not record.disabled:
            self.nodes.setdefault(record.owner, {}).setdefault(record.type, []).append(record)

    def discard(self, record: Record) -> None:
        """Let go of one record that is equal to *record*, if there is one."""
        owner = record.owner
        node = self.nodes.get(owner, {})
        found = node.get(record.type, [])
        if record in found:
            found.remove(record)
            if not found:
                del node[record.type]
            if not node:
                del self.nodes[owner]

    def at(self, owner: Name) -> Node:
        """Give what stands at a canonical name."""
        return self.nodes.get(owner, {})

    def cut_above(self, owner: Name) -> tuple[Name, int] | None:
        """Give the uppermost name above *owner* at which the zone's own answers end, and by what: NS, or DNAME."""
        found = None
        for name in self._above(owner):
            node = self.nodes.get(name)
            if node and codes.DNAME in node:
                found = name, codes.DNAME
            elif node and codes.NS in node and name != self.apex:
                found = name, codes.NS
        return found

    def _above(self, owner: Name) -> Iterator[Name]:
        if owner == self.apex:
            return
        for name in suffixes(parent(owner)):
            yield name
            if name == self.apex:
                return

    def has_address(self, name: Name) -> bool:
        """Whether a canonical name within the zone has an address, its own or perhaps a wildcard's."""
        node = self.nodes.get(name)
        if node is not None:
            return any(type_ in node for type_ in ADDRESSES)
        return any(WILDCARD + above in self.nodes for above in self._above(name))

    def concerned(self, owner: Name) -> Iterator[Name | None]:
        """Give the names whose findings may be others when what stands at *owner* changes; looks at all names, None for most."""
        for name, node in self.nodes.items():
            yield name if name.endswith(owner) or _points_to(node, owner) else None


def _points_to(node: Node, target: Name) -> bool:
    return any(
        additional_name(type_, record.rdata) == target for type_ in POINTING if type_ in node for record in node[type_]
    )
