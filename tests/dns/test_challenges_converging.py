"""Challenges, records and zones on two nodes that hear of them in any order, and start again in between (law 7)."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import codes
from couchpages.dns.lookup import look_up
from couchpages.dns.names import Name, from_text, suffixes
from couchpages.dns.rrsets import RRset
from couchpages.dns.serials import is_greater
from couchpages.dns.served_zones import ServedZones
from couchpages.dns.verdicts import Answer
from couchpages.dns.zone import Zone
from couchpages.testing.zones import MemoryZones, content
from tests.dns.messages import asking
from tests.dns.reading import responder

ZONES = ("example.org", "b.example.org", "a.b.example.org")
NAMES = ("example.org", "a.b.example.org", "b.example.org", "x.a.b.example.org", "y.example.org", "y.example.com")
WILDCARDS = ("*.example.org", "*.b.example.org", "*.y.example.org")
#: What every change is followed by: each of these with each type.
ASKED = tuple(from_text(name) for each in (*NAMES, *WILDCARDS) for name in (each, f"z.{each}"))
TEXTS = ("one", "two")
TYPES = {"A": "192.0.2.1", "TXT": "one", "CNAME": "elsewhere.example", "NS": "ns.example.net"}
QUESTIONS = [asking(name, type_) for name in ASKED for type_ in (codes.A, codes.TXT, codes.NS)]
Step = tuple[Any, ...]

zones = st.sampled_from(ZONES)
names = st.sampled_from(NAMES)
texts = st.lists(st.sampled_from(TEXTS), max_size=2)
#: A document stays at its name: the first of each pair.
challenges = st.tuples(st.just("challenge"), names, st.integers(0, 1), texts)
#: An answer ends by itself: its document gives no more than these, and has the generation that it had.
ends = st.tuples(st.just("end"), names, st.integers(0, 1), texts)
records = st.tuples(
    st.sampled_from(["add", "remove"]), zones, names | st.sampled_from(WILDCARDS), st.sampled_from(sorted(TYPES))
)
steps = st.lists(
    challenges
    | ends
    | records
    | st.tuples(st.sampled_from(["create", "destroy"]), zones)
    | st.just(("restart",))
    | st.just(("settle",)),
    max_size=20,
)


class Node:
    """A node with databases that others may have too; *held* is what its challenges' documents say, told when they change.

    *staying* are the zones whose next change may be of what is told of a generation that was known, which changes no serial.
    """

    def __init__(self, folder: Path, databases: MemoryZones | None, held: dict[str, Step]) -> None:
        self.folder = folder
        self.held = held
        self.seen: dict[Name, Zone] = {}
        self.staying: set[Name] = set()
        self.start(databases)

    def start(self, databases: MemoryZones | None) -> None:
        """Answer what is on disk, then hear of records, and then of challenges."""
        shared = (databases.zone_database, databases.record_database) if databases is not None else ()
        self.zones = MemoryZones(self.folder, *shared)
        publish = self.zones.published.publish
        withdraw = self.zones.published.withdraw
        self.behind = bool(self.zones.published.zones)
        self.served = ServedZones()
        for zone in self.zones.published.zones.values():
            self.served.publish(zone, None)
        self.served.complete()
        self.lasting = responder(of=self.served)

        def looked_at(zone: Zone, touched: Any) -> None:
            self.look(zone)
            publish(zone, touched)
            self.served.publish(zone, touched)
            self.check_fresh()

        def withdrawn(apex: Name) -> None:
            withdraw(apex)
            self.served.withdraw(apex)
            self.check_fresh()

        self.zones.published.publish = looked_at  # type: ignore[method-assign]  # to see it
        self.zones.published.withdraw = withdrawn  # type: ignore[method-assign]  # to see it
        self.zones.follow()
        self.zones.settle()
        for doc_id in self.held:
            self.tell(doc_id)
        self.zones.zones.challenges.loaded()
        self.zones.settle()
        self.behind = False

    def look(self, zone: Zone) -> None:
        """Every change raises the serial, but for challenges that are read again, or end by themselves; none lowers it."""
        before = self.seen.get(zone.apex)
        may_stay = self.behind or zone.apex in self.staying
        self.staying.discard(zone.apex)
        self.seen[zone.apex] = zone
        if before is None:
            return
        if before.serial != zone.serial and not is_greater(zone.serial, before.serial):
            raise AssertionError(f"the serial goes back from {before.serial} to {zone.serial}")
        if before.serial == zone.serial and content(before) != content(zone) and not may_stay:
            raise AssertionError(f"something changed, and the serial is {zone.serial} as before")

    def check_fresh(self) -> None:
        """No answer that is ready is older than the zones."""
        worked_out = responder(of=self.served)
        for question in QUESTIONS:
            wanted = worked_out.work_out(question, question[2:])
            if self.lasting.answer(question) != question[:2] + (wanted or b""):
                raise AssertionError(f"an answer to {question!r} is stale")

    def end(self) -> None:
        """Let all challenges end."""
        for doc_id, (name, _, generation) in self.held.items():
            self.held[doc_id] = (name, [], generation + 1)
            self.tell(doc_id)
        self.zones.settle()

    def restart(self) -> None:
        """Start again."""
        self.zones.settle()
        self.zones.stop()
        self.zones.zone_database._sinks.clear()
        self.zones.record_database._sinks.clear()
        self.start(self.zones)

    def tell(self, doc_id: str) -> None:
        """Tell what a challenge's document says."""
        name, found, generation = self.held[doc_id]
        known = self.zones.zones._holdings.challenges.documents.get(doc_id)
        if known is not None and (known.owner, known.generation) == (from_text(name), generation):
            self.staying.update(suffixes(known.owner))
        self.zones.zones.challenges.hold(doc_id, name, found, generation)

    @property
    def serials(self) -> dict[Name, int]:
        """The serials that are answered."""
        return {apex: zone.serial for apex, zone in self.zones.published.zones.items()}

    @property
    def contents(self) -> dict[Name, Any]:
        """All that is answered, but for the serials."""
        return {apex: content(zone) for apex, zone in self.zones.published.zones.items()}

    def verdicts(self) -> list[tuple[type, RRset | None]]:
        """Give what is said about every name, and with which set."""
        found = [look_up(self.zones.published.zones, from_text(name), codes.TXT).verdict for name in NAMES]
        return [(type(each), each.rrset if isinstance(each, Answer) else None) for each in found]


