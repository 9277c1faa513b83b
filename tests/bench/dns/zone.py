"""The zone that every server has, as a zone file and as record sets (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

TTL = 300
#: Names are asked for under their addresses' version 0; who changes a record gives it another version.
_VERSIONS = 100


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone with an A record for each of *hosts* names, beside what a zone must have."""

    hosts: int
    name: str = "bench.test"

    def host(self, number: int) -> str:
        """Give a name that exists, without a dot at its end."""
        return f"host{number}.{self.name}"

    def address(self, number: int, version: int = 0) -> str:
        """Give a host's address; there are other ones for :data:`_VERSIONS` versions of a record."""
        low = (number * _VERSIONS + version % _VERSIONS) % (1 << 24)
        return f"10.{low >> 16}.{low >> 8 & 255}.{low & 255}"

    def text(self) -> str:
        """Write the zone file."""
        lines = [f"$ORIGIN {self.name}.", f"$TTL {TTL}", f"@ SOA {self.soa}", "@ NS ns1", "ns1 A 192.0.2.53"]
        lines += [f"host{number} A {self.address(number)}" for number in range(self.hosts)]
        return "\n".join(lines) + "\n"

    @property
    def soa(self) -> str:
        """The content of its SOA record."""
        return f"ns1.{self.name}. hostmaster.{self.name}. 1 3600 600 86400 60"

    def rrset(self, number: int, version: int = 0) -> dict[str, Any]:
        """Give a host's record set."""
        return record_set(f"{self.host(number)}.", "A", self.address(number, version))

    def rrsets(self) -> Iterator[dict[str, Any]]:
        """Give all its record sets but the SOA."""
        yield record_set(f"{self.name}.", "NS", f"ns1.{self.name}.")
        yield record_set(f"ns1.{self.name}.", "A", "192.0.2.53")
        for number in range(self.hosts):
            yield self.rrset(number)


def record_set(name: str, kind: str, content: str) -> dict[str, Any]:
    """Give a record set with one record; *name* ends with a dot."""
    return {"name": name, "type": kind, "ttl": TTL, "records": [content]}
