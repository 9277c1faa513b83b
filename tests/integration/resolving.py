"""Asks a name server as resolvers do, with dnspython, and reads what came (does I/O)."""

from dataclasses import dataclass

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

#: Seconds after which a question is given up: far more than a slow machine needs.
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its *rcode*, whether it is authoritative and truncated, and the data of its answer section, in their order by text."""

    rcode: str
    aa: bool
    tc: bool
    data: tuple[str, ...]
    message: dns.message.Message

    @property
    def errors(self) -> list[int]:
        """The codes of its extended errors (RFC 8914)."""
        return [int(option.code) for option in self.message.options if isinstance(option, dns.edns.EDEOption)]

    @property
    def serial(self) -> int:
        """The serial of the only SOA in its answer section."""
        (soa,) = (rdata for rrset in self.message.answer for rdata in rrset)
        serial: int = soa.serial
        return serial


def ask(
    port: int, name: str, type_: str = "A", *, tcp: bool = False, host: str = "127.0.0.1", patience: float = PATIENCE
) -> Reply:
    """Ask the server at *host* and *port*, with EDNS. Raises dns.exception.Timeout when no answer comes."""
    question = dns.message.make_query(dns.name.from_text(name), type_, flags=0, use_edns=0, payload=1232)
    message = (dns.query.tcp if tcp else dns.query.udp)(question, host, patience, port)
    texts = [f"{dns.rdatatype.to_text(rrset.rdtype)} {rdata}" for rrset in message.answer for rdata in rrset]
    wanted = f"{type_} "
    # What was asked for needs no type before it; what leads there has it.
    data = tuple(sorted(text.removeprefix(wanted) for text in texts))
    aa, tc = bool(message.flags & dns.flags.AA), bool(message.flags & dns.flags.TC)
    return Reply(dns.rcode.to_text(message.rcode()), aa, tc, data, message)
