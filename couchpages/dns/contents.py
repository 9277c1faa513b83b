"""A zone's records by name, as they are checked before they are written (pure).

Disabled records are no part of it: nobody is answered with them.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from couchpages.dns import codes
from couchpages.dns.names import WILDCARD, Name, is_wildcard, is_within, parent, suffixes
from couchpages.dns.rdata import additional_name
from couchpages.dns.records import Record

Node: TypeAlias = dict[int, list[Record]]
#: Types whose target has to be a host's own name, not an alias (RFC 2181 section 10.3, RFC 2782).
POINTING = (codes.NS, codes.MX, codes.SRV)
ADDRESSES = (codes.A, codes.AAAA)


class Contents:
    """The records of the zone *apex*. *nodes* has what stands at each canonical name, by type.

    With *fetch*, a name's records are asked for when it is first looked at, so that a small change of a large zone looks at little.
    """

    def __init__(
        self, apex: Name, records: Iterable[Record] = (), fetch: Callable[[Name], Iterable[Record]] = lambda _: ()
    ) -> None:
        self.apex = apex
        self.nodes: dict[Name, Node] = {}
        self._fetch = fetch
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Take a record."""
        if not record.disabled:
            self.at(record.owner).setdefault(record.type, []).append(record)

    def discard(self, record: Record) -> None:
        """Let go of one record that is equal to *record*, if there is one."""
        node = self.at(record.owner)
        found = node.get(record.type, [])
        if record in found:
            found.remove(record)
            if not found:
                del node[record.type]

    def at(self, owner: Name) -> Node:
        """Give what stands at a canonical name."""
        node = self.nodes.get(owner)
        if node is None:
            node = self.nodes[owner] = {}
            for record in self._fetch(owner):
                if not record.disabled:
                    node.setdefault(record.type, []).append(record)
        return node

    def cut_above(self, owner: Name) -> tuple[Name, int] | None:
        """Give the uppermost name above *owner* at which the zone's own answers end, and by what: NS, or DNAME."""
        found = None
        for name in self._above(owner):
            node = self.at(name)
            if codes.DNAME in node:
                found = name, codes.DNAME
            elif codes.NS in node and name != self.apex:
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
        node = self.at(name)
        if node:
            return any(type_ in node for type_ in ADDRESSES)
        return any(self.at(WILDCARD + above) for above in self._above(name))

    def wildcard_for(self, name: Name) -> Name | None:
        """Give the wildcard that answers for a canonical name within the zone at which nothing stands (RFC 4592 section 3.3.1).

        Names that exist for those below them alone are not known here: where one is in between, no wildcard answers.
        """
        if self.at(name):
            return None
        for above in self._above(name):
            if self.at(WILDCARD + above):
                return WILDCARD + above
            if self.at(above):
                return None
        return None

    def concerns(self, name: Name, owner: Name) -> bool:
        """Whether the findings of *name* may be others when what stands at *owner* changes."""
        if is_within(name, owner):
            return True
        node = self.at(name)
        targets = (
            additional_name(type_, record.rdata) for type_ in POINTING if type_ in node for record in node[type_]
        )
        if is_wildcard(owner):
            above = parent(owner)
            return any(target is not None and is_within(target, above) for target in targets)
        return owner in targets
