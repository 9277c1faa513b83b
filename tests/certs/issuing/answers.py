"""Answers of name servers, as tests write them (pure)."""

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


def answer_to(
    wire: bytes, *rrsets: str, flags: int = dns.flags.AA, rcode: dns.rcode.Rcode = dns.rcode.NOERROR
) -> bytes:
    """Give an answer with record sets, each written as in a zone file."""
    message = dns.message.make_response(dns.message.from_wire(wire))
    message.flags |= flags
    message.set_rcode(rcode)
    for text in rrsets:
        owner, type_, *datas = text.split("|")
        message.answer.append(dns.rrset.from_text(owner, 60, "IN", type_, *datas))
    return message.to_wire(max_size=65535)
