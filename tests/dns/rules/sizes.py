"""Rows: truncation (pure; long RRsets are read from big.test)."""

from tests.dns.rules.row import Record, Row, Rule
from tests.dns.rules.zone_files import text


def rrset(owner: str, rdtype: str) -> tuple[Record, ...]:
    """Read an RRset of big.test."""
    lines = [line.split(" ", 2) for line in text("big.test").splitlines()]
    return tuple(
        f"{owner}.big.test. 3600 {rdtype} {_data(rdtype, line[2])}" for line in lines if line[:2] == [owner, rdtype]
    )


def _data(rdtype: str, data: str) -> str:
    return f"{data}.big.test." if rdtype in {"NS", "MX"} and not data.endswith(".") else data


TO_MANY = "tomany.big.test. 3600 CNAME many.big.test."
TO_GLUEY = "togluey.big.test. 3600 CNAME www.gluey.big.test."
GLUEY, FITS, SIBLING, WIDE = (rrset(owner, "NS") for owner in ("gluey", "fits", "sibling", "wide"))
GLUEY_AT = tuple(rr for number in range(1, 14) for rdtype in ("A", "AAAA") for rr in rrset(f"ns{number}.gluey", rdtype))
FITS_AT = tuple(rr for number in range(1, 5) for rdtype in ("A", "AAAA") for rr in rrset(f"ns{number}.fits", rdtype))

plain = Rule("truncation at 512", "RFC 1035 4.2.1, RFC 2181 9")
edns = Rule("truncation at the EDNS size", "RFC 6891 6.2.3 to 6.2.5")
tcp = Rule("whole over TCP", "RFC 7766 5, RFC 1035 4.2.2")
extras = Rule("offers do not truncate", "RFC 2181 9, RFC 9471 3.2")
glue = Rule("glue that does not fit", "RFC 9471 3.1")
whole_glue = Rule("glue that fits", "RFC 9471 3.1")
sibling = Rule("sibling glue that does not fit", "RFC 9471 3.2")

ROWS: tuple[Row, ...] = (
    plain.found("t512.big.test TXT", *rrset("t512", "TXT")),
    plain.truncated("t513.big.test TXT", *rrset("t513", "TXT")),
    plain.truncated("many.big.test A", *rrset("many", "A")),
    plain.truncated("many.big.test A +rd", *rrset("many", "A")),
    plain.truncated("tomany.big.test A", TO_MANY, *rrset("many", "A")),
    plain.truncated("huge.big.test TXT", *rrset("huge", "TXT")),
    plain.truncated("vast.big.test MX", *rrset("vast", "MX")),
    plain.truncated("wide.big.test A", aa=False, authority=WIDE),
    edns.found("t513.big.test TXT +bufsize=1232", *rrset("t513", "TXT")),
    edns.found("many.big.test A +bufsize=4096", *rrset("many", "A")),
    edns.found("many.big.test A +bufsize=1232 +do", *rrset("many", "A")),
    edns.found("tomany.big.test A +bufsize=1232", TO_MANY, *rrset("many", "A")),
    edns.found("e600.big.test TXT +bufsize=600", *rrset("e600", "TXT")),
    edns.truncated("e600.big.test TXT +bufsize=599", *rrset("e600", "TXT")),
    edns.truncated("many.big.test A +bufsize=600", *rrset("many", "A")),
    edns.truncated("many.big.test A +bufsize=0", *rrset("many", "A")),
    edns.truncated("many.big.test A +bufsize=511", *rrset("many", "A")),
    edns.found("www.rules.test TXT +bufsize=0", 'www.rules.test. 3600 TXT "two strings" "of one record"'),
    edns.found("e1232.big.test TXT +bufsize=1232", *rrset("e1232", "TXT")),
    edns.found("e1232.big.test TXT +bufsize=4096", *rrset("e1232", "TXT")),
    edns.truncated("e1233.big.test TXT +bufsize=1232", *rrset("e1233", "TXT")),
    edns.truncated("e1233.big.test TXT +bufsize=4096", *rrset("e1233", "TXT")),
    edns.truncated("huge.big.test TXT +bufsize=4096", *rrset("huge", "TXT")),
    edns.truncated("vast.big.test MX +bufsize=65535", *rrset("vast", "MX")),
    tcp.found("many.big.test A +tcp", *rrset("many", "A")),
    tcp.found("tomany.big.test A +tcp", TO_MANY, *rrset("many", "A")),
    tcp.found("huge.big.test TXT +tcp", *rrset("huge", "TXT")),
    tcp.found("huge.big.test TXT +tcp +bufsize=512", *rrset("huge", "TXT")),
    tcp.found("vast.big.test MX +tcp", *rrset("vast", "MX")),
    tcp.referral("wide.big.test A +tcp", *WIDE),
    tcp.referral("www.gluey.big.test A +tcp", *GLUEY, glue=GLUEY_AT),
    extras.found("mx.big.test MX", *rrset("mx", "MX")),
    extras.found("mx.big.test MX +bufsize=600", *rrset("mx", "MX")),
    glue.truncated("www.gluey.big.test A", aa=False, authority=GLUEY),
    glue.truncated("www.gluey.big.test A +bufsize=600", aa=False, authority=GLUEY),
    glue.truncated("togluey.big.test A", TO_GLUEY, authority=GLUEY),
    whole_glue.referral("www.gluey.big.test A +bufsize=1232", *GLUEY, glue=GLUEY_AT),
    whole_glue.referral("www.fits.big.test A", *FITS, glue=FITS_AT),
    sibling.referral("www.sibling.big.test A", *SIBLING),
    sibling.referral("www.sibling.big.test A +bufsize=1232", *SIBLING, offered=GLUEY_AT),
)  # fmt: skip
