"""Rows: lookups, empty non-terminals, negative answers, one zone below another, ANY (pure)."""

from tests.dns.rules.row import Row, Rule, soa

RULES = soa("rules.test")
CHILD = soa("child.rules.test", 120, 120)
HIDDEN = soa("hidden.rules.test", 120, 120)
WWW = ("www.rules.test. 600 A 192.0.2.10", "www.rules.test. 600 A 192.0.2.11")
WWW6 = ("www.rules.test. 900 AAAA 2001:db8::10",)
WWW_TEXT = ('www.rules.test. 3600 TXT "two strings" "of one record"',)
SERVERS = ("rules.test. 3600 NS ns.rules.test.", "rules.test. 3600 NS ns2.rules.test.")
SERVERS_AT = (
    "ns.rules.test. 3600 A 192.0.2.1",
    "ns.rules.test. 3600 AAAA 2001:db8::1",
    "ns2.rules.test. 3600 A 192.0.2.2",
)
MAIL_AT = ("mail.rules.test. 3600 A 192.0.2.3", "mail.rules.test. 3600 AAAA 2001:db8::3")

exact = Rule("lookup", "RFC 1034 4.3.2 step 3a")
empty = Rule("empty non-terminal", "RFC 4592 2.2.2, RFC 8020 2")
absent = Rule("nxdomain", "RFC 2308 2.1, RFC 1034 4.3.2 step 3c")
bare = Rule("nodata", "RFC 2308 2.2")
ttl = Rule("negative ttl", "RFC 2308 3 and 5")
closest = Rule("closest zone", "RFC 1034 4.3.2 step 2")
outside = Rule("outside", "RFC 8499 7, RFC 1035 4.1.1: REFUSED")
additional = Rule("additional", "RFC 1035 3.3.9, RFC 2782, RFC 9460 4.1")
case = Rule("case", "RFC 4343 4.1, RFC 1035 2.3.3")
any_one = Rule("any", "RFC 8482 4.1")

