"""Zones in the making."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import codes
from couchpages.dns.names import Name, from_text, is_within, parent, suffixes
from couchpages.dns.rrsets import RRset
from couchpages.dns.zone import Draft, Zone, minimum_of, substitute_soa
from tests.dns.changes import NAMES, Line, compiled, nodes

APEX = from_text("test.")
SUBSTITUTE = substitute_soa(APEX, from_text("ns.test."), from_text("host.test."))
A = ("A", 60, "192.0.2.1")
puts = st.lists(st.tuples(st.sampled_from([name for name in NAMES if is_within(name, APEX)]), nodes), max_size=20)


def put(draft: Draft, name: Name, node: tuple[Line, ...]) -> None:
    """Put lines at a name."""
    draft.put(name, compiled(APEX, name, node))


def at(name: str) -> Name:
    """Give a name of the zone."""
    return from_text(f"{name}.test.")


class Drafts(SynchronousTestCase):
    """What is made piece by piece."""

    def assert_whole(self, zone: Zone) -> None:
        """Assert that all parts of a zone follow from what stands at its names, as slowly worked out."""
        owners = {name for name, rrsets in zone.nodes.items() if rrsets} | {APEX}
        existing = {each for name in owners for each in suffixes(name) if is_within(each, APEX)}
        self.assertEqual(zone.nodes.keys(), existing)
        counted = {name: count for name, count in zone.children.items() if count}
        self.assertEqual(
            counted,
            {name: count for name in existing if (count := sum(parent(each) == name for each in existing - {APEX}))},
        )
        self.assertEqual(zone.wildcards, {parent(name) for name in existing - {APEX} if name.startswith(b"\1*")})
        self.assertEqual(
            zone.cuts,
            {
                name
                for name, rrsets in zone.nodes.items()
                if codes.DNAME in rrsets or (codes.NS in rrsets and name != APEX)
            },
        )
        self.assertEqual((zone.soa, zone.soa.owner.lower()), (zone.nodes[APEX][codes.SOA], APEX))

    @settings(deadline=None)
    @given(puts, puts, st.integers(0, 2**32 - 1))
    def test_piece_by_piece(
        self, first: list[tuple[Name, tuple[Line, ...]]], then: list[tuple[Name, tuple[Line, ...]]], serial: int
    ) -> None:
        """A zone that changed is the one that would be made anew of all that is there now, and the one before it is what it was."""
        draft = Draft(APEX)
        draft.put(APEX, {})
        for name, node in first:
            put(draft, name, node)
        before = draft.finish(1, SUBSTITUTE)
        self.assert_whole(before)
        copies = (before.nodes.copy(), before.children.copy(), set(before.cuts), set(before.wildcards))
        draft = Draft.of(before)
        for name, node in then:
            put(draft, name, node)
        after = draft.finish(serial, SUBSTITUTE)
        self.assert_whole(after)
        anew = Draft(APEX)
        for name, node in {**dict(first), **dict(then)}.items():
            put(anew, name, node)
        again = anew.finish(serial, SUBSTITUTE)
        self.assertEqual(
            (after.nodes, after.cuts, after.wildcards, after.soa, after.negative, after.serial),
            (again.nodes, again.cuts, again.wildcards, again.soa, again.negative, again.serial),
        )
        self.assertEqual((before.nodes, before.children, before.cuts, before.wildcards), copies)

    def test_nothing_is_left(self) -> None:
        """When the last record of a branch goes, all of its empty non-terminals go, and no count of theirs stays behind."""
        draft = Draft(APEX)
        put(draft, at("a.b.c.d"), (A,))
        put(draft, at("x.c.d"), (A,))
        put(draft, at("a.b.c.d"), ())
        zone = draft.finish(1, SUBSTITUTE)
        self.assertEqual(set(zone.nodes), {APEX, at("d"), at("c.d"), at("x.c.d")})
        draft = Draft.of(zone)
        put(draft, at("x.c.d"), ())
        put(draft, at("never.was"), ())
        zone = draft.finish(2, SUBSTITUTE)
        self.assertEqual((set(zone.nodes), {name for name, count in zone.children.items() if count}), ({APEX}, set()))
        self.assertNotIn(at("c.d"), zone.children)

    def test_a_name_above_others(self) -> None:
        """A name whose records go stays as an empty non-terminal for those below it, and may have records again."""
        draft = Draft(APEX)
        put(draft, at("a.b"), (A,))
        put(draft, at("b"), (A,))
        put(draft, at("b"), ())
        self.assertEqual(draft.finish(1, SUBSTITUTE).nodes[at("b")], {})
        put(draft, at("b"), (A,))
        put(draft, at("a.b"), ())
        self.assertEqual(set(draft.finish(1, SUBSTITUTE).nodes), {APEX, at("b")})

    def test_wildcards(self) -> None:
        """A wildcard that exists for a name below it alone is one too (RFC 4592 section 2.2.2); it ends with that."""
        draft = Draft(APEX)
        put(draft, at("a.*.b"), (A,))
        self.assertEqual(draft.finish(1, SUBSTITUTE).wildcards, {at("b")})
        put(draft, at("*"), (A,))
        self.assertEqual(draft.finish(1, SUBSTITUTE).wildcards, {APEX, at("b")})
        put(draft, at("a.*.b"), ())
        self.assertEqual(draft.finish(1, SUBSTITUTE).wildcards, {APEX})

    def test_cuts(self) -> None:
        """NS below the apex and DNAME anywhere are cuts, as long as they stand."""
        ns, dname = ("NS", 60, "ns.test."), ("DNAME", 60, "away.invalid.")
        draft = Draft(APEX)
        for name, node, cuts in (
            (APEX, (ns,), set()),
            (at("a"), (ns,), {at("a")}),
            (at("b"), (dname,), {at("a"), at("b")}),
            (APEX, (ns, dname), {at("a"), at("b"), APEX}),
            (at("a"), (A,), {at("b"), APEX}),
            (at("b"), (), {APEX}),
            (APEX, (), set()),
        ):
            put(draft, name, node)
            self.assertEqual(draft.finish(1, SUBSTITUTE).cuts, cuts)


class Apexes(SynchronousTestCase):
    """What is at a zone's own name."""

    def test_soa(self) -> None:
        """The SOA is the one that is written, with the zone's serial; without one, the substitute."""
        draft = Draft(APEX)
        self.assertIsNone(draft.written_soa())
        self.assertEqual(draft.finish(7, SUBSTITUTE).soa.rdatas[0][-20:-16], bytes((0, 0, 0, 7)))
        draft = Draft(APEX)
        put(draft, APEX, (("SOA", 60, "a. b. 99 1 2 3 4"), A))
        zone = draft.finish(2**32 - 1, SUBSTITUTE)
        self.assertEqual(
            zone.soa.rdatas[0], b"\1a\0\1b\0" + b"\xff" * 4 + bytes((0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4))
        )
        self.assertEqual((zone.serial, zone.count), (2**32 - 1, 2))

    def test_negative(self) -> None:
        """What goes with "no" has the lesser of the SOA's TTL and MINIMUM (RFC 2308 section 3)."""
        for ttl, minimum, least in ((60, 300, 60), (300, 60, 60), (0, 60, 0), (60, 0, 0), (60, 2**32 - 1, 60)):
            draft = Draft(APEX)
            put(draft, APEX, (("SOA", ttl, f"a. b. 1 1 2 3 {minimum}"),))
            zone = draft.finish(1, SUBSTITUTE)
            self.assertEqual((zone.negative.ttl, zone.soa.ttl, minimum_of(zone.soa)), (least, ttl, minimum))

    def test_root(self) -> None:
        """The root can be a zone too."""
        root = b"\0"
        draft = Draft(root)
        draft.put(at("a"), {1: RRset.of(at("a"), 1, 60, [bytes(4)])})
        zone = draft.finish(1, substitute_soa(root, root, root))
        self.assertEqual(set(zone.nodes), {root, APEX, at("a")})
