"""Rows: wildcards (pure)."""

from tests.dns.rules.row import Row, Rule, soa

WILD = soa("wild.test")
HOST = "host.wild.test. 3600 A 192.0.2.101"

synthesis = Rule("wildcard", "RFC 4592 3.3.1, RFC 1034 4.3.3")
blocked = Rule("wildcard blocked by a name", "RFC 4592 2.2.1, 3.3.1")
hollow = Rule("wildcard blocked by an empty non-terminal", "RFC 4592 2.2.2, 3.3.1")
encloser = Rule("wildcard at the closest encloser only", "RFC 4592 3.3.1")
nodata = Rule("wildcard nodata", "RFC 4592 2.2.1, RFC 2308 2.2")
alias = Rule("wildcard cname", "RFC 4592 4.4")
literal = Rule("wildcard asked literally", "RFC 4592 2.3")
dead = Rule("wildcard below a cut", "RFC 4592 4.2, RFC 1034 4.3.2 step 3b")
label = Rule("asterisks that are no wildcard", "RFC 4592 2.1.1")
any_one = Rule("wildcard any", "RFC 8482 4.1, RFC 4592 4")
CUT = "cut.wild.test. 3600 NS ns.cut.wild.test."
CUT_AT = ("ns.cut.wild.test. 3600 A 192.0.2.103",)

ROWS: tuple[Row, ...] = (
    synthesis.found("any.wild.test A", "any.wild.test. 600 A 192.0.2.100"),
    synthesis.found("any.wild.test TXT", 'any.wild.test. 600 TXT "wild"'),
    synthesis.found("a.b.c.wild.test A", "a.b.c.wild.test. 600 A 192.0.2.100"),
    synthesis.found("AnY.wild.test A", "any.wild.test. 600 A 192.0.2.100"),
    synthesis.found("one.sub.wild.test MX", "one.sub.wild.test. 3600 MX 10 host.wild.test.", offered=(HOST,)),
    synthesis.found("two.one.sub.wild.test MX", "two.one.sub.wild.test. 3600 MX 10 host.wild.test."),
    synthesis.found("any.wild.test A +tcp", "any.wild.test. 600 A 192.0.2.100"),
    synthesis.found("any.wild.test A +bufsize=1232 +do", "any.wild.test. 600 A 192.0.2.100"),
    synthesis.found("\\000.wild.test A", "\\000.wild.test. 600 A 192.0.2.100"),
    synthesis.found("tolevel.levels.wild.test TXT", 'tolevel.levels.wild.test. 3600 TXT "upper"'),
    synthesis.found("a.b.levels.wild.test TXT", 'a.b.levels.wild.test. 3600 TXT "lower"'),
    blocked.nodata("host.wild.test TXT", WILD),
    blocked.found("host.wild.test A", HOST),
    blocked.nodata("name.sub.wild.test MX", WILD),
    blocked.nodata("mid.ent.wild.test A", WILD),
    hollow.nodata("ent.wild.test A", WILD),
    hollow.nodata("ent.wild.test TXT", WILD),
    hollow.nodata("sub.wild.test A", WILD),
    hollow.nodata("alias.wild.test A", WILD),
    hollow.nodata("b.levels.wild.test TXT", WILD),
    encloser.nxdomain("below.host.wild.test A", WILD),
    encloser.nxdomain("x.ent.wild.test A", WILD),
    encloser.nxdomain("x.y.ent.wild.test TXT", WILD),
    encloser.nxdomain("x.mid.ent.wild.test A", WILD),
    encloser.nodata("one.sub.wild.test A", WILD),
    encloser.nxdomain("x.name.sub.wild.test MX", WILD),
    nodata.nodata("any.wild.test MX", WILD),
    nodata.nodata("any.wild.test NS", WILD),
    nodata.nodata("any.wild.test DS", WILD),
    nodata.nodata("a.b.c.wild.test SRV", WILD),
    nodata.nodata("some.hollow.wild.test TXT", WILD),
    nodata.nodata("below.some.hollow.wild.test TXT", WILD),
    alias.found("any.alias.wild.test A", "any.alias.wild.test. 900 CNAME host.wild.test.", HOST),
    alias.found("a.b.alias.wild.test A", "a.b.alias.wild.test. 900 CNAME host.wild.test.", HOST),
    alias.nodata("any.alias.wild.test MX", WILD, "any.alias.wild.test. 900 CNAME host.wild.test."),
    alias.found("any.alias.wild.test CNAME", "any.alias.wild.test. 900 CNAME host.wild.test."),
    alias.found("any.alias.wild.test ANY", "any.alias.wild.test. 900 CNAME host.wild.test."),
    alias.found(
        "any.chain.wild.test A", "any.chain.wild.test. 3600 CNAME some.alias.wild.test.",
        "some.alias.wild.test. 900 CNAME host.wild.test.", HOST,
    ),
    alias.open_end("any.ext.wild.test A", "any.ext.wild.test. 3600 CNAME www.outside.invalid."),
    alias.nxdomain("any.lost.wild.test A", WILD, "any.lost.wild.test. 3600 CNAME absent.host.wild.test."),
    alias.nodata("any.void.wild.test A", WILD, "any.void.wild.test. 3600 CNAME mid.ent.wild.test."),
    alias.referral(
        "any.tocut.wild.test A", CUT, glue=CUT_AT, chain=("any.tocut.wild.test. 3600 CNAME www.cut.wild.test.",),
    ),
    literal.found("*.wild.test A", "*.wild.test. 600 A 192.0.2.100"),
    literal.nodata("*.wild.test MX", WILD),
    literal.found("*.sub.wild.test MX", "*.sub.wild.test. 3600 MX 10 host.wild.test."),
    literal.nodata("*.sub.wild.test A", WILD),
    literal.found("*.alias.wild.test A", "*.alias.wild.test. 900 CNAME host.wild.test.", HOST),
    literal.nodata("*.hollow.wild.test TXT", WILD),
    literal.found("below.*.hollow.wild.test TXT", 'below.*.hollow.wild.test. 3600 TXT "below a wildcard"'),
    literal.nxdomain("x.*.hollow.wild.test TXT", WILD),
    literal.nxdomain("x.*.wild.test A", WILD),
    literal.nxdomain("*.*.wild.test A", WILD),
    literal.found("*.b.c.wild.test A", "*.b.c.wild.test. 600 A 192.0.2.100"),
    dead.referral("x.cut.wild.test TXT", CUT, glue=CUT_AT),
    dead.referral("*.cut.wild.test TXT", CUT, glue=CUT_AT),
    dead.referral("cut.wild.test A", CUT, glue=CUT_AT),
    label.found("*x.stars.wild.test A", "*x.stars.wild.test. 3600 A 192.0.2.104"),
    label.nxdomain("yx.stars.wild.test A", WILD),
    label.found("x.*.stars2.wild.test A", "x.*.stars2.wild.test. 3600 A 192.0.2.105"),
    label.nodata("y.stars2.wild.test A", WILD),
    label.nodata("x.y.stars2.wild.test A", WILD),
    any_one.one_of("any.wild.test ANY", ("any.wild.test. 600 A 192.0.2.100",), ('any.wild.test. 600 TXT "wild"',)),
)  # fmt: skip
