from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import codes, rdata
from couchpages.dns.checks import findings, incomplete_name
from couchpages.dns.findings import Finding, Severity, Worst, in_order
from couchpages.dns.names import from_text, shown
from couchpages.dns.records import Record
from tests.dns.zone_text import APEX, HEAD, records, zone

ERRORS = (
    ("two CNAMEs", "www CNAME a.example.net.\nwww CNAME b.example.net.", "www", "CNAME", "one CNAME at most"),
    ("two DNAMEs", "d DNAME a.example.net.\nd DNAME b.example.net.", "d", "DNAME", "one DNAME at most"),
    ("two SOAs", "@ SOA a.example.net. b.example.org. 2 3600 900 1209600 300", "", "SOA", "one SOA at most"),
    ("CNAME beside data", "www CNAME a.example.net.\nwww A 192.0.2.1", "www", "CNAME", "stands alone"),
    ("CNAME at the apex", "@ CNAME a.example.net.", "", "CNAME", "stands alone"),
    ("SOA below", "x SOA a.example.net. b.example.org. 2 3600 900 1209600 300", "x", "SOA", "zone's own name"),
    ("wildcard NS", "*.x NS a.example.net.", "*.x", "NS", "RFC 4592"),
    ("wildcard DNAME", "*.x DNAME a.example.net.", "*.x", "DNAME", "RFC 4592"),
    ("DNAME beside NS", "x DNAME a.example.net.\nx NS a.example.net.", "x", "DNAME", "RFC 6672"),
    ("below a DNAME", "d DNAME a.example.net.\nb.d A 192.0.2.1", "b.d", None, "RFC 6672 section 2.4"),
    ("DS at the apex", "@ DS 1 13 2 " + "00" * 32, "", "DS", "RFC 4035"),
    ("NS to an alias", "sub NS al\nal CNAME x.example.net.", "sub", "NS", "RFC 2181 section 10.3"),
)
WARNINGS = (
    ("differing TTLs", "www 60 A 192.0.2.1\nwww 70 A 192.0.2.2", "www", "A", "(60, 70)"),
    ("duplicates", "www A 192.0.2.1\nwww A 192.0.2.1", "www", "A", "twice"),
    ("duplicates in another case", "www NS a.example.net.\nwww NS A.example.net.", "www", "NS", "twice"),
    ("below a cut", "sub NS a.example.net.\nb.sub TXT x", "b.sub", "TXT", "below the delegation sub.example.org"),
    ("an address that is no glue", "sub NS a.example.net.\nb.sub A 192.0.2.1", "b.sub", "A", "below the delegation"),
    ("beside a cut", "sub NS a.example.net.\nsub TXT x", "sub", "TXT", "the name is delegated"),
    ("no glue", "sub NS ns.sub", "sub", "NS", "leads nowhere"),
    ("no address of the apex's NS", "@ NS ns2", "", "NS", "no address in this zone"),
    ("MX to an alias", "@ MX 10 al\nal CNAME x.example.net.", "", "MX", "is an alias"),
    ("SRV to an alias", "_x._tcp SRV 0 0 1 al\nal CNAME x.example.net.", "_x._tcp", "SRV", "is an alias"),
    (
        "MX to a wildcard's alias",
        "@ MX 10 mail\n* CNAME www\nwww A 192.0.2.1",
        "",
        "MX",
        "is an alias by *.example.org",
    ),
    ("SRV to a wildcard's alias", "_x._tcp SRV 0 0 1 a.b\n* CNAME x.example.net.", "_x._tcp", "SRV", "is an alias by"),
    ("NS to a wildcard's alias", "@ NS a.b\n* CNAME x.example.net.", "", "NS", "is an alias by *.example.org"),
    ("MX to nothing", "@ MX 10 mail", "", "MX", "no address"),
    ("MX to one label", "@ MX 10 mail.", "", "MX", "one label only"),
    ("DS without NS", "x DS 1 13 2 " + "00" * 32, "x", "DS", "RFC 4035"),
)
FINE = (
    "www CNAME a.example.net.\nwww RRSIG CNAME 13 3 300 20300101000000 20200101000000 1 example.org. AAAA",
    "sub NS ns.sub\nns.sub A 192.0.2.1\nns.sub AAAA 2001:db8::1\nsub DS 1 13 2 " + "00" * 32,
    "sub NS sub\nsub A 192.0.2.1",
    "@ MX 0 .\n_x._tcp SRV 0 0 0 .",
    "@ MX 10 m.w\n*.w A 192.0.2.1",
    "@ MX 10 m.w\n*.w A 192.0.2.1\n* CNAME x.example.net.",
    "@ MX 10 m\nm A 192.0.2.1\n* CNAME x.example.net.",
    "@ DNAME other.example.",
    "sub NS a.example.net.\n@ MX 10 m.sub",
    "*.x CNAME a.example.net.\na.b.c.d TXT x",
)


