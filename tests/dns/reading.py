"""A small zone, who asks about it, and answers as dnspython reads them (pure)."""

from dataclasses import dataclass

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
from dns.rrset import RRset

from couchpages.dns.chaos import Identity
from couchpages.dns.names import from_text
from couchpages.dns.reply import Opt
from couchpages.dns.responder import OVER_TCP, Responder, Sizes, over_udp
from couchpages.dns.served_zones import ServedZones
from couchpages.tallies import QueryTally
from tests.dns.own import served, zone_of

ZONE = """
$ORIGIN example.
@ 3600 SOA ns host 7 1 2 3 60
@ 3600 NS ns
ns 3600 A 192.0.2.53
www 60 A 192.0.2.1
www 60 AAAA 2001:db8::1
alias 60 CNAME www
away 60 CNAME www.away.invalid.
round 60 CNAME about
about 60 CNAME round
*.wild 60 A 192.0.2.2
old 60 DNAME example.
mail 60 MX 10 mx1
mx1 60 A 192.0.2.25
cut 60 NS ns.cut
cut 60 NS ns.sibling
ns.cut 60 A 192.0.2.54
sibling 60 NS ns.sibling
ns.sibling 60 A 192.0.2.55
long 60 TXT "{long}"
longer 60 TXT "{long}" "{long}" "{long}" "{long}" "{long}" "{long}"
""".replace("{long}", "x" * 250)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: as it came, and as it is read."""

    wire: bytes
    message: dns.message.Message

    @classmethod
    def of(cls, wire: bytes | None) -> "Answer":
        """Read one."""
        assert wire is not None, "no answer"
        return cls(wire, dns.message.from_wire(wire, one_rr_per_rrset=True))

    @property
    def rcode(self) -> str:
        """The response code, extended."""
        return dns.rcode.to_text(self.message.rcode())

    @property
    def flags(self) -> str:
        """Flags by name."""
        return dns.flags.to_text(dns.flags.Flag(self.message.flags))

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many records the sections have, without OPT."""
        sections = (self.message.answer, self.message.authority, self.message.additional)
        first, second, third = (sum(len(each) for each in section) for section in sections)
        return first, second, third

    @property
    def errors(self) -> list[int]:
        """Extended errors (RFC 8914)."""
        return [int(each.code) for each in self.message.options if isinstance(each, dns.edns.EDEOption)]

    @property
    def nsid(self) -> list[bytes]:
        """What NSID says (RFC 5001)."""
        return [bytes(each.nsid) for each in self.message.options if isinstance(each, dns.edns.NSIDOption)]

    def lines(self, section: str = "answer") -> list[str]:
        """Write the records of a section: owner, TTL, type and data."""
        rrsets: list[RRset] = getattr(self.message, section)
        return [
            f"{each.name} {each.ttl} {dns.rdatatype.to_text(each.rdtype)} {data}" for each in rrsets for data in each
        ]


def zones(text: str = ZONE, origin: str = "example.") -> ServedZones:
    """Serve one zone."""
    return served([zone_of(text, origin)])


def responder(
    sizes: Sizes | None = None, identity: Identity = Identity(b"couchpages", b"web1"), of: ServedZones | None = None,  # noqa: B008
) -> Responder:  # fmt: skip
    """Make a responder of the zone, over UDP unless other *sizes* are given."""
    return Responder(of or zones(), sizes or over_udp(1232), Opt(1232, identity.host), identity, QueryTally())


def over_tcp(of: ServedZones | None = None) -> Responder:
    """Make one for TCP."""
    return responder(OVER_TCP, of=of)


def name(text: str) -> bytes:
    """Give a name in the zone."""
    return from_text(f"{text}.example" if text else "example")
