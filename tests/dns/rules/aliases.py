"""Rows: CNAMEs, within a zone and across the zones of the server (pure)."""

from tests.dns.rules.row import Record, Row, Rule, soa

CHAIN = soa("chain.test")
END = "end.chain.test. 3600 A 192.0.2.110"
CUT = "cut.chain.test. 3600 NS ns.cut.chain.test."
CUT_AT = ("ns.cut.chain.test. 3600 A 192.0.2.111",)
FAR_CUT = ("cut.rules.test. 3600 NS ns.cut.rules.test.", "cut.rules.test. 3600 NS ns2.cut.rules.test.")
FAR_CUT_AT = (
    "ns.cut.rules.test. 3600 A 192.0.2.21",
    "ns.cut.rules.test. 3600 AAAA 2001:db8::21",
    "ns2.cut.rules.test. 3600 A 192.0.2.22",
)
TO_HIDDEN = "tohidden.rules.test. 3600 CNAME www.hidden.rules.test."
WWW = ("www.rules.test. 600 A 192.0.2.10", "www.rules.test. 600 A 192.0.2.11")


def cname(owner: str, target: str, ttl: int = 3600) -> Record:
    """Give a CNAME; names without a dot are in chain.test."""
    names = [name if "." in name else f"{name}.chain.test." for name in (owner, target)]
    return f"{names[0]} {ttl} CNAME {names[1]}"


ONE = (cname("one", "two", 100), cname("two", "three", 200), cname("three", "end", 300))

within = Rule("cname", "RFC 1034 4.3.2 step 3a, 3.6.2")
lost = Rule("cname into nxdomain", "RFC 6604 3, RFC 2308 2.1")
void = Rule("cname into nodata", "RFC 2308 2.2.1")
outside = Rule("cname to outside", "RFC 1034 4.3.2 step 4, RFC 6604 3")
to_cut = Rule("cname into a delegation", "RFC 1034 4.3.2 step 3b, RFC 1035 4.1.1 on AA")
loops = Rule("cname loop", "RFC 1034 3.6.2: loops are no reason to fail, RFC 6604 3")
asked = Rule("cname asked", "RFC 1034 4.3.2 step 3a, RFC 8482 4.1")
to_other = Rule("cname to a wildcard, a DNAME, an apex", "RFC 1034 4.3.2, RFC 4592 3.3.1, RFC 6672 3.2")
far = Rule("cname across zones", "RFC 1034 4.3.2 step 3a: back to step 1, RFC 6604 3")
not_followed = Rule("cname of a target in RDATA", "RFC 2181 10.3")

