"""Questions of DNS written, and answers to them read, whoever sent them (pure; dnspython has the formats)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from couchpages.config_values import SocketAddress
from couchpages.quoting import quoted

#: What fits everywhere without fragments (DNS flag day 2020).
PAYLOAD = 1232
HEADER_BYTES = 12
#: Aliases that are followed within one answer; resolvers follow 8 to 16.
LONGEST_CHAIN = 16
#: What servers say that do not know EDNS (RFC 6891 section 7), with no more than their header perhaps.
KNOWS_NO_EDNS = frozenset({"FORMERR", "NOTIMP"})


class DnsError(Exception):
    """A server gave no answer; *words* say why, and the message has its address before them."""

    def __init__(self, server: SocketAddress, words: str) -> None:
        super().__init__(f"{server.host} {words}")
        self.words = words


@dataclass(frozen=True, slots=True)
class Question:
    """A question of class IN. *name* is a name as text without the dot at its end, lower case; *type* is its mnemonic."""

    name: str
    type: str
    recurse: bool = True
    edns: bool = True

    def without_edns(self) -> "Question":
        """Give the same as it was asked before 1999."""
        return replace(self, edns=False)

    def __str__(self) -> str:
        """Write it for messages."""
        return f"{self.name} {self.type}" if self.name.isprintable() else f"{quoted(self.name)} {self.type}"


@dataclass(frozen=True, slots=True)
class Record:
    """A record of class IN; *owner* is a name as :class:`Question` has it."""

    owner: str
    type: str
    rdata: dns.rdata.Rdata

    @property
    def target(self) -> str:
        """The name that an alias or an NS record leads to."""
        return text_of(self.rdata.target)  # type: ignore[attr-defined, no-any-return, unused-ignore]  # of CNAME and NS


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. *rcode* is a mnemonic; *records* are those of the answer section, in its order.

    *knows* says that one who answers with nothing means it: it has authority, or offers recursion. Who does neither, refers to others.
    """

    rcode: str
    authoritative: bool
    truncated: bool
    recursive: bool
    records: tuple[Record, ...] = ()

    @property
    def knows(self) -> bool:
        """Whether an empty answer says that there is nothing."""
        return self.authoritative or self.recursive

    def chain(self, name: str) -> list[str]:
        """Give *name*, and the names that its aliases lead to, as far as they stand here.

        Raises ValueError where they go in a circle, or on and on.
        """
        aliases = {record.owner: record.target for record in self.records if record.type == "CNAME"}
        found = [name]
        while (target := aliases.get(found[-1])) is not None:
            if target in found:
                raise ValueError(f"the aliases of {name} go in a circle")
            if len(found) > LONGEST_CHAIN:
                raise ValueError(f"the aliases of {name} go on and on")
            found.append(target)
        return found

    def of(self, owner: str, type_: str) -> tuple[dns.rdata.Rdata, ...]:
        """Give the data of one owner's records of a type."""
        return tuple(record.rdata for record in self.records if (record.owner, record.type) == (owner, type_))


def normal_name(text: str) -> str:
    """Write a name as :class:`Question` has it. Raises ValueError for what is none."""
    try:
        return text_of(dns.name.from_text(text, dns.name.root, dns.name.IDNA_2008_Practical))
    except (dns.exception.DNSException, UnicodeError) as trouble:
        raise ValueError(f"{quoted(text)} is no name that can be asked for: {trouble}") from None


def text_of(name: dns.name.Name) -> str:
    """Write a name as :class:`Question` has it."""
    return name.to_text(omit_final_dot=True).lower()


def question_wire(question: Question, message_id: int) -> bytes:
    """Write a question. *question* has a name of :func:`normal_name` and a type that there is."""
    edns = 0 if question.edns else -1
    message = dns.message.make_query(
        dns.name.from_text(question.name), question.type, use_edns=edns, payload=PAYLOAD, id=message_id
    )
    message.flags = dns.flags.RD if question.recurse else dns.flags.Flag(0)
    return message.to_wire()


def may_answer(wire: bytes, message_id: int) -> bool:
    """Whether a datagram is worth reading: somebody's answer with our id."""
    return len(wire) >= HEADER_BYTES and wire[:2] == message_id.to_bytes(2, "big") and bool(wire[2] & 0x80)


def read_answer(wire: bytes, question: Question, message_id: int) -> Answer:
    """Read an answer to *question*. Raises ValueError, and nothing else, for what is none, whatever it is."""
    if not may_answer(wire, message_id):
        raise ValueError("it has another id, or is no answer")
    truncated = bool(wire[2] & 0x02)
    try:
        # Of one that is cut, what came says nothing, and may end anywhere.
        message = dns.message.from_wire(wire, question_only=truncated, ignore_trailing=True)
        _check(message, question)
        records = tuple(_records(message))
        rcode = dns.rcode.to_text(message.rcode())
    except ValueError:
        raise
    # dnspython parses some 70 types of records, in many ways, and need not have foreseen everything.
    except Exception as error:  # noqa: BLE001 -- whatever a stranger's bytes made of it
        raise ValueError(f"it cannot be read ({type(error).__name__})") from None
    flags = message.flags
    return Answer(rcode, bool(flags & dns.flags.AA), truncated, bool(flags & dns.flags.RA), records)


def _check(message: dns.message.Message, question: Question) -> None:
    if message.opcode() != dns.opcode.QUERY:
        raise ValueError("it answers no query")
    if not message.question and dns.rcode.to_text(message.rcode()) in KNOWS_NO_EDNS:
        return
    asked = [(text_of(each.name), each.rdclass, dns.rdatatype.to_text(each.rdtype)) for each in message.question]
    if asked != [(question.name, dns.rdataclass.IN, question.type)]:
        raise ValueError("it answers another question")


def _records(message: dns.message.Message) -> Iterator[Record]:
    for rrset in message.answer:
        if rrset.rdclass == dns.rdataclass.IN:
            owner, type_ = text_of(rrset.name), dns.rdatatype.to_text(rrset.rdtype)
            yield from (Record(owner, type_, rdata) for rdata in rrset)
