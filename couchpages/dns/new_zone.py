"""The records that a new zone begins with (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from couchpages.dns import codes
from couchpages.dns.names import LONGEST_NAME, Name, from_text
from couchpages.dns.records import Record
from couchpages.dns.rrsets import RRset
from couchpages.dns.submission import DEFAULT_TTL
from couchpages.dns.zone import soa_data, substitute_soa
from couchpages.web.problem import Problem

FIRST_SERIAL = 1


@dataclass(frozen=True, slots=True)
class ZoneDefaults:
    """``[dns] nameservers``, the primary first, and ``hostmaster`` as a name (None: hostmaster of the zone)."""

    nameservers: tuple[Name, ...] = ()
    hostmaster: Name | None = None

    def substitute(self, apex: Name) -> RRset:
        """Give the SOA of a zone in which none is written."""
        primary = self.nameservers[0] if self.nameservers else apex
        return substitute_soa(apex, primary, self.hostmaster or _hostmaster(apex))


def beginning(apex: Name, zone_id: int, nameservers: Sequence[Name], hostmaster: Name | None) -> list[Record]:
    """Give the SOA and the NS of a zone. Raises a :class:`Problem` without name servers."""
    if not nameservers:
        raise Problem(
            409,
            "a zone needs name servers, and none are configured: set [dns] nameservers on this node, or name them in the call "
            "(--nameserver ns1.example.net)",
            field="nameservers",
        )
    soa = soa_data(nameservers[0], hostmaster or _hostmaster(apex), FIRST_SERIAL)
    return [
        Record(zone_id, apex, codes.SOA, DEFAULT_TTL, soa),
        *(Record(zone_id, apex, codes.NS, DEFAULT_TTL, each) for each in dict.fromkeys(nameservers)),
    ]


def _hostmaster(apex: Name) -> Name:
    name = from_text("hostmaster")[:-1] + apex
    return name if len(name) <= LONGEST_NAME else apex
