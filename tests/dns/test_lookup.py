"""The lookup, beside an oracle that shares nothing with it, and at its limits."""

import os

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.lookup import LONGEST_CHAIN, closest_encloser, look_up
from couchpages.dns.names import LONGEST_NAME, from_text
from couchpages.dns.verdicts import (
    Answer,
    Circular,
    Delegation,
    Foreign,
    NoData,
    NoSuchName,
    NotRead,
    Outcome,
    Overlong,
)
from tests.dns.comparing import compared
from tests.dns.drawn import name_of
from tests.dns.messages import NS, SOA, TXT, A
from tests.dns.own import asking, served, zone_of
from tests.dns.reading import ZONE, name
from tests.dns.zones import Asked, World, every_question, worlds

CNAME, DNAME, DS = 5, 39, 43
EXAMPLES = int(os.environ.get("COUCHPAGES_TEST_EXAMPLES", "100"))
HEAD = "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\n"


class Oracle(SynchronousTestCase):
    """What the RFCs' algorithms say, worked out slowly."""

    @settings(deadline=None, max_examples=EXAMPLES)
    @given(worlds(occluding=True))
    def test_random_zones(self, world: World) -> None:
        """For any zones and questions, code, AA, answer, authority and glue are the oracle's."""
        texts = world.texts()
        self.assert_agrees(texts, world.names())

    @settings(deadline=None, max_examples=max(EXAMPLES // 10, 1))
    @given(worlds(occluding=True, questions=0))
    def test_every_question(self, world: World) -> None:
        """The same for all names of some zones, their parents and names below them, with all types."""
        texts = world.texts()
        self.assert_agrees(texts, World(world.zones, tuple(every_question(world.zones))).names())

    def assert_agrees(self, texts: dict[str, str], questions: list[Asked]) -> None:
        """Assert that our answers are the oracle's."""
        for asked, _, disagreement in compared(texts, questions, asking(texts)):
            self.assertIsNone(disagreement, (asked, texts))


class Case(SynchronousTestCase):
    """Zones in which to look."""

    def look(self, text: str, asked: bytes, type_: int, origin: str = "example.") -> Outcome:
        """Look in one zone."""
        return look_up(served([zone_of(text, origin)]).by_apex, asked, type_)


class Verdicts(Case):
    """Each way in which a lookup ends."""

    def test_each(self) -> None:
        """The small zone has a name for each verdict, and tells what it changes with."""
        for text, type_, verdict, steps, own in (
            ("www", A, Answer, 0, True),
            ("www", TXT, NoData, 0, True),
            ("wild", A, NoData, 0, True),
            ("none", A, NoSuchName, 0, False),
            ("x.www", A, NoSuchName, 0, False),
            ("alias", A, Answer, 1, False),
            ("alias", CNAME, Answer, 0, True),
            ("away", A, Foreign, 1, False),
            ("round", A, Circular, 2, False),
            ("x.wild", A, Answer, 0, False),
            ("*.wild", A, Answer, 0, True),
            ("cut", A, Delegation, 0, False),
            ("cut", NS, Delegation, 0, False),
            ("cut", DS, NoData, 0, True),
            ("ns.cut", A, Delegation, 0, False),
            ("www.old", A, Answer, 2, False),
            ("old", DNAME, Answer, 0, True),
            ("old", A, NoData, 0, True),
            ("www.old", CNAME, Answer, 1, False),
            ("", SOA, Answer, 0, True),
        ):
            found = self.look(ZONE, name(text), type_)
            self.assertEqual((type(found.verdict), len(found.steps), found.own), (verdict, steps, own), text)

    def test_foreign(self) -> None:
        """Names outside of all zones are foreign, also those whose octets end like a zone's."""
        for asked in (from_text("invalid"), from_text("."), name_of(b"x\x07example"), name_of(b"\x07example\0")):
            self.assertEqual(self.look(ZONE, asked, A).verdict, Foreign())


class Chains(Case):
    """Names that lead to others, without end or nearly so."""

    def test_longest(self) -> None:
        """16 aliases are followed; of one more, the answer has the chain and no end."""
        for count, verdict in ((LONGEST_CHAIN, Answer), (LONGEST_CHAIN + 1, Circular), (500, Circular)):
            text = (
                HEAD
                + "".join(f"c{number} 60 CNAME c{number + 1}\n" for number in range(count))
                + f"c{count} 60 A 192.0.2.1\n"
            )
            found = self.look(text, name("c0"), A)
            self.assertEqual((type(found.verdict), len(found.steps)), (verdict, min(count, LONGEST_CHAIN + 1)))

    def test_loops(self) -> None:
        """Loops of CNAMEs, wildcards, DNAMEs and of each through the others end, with each alias once."""
        for text, asked in (
            ("a 60 CNAME a\n", "a"),
            ("a 60 CNAME b\nb 60 CNAME a\n", "b"),
            ("*.a 60 CNAME x.a\n", "y.a"),
            ("a 60 DNAME b\nb 60 DNAME a\n", "x.a"),
            ("a 60 DNAME b.a\n", "x.a"),
            ("a 60 DNAME b\nc.b 60 CNAME c.a\n", "c.a"),
            ("a 60 DNAME a\n", "x.a"),
            ("@ 60 DNAME a\n", "x"),
        ):
            found = self.look(HEAD + text, name(asked), A)
            self.assertIsInstance(found.verdict, Circular | Overlong, text)
            aliases = [step.owner for step in found.steps if step.rrset.type == CNAME]
            self.assertEqual(len(aliases), len(set(aliases)))
            self.assertLessEqual(len(aliases), LONGEST_CHAIN + 1)

    def test_loop_of_two_zones(self) -> None:
        """Zones that lead to each other end as well."""
        both = served([zone_of(HEAD + "a 60 CNAME a.two.\n", "one."), zone_of(HEAD + "a 60 CNAME A.ONE.\n", "two.")])
        found = look_up(both.by_apex, from_text("a.one"), A)
        self.assertEqual((found.verdict, len(found.steps)), (Circular(), 2))

    def test_overlong(self) -> None:
        """What a DNAME makes may have 255 octets; of one more it is YXDOMAIN, with the DNAME alone (RFC 6672 section 2.2)."""
        for more, verdict in ((0, NoSuchName), (1, Overlong)):
            text = HEAD + "a 60 DNAME bbb\n"
            size = LONGEST_NAME - len(name("bbb")) + more
            prefix = b"\x01x" * (size // 2 - 1) + (b"\x02xx" if size % 2 else b"\x01x")
            found = self.look(text, prefix + name("a"), A)
            self.assertEqual((type(found.verdict), len(found.steps)), (verdict, 2 - more))
            if not more:
                self.assertEqual(len(found.steps[1].rrset.rdatas[0]), LONGEST_NAME)

    def test_encloser(self) -> None:
        """The closest encloser of the longest name is found, whatever is missing in between."""
        zone = zone_of(ZONE, "example.")
        self.assertEqual(closest_encloser(zone, b"\x01x" * 100 + name("wild")), name("wild"))
        self.assertEqual(closest_encloser(zone, b"\x01x" * 100 + name("")), name(""))


class Withheld(Case):
    """A zone that there is, and whose records are not all here yet."""

    def test_names(self) -> None:
        """None of its names is denied or answered for by a zone above, also at the end of an alias; those of a zone below it are."""
        above = zone_of(f"{HEAD}* 60 CNAME x\nalias 60 CNAME y.a.example.\nwww 60 A 192.0.2.1\n", "example.")
        below = zone_of(f"{HEAD}x 60 A 192.0.2.1\n", "b.a.example.")
        zones = served([above, below]).by_apex
        for text, type_, verdict in (
            ("a", A, NotRead),
            ("a", DS, NotRead),
            ("y.a", A, NotRead),
            ("alias", A, NotRead),
            ("alias", CNAME, Answer),
            ("www", A, Answer),
            ("ya", CNAME, Answer),
            ("x.b.a", A, Answer),
            ("y.b.a", A, NoSuchName),
        ):
            found = look_up(zones, name(text), type_, {name("a")})
            self.assertIsInstance(found.verdict, verdict, text)
        self.assertIsInstance(look_up({}, name("a"), A, {name("a")}).verdict, NotRead)
        self.assertIsInstance(look_up({}, name("b"), A, {name("a")}).verdict, Foreign)


class Nested(Case):
    """A zone below another, both served."""

    def test_ds(self) -> None:
        """A DS of a zone's own name is of the zone above that knows the name; where none does, of itself."""
        ds = f"1 13 2 {'00' * 32}"
        child = zone_of(f"{HEAD}@ 60 DS {ds}\n", "a.example.")
        for above, verdict, apex in (
            ("", Answer, "a"),
            ("* 60 CNAME x\n", Answer, "a"),
            (f"a 60 NS x\na 60 DS {ds}\n", Answer, ""),
            ("b.a 60 TXT x\n", NoData, ""),
            ("a 60 NS x\n", NoData, ""),
        ):
            zones = served([zone_of(HEAD + above, "example."), child])
            found = look_up(zones.by_apex, name("a"), DS).verdict
            assert isinstance(found, Answer | NoData)
            self.assertEqual((type(found), found.zone.apex), (verdict, name(apex)))
        alone = served([child])
        self.assertIsInstance(look_up(alone.by_apex, name("a"), DS).verdict, Answer)
        root = served([zone_of(HEAD, ".")])
        self.assertIsInstance(look_up(root.by_apex, b"\0", DS).verdict, NoData)

    def test_no_records_of_the_zone_above(self) -> None:
        """What the zone above has below the other's name is not answered with."""
        zones = served([zone_of(HEAD + "x.a 60 A 192.0.2.66\n", "example."), zone_of(HEAD, "a.example.")])
        found = look_up(zones.by_apex, name("x.a"), A).verdict
        self.assertIsInstance(found, NoSuchName)
