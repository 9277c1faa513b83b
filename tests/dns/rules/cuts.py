"""Rows: delegations, DS, occluded data (pure)."""

from tests.dns.rules.row import Row, Rule, soa

RULES = soa("rules.test")
CUT = ("cut.rules.test. 3600 NS ns.cut.rules.test.", "cut.rules.test. 3600 NS ns2.cut.rules.test.")
SIBLING_AT = ("ns.cut.rules.test. 3600 A 192.0.2.21", "ns.cut.rules.test. 3600 AAAA 2001:db8::21")
CUT_AT = (*SIBLING_AT, "ns2.cut.rules.test. 3600 A 192.0.2.22")
SIGNED = ("signed.rules.test. 3600 NS ns.signed.rules.test.",)
SIGNED_AT = ("ns.signed.rules.test. 3600 A 192.0.2.26",)
MIXED = (
    "mixedcut.rules.test. 3600 NS ns.mixedcut.rules.test.",
    "mixedcut.rules.test. 3600 NS ns.outside.invalid.",
    "mixedcut.rules.test. 3600 NS ns.cut.rules.test.",
)
UPPER = ("upper.rules.test. 3600 NS ns.outside.invalid.",)
NO_GLUE = ("noglue.rules.test. 3600 NS ns.outside.invalid.",)
DS = "signed.rules.test. 3600 DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
CHILD_DS = "child.rules.test. 3600 DS 54321 13 2 fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

referral = Rule("referral", "RFC 1034 4.3.2 step 3b, RFC 9471 2.1")
sibling = Rule("referral with sibling glue", "RFC 9471 2.2 and 3.2")
no_glue = Rule("referral without glue", "RFC 1034 4.3.2 step 3b")
at_cut = Rule("NS at the cut", "RFC 2181 6.1, RFC 1034 4.2.1")
nested = Rule("cut below a cut", "RFC 1034 4.3.2: the search goes down from the apex")
occluded = Rule("occluded", "RFC 2136 7.18, RFC 1034 4.3.2 step 3b")
ds = Rule("DS", "RFC 4035 3.1.4.1, RFC 3658 2.2.1.2")
ds_parent = Rule("DS at an apex, the parent is here", "RFC 4035 3.1.4.1")
ds_child = Rule("DS at an apex, the parent is not here", "RFC 4035 3.1.4.1, RFC 3658 2.2.1.2")
# RFC 4035 read to the letter wants the child's NODATA, on which a resolver that comes down from the grandparent would take the child
# for unsigned; NSD, Knot and BIND all refer to the parent, which has the answer.
ds_grandchild = Rule("DS at an apex, a zone further up is here", "RFC 1034 4.3.2 step 3b, against RFC 4035 3.1.4.1")

ROWS: tuple[Row, ...] = (
    referral.referral("cut.rules.test A", *CUT, glue=CUT_AT),
    referral.referral("www.absent.cut.rules.test A", *CUT, glue=CUT_AT),
    referral.referral("cut.rules.test ANY", *CUT, glue=CUT_AT),
    referral.referral("cut.rules.test SOA", *CUT, glue=CUT_AT),
    referral.referral("cut.rules.test CNAME", *CUT, glue=CUT_AT),
    referral.referral("cut.rules.test DNSKEY", *CUT, glue=CUT_AT),
    referral.referral("CUT.rules.test A", *CUT, glue=CUT_AT),
    referral.referral("cut.rules.test A +tcp", *CUT, glue=CUT_AT),
    referral.referral("cut.rules.test A +bufsize=4096", *CUT, glue=CUT_AT),
    referral.referral("self.rules.test TXT", "self.rules.test. 3600 NS self.rules.test.", glue=("self.rules.test. 3600 A 192.0.2.25",)),
    referral.referral("self.rules.test A", "self.rules.test. 3600 NS self.rules.test.", glue=("self.rules.test. 3600 A 192.0.2.25",)),
    referral.referral("www.mixedcut.rules.test A", *MIXED, glue=("ns.mixedcut.rules.test. 3600 A 192.0.2.24",), offered=SIBLING_AT),
    referral.referral("www.signed.rules.test A", *SIGNED, glue=SIGNED_AT),
    sibling.referral("www.sibling.rules.test A", "sibling.rules.test. 3600 NS ns.cut.rules.test.", offered=SIBLING_AT),
    sibling.referral(
        "www.inzone.rules.test A", "inzone.rules.test. 3600 NS ns2.rules.test.", offered=("ns2.rules.test. 3600 A 192.0.2.2",),
    ),
    no_glue.referral("www.noglue.rules.test A", *NO_GLUE),
    no_glue.referral("noglue.rules.test MX", *NO_GLUE),
    no_glue.referral("www.far.away.rules.test A", "far.away.rules.test. 3600 NS ns.outside.invalid."),
    no_glue.referral("www.mid.grand.test A", "mid.grand.test. 3600 NS ns.outside.invalid."),
    at_cut.referral("cut.rules.test NS", *CUT, glue=CUT_AT),
    at_cut.referral("cut.rules.test NS +tcp", *CUT, glue=CUT_AT),
    at_cut.referral("noglue.rules.test NS", *NO_GLUE),
    at_cut.referral("signed.rules.test NS", *SIGNED, glue=SIGNED_AT),
    nested.referral("upper.rules.test A", *UPPER),
    nested.referral("lower.upper.rules.test NS", *UPPER),
    nested.referral("www.lower.upper.rules.test A", *UPPER),
    nested.referral("lower.upper.rules.test DS", *UPPER),
    occluded.referral("ns.cut.rules.test A", *CUT, glue=CUT_AT),
    occluded.referral("ns.cut.rules.test MX", *CUT, glue=CUT_AT),
    occluded.referral("www.cut.rules.test A", *CUT, glue=CUT_AT),
    occluded.referral("www.cut.rules.test TXT", *CUT, glue=CUT_AT),
    occluded.referral("www.cut.rules.test ANY", *CUT, glue=CUT_AT),
    occluded.referral("self.rules.test AAAA", "self.rules.test. 3600 NS self.rules.test.", glue=("self.rules.test. 3600 A 192.0.2.25",)),
    ds.found("signed.rules.test DS", DS),
    ds.found("SIGNED.rules.test DS +bufsize=1232 +do", DS),
    ds.nodata("cut.rules.test DS", RULES),
    ds.nodata("noglue.rules.test DS", RULES),
    ds.referral("www.cut.rules.test DS", *CUT, glue=CUT_AT),
    ds.referral("ns.signed.rules.test DS", *SIGNED, glue=SIGNED_AT),
    ds.nodata("www.rules.test DS +tcp", RULES),
    ds_parent.found("child.rules.test DS", CHILD_DS),
    ds_parent.nodata("plain.rules.test DS", RULES),
    ds_parent.nodata("www.child.rules.test DS", soa("child.rules.test", 120, 120)),
    ds_parent.nodata("hidden.rules.test DS", RULES),
    ds_child.nodata("rules.test DS", RULES),
    ds_child.nodata("sub.lonely.test DS", soa("sub.lonely.test", 120, 120)),
    ds_grandchild.referral("low.mid.grand.test DS", "mid.grand.test. 3600 NS ns.outside.invalid."),
)  # fmt: skip
