"""Names in wire form."""

from itertools import pairwise
from unittest.mock import patch

import dns.name
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import names
from couchpages.dns.names import ROOT, canonical, from_text, is_within, labels, order, parent, shown, suffixes, to_text
from tests.dns.drawn import name_of
from tests.dns.drawn import names as drawn

LABEL = "a" * 63


class Texts(SynchronousTestCase):
    """Names as people write them."""

    def test_reading(self) -> None:
        """A name is absolute with or without its last dot, and an escape stands for the octet, never for a separator."""
        for text, parts in (
            ("www.example", (b"www", b"example")),
            ("www.example.", (b"www", b"example")),
            (".", ()),
            (r"a\.b.example", (b"a.b", b"example")),
            (r"\000.\255", (b"\0", b"\xff")),
            (r"\003www", (b"\x03www",)),
            (r"a\\b", (b"a\\b",)),
            ("*.example", (b"*", b"example")),
            ("bücher.example", (b"xn--bcher-kva", b"example")),
        ):
            self.assertEqual(from_text(text), name_of(*parts), text)

    def test_refusing(self) -> None:
        """What is no name is refused with its fault, and what was written."""
        for text, why in (
            ("a..b", "a label is empty"),
            (".a", "a label is empty"),
            (LABEL + "a.example", "a label has more than 63 octets"),
            (".".join([LABEL] * 4), "it has more than 255 octets"),
            (r"\256", "behind a backslash stand three digits"),
            (r"\25", "behind a backslash stand three digits"),
        ):
            message = str(self.assertRaises(ValueError, from_text, text))
            self.assertIn(why, message)
            self.assertIn("is no domain name", message)

    def test_a_long_fault_is_one_line(self) -> None:
        """What somebody sends does not come back at length."""
        self.assertLess(len(str(self.assertRaises(ValueError, from_text, "a" * 100_000))), 400)

    def test_a_long_text_is_not_read(self) -> None:
        """A text that is longer than any name is refused before IDNA sees it, which would take seconds."""
        error = self.assertRaises(ValueError, from_text, "ü." * 511)
        self.assertIn("more than 255 octets", str(error))
        with patch("couchpages.dns.names.dns.name.from_text", side_effect=AssertionError):
            self.assertRaises(ValueError, from_text, "ü." * 511)

    def test_limits(self) -> None:
        """63 octets are a label and 255 a name; one more of either is none."""
        longest = ".".join([LABEL] * 3 + ["b" * 61])
        self.assertEqual(len(from_text(longest)), 255)
        self.assertRaises(ValueError, from_text, longest.replace("b", "bb", 1))
        self.assertEqual(len(labels(from_text(LABEL))[0]), 63)
        self.assertEqual(len(from_text("a." * 127)), 255)
        self.assertRaises(ValueError, from_text, "a." * 128)

    @settings(deadline=None)
    @given(drawn)
    def test_there_and_back(self, name: bytes) -> None:
        """Whatever the octets, a name's text is read as the same name, and so is what the documents have."""
        self.assertEqual(from_text(to_text(name)), name)
        self.assertEqual(from_text(shown(name)), name)

    def test_shown(self) -> None:
        """The documents have names without the last dot, but for the root; an escaped dot at the end stays."""
        self.assertEqual([shown(each) for each in (name_of(b"a"), ROOT, name_of(b"a."))], ["a", ".", "a\\."])


class Wire(SynchronousTestCase):
    """Names as the lookup has them."""

    @settings(deadline=None)
    @given(drawn)
    def test_labels(self, name: bytes) -> None:
        """Labels are those that dnspython finds, the root's included."""
        self.assertEqual(labels(name), dns.name.from_wire(name, 0)[0].labels)

    @settings(deadline=None)
    @given(drawn, drawn)
    def test_comparing(self, one: bytes, other: bytes) -> None:
        """Two names are the same where dnspython thinks so: letters of ASCII alone lose their case, and no length is changed by it."""
        theirs = [dns.name.from_wire(each, 0)[0] for each in (one, other)]
        self.assertEqual(canonical(one) == canonical(other), theirs[0] == theirs[1])
        self.assertEqual([len(each) for each in labels(canonical(one))], [len(each) for each in labels(one)])
        self.assertEqual(order(one) < order(other), theirs[0] < theirs[1])

    @settings(deadline=None)
    @given(drawn, drawn)
    def test_within(self, name: bytes, apex: bytes) -> None:
        """A name is within another as dnspython has it, also where a label has in it what the other ends with."""
        name, apex = canonical(name), canonical(apex)
        theirs = [dns.name.from_wire(each, 0)[0] for each in (name, apex)]
        self.assertEqual(is_within(name, apex), theirs[0].is_subdomain(theirs[1]))

    @settings(deadline=None)
    @given(st.lists(st.sampled_from((b"x", b"\x01x", b"xx")), max_size=3), drawn)
    def test_within_its_own(self, below: list[bytes], apex: bytes) -> None:
        """Labels before a name are below it; the octets of its wire form inside of a label are not."""
        self.assertTrue(is_within(name_of(*below)[:-1] + apex, apex))
        if 1 < len(apex) <= 63:
            self.assertFalse(is_within(name_of(*below, apex), apex))

    def test_not_within(self) -> None:
        """Defect in other servers: a label that has the bytes of a name in it is not that name."""
        example = name_of(b"example")
        for name in (
            name_of(b"a\x07example"),
            name_of(b"\x07example"),
            name_of(b"\x07example\0"),
            name_of(b"notexample"),
            ROOT,
        ):
            self.assertFalse(is_within(name, example), name)
        self.assertTrue(is_within(ROOT, ROOT))
        self.assertTrue(is_within(example, ROOT))

    @settings(deadline=None)
    @given(drawn)
    def test_upwards(self, name: bytes) -> None:
        """The suffixes are the name, its parents in their order, and the root."""
        found = list(suffixes(name))
        self.assertEqual((found[0], found[-1], len(found)), (name, ROOT, len(labels(name))))
        for one, above in pairwise(found):
            self.assertEqual(parent(one), above)
        self.assertEqual(parent(ROOT), b"")

    def test_wildcards(self) -> None:
        """A sole asterisk as the first label is a wildcard, and nothing else is (RFC 4592 section 2.1.1)."""
        for parts, is_one in (
            ((b"*", b"a"), True),
            ((b"*",), True),
            ((b"**", b"a"), False),
            ((b"a", b"*"), False),
            ((b"*a",), False),
            ((b"\x01*",), False),
            ((), False),
        ):
            self.assertEqual(names.is_wildcard(name_of(*parts)), is_one, parts)
