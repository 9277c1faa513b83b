"""What is wrong with an answer to a row of the table (pure, but that it reads the zones).

A fault belongs to one *aspect*: rcode, aa, tc, answer, order, authority, glue, offered, additional, size, header, edns, question, silence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
from dns.rdatatype import to_text
from dns.zone import from_text as zone_from_text

from tests.dns.rules.asking import IDENTITY, RR, Ask, query, read, read_record, read_rrs, size_limit
from tests.dns.rules.row import Row
from tests.dns.rules.zone_files import texts


@dataclass(frozen=True, slots=True)
class Fault:
    """In *aspect*, the answer is not what the row wants."""

    aspect: str
    text: str


def faults(row: Row, ask: Ask, offers: bool = False) -> list[Fault]:
    """Ask a row's question, and give what is wrong with the answer; with *offers*, also additional records that it only may have."""
    asked = query(row.question)
    wire = ask(asked, row.question.transport)
    if wire is None:
        return [Fault("silence", "no answer came")]
    try:
        answer = read(wire)
    except dns.exception.DNSException as error:
        return [Fault("silence", f"the answer is malformed: {error!r}")]
    found = [*_header(row, answer), *_question(asked, wire), *_edns(row, answer), *_verdict(row, answer)]
    if len(wire) > size_limit(row.question):
        found.append(Fault("size", f"{len(wire)} bytes, not {size_limit(row.question)}"))
    found += _answer(row, read_rrs(answer.answer), [_kind(each) for each in answer.answer])
    found += _authority(row, read_rrs(answer.authority))
    found += _additional(row, read_rrs(answer.additional), offers=offers)
    return found


def _kind(rrset: object) -> tuple[str, str]:
    owner, _, rdtype, _ = read_rrs([rrset])[0]  # type: ignore[list-item]
    return owner, rdtype


def _compared(aspect: str, found: object, wanted: object) -> list[Fault]:
    return [] if found == wanted else [Fault(aspect, f"{found}, not {wanted}")]


def _header(row: Row, answer: dns.message.Message) -> Iterable[Fault]:
    """Compare what is copied, and what is clear: RA, AD, CD (RFC 4035 section 3.1.6) and Z."""
    yield from _compared("header", answer.id, IDENTITY)
    yield from _compared("header", dns.opcode.to_text(answer.opcode()), "QUERY")
    flags = {
        "qr": dns.flags.QR,
        "rd": dns.flags.RD,
        "ra": dns.flags.RA,
        "ad": dns.flags.AD,
        "cd": dns.flags.CD,
        "z": 0x40,
    }
    set_flags = {name for name, flag in flags.items() if answer.flags & flag}
    yield from _compared("header", sorted(set_flags), sorted({"qr"} | (row.question.flags & {"rd"})))


def _question(asked: bytes, wire: bytes) -> Iterable[Fault]:
    """Compare the question section byte by byte: also its case is copied."""
    end = _end_of_name(asked)
    if wire[4:6] != b"\0\1" or wire[12 : end + 5] != asked[12 : end + 5]:
        yield Fault("question", f"{wire[12 : end + 5]!r} is not a copy of {asked[12 : end + 5]!r}")


def _end_of_name(wire: bytes) -> int:
    at = 12
    while wire[at]:
        at += wire[at] + 1
    return at


def _edns(row: Row, answer: dns.message.Message) -> Iterable[Fault]:
    """Compare the OPT (RFC 6891 sections 6.1.1 and 7; RFC 3225 section 3 on DO)."""
    wanted = row.question.edns is not None
    yield from _compared("edns", answer.edns >= 0, wanted)
    if answer.edns >= 0 and wanted:
        yield from _compared("edns", answer.edns, 0)
        yield from _compared("edns", bool(answer.ednsflags & dns.flags.DO), row.question.do)


def _verdict(row: Row, answer: dns.message.Message) -> Iterable[Fault]:
    yield from _compared("rcode", dns.rcode.to_text(answer.rcode()), row.rcode)
    if row.aa is not None:
        yield from _compared("aa", bool(answer.flags & dns.flags.AA), row.aa)
    yield from _compared("tc", bool(answer.flags & dns.flags.TC), row.tc)


def _answer(row: Row, found: list[RR], kinds: list[tuple[str, str]]) -> Iterable[Fault]:
    if row.answer is None:
        yield from [] if found else [Fault("answer", "empty")]
        return
    choices = [[read_record(each) for each in choice] for choice in row.alternatives or (row.answer,)]
    if row.tc:
        yield from _part(found, choices[0])
    elif not any(sorted(found) == sorted(choice) for choice in choices):
        yield Fault("answer", f"{_shown(found)}, not {' or '.join(map(_shown, choices))}")
    elif _order(kinds) != _order([(owner, rdtype) for owner, _, rdtype, _ in choices[0]]) and not row.alternatives:
        yield Fault("order", f"{_order(kinds)}")


def _order(kinds: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [kind for number, kind in enumerate(kinds) if kind not in kinds[:number]]


def _part(found: list[RR], whole: list[RR]) -> Iterable[Fault]:
    if not set(found) <= set(whole):
        yield Fault("answer", f"{_shown(set(found) - set(whole))} is no part of it")


def _authority(row: Row, found: list[RR]) -> Iterable[Fault]:
    wanted = [read_record(each) for each in row.authority]
    if row.tc:
        yield from (Fault("authority", fault.text) for fault in _part(found, wanted))
    else:
        yield from (
            [] if sorted(found) == sorted(wanted) else [Fault("authority", f"{_shown(found)}, not {_shown(wanted)}")]
        )


def _additional(row: Row, found: list[RR], *, offers: bool) -> Iterable[Fault]:
    glue, offered = ({read_record(each) for each in records} for records in (row.glue, row.offered))
    if not row.tc and not glue <= set(found):
        yield Fault("glue", f"{_shown(glue - set(found))} is missing")
    if offers and not row.tc and not offered <= set(found):
        yield Fault("offered", f"{_shown(offered - set(found))} is missing")
    if len(found) != len(set(found)):
        yield Fault("additional", "an RR comes twice")
    made_up = set(found) - addresses() - offered
    if made_up:
        yield Fault("additional", f"{_shown(made_up)} is in no zone")


@cache
def addresses() -> frozenset[RR]:
    """Give all A and AAAA RRs of the table's zones."""
    zones = [zone_from_text(text, name, relativize=False) for name, text in texts().items()]
    nodes = [(owner, rdataset) for zone in zones for owner, rdataset in zone.iterate_rdatasets()]
    return frozenset(
        (str(owner).lower(), rdataset.ttl, to_text(rdataset.rdtype), rdata.to_digestable())
        for owner, rdataset in nodes if to_text(rdataset.rdtype) in {"A", "AAAA"} for rdata in rdataset
    )  # fmt: skip


def _shown(rrs: Iterable[RR]) -> str:
    return "; ".join(f"{owner} {ttl} {rdtype} {data.hex()}" for owner, ttl, rdtype, data in rrs) or "nothing"


def report(rows: Iterable[Row], ask: Ask) -> list[str]:
    """Ask all of *rows*, and give a line for each fault."""
    return [f"{row.rule}: {row.name}: {each.aspect}: {each.text}" for row in rows for each in faults(row, ask)]
