"""What challenges add to zones: nothing else is answered otherwise, and the zone is one that any server could have."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import dns.name
import dns.rdata
import dns.rdataclass
from dns.rdataset import from_rdata_list
from dns.rdatatype import RdataType
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import codes
from couchpages.dns.additions import NO_ADDITIONS, Additions, additions, with_additions
from couchpages.dns.challenges import TTL, Challenges, read_challenge
from couchpages.dns.compiling import at_once
from couchpages.dns.lookup import look_up
from couchpages.dns.names import LONGEST_NAME, WILDCARD, Name, canonical, from_text, is_within, parent, shown, suffixes
from couchpages.dns.verdicts import Answer, NoData, NoSuchName
from couchpages.dns.zone import Draft, Zone
from couchpages.testing.zones import content
from tests.dns.comparing import LONGEST_CHAIN, disagreement
from tests.dns.drawn import name_of
from tests.dns.messages import asking, opt
from tests.dns.oracle import Expected, OracleZone, expected
from tests.dns.own import responders, served, zone_of
from tests.dns.rules.asking import read, read_rrs
from tests.dns.zones import zone as lines_of_zone

ORIGIN = "example.org"
APEX = from_text(ORIGIN)
HEAD = "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\n"
EXAMPLES = int(os.environ.get("COUCHPAGES_TEST_EXAMPLES", "100"))
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "DNAME": 39, "DS": 43, "ANY": 255}
#: Owner's text to the texts of its challenges.
Standing = Mapping[str, Sequence[str]]


def standing(of: Standing) -> Challenges:
    """Hold challenges."""
    held = Challenges()
    for name, texts in of.items():
        held.hold(name, read_challenge(name, texts, 1))
    return held


def added(zone: Zone, of: Standing) -> Additions:
    """Give what challenges add to a zone."""
    return at_once(additions(Draft.of(zone), standing(of)))


def challenged(zone: Zone, of: Standing) -> Zone:
    """Give what is answered with challenges."""
    return at_once(with_additions(zone, added(zone, of)))


class Case(SynchronousTestCase):
    """One zone, ``example.org``."""

    def have(self, text: str, **challenges: str) -> None:
        """Write a zone; the challenges' names are relative to it, and have a hyphen for each dot."""
        self.written = zone_of(HEAD + text, ORIGIN)
        texts = {f"{name.replace('-', '.')}.{ORIGIN}": [text] for name, text in challenges.items()}
        self.added = added(self.written, texts)
        self.zone = challenged(self.written, texts)

    def at(self, name: str) -> dict[str, list[str]]:
        """Give what stands at a name: types to data."""
        rrsets = self.zone.nodes[from_text(f"{name}.{ORIGIN}")]
        names = {number: text for text, number in TYPES.items()}
        return {
            names[type_]: [
                dns.rdata.from_wire(dns.rdataclass.IN, RdataType.make(type_), data, 0, len(data)).to_text()
                for data in rrset.rdatas
            ]
            for type_, rrset in rrsets.items()
        }

    @property
    def names(self) -> set[str]:
        """The names that challenges made, without the zone's."""
        return {shown(name).removesuffix(f".{ORIGIN}") for name in self.zone.nodes.keys() - self.written.nodes.keys()}

    def verdict(self, name: str, type_: str = "A") -> type:
        """Look up a name."""
        return type(look_up({APEX: self.zone}, from_text(f"{name}.{ORIGIN}"), TYPES[type_]).verdict)


