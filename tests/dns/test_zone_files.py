from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import rdata
from couchpages.dns.names import from_text, shown
from couchpages.dns.zone_files import DEEPEST, Line, ZoneFileError, ZoneFileReader
from tests.dns.zone_text import APEX


class ZoneFileCase(SynchronousTestCase):
    """Zone files in memory."""

    def read(self, text: str, files: Mapping[str, str] | None = None) -> list[Line]:
        """Read a file that may include *files*."""

        def include(name: str) -> str:
            if files is None or name not in files:
                raise ValueError(f"$INCLUDE {name}: there is none")
            return files[name]

        return ZoneFileReader(APEX, include).read("zone", text)

    def told(self, text: str, files: Mapping[str, str] | None = None) -> list[str]:
        """Read a file, and give its records in one form."""
        return [
            f"{shown(each.record.name)} {each.record.ttl} {rdata.type_to_text(each.record.type)} "
            f"{rdata.to_text(each.record.type, each.record.rdata)}"
            for each in self.read(text, files)
        ]


class ReadingTests(ZoneFileCase):
    """What a file says (RFC 1035 section 5.1)."""

    def test_names(self) -> None:
        """Relative and absolute ones, the apex, and the one before."""
        self.assertEqual(
            self.told(
                "$TTL 5\n@ A 192.0.2.1\n  A 192.0.2.2\nwww A 192.0.2.3\nx.example.org. A 192.0.2.4\n*.W MX 1 m\n"
            ),
            [
                "example.org 5 A 192.0.2.1",
                "example.org 5 A 192.0.2.2",
                "www.example.org 5 A 192.0.2.3",
                "x.example.org 5 A 192.0.2.4",
                "*.W.example.org 5 MX 1 m.example.org.",
            ],
        )

    def test_ttl_and_class(self) -> None:
        """TTL and class stand in either order or not at all; $TTL, or else the last TTL, or else the SOA's minimum counts."""
        self.assertEqual(
            self.told("a 60 IN TXT x\na IN 2m TXT y\na TXT z\n$TTL 1h\na IN TXT v\na CLASS1 7 TYPE16 w"),
            [
                f'a.example.org {ttl} TXT "{text}"'
                for ttl, text in ((60, "x"), (120, "y"), (120, "z"), (3600, "v"), (7, "w"))
            ],
        )
        soa = "@ SOA a b 1 2 3 4 300\n@ NS a"
        self.assertEqual([each.record.ttl for each in self.read(soa)], [300, 300])

    def test_forms(self) -> None:
        """Brackets over lines, comments, quotes, escapes, and RFC 3597."""
        self.assertEqual(
            self.told(
                '$TTL 5\n@ SOA a b ( 1 ; serial\n 2 3\n 4 5 ) ; end\n\n; nothing\nt TXT "a;b" "c\\"d" \\065\nu TYPE65280 \\# 2 00ff\n'
            ),
            [
                "example.org 5 SOA a.example.org. b.example.org. 1 2 3 4 5",
                't.example.org 5 TXT "a;b" "c\\"d" "A"',
                "u.example.org 5 TYPE65280 \\# 2 00ff",
            ],
        )

    def test_origin(self) -> None:
        """$ORIGIN counts from then on, relative to the one before."""
        self.assertEqual(
            self.told("$TTL 5\n$ORIGIN a\nx TXT x\n$ORIGIN b\nx TXT x\n$ORIGIN example.org.\nx TXT x"),
            [f'{name}.example.org 5 TXT "x"' for name in ("x.a", "x.b.a", "x")],
        )

    def test_include(self) -> None:
        """A file that is included has the origin that stands there, and leaves origin and name as they were."""
        files = {"f": "y TXT y\n$ORIGIN z\n@ TXT z\n", "g g": "w TXT w"}
        self.assertEqual(
            self.told('$TTL 5\nx TXT x\n$INCLUDE f sub\n TXT v\n$INCLUDE "g g"\nu TXT u', files),
            [
                f'{name}.example.org 5 TXT "{text}"'
                for name, text in (("x", "x"), ("y.sub", "y"), ("z.sub", "z"), ("x", "v"), ("w", "w"), ("u", "u"))
            ],
        )

    def test_generate(self) -> None:
        """A range of records, with TTL and class, and data with spaces in it."""
        self.assertEqual(
            self.told(
                '$TTL 5\n$GENERATE 1-2 h$ A 10.0.0.$\n$GENERATE 3-3 h${0,2} 60 IN MX "10 m$"\n'.replace(
                    '"10 m$"', "10 m$"
                )
            ),
            ["h1.example.org 5 A 10.0.0.1", "h2.example.org 5 A 10.0.0.2", "h03.example.org 60 MX 10 m3.example.org."],
        )
        self.assertEqual(self.told('$TTL 5\n$GENERATE 1-1 t TXT "a b $"'), ['t.example.org 5 TXT "a b 1"'])

    def test_lines(self) -> None:
        """Each record knows its file and the line on which it begins."""
        found = self.read("$TTL 5\n\na TXT (\n x )\n$INCLUDE f\nb TXT y", {"f": "\nc TXT z"})
        self.assertEqual([(each.file, each.line) for each in found], [("zone", 3), ("f", 2), ("zone", 6)])

    def test_nothing_is_merged(self) -> None:
        """Duplicates, differing TTLs and what stands beside a CNAME all come out, for the checks to tell of."""
        text = "a 5 CNAME x\na 6 CNAME x\na 7 A 192.0.2.1"
        self.assertEqual(len(self.read(text)), 3)


