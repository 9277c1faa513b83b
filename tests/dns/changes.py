"""Hypothesis strategies of zones that change (pure): what stands at a few names that meet each other, put in and taken away."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from couchpages.dns import rdata
from couchpages.dns.names import Name, from_text, is_within
from couchpages.dns.records import Record
from couchpages.dns.rrsets import RRsets, compile_name
from couchpages.dns.zone import Draft, Zone, substitute_soa

APEXES = tuple(map(from_text, ("test.", "a.test.", "b.a.test.", "*.test.")))
LABELS = ("a", "b", "*")
#: All names of up to two labels below the outermost zone, and some below those.
NAMES = tuple(
    map(
        from_text,
        (
            "test.",
            *(f"{one}.test." for one in LABELS),
            *(f"{one}.{other}.test." for one in LABELS for other in LABELS),
            *(f"{one}.b.a.test." for one in LABELS),
            *(f"{one}.b.b.test." for one in LABELS),
            "a.a.b.a.test.",
        ),
    )
)
TARGETS = ("a.test.", "b.test.", "b.a.test.", "x.b.test.", "a.b.a.test.", "test.", "away.invalid.")
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "DNAME": 39, "DS": 43, "ANY": 255}

Line = tuple[str, int, str]
"""Type, TTL, content."""

targets = st.sampled_from(TARGETS)
_ttl = st.sampled_from((60, 300))
lines: st.SearchStrategy[Line] = st.one_of(
    st.tuples(st.just("A"), _ttl, st.sampled_from(("192.0.2.1", "192.0.2.2"))),
    st.tuples(st.just("TXT"), _ttl, st.sampled_from(("one", "two"))),
    st.tuples(st.just("MX"), _ttl, targets.map(lambda target: f"10 {target}")),
    st.tuples(st.just("CNAME"), _ttl, targets),
    st.tuples(st.just("DNAME"), _ttl, targets),
    st.tuples(st.just("NS"), _ttl, targets),
    st.tuples(st.just("DS"), _ttl, st.just(f"1 13 2 {'00' * 32}")),
    st.tuples(st.just("SOA"), _ttl, st.sampled_from(("a. b. 7 1 2 3 4", "a.test. b. 9 1 2 3 400"))),
)
nodes = st.lists(lines, max_size=3).map(tuple)


@dataclass(frozen=True, slots=True)
class Change:
    """To a zone: what is at some names from now on, or that it is served no longer."""

    apex: Name
    puts: Mapping[Name, tuple[Line, ...]]
    withdrawn: bool = False


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """Give a change; one in eight ends a zone."""
    apex = draw(st.sampled_from(APEXES))
    within = [name for name in NAMES if is_within(name, apex)] or [apex]
    puts = draw(st.dictionaries(st.sampled_from(within), nodes, max_size=3))
    return Change(apex, puts, withdrawn=draw(st.integers(0, 7)) == 0)


def compiled(apex: Name, owner: Name, node: Iterable[Line]) -> RRsets:
    """Compile what stands at a name."""
    return compile_name(
        apex,
        [
            Record(1, owner, type_, ttl, rdata.parse(type_, content))
            for kind, ttl, content in node
            for type_ in [rdata.type_from_text(kind)]
        ],
    )


def changed(before: Zone | None, change: Change, serial: int) -> Zone:
    """Make the next zone of a zone."""
    draft = Draft(change.apex) if before is None else Draft.of(before)
    for owner, node in change.puts.items():
        draft.put(owner, compiled(change.apex, owner, node))
    return draft.finish(serial, substitute_soa(change.apex, change.apex, change.apex))