class Wildcards(Case):
    """Where a wildcard answers."""

    def test_copies(self) -> None:
        """The names that are new, and the wildcards below them, have all that the wildcard has; the owner has its texts alone as TXT."""
        self.have('* 300 A 192.0.2.1\n* 300 MX 1 m\n* 60 TXT "w"\n', **{"_a-b-c": "one"})
        self.assertEqual(self.names, {"c", "*.c", "b.c", "*.b.c", "_a.b.c", "*._a.b.c"})
        copies = {"A": ["192.0.2.1"], "MX": ["1 m.example.org."], "TXT": ['"w"']}
        for name in self.names - {"_a.b.c"}:
            self.assertEqual(self.at(name), copies)
        self.assertEqual(self.at("_a.b.c"), {**copies, "TXT": ['"one"']})
        for name in self.names:
            for rrset in self.zone.nodes[from_text(f"{name}.{ORIGIN}")].values():
                self.assertEqual(rrset.owner, from_text(f"{name}.{ORIGIN}"))
        self.assertEqual(self.zone.nodes[from_text(f"b.c.{ORIGIN}")][codes.A].ttl, 300)
        self.assertEqual(self.zone.nodes[from_text(f"_a.b.c.{ORIGIN}")][codes.TXT].ttl, TTL)

    def test_alias(self) -> None:
        """A wildcard that is an alias is copied to the names above and below the owner, where the texts stand alone."""
        self.have("* 300 CNAME @\n", **{"_a-b": "one"})
        self.assertEqual(self.at("_a.b"), {"TXT": ['"one"']})
        for name in ("b", "*.b", "*._a.b"):
            self.assertEqual(self.at(name), {"CNAME": ["example.org."]})

    def test_meaningless(self) -> None:
        """NS and DNAME at a wildcard mean nothing, and nothing is cut with them (RFC 4592 sections 4.2 and 4.4)."""
        self.have("* 300 NS n\n* 300 DNAME d\n* 300 A 192.0.2.1\n", **{"_a-b": "one"})
        self.assertEqual((self.at("b"), self.zone.cuts), ({"A": ["192.0.2.1"]}, frozenset()))

    def test_closest_encloser(self) -> None:
        """The wildcard of the closest name that is written counts, also of an empty one, and no other."""
        self.have("* 300 A 192.0.2.1\nx.b 300 A 192.0.2.2\n*.d 300 A 192.0.2.3\n", **{"_a-c-b": "one", "_a-c-d": "two"})
        self.assertEqual(self.names, {"c.b", "_a.c.b", "c.d", "*.c.d", "_a.c.d", "*._a.c.d"})
        self.assertEqual((self.at("c.b"), self.at("_a.c.b")), ({}, {"TXT": ['"one"']}))
        self.assertEqual(self.at("c.d"), {"A": ["192.0.2.3"]})
        self.assertIs(self.verdict("y.c.b"), NoSuchName)

    def test_none(self) -> None:
        """Without a wildcard nothing is copied: the name above is empty."""
        self.have("www 300 A 192.0.2.1\n", **{"_a-b": "one"})
        self.assertEqual((self.names, self.at("b"), self.verdict("b")), ({"b", "_a.b"}, {}, NoData))

    def test_empty(self) -> None:
        """A wildcard that is there only for a name below it has nothing to copy."""
        self.have("x.* 300 A 192.0.2.1\n", **{"_a-b": "one"})
        self.assertEqual((self.names, self.verdict("b")), ({"b", "_a.b"}, NoData))

    def test_existing_owner(self) -> None:
        """At an owner that is written, or is above a written name, nothing but the texts is added, and nothing below."""
        self.have(
            '* 300 A 192.0.2.1\n_a.b 300 TXT "w"\nx._a.c 300 A 192.0.2.2\n',
            **{"_a-b": "one", "_a-c": "two", "b": "three"},
        )
        self.assertEqual(self.names, set())
        self.assertEqual(self.at("_a.b"), {"TXT": ['"w"', '"one"']})
        self.assertEqual((self.at("_a.c"), self.at("b")), ({"TXT": ['"two"']}, {"TXT": ['"three"']}))

    def test_one_below_the_other(self) -> None:
        """A challenge above or below another: each has its texts, and the names between have the copies."""
        self.have("* 300 A 192.0.2.1\n", **{"a": "one", "_a-b-a": "two"})
        self.assertEqual(self.names, {"a", "*.a", "b.a", "*.b.a", "_a.b.a", "*._a.b.a"})
        self.assertEqual(self.at("a"), {"A": ["192.0.2.1"], "TXT": ['"one"']})
        self.assertEqual(self.at("_a.b.a"), {"A": ["192.0.2.1"], "TXT": ['"two"']})
        self.assertEqual(self.at("b.a"), {"A": ["192.0.2.1"]})

    def test_longest_names(self) -> None:
        """Where no name fits below, there is no wildcard."""
        for length, below in ((252, True), (253, True), (254, False), (255, False)):
            free = length - len(APEX)
            owner = name_of(*([b"a" * 63] * 3), b"b" * (free - 3 * 64 - 1))[:-1] + APEX
            self.assertEqual(len(owner), length)
            zone = challenged(zone_of(HEAD + "* 300 A 192.0.2.1\n", ORIGIN), {shown(owner): ["x"]})
            self.assertEqual(WILDCARD + owner in zone.nodes, below)
            self.assertLessEqual(max(map(len, zone.nodes)), LONGEST_NAME)


