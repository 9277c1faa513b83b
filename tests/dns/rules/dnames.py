"""Rows: DNAMEs (pure)."""

from tests.dns.rules.row import Record, Row, Rule, soa

DNAME = soa("dname.test")
LONG = ".".join(["l" * 63] * 3) + ".t.dname.test."
LONG_OWNER = f"long.dname.test. 3600 DNAME {LONG}"
WWW = ("www.rules.test. 600 A 192.0.2.10", "www.rules.test. 600 A 192.0.2.11")
D = "d.dname.test. 1200 DNAME t.dname.test."
D2 = "d2.dname.test. 800 DNAME d.dname.test."
D3 = "d3.dname.test. 3600 DNAME d2.dname.test."
OUT = "out.dname.test. 3600 DNAME outside.invalid."
APEX = "apexdname.test. 400 DNAME outside.invalid."
X = "x.t.dname.test. 3600 A 192.0.2.121"
FAR = "far.dname.test. 3600 DNAME rules.test."
FAR_LOST = "farlost.dname.test. 3600 DNAME low.test."
CUT = "cut.t.dname.test. 3600 NS ns.cut.t.dname.test."
CUT_AT = ("ns.cut.t.dname.test. 3600 A 192.0.2.123",)
CIRCLE = "circle.dname.test. 3600 DNAME circle2.dname.test."
CIRCLE2 = "circle2.dname.test. 3600 DNAME circle.dname.test."


def made(prefix: str, dname: Record) -> tuple[Record, Record]:
    """Give the DNAME, and the CNAME that is made of it for the name *prefix* and its owner: with its TTL (RFC 6672 section 3.1)."""
    owner, ttl, _, target = dname.split(" ")
    return dname, f"{prefix}.{owner} {ttl} CNAME {prefix}.{target}"


redirected = Rule("dname", "RFC 6672 3.2 step 3c, 3.1 on the CNAME's TTL")
negative = Rule("dname into a negative answer", "RFC 6672 3.2, RFC 6604 3, RFC 2308 2.2.1")
owner = Rule("dname owner", "RFC 6672 2.3")
asked = Rule("dname asked for CNAME or ANY", "RFC 6672 3.2: the CNAME made is what was asked")
chains = Rule("dname chain", "RFC 6672 3.2 step 3c: back to step 1")
loops = Rule("dname loop", "RFC 6672 3.2, RFC 6604 3")
long = Rule("dname too long", "RFC 6672 2.2 and 3.2: YXDOMAIN")
long_enough = Rule("dname to a name of 255 bytes", "RFC 6672 2.2, RFC 1035 2.3.4")
apex = Rule("dname at the apex", "RFC 6672 2.3")
far = Rule("dname across zones", "RFC 6672 3.2 step 3c: back to step 1")
below = Rule("data below a dname", "RFC 6672 2.4: occluded")

