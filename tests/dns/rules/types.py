"""Rows: a record of each type comes as it stands in the zone (pure; the rows are made from types.test and oldtypes.test)."""

from tests.dns.rules.row import Row, Rule, soa
from tests.dns.rules.zone_files import text

SOURCES = {
    "CAA": "RFC 8659", "TLSA": "RFC 6698", "SVCB": "RFC 9460", "HTTPS": "RFC 9460", "SSHFP": "RFC 4255", "NAPTR": "RFC 3403",
    "LOC": "RFC 1876", "URI": "RFC 7553", "SRV": "RFC 2782", "AAAA": "RFC 3596", "CERT": "RFC 4398", "APL": "RFC 3123",
    "DHCID": "RFC 4701", "IPSECKEY": "RFC 4025", "OPENPGPKEY": "RFC 7929", "SMIMEA": "RFC 8162", "EUI48": "RFC 7043",
    "EUI64": "RFC 7043", "CDS": "RFC 7344", "CDNSKEY": "RFC 7344", "CSYNC": "RFC 7477", "DNSKEY": "RFC 4034", "NID": "RFC 6742",
    "L32": "RFC 6742", "L64": "RFC 6742", "LP": "RFC 6742", "RP": "RFC 1183", "AFSDB": "RFC 1183", "RT": "RFC 1183",
    "X25": "RFC 1183", "ISDN": "RFC 1183", "KX": "RFC 2230", "PX": "RFC 2163", "SPF": "RFC 7208",
}  # fmt: skip
#: An owner to its RRsets: types to the RRs.
Nodes = dict[str, dict[str, list[str]]]


def nodes(zone: str) -> Nodes:
    """Read owners and records of *zone*: its lines are plain enough for that."""
    found: Nodes = {}
    for line in text(f"{zone}.test").splitlines()[5:]:
        owner, rdtype, data = line.split(maxsplit=2)
        found.setdefault(owner, {}).setdefault(rdtype, []).append(f"{owner}.{zone}.test. 3600 {rdtype} {data}")
    return found


def _rows(zone: str) -> list[Row]:
    rows = []
    for owner, rrsets in nodes(zone).items():
        for rdtype, rrs in rrsets.items():
            source = SOURCES.get(rdtype, "RFC 3597" if rdtype.startswith("TYPE") else "RFC 1035")
            rule = Rule(f"type {rdtype}", source)
            asked = "A" if rdtype == "TYPE1" else rdtype
            rows += [rule.found(f"{owner}.{zone}.test {asked}", *rrs)]
        rows += [Rule("type absent", "RFC 2308 2.2").nodata(f"{owner}.{zone}.test TYPE65279", soa(f"{zone}.test"))] * (
            owner != "empty"
        )
    return rows


ROWS: tuple[Row, ...] = (
    *_rows("types"),
    *_rows("oldtypes"),
    Rule("type TYPE65280", "RFC 3597").found("unknown.types.test TYPE65280 +tcp", "unknown.types.test. 3600 TYPE65280 \\# 4 00010203"),
)  # fmt: skip