class Left(Case):
    """What is left out."""

    def test_cuts(self) -> None:
        """Below a delegation and a DNAME nothing is added; at their own names it is, and they stay what they are."""
        text = "* 300 A 192.0.2.1\nd 300 NS n.d\nn.d 300 A 192.0.2.2\nr 300 DNAME elsewhere.example.\n"
        self.have(text, **{"_a-d": "x", "_a-n-d": "x", "_a-r": "x"})
        self.assertEqual(self.added, NO_ADDITIONS)
        self.assertIs(self.zone, self.written)
        self.have(text, d="x", r="x")
        self.assertEqual(
            (self.zone.cuts, set(self.added.rrsets)), (self.written.cuts, {from_text(f"{n}.{ORIGIN}") for n in "dr"})
        )
        self.assertIs(self.verdict("r", "TXT"), Answer)

    def test_redirected_apex(self) -> None:
        """In a zone with a DNAME at its own name there is that name alone."""
        self.have("@ 300 DNAME elsewhere.example.\n", _a="x")
        self.assertEqual(self.added, NO_ADDITIONS)

    def test_alias(self) -> None:
        """At a written alias the challenge is left out, and told; at an alias above it, it is not."""
        self.have("a 300 CNAME @\n* 300 CNAME @\n", a="x", **{"_a-a": "y"})
        self.assertEqual((self.at("a"), self.at("_a.a")), ({"CNAME": ["example.org."]}, {"TXT": ['"y"']}))
        self.assertEqual((self.added.aliased, self.names), ({from_text(f"a.{ORIGIN}")}, {"_a.a"}))

    def test_wildcards_have_none(self) -> None:
        """There are no challenges at wildcards and below them, where others' answers would be concerned."""
        for name in ("*.example.org", "_acme-challenge.*.example.org", "*"):
            with self.assertRaisesRegex(ValueError, "wildcard"):
                read_challenge(name, ["x"], 1)
        read_challenge("a*.example.org", ["x"], 1)

    def test_nothing_before_is_changed(self) -> None:
        """The written zone is what it was."""
        zone = zone_of(HEAD + "* 300 A 192.0.2.1\n", ORIGIN)
        copies = zone.nodes.copy(), zone.children.copy(), zone.wildcards
        challenged(zone, {"_a.b.example.org": ["x"]})
        self.assertEqual((zone.nodes, zone.children, zone.wildcards), copies)

    def test_what_changed(self) -> None:
        """Two additions differ in what came, went or is another, and nothing else."""
        zone = zone_of(HEAD + "* 300 A 192.0.2.1\n", ORIGIN)
        one = added(zone, {"_a.b.example.org": ["x"], "_a.c.example.org": ["x"]})
        other = added(zone, {"_a.b.example.org": ["y"], "_a.d.example.org": ["x"]})
        shapes = ("{}.example.org", "*.{}.example.org", "_a.{}.example.org", "*._a.{}.example.org")
        wanted = {from_text(shape.format(label)) for label in "cd" for shape in shapes} | {
            from_text("_a.b.example.org")
        }
        self.assertEqual(set(other.changed(one)), wanted)
        self.assertEqual(one.changed(one), [])


LABELS = ("a", "b", "c", "x", "_acme-challenge")
owners = st.lists(st.sampled_from(LABELS), max_size=4).map(lambda parts: ".".join([*parts, ORIGIN]))
challenges = st.dictionaries(owners, st.lists(st.sampled_from(("one", "two")), min_size=1, max_size=2), max_size=4)


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    """Give a zone with everything in it; with wildcards more often than not."""
    lines = list(draw(lines_of_zone("%")))
    written = {line.split(" ", 1)[0] for line in lines}
    for wildcard in draw(st.lists(st.sampled_from(("*.%", "*.a.%", "*.b.a.%")), max_size=2, unique=True)):
        if wildcard not in written:
            types = draw(st.sampled_from((("300 A 192.0.2.9", '60 TXT "w"'), ("300 CNAME b.%",), ("60 MX 1 c.a.%",))))
            lines += [f"{wildcard} {rr}" for rr in types]
    return zone_of("\n".join(lines).replace("%", f"{ORIGIN}.") + "\n", ORIGIN)