ROWS: tuple[Row, ...] = (
    within.found("one.chain.test A", *ONE, END),
    within.found("three.chain.test TXT", ONE[2], 'end.chain.test. 3600 TXT "end"'),
    within.found("ONE.chain.test A", *ONE, END),
    within.found("one.chain.test A +tcp", *ONE, END),
    within.found("one.chain.test A +bufsize=1232 +do", *ONE, END),
    lost.nxdomain("lost.chain.test A", CHAIN, cname("lost", "absent")),
    lost.nxdomain("lost2.chain.test AAAA", CHAIN, cname("lost2", "lost"), cname("lost", "absent")),
    lost.nxdomain("tolabel.chain.test A", CHAIN, cname("tolabel", "below.end.chain.test.")),
    lost.nxdomain("below.lost.chain.test A", CHAIN),
    void.nodata("void.chain.test A", CHAIN, cname("void", "ent")),
    void.nodata("three.chain.test MX", CHAIN, ONE[2]),
    void.nodata("one.chain.test NS", CHAIN, *ONE),
    void.nodata("one.chain.test DS", CHAIN, *ONE),
    outside.open_end("out.chain.test A", cname("out", "www.outside.invalid.")),
    outside.open_end("out2.chain.test A", cname("out2", "out"), cname("out", "www.outside.invalid.")),
    outside.open_end("out.chain.test A +tcp", cname("out", "www.outside.invalid.")),
    outside.open_end("up.chain.test A", cname("up", "test.")),
    to_cut.referral("tocut.chain.test A", CUT, glue=CUT_AT, chain=(cname("tocut", "www.cut.chain.test."),)),
    to_cut.referral(
        "tocut2.chain.test A", CUT, glue=CUT_AT,
        chain=(cname("tocut2", "tocut"), cname("tocut", "www.cut.chain.test.")),
    ),
    to_cut.referral("tocutapex.chain.test A", CUT, glue=CUT_AT, chain=(cname("tocutapex", "cut"),)),
    to_cut.referral("tocutapex.chain.test NS", CUT, glue=CUT_AT, chain=(cname("tocutapex", "cut"),)),
    to_cut.referral("toglue.chain.test A", CUT, glue=CUT_AT, chain=(cname("toglue", "ns.cut.chain.test."),)),
    to_cut.nodata("tocutapex.chain.test DS", CHAIN, cname("tocutapex", "cut")),
    loops.open_end("self.chain.test A", cname("self", "self")),
    loops.open_end("loop.chain.test A", cname("loop", "loop2"), cname("loop2", "loop")),
    loops.open_end("tail.chain.test A", cname("tail", "loop"), cname("loop", "loop2"), cname("loop2", "loop")),
    loops.open_end("loop.chain.test A +tcp", cname("loop", "loop2"), cname("loop2", "loop")),
    loops.open_end("any.round.wild.test A", "any.round.wild.test. 3600 CNAME x.round.wild.test.",
                   "x.round.wild.test. 3600 CNAME x.round.wild.test."),
    loops.found("self.chain.test CNAME", cname("self", "self")),
    asked.found("one.chain.test CNAME", ONE[0]),
    asked.found("one.chain.test ANY", ONE[0]),
    asked.found("lost.chain.test CNAME", cname("lost", "absent")),
    asked.found("lost.chain.test ANY", cname("lost", "absent")),
    asked.found("far.chain.test CNAME", cname("far", "www.rules.test.")),
    asked.found("out.chain.test ANY", cname("out", "www.outside.invalid.")),
    to_other.found("towild.chain.test A", cname("towild", "some.w.chain.test."), "some.w.chain.test. 50 A 192.0.2.112"),
    to_other.nodata("towild.chain.test MX", CHAIN, cname("towild", "some.w.chain.test.")),
    to_other.found(
        "todname.chain.test A", cname("todname", "x.d.chain.test."), "d.chain.test. 700 DNAME t.chain.test.",
        "x.d.chain.test. 700 CNAME x.t.chain.test.", "x.t.chain.test. 3600 A 192.0.2.113",
    ),
    to_other.nodata("toapex.chain.test A", CHAIN, cname("toapex", "chain.test.")),
    to_other.found("toapex.chain.test SOA", cname("toapex", "chain.test."), soa("chain.test", 3600)),
    to_other.found("toapex.chain.test NS", cname("toapex", "chain.test."), "chain.test. 3600 NS ns.chain.test."),
    not_followed.found("mx.chain.test MX", "mx.chain.test. 3600 MX 10 one.chain.test."),
    far.found("far.chain.test A", cname("far", "www.rules.test."), *WWW),
    far.found("faraway.chain.test A", cname("faraway", "far"), cname("far", "www.rules.test."), *WWW),
    far.found("far.chain.test A +tcp", cname("far", "www.rules.test."), *WWW),
    far.nxdomain("farlost.chain.test A", soa("rules.test"), cname("farlost", "absent.rules.test.")),
    far.nodata("farvoid.chain.test A", soa("rules.test"), cname("farvoid", "empty.rules.test.")),
    far.nodata("far.chain.test MX", soa("rules.test"), cname("far", "www.rules.test.")),
    far.nxdomain("farlow.chain.test A", soa("low.test", 60, 86400), cname("farlow", "absent.low.test.")),
    far.nodata("farlow2.chain.test AAAA", soa("low.test", 60, 86400), cname("farlow2", "www.low.test.")),
    far.referral("farcut.chain.test A", *FAR_CUT, glue=FAR_CUT_AT, chain=(cname("farcut", "www.cut.rules.test."),)),
    far.found("farwild.chain.test A", cname("farwild", "some.wild.test."), "some.wild.test. 600 A 192.0.2.100"),
    far.found("any.far.wild.test A", "any.far.wild.test. 3600 CNAME www.rules.test.", *WWW),
    far.found("farchild.chain.test A", cname("farchild", "www.child.rules.test."), "www.child.rules.test. 3600 A 192.0.2.42"),
    far.found("farback.chain.test A", cname("farback", "back.dname.test."), "back.dname.test. 3600 CNAME end.chain.test.", END),
    far.found(
        "fardname.chain.test A", cname("fardname", "x.d.dname.test."), "d.dname.test. 1200 DNAME t.dname.test.",
        "x.d.dname.test. 1200 CNAME x.t.dname.test.", "x.t.dname.test. 3600 A 192.0.2.121",
    ),
    far.open_end("farloop.chain.test A", cname("farloop", "loop.dname.test."), "loop.dname.test. 3600 CNAME farloop.chain.test."),
    far.found("tochild.rules.test A", "tochild.rules.test. 3600 CNAME www.child.rules.test.", "www.child.rules.test. 3600 A 192.0.2.42"),
    far.found("tohidden.rules.test A", TO_HIDDEN, "www.hidden.rules.test. 3600 A 192.0.2.62"),
    far.nodata("tohidden.rules.test TXT", soa("hidden.rules.test", 120, 120), TO_HIDDEN),
    far.found("toparent.child.rules.test A", "toparent.child.rules.test. 3600 CNAME www.rules.test.", *WWW),
)  # fmt: skip