class FindingTests(SynchronousTestCase):
    """What is wrong with a zone."""

    def test_each_rule(self) -> None:
        """Each fault is found alone, at its name and type, as bad as it is, and the reason names what an author looks for."""
        for severity, table in ((Severity.ERROR, ERRORS), (Severity.WARNING, WARNINGS)):
            for title, text, name, type_, told in table:
                found = findings(APEX, zone(text))
                self.assertEqual(len(found), 1, (title, [str(each) for each in found]))
                kind = None if type_ is None else rdata.type_from_text(type_)
                where = f"{name}.example.org".removeprefix(".")
                self.assertEqual(
                    (found[0].severity, shown(found[0].name), found[0].type), (severity, where, kind), title
                )
                self.assertIn(told, str(found[0]), title)

    def test_fine(self) -> None:
        """What only looks like a fault is none."""
        for text in FINE:
            self.assertEqual([str(each) for each in findings(APEX, zone(text))], [], text)

    def test_empty(self) -> None:
        """A zone without records lacks SOA and NS."""
        self.assertEqual([each.type for each in findings(APEX, [])], [codes.SOA, codes.NS])

    def test_outside(self) -> None:
        """A name outside the zone is an error, and only that."""
        (found,) = findings(APEX, [*zone(""), *records("@ 60 A 192.0.2.1", from_text("example.net"))])
        self.assertIn("outside the zone", found.reason)

    def test_timers(self) -> None:
        """Timers that do harm are told of, each with its RFC."""
        text = HEAD.replace("3600 900 1209600 300", "900 3600 1000 100000")
        found = findings(APEX, records(text))
        self.assertEqual([each.severity for each in found], [Severity.WARNING] * 3)

    def test_a_set_too_large(self) -> None:
        """A set that no message can carry is refused."""
        text = "\n".join(f'big TXT "{number:04}{"x" * 250}"' for number in range(260))
        (found,) = findings(APEX, zone(text))
        self.assertEqual((found.severity, found.type), (Severity.ERROR, codes.TXT))

    def test_a_record_too_large(self) -> None:
        """One record that no message can carry beside question, SOA and OPT is refused; at a wildcard, the question may be the longest."""
        room = codes.LARGEST_MESSAGE - 12 - 4 - 11 - (12 + 255 + 255 + 20) - 12
        for name, length in (("big", 17), ("*", 255)):
            owner = from_text(f"{name}.example.org")
            for more, count in ((0, 0), (1, 1)):
                record = Record(0, owner, codes.TXT, 60, bytes(room - length + more))
                found = findings(APEX, [*zone(""), record])
                self.assertEqual([each.severity for each in found], [Severity.ERROR] * count, name)

    def test_disabled(self) -> None:
        """A disabled record is in nobody's way."""
        cname = Record(0, from_text("www.example.org"), codes.CNAME, 60, from_text("x.example.net"), disabled=True)
        self.assertEqual(findings(APEX, [*zone("www A 192.0.2.1"), cname]), [])

    def test_flags(self) -> None:
        """Several CNAMEs with a flag each are doubtful, not wrong: answers by geography are to come."""
        name, one, two = from_text("www.example.org"), from_text("a.example.net"), from_text("b.example.net")
        flagged = [
            Record(0, name, codes.CNAME, 60, one, flag="Geo=US"),
            Record(0, name, codes.CNAME, 60, two, flag="Geo=CA"),
        ]
        self.assertEqual([each.severity for each in findings(APEX, [*zone(""), *flagged])], [Severity.WARNING])

    def test_the_worst(self) -> None:
        """Of very many findings, a hundred are kept: errors before warnings, of the first names, in order, and their count."""
        worst = Worst()
        for number in range(1000):
            severity = Severity.ERROR if number % 20 == 0 else Severity.WARNING
            worst.take(Finding(severity, from_text(f"{999 - number:03}.example.org"), None, "odd"))
        self.assertEqual(worst.count, 1000)
        found = worst.found
        self.assertEqual([each.severity for each in found].count(Severity.ERROR), 50)
        self.assertEqual(len(found), 100)
        self.assertEqual(found, in_order(found))
        warned = [shown(each.name)[:3] for each in found if each.severity is Severity.WARNING]
        self.assertEqual(warned[0], "000")
        self.assertLess(warned[-1], "060")


class IncompleteNameTests(SynchronousTestCase):
    """Targets as people write them who think of a zone file."""

    def test_one_label(self) -> None:
        """A target of one label without a dot is told of, in every type that has one, with what to write."""
        for kind, content in (
            ("MX", "10 mail"),
            ("CNAME", "mail"),
            ("SRV", "0 0 25 MAIL"),
            ("NS", "mail"),
            ("HTTPS", "1 mail"),
        ):
            type_ = rdata.type_from_text(kind)
            told = incomplete_name(type_, content, rdata.parse(type_, content), APEX)
            self.assertIn(f'{kind} content: "mail" is no full name; write mail.example.org', told or "")

    def test_others(self) -> None:
        """With a dot behind it, or with several labels, or no name at all, it is meant so."""
        for kind, content in (
            ("MX", "10 mail."),
            ("MX", "0 ."),
            ("MX", "10 a.b"),
            ("TXT", "mail"),
            ("HTTPS", "1 . alpn=h2"),
        ):
            type_ = rdata.type_from_text(kind)
            self.assertIsNone(incomplete_name(type_, content, rdata.parse(type_, content), APEX))
