"""Where servers of others differ from the table, and why (pure). The versions are Debian 12's: NSD 4.6.1, Knot 3.2.6, BIND 9.18."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.dns.rules.checking import Fault
from tests.dns.rules.row import Row


@dataclass(frozen=True, slots=True)
class Difference:
    """*server* differs from every row of *rule* whose name contains one of *rows*, if there are any, in one or more of *aspects*."""

    server: str
    rule: str
    aspects: frozenset[str]
    why: str
    rows: tuple[str, ...] = ()

    def covers(self, row: Row) -> bool:
        """Tell whether *row* is one of those meant."""
        return row.rule == self.rule and (not self.rows or any(part in row.name for part in self.rows))


def _different(server: str, rule: str, aspects: str, why: str, *rows: str) -> Difference:
    return Difference(server, rule, frozenset(aspects.split()), why, rows)


WITHIN = "it follows aliases within the zone of the name that was asked, and no further"
BIND_CD = "it copies CD, against the SHOULD of RFC 4035 section 3.1.6"
GLUE = "older than RFC 9471: glue that does not fit is left out without TC"
SERVFAIL = "since 2024 it gives up chains that do not end, with SERVFAIL"
NO_QUESTION = "to a class that it does not know it answers REFUSED without the question"

NSD = (
    _different("nsd", "classes", "rcode answer", "it takes class ANY for IN", "ANY"),
    _different("nsd", "classes", "question", NO_QUESTION, "HS", "NONE", "CLASS65280"),
    _different(
        "nsd", "dname asked for CNAME or ANY", "rcode answer authority", "it follows what it makes for ANY", "test ANY"
    ),
    _different("nsd", "edns", "edns", "it answers EDNS version 255 with BADVERS, but without an OPT", "+edns=255"),
    _different("nsd", "glue that does not fit", "tc", GLUE),
)
KNOT = (
    _different("knot", "cname across zones", "rcode answer authority glue", WITHIN),
    _different("knot", "dname across zones", "rcode answer authority", WITHIN),
    _different("knot", "classes", "rcode aa answer", "it takes class ANY for IN", "ANY"),
    _different(
        "knot",
        "data below a dname",
        "rcode aa answer authority",
        "it serves what is below a DNAME, though it warns of it",
    ),
    _different(
        "knot", "dname asked for CNAME or ANY", "rcode answer authority", "it follows what it makes for ANY", "test ANY"
    ),
    _different("knot", "dname loop", "answer", "it repeats the CNAMEs of DNAMEs that lead to themselves"),
    _different("knot", "dname too long", "rcode authority", "it has NXDOMAIN for YXDOMAIN"),
    _different("knot", "transfers", "rcode", "it has NOTAUTH for transfers that its access lists do not allow"),
)
BIND = (
    _different("bind", "cname across zones", "rcode answer authority glue", WITHIN),
    _different("bind", "dname across zones", "rcode answer authority", WITHIN),
    _different("bind", "any", "answer", "its minimal-any is for UDP only", "www.rules.test ANY +tcp"),
    _different("bind", "chaos", "rcode answer", "it does not know version.server", "version.server"),
    _different("bind", "classes", "rcode", "it has FORMERR for classes that are none", "ANY", "NONE"),
    _different("bind", "classes", "rcode", "it has NOTIMP for classes that it does not know", "CLASS65280"),
    _different("bind", "cname loop", "rcode answer", SERVFAIL, "test A"),
    _different("bind", "dname loop", "rcode answer", SERVFAIL),
    _different("bind", "edns", "header", BIND_CD, "+cd"),
    _different("bind", "flags", "header", BIND_CD, "+cd"),
    _different("bind", "glue that does not fit", "tc", GLUE),
)
ALL: tuple[Difference, ...] = (*NSD, *KNOT, *BIND)


def unexplained(server: str, found: Mapping[Row, Iterable[Fault]]) -> list[str]:
    """Give a line for each fault of *found* that is not listed, and for each listed difference that is not found."""
    listed = [difference for difference in ALL if difference.server == server]
    lines = []
    for row, faults in found.items():
        covering = [difference for difference in listed if difference.covers(row)]
        aspects = {fault.aspect for fault in faults}
        known = {aspect for difference in covering for aspect in difference.aspects}
        lines += [
            f"{row.rule}: {row.name}: {fault.aspect}: {fault.text}" for fault in faults if fault.aspect not in known
        ]
        lines += [f"{row.rule}: {row.name}: no longer: {each.why}" for each in covering if not each.aspects & aspects]
    covered = [difference for difference in listed if not any(difference.covers(row) for row in found)]
    return lines + [f"{each.rule}: no row for: {each.why}" for each in covered]
