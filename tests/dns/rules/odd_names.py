"""Rows: names that a text must escape, and the longest (pure)."""

from tests.dns.rules.row import Row, Rule, soa

ODD = soa("odd.test")
M = "m" * 63
LONGEST = f"{M}.{M}.{M}.{'n' * 52}"

octets = Rule("odd octets", "RFC 2181 11, RFC 4343 2.1")
dots = Rule("dots in labels", "RFC 4343 2.1, RFC 1035 5.1")
ascii_only = Rule("case of ASCII only", "RFC 4343 3.1 and 4.1")
longest = Rule("longest names", "RFC 1035 2.3.4")
case = Rule("case in a zone", "RFC 4343 4.1")


def owners(text: str) -> list[tuple[str, str]]:
    """Give pairs of an owner in odd.test and the last number of its address."""
    return [(name, number) for name, number in (pair.rsplit("=", 1) for pair in text.split())]


OCTETS = owners(
    r"\000=150 a\000b=151 \255=154 two\032words=155 quo\"te=156 back\\slash=157 semi\;colon=158 \@=159 par\(en\)=160"
    r" \$dollar=161 _under_score=162 -=163 1=164 192=165 \003www\003com=170"
)

ROWS: tuple[Row, ...] = (
    *(octets.found(f"{name}.odd.test A", f"{name}.odd.test. 3600 A 192.0.2.{number}") for name, number in OCTETS),
    octets.nxdomain("\\001.odd.test A", ODD),
    octets.nxdomain("www.com.odd.test A", ODD),
    dots.found("a\\.b.odd.test A", "a\\.b.odd.test. 3600 A 192.0.2.152"),
    dots.found("a.b.odd.test A", "a.b.odd.test. 3600 A 192.0.2.153"),
    dots.found("alias\\.x.odd.test A", "alias\\.x.odd.test. 3600 CNAME a\\.b.odd.test.", "a\\.b.odd.test. 3600 A 192.0.2.152"),
    dots.nxdomain("alias.x.odd.test A", ODD),
    dots.failed("www\\.odd.test A", "REFUSED"),
    dots.failed("odd\\.test A", "REFUSED"),
    dots.nxdomain("ns\\.odd.odd.test A", ODD),
    dots.nodata("b.odd.test A", ODD),
    ascii_only.found("\\196.odd.test A", "\\196.odd.test. 3600 A 192.0.2.166"),
    ascii_only.found("\\228.odd.test A", "\\228.odd.test. 3600 A 192.0.2.167"),
    ascii_only.found("\\091.odd.test A", "\\091.odd.test. 3600 A 192.0.2.168"),
    ascii_only.found("\\123.odd.test A", "\\123.odd.test. 3600 A 192.0.2.169"),
    ascii_only.nxdomain("\\096.odd.test A", ODD),
    longest.found(f"{M}.odd.test A", f"{M}.odd.test. 3600 A 192.0.2.171"),
    longest.found(f"{LONGEST}.odd.test A", f"{LONGEST}.odd.test. 3600 A 192.0.2.172"),
    longest.found(f"{LONGEST}.odd.test A +bufsize=1232", f"{LONGEST}.odd.test. 3600 A 192.0.2.172"),
    longest.nodata(f"{LONGEST}.odd.test MX", ODD),
    longest.found(f"{'z.' * 122}odd.test A", f"{'z.' * 122}odd.test. 3600 A 192.0.2.173"),
    longest.nodata(f"{'z.' * 121}odd.test A", ODD),
    longest.nxdomain(f"{'y.' * 122}odd.test A", ODD),
    longest.nxdomain(f"{'y.' + 'z.' * 121}odd.test A", ODD),
    longest.nxdomain(f"{'M' * 63}.{M}.{M}.{'o' * 52}.odd.test A", ODD),
    longest.failed(f"{'y.' * 127}".removesuffix(".") + " A", "REFUSED"),
    longest.found(f"{'z.' * 121}q.wild.test A", f"{'z.' * 121}q.wild.test. 600 A 192.0.2.100"),
    case.found("upper.odd.test A", "upper.odd.test. 3600 A 192.0.2.174"),
    case.found("Upper.case.odd.test A", "upper.case.odd.test. 3600 CNAME upper.odd.test.", "upper.odd.test. 3600 A 192.0.2.174"),
    case.found("ANY.TOLEVEL.levels.wild.test TXT", 'any.tolevel.levels.wild.test. 3600 TXT "upper"'),
    case.found(
        "mx.towild.wild.test MX", "mx.towild.wild.test. 3600 MX 10 any.wild.test.", offered=("any.wild.test. 600 A 192.0.2.100",),
    ),
)  # fmt: skip