def do(node: Node, step: Step) -> None:
    """Do one step."""
    match step:
        case "challenge", name, which, found:
            doc_id = f"{name}/{which}"
            generation = node.held[doc_id][2] + 1 if doc_id in node.held else 1
            node.held[doc_id] = (name, found, generation)
            node.tell(doc_id)
        case "end", name, which, found if f"{name}/{which}" in node.held:
            _, before, generation = node.held[f"{name}/{which}"]
            node.held[f"{name}/{which}"] = (name, [each for each in before if each in found], generation)
            node.tell(f"{name}/{which}")
        case "add", zone, name, type_:
            node.zones.add(zone, name, type_, TYPES[type_])
        case "remove", zone, name, type_:
            from couchpages.dns.records import document_id

            node.zones.remove(document_id(node.zones.record(zone, name, type_, TYPES[type_])))
        case "create", zone:
            node.zones.create(zone)
        case "destroy", zone:
            node.zones.destroy(zone)
        case ("restart",):
            node.restart()
        case _:
            node.zones.settle()


class Converging(SynchronousTestCase):
    """Two nodes."""

    @given(steps, st.randoms(use_true_random=False))
    @settings(deadline=None, max_examples=200)
    def test_same_documents(self, done: list[Step], random: Any) -> None:
        """Every change raises the serial by itself; a node that hears of all at once, in any order, answers the same, with that serial."""
        with TemporaryDirectory() as folder:
            node = Node(Path(folder) / "one", None, {})
            for zone in ZONES[:2]:
                node.zones.create(zone)
            for step in done:
                do(node, step)
            node.zones.settle()
            self.assertEqual(node.zones.sample("dns_guarded_zones"), 0)
            late = Node(
                Path(folder) / "other", node.zones, dict(random.sample(list(node.held.items()), len(node.held)))
            )
            self.assertEqual((late.contents, late.serials), (node.contents, node.serials))
            self.assertEqual(late.verdicts(), node.verdicts())
            node.end()
            plain = Node(Path(folder) / "plain", node.zones, {})
            self.assertEqual(node.contents, plain.contents)

    @given(steps, st.lists(st.tuples(st.integers(0, 3), names, texts, st.integers(0, 9)), max_size=12))
    @settings(deadline=None, max_examples=200)
    def test_whatever_happens(self, done: list[Step], moves: list[Step]) -> None:
        """Whatever is told of challenges, moves and lower generations too: every new generation raises the serial, and none goes back."""
        with TemporaryDirectory() as folder:
            node = Node(Path(folder) / "one", None, {})
            node.zones.create(ZONES[0])
            for place, step in enumerate(done):
                do(node, step)
                if place < len(moves):
                    number, *more = moves[place]
                    node.held[str(number)] = tuple(more)
                    node.tell(str(number))
                    node.zones.settle()
            node.restart()
