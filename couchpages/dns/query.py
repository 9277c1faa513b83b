"""What a message asks (pure): read strictly, so that what is no question gets FORMERR, NOTIMP, or nothing.

RFC 1035 section 4.1 for the form, RFC 9619 for the number of questions, RFC 6891 for EDNS, RFC 8906 for what must be answered in any case.
"""

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple, TypeAlias

from couchpages.dns import codes
from couchpages.dns.names import LONGEST_LABEL, LONGEST_NAME, Name

HEADER = Struct("!6H")
_QUESTION = Struct("!2H")
_RECORD = Struct("!2HIH")
_OPTION = Struct("!2H")
_POINTER = 0xC0
#: Octets of a message that are read, as many as RFC 6891 section 6.2.5 suggests that anybody would send.
LONGEST = 4096
#: Entries of a message that is no question that are looked through for its OPT: a sender of hundreds makes work only.
LOOKED_THROUGH = 16
#: Bits of the header that the answer to a question has from it.
COPIED = codes.OPCODE | codes.RD


class Edns(NamedTuple):
    """What an OPT record says (RFC 6891 section 6.1). *size* is what the requestor takes over UDP, 512 or more; *options* are codes."""

    size: int
    version: int
    do: bool
    options: tuple[int, ...]


class Query(NamedTuple):
    """A question. *name* is as it was sent, *end* is where the question ends in the message; *name* is None where there is no question."""

    bits: int
    name: Name | None
    type: int
    class_: int
    end: int
    edns: Edns | None


@dataclass(frozen=True, slots=True)
class Malformed:
    """No question, or one that no server can answer: *rcode* says why. *bits* are the header's; *edns* is what could be read of it."""

    bits: int
    rcode: int
    edns: Edns | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """What must not be answered: no message, or an answer, which could go on for ever."""


Read: TypeAlias = Query | Malformed | Nothing
NOTHING = Nothing()


class _Broken(ValueError):
    """The message is not what RFC 1035 says."""


def read(data: bytes) -> Read:
    """Read a message."""
    if len(data) < codes.HEADER:
        return NOTHING
    _, bits, questions, answers, authorities, additionals = HEADER.unpack_from(data)
    if bits & codes.QR:
        return NOTHING
    if bits & codes.OPCODE:
        return Malformed(bits, codes.NOTIMP, _edns_in(data, questions, answers + authorities, additionals))
    try:
        if questions == 1 and not (answers or authorities or additionals):
            return _sole_question(data, bits)
        return _query(data, bits, questions, answers, authorities, additionals)
    except (_Broken, IndexError, ValueError):
        return Malformed(bits, codes.FORMERR, _edns_in(data, questions, answers + authorities, additionals))


def _edns_in(data: bytes, questions: int, others: int, additionals: int) -> Edns | None:
    """Find the OPT of what is no question, if it can be found: whoever sent one gets one (RFC 6891 section 6.1.1)."""
    if not additionals or questions + others + additionals > LOOKED_THROUGH:
        return None
    try:
        at = codes.HEADER
        for _ in range(questions):
            at = _end_of_name(data, at) + _QUESTION.size
        for _ in range(others):
            *_, at = _record(data, at)
        return _additional(data, at, additionals)[0]
    except (_Broken, IndexError):
        return None


def _sole_question(data: bytes, bits: int) -> Query:
    at = end_of_question_name(data)
    if at + _QUESTION.size != len(data):
        raise _Broken
    type_, class_ = _QUESTION.unpack_from(data, at)
    return Query(bits, data[codes.HEADER : at], type_, class_, at + _QUESTION.size, None)


def _query(data: bytes, bits: int, questions: int, answers: int, authorities: int, additionals: int) -> Query:
    if questions > 1 or answers or len(data) > LONGEST:
        raise _Broken
    name, type_, class_, at = None, 0, codes.IN, codes.HEADER
    if questions:
        at = end_of_question_name(data)
        name = data[codes.HEADER : at]
        type_, class_ = _question(data, at)
        at += 4
    end = at
    if authorities:
        at = _authority(data, at, type_, authorities)
    edns = None
    if additionals:
        edns, at = _additional(data, at, additionals)
    if at != len(data):
        raise _Broken
    if name is None and (edns is None or codes.COOKIE not in edns.options):
        raise _Broken
    return Query(bits, name, type_, class_, end, edns)


def end_of_question_name(data: bytes) -> int:
    """Give where the question's name ends; before it there is nothing that it could point to."""
    at = codes.HEADER
    while length := data[at]:
        if length > LONGEST_LABEL:
            raise _Broken
        at += 1 + length
    if at + 1 - codes.HEADER > LONGEST_NAME:
        raise _Broken
    return at + 1


def _question(data: bytes, at: int) -> tuple[int, int]:
    if at + _QUESTION.size > len(data):
        raise _Broken
    type_, class_ = _QUESTION.unpack_from(data, at)
    return type_, class_


def _authority(data: bytes, at: int, type_: int, count: int) -> int:
    """Pass over the SOA that a question for an incremental transfer brings along (RFC 1995 section 3); no other has anything here."""
    if type_ != codes.IXFR or count != 1:
        raise _Broken
    _, _, _, at = _record(data, at)
    return at


def _additional(data: bytes, at: int, count: int) -> tuple[Edns | None, int]:
    edns = None
    for _ in range(count):
        owner_at = at
        type_, class_, ttl, after = _record(data, at)
        if type_ == codes.OPT:
            if edns is not None or data[owner_at]:
                raise _Broken  # RFC 6891 section 6.1.1: one, and its owner is the root
            options = _options(data, owner_at + 11, after)
            edns = Edns(max(class_, codes.PLAIN_UDP), ttl >> 16 & 0xFF, bool(ttl & codes.DO), options)
        at = after
    return edns, at


def _record(data: bytes, at: int) -> tuple[int, int, int, int]:
    """Read the head of a record: its type, class and TTL, and where it ends."""
    at = _end_of_name(data, at)
    if at + _RECORD.size > len(data):
        raise _Broken
    type_, class_, ttl, length = _RECORD.unpack_from(data, at)
    end = at + _RECORD.size + length
    if end > len(data):
        raise _Broken
    return type_, class_, ttl, end


def _end_of_name(data: bytes, at: int) -> int:
    """Give where a name ends that may be compressed. Pointers must point backwards, but are not followed: nobody wants the name."""
    begin = at
    while length := data[at]:
        if length >= _POINTER:
            if not codes.HEADER <= ((length & 0x3F) << 8 | data[at + 1]) < begin:
                raise _Broken
            return at + 2
        if length > LONGEST_LABEL:
            raise _Broken
        at += 1 + length
        if at - begin >= LONGEST_NAME:
            raise _Broken
    return at + 1


def _options(data: bytes, at: int, end: int) -> tuple[int, ...]:
    found = []
    while at < end:
        if at + _OPTION.size > end:
            raise _Broken
        code, length = _OPTION.unpack_from(data, at)
        at += _OPTION.size + length
        if at > end:
            raise _Broken
        found.append(code)
    return tuple(found)
