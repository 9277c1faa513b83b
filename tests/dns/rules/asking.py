"""Queries for the table's questions, and answers read, by dnspython (pure)."""

from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from tests.dns.rules.row import Question, Record

#: Sends a query by "udp" or "tcp", and gives the answer, without TCP's length; None when none comes.
Ask = Callable[[bytes, str], bytes | None]

#: An RR to compare: owner, TTL, type, canonical data.
RR = tuple[str, int, str, bytes]

FLAGS = {
    "rd": dns.flags.RD,
    "ad": dns.flags.AD,
    "cd": dns.flags.CD,
    "tc": dns.flags.TC,
    "aa": dns.flags.AA,
    "z": 0x0040,
}
#: The payload size with which a server of the table answers at most, over UDP.
LARGEST = 1232
IDENTITY = 4660


def query(question: Question) -> bytes:
    """Write the query of *question*."""
    message = dns.message.make_query(
        dns.name.from_text(question.name), question.type, question.rdclass, id=IDENTITY, flags=0,
    )  # fmt: skip
    if question.type == "IXFR":
        message.authority.append(dns.rrset.from_text(question.name + ".", 0, "IN", "SOA", f". . {IDENTITY} 0 0 0 0"))
    if question.edns is not None:
        message.use_edns(question.version, dns.flags.DO if question.do else 0, question.edns)
    for flag in question.flags:
        message.flags |= FLAGS[flag]
    return message.to_wire()


def size_limit(question: Question) -> int:
    """Give how many bytes the answer may have (RFC 6891 section 6.2.5: less than 512 means 512)."""
    if question.transport == "tcp":
        return 65535
    return 512 if question.edns is None else min(max(question.edns, 512), LARGEST)


def read(wire: bytes) -> dns.message.Message:
    """Read an answer, each RR apart; raise dns.exception.DNSException when it is not one."""
    return dns.message.from_wire(wire, one_rr_per_rrset=True)


def read_rrs(section: list[dns.rrset.RRset]) -> list[RR]:
    """Give a section's RRs, in their order."""
    return [
        (str(rrset.name).lower(), rrset.ttl, dns.rdatatype.to_text(rrset.rdtype), rdata.to_digestable())
        for rrset in section
        for rdata in rrset
    ]


def read_record(record: Record) -> RR:
    """Read an RR of the table."""
    owner, ttl, rdtype, data = record.split(" ", 3)
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, data, relativize=False)
    type_name = dns.rdatatype.to_text(dns.rdatatype.from_text(rdtype))
    return str(dns.name.from_text(owner)).lower(), int(ttl), type_name, rdata.to_digestable()
