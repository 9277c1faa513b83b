"""From an outcome to a message (pure): which sections, which bits, and what an answer that is too long leaves out."""

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple, TypeAlias

from couchpages.dns import codes
from couchpages.dns.lookup import addresses, is_glue
from couchpages.dns.names import Name
from couchpages.dns.query import COPIED, Edns, Query
from couchpages.dns.rrsets import RRset
from couchpages.dns.verdicts import (
    Answer,
    Circular,
    Delegation,
    Foreign,
    NoData,
    NoSuchName,
    NotRead,
    Outcome,
    Overlong,
)
from couchpages.dns.writer import Writer
from couchpages.dns.zone import Zone

_HEAD = Struct("!5H")
#: Octets of a name server's own name that are told, so that it fits beside the longest question, with all else, into 512.
LONGEST_IDENTITY = 200
Tail: TypeAlias = Callable[[Zone, int], bytes]
"""Gives the SOA of a "no" in a zone as :func:`negative_tail` makes it, for an offset of the zone's name in the message."""
ANSWERS, AUTHORITIES, ADDITIONALS = range(3)


class Reply(NamedTuple):
    """An answer but for its first two octets, the id. *rcode* is whole, also where it has more than four bits."""

    tail: bytes
    rcode: int
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Opt:
    """What our OPT records say: *size* is what we take over UDP; *identity* is what NSID is answered with, if anything."""

    size: int
    identity: bytes = b""

    def record(self, edns: Edns, rcode: int, extended_error: int | None = None) -> bytes:
        """Write the record that goes with an answer to somebody who sent one (RFC 6891 section 6.1)."""
        options = b""
        if self.identity and codes.NSID in edns.options:
            options += option(codes.NSID, self.identity[:LONGEST_IDENTITY])
        if extended_error is not None:
            options += option(codes.EXTENDED_ERROR, extended_error.to_bytes(2, "big"))
        flags = (rcode >> 4) << 24 | (codes.DO if edns.do else 0)
        return b"\0\0\x29%b%b%b%b" % (
            self.size.to_bytes(2, "big"), flags.to_bytes(4, "big"), len(options).to_bytes(2, "big"), options,
        )  # fmt: skip


def option(code: int, content: bytes) -> bytes:
    """Write an EDNS option (RFC 6891 section 6.1.2)."""
    return code.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content


def without_records(question: bytes, query: Query, opt: Opt, rcode: int, extended_error: int | None = None) -> Reply:
    """Answer a question, as its bytes, with a code and nothing else."""
    record = opt.record(query.edns, rcode, extended_error) if query.edns is not None else b""
    return Reply(
        head(query.bits & COPIED, rcode, 1 if question else 0, (0, 0, 1 if record else 0)) + question + record, rcode
    )


def head(bits: int, rcode: int, questions: int, counts: tuple[int, int, int]) -> bytes:
    """Write a header without its id."""
    return _HEAD.pack(codes.QR | bits | (rcode & 0xF), questions, *counts)


def to_outcome(question: bytes, query: Query, outcome: Outcome, opt: Opt, limit: int) -> Reply:
    """Answer a question with what a lookup found. *limit* is the largest message that the requestor takes."""
    rcode = rcode_of(outcome)
    extended_error = codes.NOT_AUTHORITATIVE if rcode == codes.REFUSED else None
    record = opt.record(query.edns, rcode, extended_error) if query.edns is not None else b""
    writer = Writer(question, limit - len(record))
    whole = _answers(writer, outcome) and _rest(writer, outcome)
    bits = query.bits & COPIED | (codes.AA if is_authoritative(outcome) else 0) | (0 if whole else codes.TC)
    answers, authorities, additionals = writer.counts
    counts = (answers, authorities, additionals + (1 if record else 0))
    return Reply(b"%b%b%b" % (head(bits, rcode, 1, counts), bytes(writer.body), record), rcode, not whole)


def shortcut(question: bytes, query: Query, outcome: Outcome, opt: Opt, limit: int, tail: Tail) -> Reply | None:
    """Answer as :func:`to_outcome` does, faster, where no name has to be compressed, or only as *tail* does it; else give None."""
    verdict = outcome.verdict
    if outcome.steps:
        return None
    if isinstance(verdict, NoSuchName):
        return _negative(question, query, verdict.zone, codes.NXDOMAIN, opt, limit, tail)
    if isinstance(verdict, NoData):
        return _negative(question, query, verdict.zone, codes.NOERROR, opt, limit, tail)
    return _plain(question, query, verdict.rrset, opt, limit) if isinstance(verdict, Answer) else None


