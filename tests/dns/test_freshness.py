"""No answer is older than the zones: one that was made ready is the one that would be worked out now."""

import os

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns.chaos import Identity
from couchpages.dns.names import from_text
from couchpages.dns.reply import Opt
from couchpages.dns.responder import OVER_TCP, Responder, Sizes, over_udp
from couchpages.dns.served_zones import ServedZones
from couchpages.tallies import QueryTally
from tests.dns.changes import NAMES, TYPES, Change, Line, changed, changes, compiled
from tests.dns.messages import asking, opt

#: Every name with every type, and one beside each that does not exist; some with EDNS.
QUESTIONS = [
    *(
        asking(name, type_, *([opt(4096, do=True)] if number % 3 == 0 else []))
        for number, name in enumerate(NAMES)
        for type_ in TYPES.values()
    ),
    *(asking(b"\1x" + name, TYPES[type_]) for name in NAMES for type_ in ("A", "DS")),
]
#: Series of changes that are tried.
EXAMPLES = int(os.environ.get("COUCHPAGES_TEST_EXAMPLES", "30"))


class Case(SynchronousTestCase):
    """Some zones, and a responder that answers about them for long."""

    sizes: Sizes = OVER_TCP

    def setUp(self) -> None:
        """Serve nothing."""
        self.begin()

    def begin(self) -> None:
        """Forget all."""
        self.zones = ServedZones()
        self.zones.complete()
        self.lasting = self.responder()
        self.serial = 0

    def responder(self) -> Responder:
        """Make one that has nothing ready."""
        return Responder(self.zones, self.sizes, Opt(1232), Identity(), QueryTally())

    def change(self, change: Change) -> None:
        """Make a change as a follower does: it tells the names that are put in."""
        self.serial += 1
        if change.withdrawn:
            self.zones.withdraw(change.apex)
            return
        before = self.zones.by_apex.get(change.apex)
        after = changed(before, change, self.serial)
        touched = {
            owner
            for owner, node in change.puts.items()
            if before is None or dict(before.nodes.get(owner, {})) != dict(compiled(change.apex, owner, node))
        }
        self.zones.publish(after, touched)

    def put(self, apex: str, **nodes: Line | None) -> None:
        """Put a record each at names, an underscore being a dot, within a zone; None for no more record."""
        puts = {from_text(name.replace("_", ".")): (line,) if line else () for name, line in nodes.items()}
        self.change(Change(from_text(apex), puts))

    def assert_fresh(self) -> None:
        """Assert that what is ready and what is worked out are the same, asked twice."""
        worked_out = self.responder()
        for data in QUESTIONS:
            expected = worked_out.work_out(data, data[2:])
            for _ in range(2):
                found = self.lasting.answer(data)
                assert found is not None
                self.assertEqual(found[2:], expected, data)


class Changes(Case):
    """Zones that change at random."""

    @settings(deadline=None, max_examples=EXAMPLES)
    @given(st.lists(changes(), min_size=2, max_size=8))
    def test_no_answer_is_stale(self, steps: list[Change]) -> None:
        """Whatever comes and goes (cuts, DNAMEs, wildcards, zones within zones), each answer is that of the zones as they are."""
        self.begin()
        self.assert_fresh()
        for step in steps:
            self.change(step)
            self.assert_fresh()


class Defects(Case):
    """What was stale once, and what easily could be."""

    def test_serial_in_any(self) -> None:
        """Defect: ANY at a zone's name is answered with its SOA where it has nothing before it, and kept its serial."""
        self.put("test", a_test=("A", 60, "192.0.2.1"))
        self.assert_fresh()
        self.put("test", b_test=("A", 60, "192.0.2.1"))
        self.assert_fresh()

    def test_ds_above(self) -> None:
        """A DS at a zone's own name changes with the zone above, when that comes, knows of the name by one below it, and goes."""
        self.put("a.test", a_test=("DS", 60, f"1 13 2 {'00' * 32}"))
        self.assert_fresh()
        self.put("test")
        self.assert_fresh()
        self.put("test", b_a_test=("A", 60, "192.0.2.1"))
        self.assert_fresh()
        self.change(Change(from_text("test"), {}, withdrawn=True))
        self.assert_fresh()

    def test_one_after_the_other(self) -> None:
        """Cuts, DNAMEs, wildcards, empty non-terminals and nested zones come and go, each seen at once at all names."""
        a = ("A", 60, "192.0.2.1")
        for name, line in (
            ("a_test", a),
            ("a_test", ("A", 60, "192.0.2.2")),
            ("a_test", ("A", 300, "192.0.2.2")),
            ("b_a_test", a),
            ("a_test", ("NS", 60, "b.a.test")),
            ("b_a_test", ("A", 60, "192.0.2.9")),
            ("a_test", ("DNAME", 60, "b.test")),
            ("a_test", None),
            ("*_test", a),
            ("*_test", None),
            ("test", ("DNAME", 60, "a.invalid")),
            ("test", ("A", 60, "192.0.2.3")),
            ("b_a_test", None),
            ("b_test", ("MX", 60, "10 a.test")),
            ("a_test", a),
            ("a_test", ("CNAME", 60, "b.test")),
            ("b_test", a),
        ):
            self.put("test", **{name: line})
            self.assert_fresh()
        self.put("a.test", b_a_test=("A", 60, "192.0.2.77"))
        self.assert_fresh()
        self.change(Change(from_text("a.test"), {}, withdrawn=True))
        self.assert_fresh()
        self.assertGreater(self.lasting.tally.ready, len(QUESTIONS))

    def test_only_what_changed_is_dropped(self) -> None:
        """What stands at another name of its own stays ready; what has an alias, or addresses beside it, does not."""
        self.put("test", a_test=("A", 60, "192.0.2.1"), b_test=("A", 60, "192.0.2.1"), c_test=("MX", 60, "10 a.test"))
        questions = [
            asking(from_text(name), TYPES[type_])
            for name, type_ in (("a.test", "A"), ("b.test", "A"), ("c.test", "MX"))
        ]
        for data in questions:
            self.lasting.answer(data)
        self.put("test", a_test=("A", 60, "192.0.2.2"))
        self.assertEqual([data[2:] in self.lasting.ready.answers for data in questions], [False, True, False])


class OverUdp(Case):
    """The same over UDP, where answers are cut."""

    sizes = over_udp(1232)

    def test_cut_answers(self) -> None:
        """An answer that was cut and fits now is whole, and the other way round."""
        for count in (1, 40, 2):
            name = from_text("a.test")
            lines = tuple(("A", 60, f"192.0.2.{number}") for number in range(count))
            self.change(Change(from_text("test"), {name: lines}))
            self.assert_fresh()
            found = self.lasting.answer(asking(name, TYPES["A"]))
            assert found is not None
            self.assertEqual(bool(found[2] & 2), count == 40)


class Incomplete(Case):
    """Before all zones are known."""

    def test_what_was_not_known(self) -> None:
        """SERVFAIL is not kept when all is known, and nothing that was answered before a zone came is kept when it comes."""
        self.zones.all_known = False
        self.put("test", a_test=("A", 60, "192.0.2.1"))
        self.assert_fresh()
        foreign = asking(from_text("away.invalid"), TYPES["A"])
        answers = [self.lasting.answer(foreign)]
        self.zones.complete()
        answers.append(self.lasting.answer(foreign))
        self.assertEqual([each and each[3] & 0xF for each in answers], [2, 5])
        self.assert_fresh()