def oracle_of(zone: Zone) -> OracleZone:
    """Give a zone to the oracle, as a secondary would have it."""
    nodes = {}
    for owner, rrsets in zone.nodes.items():
        if rrsets:
            nodes[_name(owner)] = {
                RdataType.make(type_): from_rdata_list(
                    rrset.ttl,
                    [
                        dns.rdata.from_wire(dns.rdataclass.IN, RdataType.make(type_), each, 0, len(each))
                        for each in rrset.rdatas
                    ],
                )
                for type_, rrset in rrsets.items()
            }
    return OracleZone(_name(zone.apex), nodes)


def _name(name: Name) -> dns.name.Name:
    return dns.name.from_wire(name, 0)[0]


@dataclass(frozen=True, slots=True)
class Concerned:
    """What challenges may change, worked out slowly: *texts* by owner; *silent* are other names that may answer otherwise than before.

    *below* are names below which nothing exists any more: new ones, where a wildcard without anything said before that all does; and the
    new wildcards, below which no question has a name but one with an asterisk of its own.
    """

    texts: dict[Name, set[bytes]]
    silent: set[Name]
    below: set[Name]

    def __call__(self, name: Name, type_: int) -> bool:
        """Whether an answer may be another."""
        if name in self.silent or any(name != each and is_within(name, each) for each in self.below):
            return True
        return name in self.texts and type_ in (codes.TXT, codes.ANY)


def ends_at(zone: Zone, name: Name) -> bool:
    """Whether nothing of the zone's own can stand below a name."""
    rrsets = zone.nodes.get(name, {})
    return codes.DNAME in rrsets or (codes.NS in rrsets and name != zone.apex)


def concerned(zone: Zone, of: Standing) -> Concerned:
    """Work out what challenges may change."""
    found = Concerned({}, set(), set())
    for text, texts in of.items():
        owner = from_text(text)
        above = [name for name in suffixes(parent(owner)) if owner != zone.apex and is_within(name, zone.apex)]
        if any(ends_at(zone, name) for name in above):
            continue
        if codes.CNAME in zone.nodes.get(owner, {}):
            continue
        found.texts[owner] = {bytes((len(each),)) + each.encode() for each in texts}
        new = [name for name in (owner, *above) if name not in zone.nodes]
        encloser = next(name for name in suffixes(owner) if name in zone.nodes)
        wildcard = zone.nodes.get(WILDCARD + encloser)
        if wildcard:
            found.below.update(WILDCARD + name for name in new)
        if wildcard is None:
            found.silent.update(new)
        elif not wildcard:
            found.below.update(new)
        elif codes.CNAME in wildcard and owner in new:
            found.silent.add(owner)
    return found


def names_around(*zones: Zone) -> list[Name]:
    """Give all names of zones, and such below them, of which most do not exist."""
    names = {name for zone in zones for name in zone.nodes}
    below = {prefix + name for prefix in (b"\1x", b"\1*", b"\1x\1b", b"\1b") for name in names}
    return sorted(each for each in names | below if len(each) <= LONGEST_NAME)


def questions(*zones: Zone) -> Iterable[tuple[Name, int]]:
    """Give every name around with every type."""
    return ((name, type_) for name in names_around(*zones) for type_ in TYPES.values())


def chain(zone: Zone, name: Name, type_: int) -> list[Name]:
    """Give the names to which a question leads."""
    outcome = look_up({zone.apex: zone}, name, type_)
    return [name, *(canonical(step.rrset.rdatas[0]) for step in outcome.steps if step.rrset.type == codes.CNAME)]