def _plain(question: bytes, query: Query, rrset: RRset, opt: Opt, limit: int) -> Reply | None:
    if rrset.to_question is None or rrset.targets:
        return None
    record = opt.record(query.edns, codes.NOERROR) if query.edns is not None else b""
    if codes.HEADER + len(question) + len(rrset.to_question) + len(record) > limit:
        return None
    start = head(query.bits & COPIED | codes.AA, codes.NOERROR, 1, (len(rrset.rdatas), 0, 1 if record else 0))
    return Reply(b"%b%b%b%b" % (start, question, rrset.to_question, record), codes.NOERROR)


def _negative(question: bytes, query: Query, zone: Zone, rcode: int, opt: Opt, limit: int, tail: Tail) -> Reply | None:
    soa = tail(zone, codes.HEADER + len(question) - 4 - len(zone.apex))
    record = opt.record(query.edns, rcode) if query.edns is not None else b""
    if codes.HEADER + len(question) + len(soa) + len(record) > limit:
        return None
    start = head(query.bits & COPIED | codes.AA, rcode, 1, (0, 1, 1 if record else 0))
    return Reply(b"%b%b%b%b" % (start, question, soa, record), rcode)


def rcode_of(outcome: Outcome) -> int:
    """Give the response code: that of the last name (RFC 6604 section 3)."""
    match outcome.verdict:
        case NoSuchName():
            return codes.NXDOMAIN
        case Overlong():
            return codes.YXDOMAIN
        case NotRead():
            return codes.SERVFAIL
        case Foreign() if not outcome.steps:
            return codes.REFUSED
        case _:
            return codes.NOERROR


def is_authoritative(outcome: Outcome) -> bool:
    """Whether we are an authority for the first name (RFC 1035 section 4.1.1, "AA")."""
    return bool(outcome.steps) or not isinstance(outcome.verdict, Delegation | Foreign | NotRead)


def _answers(writer: Writer, outcome: Outcome) -> bool:
    for step in outcome.steps:
        if not writer.add(ANSWERS, step.owner, step.rrset):
            return False
    verdict = outcome.verdict
    if not isinstance(verdict, Answer):
        return True
    if not outcome.steps and verdict.rrset.to_question is not None:
        return writer.add_to_question(verdict.rrset, verdict.rrset.to_question)
    return writer.add(ANSWERS, verdict.owner, verdict.rrset)


def _rest(writer: Writer, outcome: Outcome) -> bool:
    match outcome.verdict:
        case NoData(zone) | NoSuchName(zone):
            return writer.add(AUTHORITIES, zone.apex, zone.negative)
        case Delegation() as delegation:
            return _referral(writer, delegation)
        case Answer() as answer if answer.rrset.targets:
            _helpful(writer, answer)
            return True
        case Answer() | Foreign() | NotRead() | Overlong() | Circular():
            return True


def _referral(writer: Writer, delegation: Delegation) -> bool:
    """Write a referral; without the glue that it is of no use without, it is not whole (RFC 9471 section 3.1)."""
    if not writer.add(AUTHORITIES, delegation.cut, delegation.rrset):
        return False
    needed: list[Name] = []
    others: list[Name] = []
    for target in delegation.rrset.targets:
        (needed if is_glue(delegation, target) else others).append(target)
    for target in needed:
        for rrset in addresses(delegation.zone, target):
            if not writer.add(ADDITIONALS, target, rrset):
                return False
    for target in others:
        _add_all(writer, target, addresses(delegation.zone, target))
    return True


def _helpful(writer: Writer, answer: Answer) -> None:
    """Write the addresses that whoever asked will ask for next, as far as there is room; without them the answer is whole too."""
    for target in answer.rrset.targets:
        _add_all(writer, target, addresses(answer.zone, target))


def _add_all(writer: Writer, target: Name, rrsets: list[RRset]) -> None:
    for rrset in rrsets:
        writer.add(ADDITIONALS, target, rrset)


def negative_tail(zone_apex: Name, negative: RRset, at: int) -> bytes:
    """Give the SOA of a "no" as it stands behind a question whose name has the zone's at offset *at* of the message."""
    writer = Writer(b"", codes.LARGEST_MESSAGE, at + len(zone_apex) + 4)
    writer.know(zone_apex, at)
    writer.add(AUTHORITIES, zone_apex, negative)
    return bytes(writer.body)