ROWS: tuple[Row, ...] = (
    redirected.found("x.d.dname.test A", *made("x", D), X),
    redirected.found("x.d.dname.test TXT", *made("x", D), 'x.t.dname.test. 3600 TXT "x"'),
    redirected.found("X.D.dname.test A", *made("x", D), X),
    redirected.found("x.d.dname.test A +tcp", *made("x", D), X),
    redirected.found("x.d.dname.test A +bufsize=1232 +do", *made("x", D), X),
    redirected.found("a.ent.d.dname.test TXT", *made("a.ent", D), 'a.ent.t.dname.test. 3600 TXT "below an empty name"'),
    redirected.found("any.w.d.dname.test A", *made("any.w", D), "any.w.t.dname.test. 3600 A 192.0.2.122"),
    redirected.found("alias.d.dname.test A", *made("alias", D), "alias.t.dname.test. 3600 CNAME x.t.dname.test.", X),
    redirected.found("\\000\\..d.dname.test CNAME", D, "\\000\\..d.dname.test. 1200 CNAME \\000\\..t.dname.test."),
    redirected.found("todname.dname.test A", "todname.dname.test. 3600 CNAME x.d.dname.test.", *made("x", D), X),
    redirected.found("*.tostar.dname.test A", "tostar.dname.test. 3600 DNAME star.dname.test.",
                     "*.tostar.dname.test. 3600 CNAME *.star.dname.test.", "*.star.dname.test. 3600 A 192.0.2.124"),
    redirected.open_end("x.out.dname.test A", *made("x", OUT)),
    redirected.open_end("a.b.c.out.dname.test A", *made("a.b.c", OUT)),
    redirected.referral("cut.d.dname.test A", CUT, glue=CUT_AT, chain=made("cut", D)),
    redirected.referral("www.cut.d.dname.test A", CUT, glue=CUT_AT, chain=made("www.cut", D)),
    redirected.found("mx.at.dname.test MX", "mx.at.dname.test. 3600 MX 10 x.d.dname.test."),
    negative.nxdomain("absent.d.dname.test A", DNAME, *made("absent", D)),
    negative.nxdomain("a.x.d.dname.test A", DNAME, *made("a.x", D)),
    negative.nodata("x.d.dname.test MX", DNAME, *made("x", D)),
    negative.nodata("ent.d.dname.test A", DNAME, *made("ent", D)),
    negative.nodata("x.d.dname.test DNAME", DNAME, *made("x", D)),
    negative.nodata("x.d.dname.test DS", DNAME, *made("x", D)),
    owner.found("d.dname.test DNAME", D),
    owner.found("d.dname.test A", "d.dname.test. 3600 A 192.0.2.120"),
    owner.found("d.dname.test TXT", 'd.dname.test. 3600 TXT "at the owner"'),
    owner.nodata("d.dname.test MX", DNAME),
    owner.nodata("d.dname.test CNAME", DNAME),
    owner.nodata("d2.dname.test A", DNAME),
    owner.found("toowner.dname.test A", "toowner.dname.test. 3600 CNAME d.dname.test.", "d.dname.test. 3600 A 192.0.2.120"),
    owner.one_of("d.dname.test ANY", (D,), ("d.dname.test. 3600 A 192.0.2.120",), ('d.dname.test. 3600 TXT "at the owner"',)),
    asked.found("x.d.dname.test CNAME", *made("x", D)),
    asked.found("absent.d.dname.test CNAME", *made("absent", D)),
    asked.found("alias.d.dname.test CNAME", *made("alias", D)),
    asked.found("x.out.dname.test CNAME", *made("x", OUT)),
    asked.found("x.d.dname.test ANY", *made("x", D)),
    asked.found("absent.d.dname.test ANY", *made("absent", D)),
    asked.found("x.d3.dname.test CNAME", *made("x", D3)),
    chains.found("x.d2.dname.test A", *made("x", D2), *made("x", D), X),
    chains.found("x.d3.dname.test A", *made("x", D3), *made("x", D2), *made("x", D), X),
    chains.nxdomain("absent.d3.dname.test A", DNAME, *made("absent", D3), *made("absent", D2), *made("absent", D)),
    loops.open_end("x.self.dname.test A", *made("x", "self.dname.test. 3600 DNAME self.dname.test.")),
    loops.open_end("x.circle.dname.test A", *made("x", CIRCLE), *made("x", CIRCLE2)),
    long_enough.nxdomain(f"{'p' * 48}.long.dname.test A +bufsize=1232", DNAME, *made("p" * 48, LONG_OWNER)),
    long.failed(f"{'p' * 49}.long.dname.test A", "YXDOMAIN", LONG_OWNER),
    long.failed(f"{'p' * 30}.{'p' * 30}.long.dname.test A", "YXDOMAIN", LONG_OWNER),
    long.failed(f"{'p' * 49}.long.dname.test CNAME", "YXDOMAIN", LONG_OWNER),
    long.failed(f"{'p' * 49}.long.dname.test A +tcp", "YXDOMAIN", LONG_OWNER),
    long_enough.found(f"{'p' * 48}.long.dname.test CNAME +bufsize=1232", *made("p" * 48, LONG_OWNER)),
    apex.found("apexdname.test DNAME", APEX),
    apex.found("apexdname.test A", "apexdname.test. 3600 A 192.0.2.130"),
    apex.found("apexdname.test NS", "apexdname.test. 3600 NS ns.rules.test."),
    apex.found("apexdname.test SOA", soa("apexdname.test", 3600)),
    apex.nodata("apexdname.test MX", soa("apexdname.test")),
    apex.open_end("www.apexdname.test A", *made("www", APEX)),
    apex.open_end("a.b.apexdname.test MX", *made("a.b", APEX)),
    far.found("www.far.dname.test A", *made("www", FAR), *WWW),
    far.nodata("www.far.dname.test MX", soa("rules.test"), *made("www", FAR)),
    far.nxdomain("absent.farlost.dname.test A", soa("low.test", 60, 86400), *made("absent", FAR_LOST)),
    below.found("x.d.occluded.test A", *made("x", "d.occluded.test. 1200 DNAME t.occluded.test."), "x.t.occluded.test. 3600 A 192.0.2.141"),
    below.nxdomain("cut.d.occluded.test A", soa("occluded.test"), *made("cut", "d.occluded.test. 1200 DNAME t.occluded.test.")),
    below.nxdomain("absent.d.occluded.test TXT", soa("occluded.test"), *made("absent", "d.occluded.test. 1200 DNAME t.occluded.test.")),
)  # fmt: skip
