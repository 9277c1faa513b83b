from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.generating import MOST_GENERATED, generated, read_range


class GeneratingTests(SynchronousTestCase):
    """$GENERATE, after BIND's manual."""

    def test_ranges(self) -> None:
        """Both ends are included; a step may follow."""
        self.assertEqual(list(read_range("1-3")), [1, 2, 3])
        self.assertEqual(list(read_range("0-5/2")), [0, 2, 4])
        self.assertEqual(len(read_range(f"1-{MOST_GENERATED}")), MOST_GENERATED)

    def test_wrong_ranges(self) -> None:
        """Malformed, backwards and huge ranges are refused before anything is made of them."""
        for text in (
            "",
            "1",
            "a-b",
            "3-1",
            "1-5/0",
            f"0-{MOST_GENERATED}",
            "0-9999999999",
            "1-2/",
            "1-2-3",
            "-1-2",
            "٣-٤",
        ):
            self.assertRaises(ValueError, read_range, text)

    def test_places(self) -> None:
        """The dollar alone, with offset, width and base; doubled or behind a backslash it is itself."""
        for template, number, wanted in (
            ("host-$", 7, "host-7"),
            ("${0,3}", 7, "007"),
            ("${10,0,d}", 7, "17"),
            ("${-2}", 7, "5"),
            ("${0,4,x}", 255, "00ff"),
            ("${0,4,X}", 255, "00FF"),
            ("${0,0,o}", 8, "10"),
            ("${0,3,n}", 0xAB, "b.a"),
            ("${0,7,N}", 0xAB, "B.A.0.0"),
            ("$$x", 7, r"\$x"),
            (r"\$x\\$", 7, r"\$x\\7"),
            ("a.$.b.$", 7, "a.7.b.7"),
        ):
            self.assertEqual(generated(template, number), wanted, template)

    def test_wrong_places(self) -> None:
        """What stands in braces and is no modifier is refused, and so is a width that only takes memory."""
        for template in ("${}", "${x}", "${0,999}", "${0,3,z}", "${1,2,d,4}", "${-8,0,n}"):
            self.assertRaises(ValueError, generated, template, 7)