class Random(SynchronousTestCase):
    """Zones with wildcards, empty non-terminals, cuts and aliases, and challenges anywhere."""

    @settings(deadline=None, max_examples=EXAMPLES)
    @given(zones(), challenges)
    def test_nothing_else_changes(self, written: Zone, of: Standing) -> None:
        """For every name and type but the challenges' own, the answer is what it is without them, byte for byte.

        Only addresses of hosts that wildcards have may come along in addition.
        """
        zone, may_change = challenged(written, of), concerned(written, of)
        without, having = responders(served([written]))["tcp"], responders(served([zone]))["tcp"]
        for name, type_ in questions(written, zone):
            passed = {*chain(written, name, type_), *chain(zone, name, type_)}
            if not any(may_change(each, type_) for each in passed):
                question = asking(name, type_, opt())
                self.assert_same(without.answer(question), having.answer(question))

    def assert_same(self, without: bytes | None, having: bytes | None) -> None:
        """Assert that two answers are the same, but for more that is additional."""
        if without == having:
            return
        assert without is not None
        assert having is not None
        one, other = read(without), read(having)
        self.assertEqual((other.flags, other.answer, other.authority), (one.flags, one.answer, one.authority))
        self.assertLess(set(read_rrs(one.additional)), set(read_rrs(other.additional)))

    @settings(deadline=None, max_examples=EXAMPLES)
    @given(zones(), challenges)
    def test_own_names(self, written: Zone, of: Standing) -> None:
        """At its owner, each challenge's texts are answered, with those that are written there and no others; what exists, goes on to."""
        zone, may_change = challenged(written, of), concerned(written, of)
        for owner, texts in may_change.texts.items():
            before = written.nodes.get(owner, {}).get(codes.TXT)
            self.assertEqual(
                set(zone.nodes[owner][codes.TXT].rdatas), texts | set(before.rdatas if before is not None else ())
            )
            if owner not in zone.cuts or codes.DNAME in zone.nodes[owner]:
                self.assertIsInstance(look_up({APEX: zone}, owner, codes.TXT).verdict, Answer)
        for name, type_ in questions(written, zone):
            if name in may_change.silent:
                self.assertNotIsInstance(look_up({APEX: zone}, name, type_).verdict, NoSuchName)
        self.assertLessEqual(written.nodes.keys(), zone.nodes.keys())

    @settings(deadline=None, max_examples=EXAMPLES)
    @given(zones(), challenges, st.randoms(use_true_random=False))
    def test_oracle(self, written: Zone, of: Standing, random: st.DrawFn) -> None:
        """Whoever has the zone's records alone answers what we answer, and what was answered for the written ones."""
        zone, may_change = challenged(written, of), concerned(written, of)
        records, before = oracle_of(zone), oracle_of(written)
        responder = responders(served([zone]))["tcp"]
        every = list(questions(written, zone))
        for name, type_ in random.sample(every, min(len(every), 80)):  # type: ignore[attr-defined]  # a random.Random
            wanted = expected([records], _name(name), RdataType.make(type_))
            if wanted.links > LONGEST_CHAIN:
                continue
            self.assertIsNone(disagreement(wanted, responder.answer(asking(name, type_, opt()))), (name, type_))
            passed = {*chain(written, name, type_), *chain(zone, name, type_)}
            if not any(may_change(each, type_) for each in passed):
                was: Expected = expected([before], _name(name), RdataType.make(type_))
                self.assertEqual(wanted, was, (name, type_))

    @settings(deadline=None, max_examples=EXAMPLES)
    @given(zones(), challenges)
    def test_whole(self, written: Zone, of: Standing) -> None:
        """The zone is the one that would be made of its records anew, and without challenges it is the written one."""
        zone = challenged(written, of)
        anew = Draft(APEX)
        for name, rrsets in zone.nodes.items():
            if rrsets:
                anew.put(name, rrsets)
        again = anew.finish(zone.serial, written.soa)
        self.assertEqual((zone.nodes, zone.cuts, zone.wildcards), (again.nodes, again.cuts, again.wildcards))
        self.assertEqual((zone.soa, zone.negative, zone.serial), (written.soa, written.negative, written.serial))
        self.assertEqual(zone.cuts, written.cuts)
        self.assertIs(challenged(written, {}), written)
        draft = Draft.of(zone)
        for name in added(written, of).rrsets:
            draft.put(name, written.nodes.get(name, {}))
        self.assertEqual(content(draft.finish(1, written.soa)), content(written))
