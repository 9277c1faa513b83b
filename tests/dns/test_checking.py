"""The checker of the table's rows: it finds nothing in right answers, and each kind of fault (pure)."""

from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rrset
from twisted.trial.unittest import SynchronousTestCase

from tests.dns.rules import ALL
from tests.dns.rules.asking import Ask
from tests.dns.rules.checking import faults
from tests.dns.rules.row import Record, Row

Change = Callable[[dns.message.Message], object]
ROWS = {row.name: row for row in ALL}
FLAGS = dns.flags.QR | dns.flags.AA | dns.flags.RA | dns.flags.AD | dns.flags.CD


def _rrset(record: Record) -> dns.rrset.RRset:
    owner, ttl, rdtype, data = record.split(" ", 3)
    return dns.rrset.from_text(owner, int(ttl), "IN", rdtype, data)


def answering(row: Row, change: Change = lambda _: None) -> Ask:
    """Give a server that answers *row* rightly but for a *change*."""

    def ask(query: bytes, transport: str) -> bytes:
        del transport
        asked = dns.message.from_wire(query)
        answer = dns.message.make_response(asked)
        answer.ednsflags |= asked.ednsflags & dns.flags.DO
        answer.flags = (
            (answer.flags & ~FLAGS) | dns.flags.QR | (dns.flags.AA if row.aa else 0) | (dns.flags.TC if row.tc else 0)
        )
        answer.set_rcode(dns.rcode.from_text(row.rcode))
        answer.answer = [_rrset(each) for each in (*(row.answer or ()), *(row.alternatives or ((),))[0])]
        answer.authority = [_rrset(each) for each in row.authority]
        answer.additional = [_rrset(each) for each in row.glue]
        change(answer)
        return answer.to_wire(max_size=65535)

    return ask


def _always(wire: bytes | None) -> Ask:
    def ask(query: bytes, transport: str) -> bytes | None:
        del query, transport
        return wire

    return ask


CHANGES: tuple[tuple[str, str, Change], ...] = (
    ("www.rules.test A", "rcode", lambda answer: answer.set_rcode(dns.rcode.Rcode.NXDOMAIN)),
    ("www.rules.test A", "aa", lambda answer: setattr(answer, "flags", dns.flags.QR)),
    ("www.rules.test A", "tc", lambda answer: setattr(answer, "flags", answer.flags | dns.flags.TC)),
    ("www.rules.test A", "header", lambda answer: setattr(answer, "flags", answer.flags | dns.flags.RA)),
    ("www.rules.test A +rd", "header", lambda answer: setattr(answer, "flags", answer.flags & ~dns.flags.RD)),
    ("www.rules.test A", "header", lambda answer: setattr(answer, "id", 1)),
    ("www.rules.test A", "edns", lambda answer: answer.use_edns(0)),
    ("www.rules.test A +bufsize=1232 +do", "edns", lambda answer: answer.use_edns(0)),
    ("www.rules.test A +bufsize=1232", "edns", lambda answer: answer.use_edns(False)),
    ("www.rules.test A", "question", lambda answer: setattr(answer, "question", [])),
    ("www.rules.test A", "answer", lambda answer: answer.answer.pop()),
    ("www.rules.test A", "answer", lambda answer: answer.answer.append(_rrset("www.rules.test. 600 A 192.0.2.12"))),
    ("www.rules.test A", "answer", lambda answer: setattr(answer.answer[0], "ttl", 1)),
    ("one.chain.test A", "order", lambda answer: answer.answer.reverse()),
    ("www.rules.test MX", "authority", lambda answer: answer.authority.clear()),
    ("www.rules.test MX", "authority", lambda answer: setattr(answer.authority[0], "ttl", 3600)),
    ("www.rules.test A", "authority", lambda answer: answer.authority.append(_rrset("rules.test. 3600 NS ns.rules.test."))),
    ("cut.rules.test A", "glue", lambda answer: answer.additional.pop()),
    ("mx.rules.test MX", "additional", lambda answer: answer.additional.append(_rrset("mail.rules.test. 1 A 192.0.2.3"))),
    ("www.rules.test ANY", "answer", lambda answer: answer.answer.append(_rrset("www.rules.test. 900 AAAA 2001:db8::10"))),
    ("many.big.test A", "tc", lambda answer: setattr(answer, "flags", answer.flags & ~dns.flags.TC)),
    ("many.big.test A", "answer", lambda answer: answer.answer.append(_rrset("many.big.test. 1 A 192.0.2.1"))),
)  # fmt: skip


class CheckingTests(SynchronousTestCase):
    """What counts as a fault."""

    def test_right_answers_have_no_fault(self) -> None:
        """What a row wants is right, only too long where it must be truncated."""
        for row in ALL:
            if row.answer is not None:
                found = {fault.aspect for fault in faults(row, answering(row))}
                self.assertLessEqual(found, {"size"} if row.tc else set(), row.name)

    def test_each_fault_is_found(self) -> None:
        """A change to a right answer is a fault in the aspect that was changed."""
        for name, aspect, change in CHANGES:
            found = {fault.aspect for fault in faults(ROWS[name], answering(ROWS[name], change))}
            self.assertIn(aspect, found, name)

    def test_silence_is_a_fault(self) -> None:
        """No answer, and one that is no DNS message, is a fault."""
        for wire in (None, b"", b"\x12\x34\x80\x00"):
            self.assertEqual([fault.aspect for fault in faults(ALL[0], _always(wire))], ["silence"])

    def test_offers_are_asked_for_on_demand(self) -> None:
        """Additional records that a server may give are missed only when they are asked for."""
        row = ROWS["rules.test MX"]
        self.assertEqual(faults(row, answering(row)), [])
        self.assertEqual({fault.aspect for fault in faults(row, answering(row), offers=True)}, {"offered"})