ROWS: tuple[Row, ...] = (
    exact.found("www.rules.test A", *WWW),
    exact.found("www.rules.test AAAA", *WWW6),
    exact.found("www.rules.test TXT", *WWW_TEXT),
    exact.found("www.rules.test A +tcp", *WWW),
    exact.found("www.rules.test A +bufsize=1232", *WWW),
    exact.found("www.rules.test A +bufsize=1232 +do", *WWW),
    exact.found("zero.rules.test A", "zero.rules.test. 0 A 192.0.2.12"),
    exact.found("old.rules.test A", "old.rules.test. 2147483647 A 192.0.2.13"),
    exact.found("rules.test SOA", "rules.test. 3600 SOA ns.rules.test. hostmaster.rules.test. 1 7200 3600 1209600 300"),
    exact.found("rules.test NS", *SERVERS, offered=SERVERS_AT),
    exact.found("rules.test TXT", 'rules.test. 3600 TXT "apex"'),
    exact.found("a.deep.empty.rules.test TXT", 'a.deep.empty.rules.test. 3600 TXT "below two empty names"'),
    # An authoritative server is not asked to compute what is not there.
    bare.nodata("www.rules.test MX", RULES),
    bare.nodata("www.rules.test CNAME", RULES),
    bare.nodata("www.rules.test DNAME", RULES),
    bare.nodata("www.rules.test NS", RULES),
    bare.nodata("www.rules.test SOA", RULES),
    bare.nodata("www.rules.test DS", RULES),
    bare.nodata("www.rules.test TYPE65280", RULES),
    bare.nodata("www.rules.test NSEC", RULES),
    bare.nodata("rules.test A", RULES),
    bare.nodata("rules.test DNSKEY", RULES),
    bare.nodata("rules.test CNAME", RULES),
    bare.nodata("www.rules.test MX +tcp", RULES),
    bare.nodata("www.rules.test MX +bufsize=4096 +do", RULES),
    empty.nodata("empty.rules.test A", RULES),
    empty.nodata("deep.empty.rules.test A", RULES),
    empty.nodata("deep.empty.rules.test TXT", RULES),
    empty.nodata("deep.empty.rules.test ANY", RULES),
    empty.nodata("deep.empty.rules.test CNAME", RULES),
    empty.nodata("_udp.rules.test SRV", RULES),
    empty.nodata("away.rules.test NS", RULES),
    absent.nxdomain("absent.rules.test A", RULES),
    absent.nxdomain("absent.rules.test ANY", RULES),
    absent.nxdomain("absent.rules.test DS", RULES),
    absent.nxdomain("absent.rules.test NS", RULES),
    absent.nxdomain("a.b.c.absent.rules.test A", RULES),
    absent.nxdomain("below.www.rules.test A", RULES),
    absent.nxdomain("b.deep.empty.rules.test A", RULES),
    absent.nxdomain("below.a.deep.empty.rules.test A", RULES),
    absent.nxdomain("*.rules.test A", RULES),
    absent.nxdomain("absent.rules.test A +tcp", RULES),
    absent.nxdomain("absent.rules.test A +bufsize=4096 +do", RULES),
    ttl.nodata("www.rules.test SRV", soa("rules.test", 300)),
    ttl.nodata("www.low.test MX", soa("low.test", 60, 86400)),
    ttl.nxdomain("absent.rules.test SOA", RULES),
    ttl.nxdomain("absent.low.test A", soa("low.test", 60, 86400)),
    ttl.found("low.test SOA", soa("low.test", 60, 86400)),
    ttl.nxdomain("absent.child.rules.test A", CHILD),
    closest.found("www.child.rules.test A", "www.child.rules.test. 3600 A 192.0.2.42"),
    closest.found("child.rules.test NS", "child.rules.test. 3600 NS ns.child.rules.test."),
    closest.found("child.rules.test SOA", soa("child.rules.test", 600, 120)),
    closest.found("child.rules.test TXT", 'child.rules.test. 3600 TXT "apex of the child"'),
    closest.found("ns.child.rules.test A", "ns.child.rules.test. 3600 A 192.0.2.41"),
    closest.nodata("child.rules.test A", CHILD),
    closest.nxdomain("a.b.child.rules.test A", CHILD),
    closest.found("www.hidden.rules.test A", "www.hidden.rules.test. 3600 A 192.0.2.62"),
    closest.nodata("www.hidden.rules.test TXT", HIDDEN),
    closest.nodata("hidden.rules.test TXT", HIDDEN),
    closest.nxdomain("absent.hidden.rules.test A", HIDDEN),
    closest.found("ns.low.mid.grand.test A", "ns.low.mid.grand.test. 3600 A 192.0.2.82"),
    closest.nxdomain("absent.low.mid.grand.test A", soa("low.mid.grand.test", 120, 120)),
    outside.failed("www.outside.invalid A", "REFUSED"),
    outside.failed("test A", "REFUSED"),
    outside.failed("test SOA", "REFUSED"),
    outside.failed("test DS", "REFUSED"),
    outside.failed(". A", "REFUSED"),
    outside.failed(". NS", "REFUSED"),
    outside.failed(". ANY", "REFUSED"),
    outside.failed("lonely.test A", "REFUSED"),
    outside.failed("xrules.test A", "REFUSED"),
    outside.failed("rules A", "REFUSED"),
    outside.failed("rules.test.invalid A", "REFUSED"),
    outside.failed("www.outside.invalid A +tcp", "REFUSED"),
    outside.failed("www.outside.invalid A +bufsize=4096 +do", "REFUSED"),
    additional.found(
        "mx.rules.test MX", "mx.rules.test. 3600 MX 10 mail.rules.test.", "mx.rules.test. 3600 MX 20 mx.outside.invalid.",
        offered=MAIL_AT,
    ),
    additional.found("rules.test MX", "rules.test. 3600 MX 10 mail.rules.test.", offered=MAIL_AT),
    additional.found("_sip._udp.rules.test SRV", "_sip._udp.rules.test. 3600 SRV 1 2 5060 mail.rules.test.", offered=MAIL_AT),
    additional.found("svcb.rules.test SVCB", "svcb.rules.test. 3600 SVCB 1 mail.rules.test. port=8443", offered=MAIL_AT),
    additional.found(
        "https.rules.test HTTPS", "https.rules.test. 3600 HTTPS 1 . alpn=h2,h3", offered=("https.rules.test. 3600 A 192.0.2.15",),
    ),
    additional.found("aliashttps.rules.test HTTPS", "aliashttps.rules.test. 3600 HTTPS 0 mail.rules.test.", offered=MAIL_AT),
    additional.found("nomx.rules.test MX", "nomx.rules.test. 3600 MX 0 ."),
    additional.found("nosrv.rules.test SRV", "nosrv.rules.test. 3600 SRV 0 0 0 ."),
    case.found("wWw.RuLeS.tEsT A", *WWW),
    case.found("mixed.rules.test A", "mixed.rules.test. 3600 A 192.0.2.14"),
    case.found("MIXED.rules.test A", "mixed.rules.test. 3600 A 192.0.2.14"),
    case.nodata("WWW.RULES.TEST MX", RULES),
    case.nxdomain("Absent.Rules.Test A", RULES),
    case.failed("WwW.OutSide.InvaliD A", "REFUSED"),
    any_one.one_of("www.rules.test ANY", WWW, WWW6, WWW_TEXT),
    any_one.one_of("www.rules.test ANY +tcp", WWW, WWW6, WWW_TEXT),
    any_one.one_of("www.rules.test ANY +bufsize=4096", WWW, WWW6, WWW_TEXT),
    any_one.one_of(
        "rules.test ANY", SERVERS, ('rules.test. 3600 TXT "apex"',), ("rules.test. 3600 MX 10 mail.rules.test.",),
        ("rules.test. 3600 SOA ns.rules.test. hostmaster.rules.test. 1 7200 3600 1209600 300",),
    ),
    any_one.one_of("mail.rules.test ANY", MAIL_AT[:1], MAIL_AT[1:]),
    any_one.one_of("zero.rules.test ANY", ("zero.rules.test. 0 A 192.0.2.12",)),
)  # fmt: skip