class RefusalTests(ZoneFileCase):
    """What is wrong with a file is told with file and line, and nothing else is ever raised."""

    def test_each(self) -> None:
        """Each fault, with what an author looks for."""
        for text, told in (
            ("a A x", "A content needs an IPv4 address"),
            ("a MX mail", "MX content needs a priority and a host name"),
            ("a FOO x", "'FOO' is no type"),
            ("a ANY x", "exists in messages only"),
            ("a.example.net. A 192.0.2.1", "lies outside the zone"),
            ("a CH TXT x", "class CH"),
            ("a", "a type of record was expected"),
            ('"a" A 192.0.2.1', "a name was expected"),
            ("a..b A 192.0.2.1", "is no domain name"),
            ("x" * 64 + " A 192.0.2.1", "is no domain name"),
            ("a 99999999999 A 192.0.2.1", "is no TTL"),
            ("a 4294967295 A 192.0.2.1", "TTL"),
            ("a A (192.0.2.1", ""),
            ('a TXT "x', "TXT content needs"),
            ("a A 192.0.2.1 extra", "A content needs"),
            ("$FOO x", "there is no $FOO"),
            ("$TTL", "a TTL was expected"),
            ("$TTL 5 6", "something stands behind"),
            ("$ORIGIN", "a name was expected"),
            ("$INCLUDE", "needs the name of a file"),
            ("$INCLUDE nowhere", "there is none"),
            ("$GENERATE 1-2", "a name with a $"),
            ("$GENERATE x a$ A 192.0.2.$", "is no range"),
            ("$GENERATE 1-300 a$ A 192.0.2.$", "A content needs"),
            ("$GENERATE 1-2 ${x} A 192.0.2.$", "is no place for a number"),
        ):
            error = self.assertRaises(ZoneFileError, self.read, f"$TTL 5\n{text}\n")
            self.assertEqual((error.file, error.line), ("zone", 2), text)
            self.assertIn(told.lower(), error.reason.lower(), text)
            self.assertEqual(len(str(error).splitlines()), 1, text)

    def test_no_ttl(self) -> None:
        """A record without any TTL is refused, not given one by chance."""
        self.assertRaises(ZoneFileError, self.read, "a A 192.0.2.1")

    def test_a_file_that_includes_itself(self) -> None:
        """It ends soon, also where each includes several."""
        for text in ("$INCLUDE f", "$INCLUDE f\n" * 3):
            error = self.assertRaises(ZoneFileError, self.read, text, {"f": text})
            self.assertIn(f"{DEEPEST} files deep", error.reason)

    def test_memory(self) -> None:
        """Many $GENERATE lines cannot make more records than any zone has."""
        text = "$TTL 5\n" + "$GENERATE 1-65536 a$ TYPE65280 \\# 0\n" * 100_000
        reader = ZoneFileReader(APEX, lambda _: "")
        reader.lines = [Line("", 1, self.read("a 5 TXT x")[0].record)] * 990_000
        self.assertIn("more than 1,000,000", str(self.assertRaises(ZoneFileError, reader.read, "zone", text)))

    def test_apex(self) -> None:
        """A reader for another zone takes names of that one only."""
        reader = ZoneFileReader(from_text("example.net"), lambda _: "")
        self.assertRaises(ZoneFileError, reader.read, "zone", "example.org. 5 A 192.0.2.1")
